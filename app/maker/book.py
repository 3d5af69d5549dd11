"""What the maker would trade at: its surface and a spread, or what was recorded; within limits.

Floats price, integers leave: an ask is rounded up and a bid down, both away from the maker's loss.
Every quantity offered keeps each instrument and the net delta inside the limits even if all of it,
and all firm quotes still open, were taken.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from app.maker.recorded import RecordedQuotes
from solver.domain.instrument import (
    ASIAN_KINDS,
    FIXINGS,
    QUANTITY_MAX,
    Instrument,
    Kind,
    fixing_times,
)
from solver.domain.market import Level
from solver.domain.numbers import WAD
from solver.domain.risk import Fixing
from solver.pricing.marks import greeks_at
from solver.pricing.surface.calibrated import built_in

TICK = 10**14  # 0.0001 settlement units
LEVELS = ((1.0, 0.25), (1.5, 0.35), (2.0, 0.40))  # (half-spreads from fair, share of the size)
PERP_HALF_SPREAD = 0.0005  # of the price
VOL_HALF_SPREAD = 0.01  # one volatility point
OPTION_HALF_SPREAD_MIN = 0.0002  # of the underlying's price
FIXING_MOVE = 0.01  # of the price, between a fixing that is due and its record
SKEW = 0.5  # half-spreads by which fair moves at a full inventory
EUROPEAN = (Kind.CALL, Kind.PUT)
OPTIONS = (*EUROPEAN, *ASIAN_KINDS)


class Limits(NamedTuple):
    """Inventory limits in settlement units of underlying notional."""

    instrument: float = 2_000_000.0
    net_delta: float = 5_000_000.0


class Market(NamedTuple):
    """One underlying as the API shows it. Price and strikes 1e18, these by expiry, of Asian options
    beside the others; times unix seconds."""

    market: int
    symbol: str
    price: int
    series: tuple[tuple[int, tuple[int, ...]], ...]
    is_halted: bool
    time: int
    asians: tuple[tuple[int, tuple[int, ...]], ...] = ()
    fixings: tuple[Fixing, ...] = ()

    def instruments(self) -> Iterable[Instrument]:
        """Yields the perp and every listed option that has not expired."""
        yield Instrument(self.market, Kind.PERP)
        for kinds, series in ((EUROPEAN, self.series), (ASIAN_KINDS, self.asians)):
            for expiry, strikes in series:
                if expiry > self.time:
                    for strike in strikes:
                        yield from (Instrument(self.market, kind, expiry, strike) for kind in kinds)

    def lists(self, instrument: Instrument) -> bool:
        """True for what `instruments` yields."""
        if instrument.kind not in OPTIONS:
            return instrument == Instrument(self.market, Kind.PERP)
        series = self.asians if instrument.kind in ASIAN_KINDS else self.series
        strikes = dict(series).get(instrument.expiry, ())
        is_alive = instrument.expiry > self.time and instrument.strike in strikes
        return is_alive and instrument.market == self.market

    def fixing_of(self, expiry: int) -> Fixing | None:
        """Returns what the Asian options of an expiry have averaged, None for nothing."""
        return next((fixing for fixing in self.fixings if fixing.expiry == expiry), None)

    def unrecorded(self, instrument: Instrument) -> int:
        """Returns how many fixings of an Asian option are due and not recorded: they are priced at
        the newest price, and who has seen the one before knows better."""
        if instrument.kind not in ASIAN_KINDS:
            return 0
        due = sum(at <= self.time for at in fixing_times(instrument.expiry))
        recorded = self.fixing_of(instrument.expiry)
        return max(due - (recorded.fixed if recorded else 0), 0)


class Fair(NamedTuple):
    """Floats of one unit: value and half-spread in settlement units, delta of the base."""

    value: float
    half_spread: float
    delta: float


class Offer(NamedTuple):
    """Both sides of one instrument."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


def fair_of(instrument: Instrument, market: Market) -> Fair:
    """Returns the maker's own view of one unit, by the surface that is built in."""
    spot = market.price / WAD
    if instrument.kind is Kind.PERP:
        return Fair(spot, PERP_HALF_SPREAD * spot, 1.0)
    fixing, surface = market.fixing_of(instrument.expiry), built_in(market.symbol)
    greeks = greeks_at(instrument, surface, market.price, market.time, fixing)
    half = max(greeks.vega * VOL_HALF_SPREAD, OPTION_HALF_SPREAD_MIN * spot)
    half += FIXING_MOVE * spot * market.unrecorded(instrument) / FIXINGS
    return Fair(greeks.price, half, greeks.delta)


def net_delta(held: Mapping[int, int], market: Market) -> float:
    """Returns the delta of everything held in this market but base collateral, in base."""
    total = 0.0
    for packed, quantity in held.items():
        instrument = Instrument.unpack(packed)
        if instrument.market == market.market and instrument.kind in (Kind.PERP, *OPTIONS):
            total += quantity / WAD * fair_of(instrument, market).delta
    return total


def offer(
    instrument: Instrument,
    market: Market,
    held: Mapping[int, int],
    limits: Limits,
    delta: float | None = None,
    *,
    recorded: RecordedQuotes | None = None,
) -> Offer:
    """Returns three levels a side. `held` counts what open firm quotes may still add, 1e18.

    `delta` is `net_delta(held, market)` when the caller has it already. With `recorded` an option
    has one level a side, where it was quoted, of the recorded price and the maker's size.
    """
    if market.is_halted or market.price <= 0:
        return Offer((), ())
    spot = market.price / WAD
    position, most = held.get(instrument.id, 0) / WAD, limits.instrument / spot
    now = net_delta(held, market) if delta is None else delta
    if recorded is not None and instrument.kind in OPTIONS:
        quote = recorded.present(instrument, market.symbol, spot, market.time)
        up, down = _rooms(quote.delta, now, limits.net_delta / spot)
        buys = min(recorded.size, most - position, up)
        sells = min(recorded.size, most + position, down)
        return Offer(_level(quote.bid, buys, is_bid=True), _level(quote.ask, sells, is_bid=False))
    fair = fair_of(instrument, market)
    room = _rooms(fair.delta, now, limits.net_delta / spot)
    middle = fair.value - SKEW * fair.half_spread * max(-1.0, min(1.0, position / most))
    buys, sells = min(most - position, room[0]), min(most + position, room[1])
    return Offer(_levels(middle, -fair.half_spread, buys), _levels(middle, fair.half_spread, sells))


def firm_price(levels: tuple[Level, ...], quantity: int) -> tuple[int, int]:
    """Returns (price, quantity) for as much of `quantity` as the levels hold, at the worst used."""
    price = taken = 0
    for level in levels:
        if taken >= quantity:
            break
        price, taken = level.price, min(taken + level.quantity, quantity)
    return price, taken


def _rooms(unit_delta: float, now: float, most: float) -> tuple[float, float]:
    """Returns how much may be bought and sold before net delta leaves +-most."""
    size = max(abs(unit_delta), 0.01)
    up, down = max(most - now, 0.0) / size, max(most + now, 0.0) / size
    return (up, down) if unit_delta >= 0 else (down, up)


def _levels(middle: float, half_spread: float, size: float) -> tuple[Level, ...]:
    """Returns levels away from `middle`: below it for a negative half-spread, above otherwise."""
    return tuple(
        level
        for steps, share in LEVELS
        for level in _level(middle + steps * half_spread, size * share, is_bid=half_spread < 0)
    )


def _level(dollars: float | None, size: float, *, is_bid: bool) -> tuple[Level, ...]:
    """Returns the level on the tick that is away from the maker's loss; none without a price."""
    raw = 0 if dollars is None else int(dollars * WAD)
    price = raw // TICK * TICK if is_bid else -(-raw // TICK) * TICK
    quantity = min(int(size * 1000) * (WAD // 1000), QUANTITY_MAX)
    return (Level(price, quantity),) if price > 0 and quantity > 0 else ()
