"""A recorded chain quoted and marked: the maker says what was said, the surface is near it."""

import math
import statistics

import pytest

from adapters.recorded import OptionChain, OptionRow, read_chain
from app.feeds.recorded import RecordedMarket, carries_of, is_judged, market_of, quotes_of
from app.maker.book import TICK, Limits, Market, offer
from app.maker.recorded import RecordedQuotes
from app.maker.session import Maker
from solver.domain.calendar import DAY, rfc3339
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import PPM, WAD, format_decimal
from solver.pricing.marks import greeks_at, to_wad
from solver.pricing.surface import calendar_min, density_min, violations
from tests.app.recorded_world import DERIBIT, EXPIRIES, INDEX, TIME, chain, needs_recorded, unix

SIZE = 40
WIDE = Limits(instrument=1e12, net_delta=1e12)
DAYS = (
    ("2026-01-21T15:41:00Z", 60, 300, 10),  # calm: rms and worst in bp of vol, marks in bp
    ("2026-02-05T04:30:00Z", 100, 550, 15),
    ("2026-02-05T09:36:00Z", 65, 350, 12),
    ("2026-02-05T15:51:00Z", 110, 550, 25),
    ("2026-02-05T21:29:00Z", 150, 1000, 28),  # the crash: 39 % of ETH options without a bid
)


def instrument_of(row: OptionRow, market: int = 1) -> Instrument:
    return Instrument(market, Kind.CALL if row.is_call else Kind.PUT, row.expiry, row.strike)


def market_at(found: OptionChain, price: int, time: int) -> Market:
    return Market(1, found.currency, price, market_of(found).series, False, time)


def check_exact(found: OptionChain) -> None:
    """Every side is coin times the row's own index, a tick away from the maker's loss at most."""
    quotes, series = RecordedQuotes({found.currency: found}, SIZE), market_of(found).series
    for row in found.rows:
        at = Market(1, found.currency, row.index_price, series, False, found.time)
        both = offer(instrument_of(row), at, {}, WIDE, 0.0, recorded=quotes)
        for coin, levels, is_bid in ((row.bid, both.bids, True), (row.ask, both.asks, False)):
            worth = None if coin is None else coin * row.index_price // WAD
            if worth is None or (is_bid and worth <= TICK):
                assert worth is not None or levels == ()
                continue
            (level,) = levels
            off = (worth - level.price) * (1 if is_bid else -1)
            assert -(10**6) <= off <= TICK + 10**6, row
            assert level.quantity == SIZE * WAD


def test_quotes_are_coin_times_index_at_the_recorded_time():
    check_exact(chain())


def test_what_was_missing_is_missing():
    found = chain()
    quotes = RecordedQuotes({"ETH": found}, SIZE)
    market = market_at(found, INDEX, TIME)
    for row in found.rows:
        both = offer(instrument_of(row), market, {}, WIDE, 0.0, recorded=quotes)
        assert (bool(both.bids), bool(both.asks)) == (row.bid is not None, row.ask is not None)


def test_what_was_not_recorded_is_not_quoted():
    quotes = RecordedQuotes({"ETH": chain()}, SIZE)
    elsewhere = Instrument(1, Kind.CALL, EXPIRIES[0], 3_333 * WAD)
    market = Market(1, "ETH", INDEX, ((EXPIRIES[0], (3_333 * WAD,)),), False, TIME)
    assert offer(elsewhere, market, {}, WIDE, recorded=quotes) == ((), ())


def test_a_bid_below_intrinsic_value_is_still_the_bid():
    found = chain()
    deep = min((r for r in found.rows if r.is_call and r.bid), key=lambda row: row.strike)
    assert deep.bid is not None
    low = deep._replace(bid=deep.bid * 9 // 10 // 10**12 * 10**12)
    rows = tuple(low if row == deep else row for row in found.rows)
    check_exact(found._replace(rows=rows))


def test_quotes_follow_the_price_and_lose_time_value():
    found = chain()
    quotes = RecordedQuotes({"ETH": found}, SIZE)
    call = instrument_of(
        next(r for r in found.rows if r.bid and r.is_call and r.expiry == EXPIRIES[2])
    )
    now, up, later = (
        quotes.present(call, "ETH", spot, time)
        for spot, time in ((3000, TIME), (3060, TIME), (3000, TIME + DAY))
    )
    assert now.bid is not None
    assert up.bid is not None
    assert later.bid is not None
    assert up.bid - now.bid == pytest.approx(60 * (now.delta + up.delta) / 2, rel=0.05)
    assert later.bid < now.bid
    assert quotes.present(call, "ETH", 3000, call.expiry).bid is None


def test_the_size_is_the_makers_and_never_beyond_its_limits():
    found = chain()
    quotes, market = RecordedQuotes({"ETH": found}, 10_000), market_at(found, INDEX, TIME)
    row = next(row for row in found.rows if row.bid and row.ask)
    limits, name = Limits(instrument=300_000, net_delta=1e12), instrument_of(row)
    both = offer(name, market, {name.id: 60 * WAD}, limits, 0.0, recorded=quotes)
    assert (both.bids[0].quantity, both.asks[0].quantity) == (40 * WAD, 160 * WAD)


def test_its_ladders_are_what_was_recorded_and_the_perp():
    found = chain()
    maker = Maker(b"\x31" * 32, recorded=RecordedQuotes({"ETH": found}, SIZE))
    series = [
        {"expiry": rfc3339(expiry), "strikes": [format_decimal(strike) for strike in strikes]}
        for expiry, strikes in (*market_of(found).series, (EXPIRIES[-1] + 7 * DAY, (3000 * WAD,)))
    ]
    row = {"market": 1, "symbol": "ETH", "price": "3000", "series": series, "oracleState": "OK"}
    row |= {"asianSeries": [], "fixings": []}
    maker.see({"snapshot": {"time": rfc3339(TIME)}, "markets": [row]}, {})
    ladders = maker.ladders()
    quoted = sum(r.bid is not None or r.ask is not None for r in found.rows)
    assert len(ladders) == quoted + 1
    assert ladders[0]["instrument"] == "ETH-PERP"
    assert all(len(each["bids"]) <= 1 for each in ladders[1:])


def test_the_surface_of_made_quotes_is_the_one_that_made_them():
    market = market_of(chain())
    assert market.expiries == EXPIRIES
    assert market.surface.rms_ppm < 2_000
    assert market.surface.time == TIME
    carries = carries_of(chain())
    assert all(
        carry == pytest.approx(0.01 * s / (365 * DAY), abs=1e-5) for s, carry in carries.items()
    )


def test_only_quotes_of_both_sides_are_fitted():
    kept = list(quotes_of(chain()))
    assert 0 < len(kept) < sum(row.bid is not None and row.ask is not None for row in chain().rows)
    assert any(is_judged(quote) for quote in kept)


def mark_errors(found: OptionChain, market: RecordedMarket) -> list[float]:
    """How far marks of 25-delta calls of 20 to 40 days are from the recorded ones, bp of price."""
    out = []
    for row in found.rows:
        if row.is_call and row.mark and 20 * DAY <= row.expiry - found.time <= 40 * DAY:
            option = instrument_of(row)
            greeks = greeks_at(option, market.surface, row.index_price, found.time)
            if 0.2 <= greeks.delta <= 0.3:
                recorded = row.mark * row.index_price // WAD
                out.append(abs(to_wad(greeks.price) - recorded) / row.index_price * 1e4)
    return out


@needs_recorded
@pytest.mark.parametrize(("at", "rms_bp", "worst_bp", "mark_bp"), DAYS)
@pytest.mark.parametrize("currency", ["ETH", "BTC"])
def test_a_recorded_surface_is_lawful_and_near(at, rms_bp, worst_bp, mark_bp, currency):
    found = read_chain(DERIBIT, unix(at), currency)
    market = market_of(found)
    assert violations(market.surface) == ()
    assert density_min(market.surface) > 0
    assert calendar_min(market.surface) > 0
    assert market.surface.rms_ppm <= rms_bp * PPM // 10**4
    assert market.surface.worst_ppm <= worst_bp * PPM // 10**4
    errors = mark_errors(found, market)
    assert errors, "there are such calls"
    assert max(errors) <= mark_bp


@needs_recorded
@pytest.mark.parametrize("at", ["2026-02-05T09:36:00Z", "2026-02-05T21:29:00Z"])
def test_recorded_quotes_are_quoted_to_the_tick(at):
    check_exact(read_chain(DERIBIT, unix(at), "ETH"))


@needs_recorded
def test_volatility_comes_back_from_the_recorded_marks():
    found = read_chain(DERIBIT, unix("2026-02-05T09:36:00Z"), "ETH")
    quotes = RecordedQuotes(
        {"ETH": found._replace(rows=tuple(r._replace(bid=r.mark) for r in found.rows))}, 1
    )
    off = []
    for row in found.rows:
        spot = row.index_price / WAD
        bid = quotes.present(instrument_of(row), "ETH", spot, found.time).bid
        if bid is not None and row.mark:
            off.append(abs(bid - row.mark / WAD * spot))
    assert statistics.median(off) < 1e-9
    assert max(off) < 1e-7
    assert not any(math.isnan(each) for each in off)
