"""Markets, instruments and prices, from the newest snapshot."""

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from adapters.chains.deployment import Deployment
from app.api import show
from app.api.body import json_answer, services_of, snapshot_of
from app.api.models import InstrumentsView, MarketsView, PricesView, ReceiptView
from solver.domain.calendar import DAY, rfc3339
from solver.domain.ids import ZERO_ADDRESS
from solver.domain.instrument import (
    ASIAN_KINDS,
    RIGHT_OF,
    Instrument,
    Kind,
    format_name,
    parse_name,
)
from solver.domain.market import Ladder, Level
from solver.domain.risk import MarketRisk
from solver.domain.snapshot import Snapshot, Underlying
from solver.pricing.exotics.receipt import document, of_mark
from solver.pricing.marks import mark_and_error
from solver.pricing.surface import at_the_money_ppm

router = APIRouter(prefix="/v1", tags=["markets"])
Json = dict[str, Any]
VOLATILITY_SECONDS = 30 * DAY  # the tenor that one figure stands for
_KIND = {Kind.PERP: "perp", **RIGHT_OF}


@router.get("/markets", response_model=MarketsView)
async def markets(request: Request) -> Response:
    """List the underlyings with their prices, margin rates and risk parameters, and the tokens."""
    services = services_of(request)
    snapshot = services.board.snapshot()
    return json_answer(
        {
            "markets": [_market(underlying) for underlying in snapshot.underlyings],
            "settlementToken": show.token_view(snapshot.settlement_token),
            "settlementPrice": settlement_price(services.deployment, snapshot),
            "tokens": [show.token_view(token) for token in snapshot.tokens],
            "snapshot": snapshot_of(services, snapshot),
        }
    )


@router.get("/instruments", response_model=InstrumentsView)
async def instruments(request: Request, underlying: str | None = None) -> Response:
    """List what can be traded, with marks and the best indicative bid and ask of all makers."""
    services = services_of(request)
    snapshot = services.board.snapshot()
    best = _best(snapshot.ladders)
    rows = [
        _instrument(instrument, market, snapshot, best.get(instrument.id, (None, None)))
        for market in snapshot.underlyings
        if underlying in (None, market.symbol) and market.price
        for instrument in _listed(market, snapshot.time)
    ]
    return json_answer({"instruments": rows, "snapshot": snapshot_of(services, snapshot)})


@router.get("/instruments/{name}/receipt", response_model=ReceiptView)
async def receipt(request: Request, name: str) -> Response:
    """Read what a sampled mark was made of: whoever samples again finds the same price."""
    services = services_of(request)
    snapshot = services.board.snapshot()
    instrument = parse_name(name, {u.symbol: u.market for u in snapshot.underlyings})
    made = of_mark(instrument, snapshot)
    mark, error = mark_and_error(instrument, snapshot)
    return json_answer(
        {
            "instrument": name,
            "mark": show.wad(mark),
            "markError": show.wad(error),
            "receipt": document(made),
            "receiptHash": "0x" + made.hash,
            "snapshot": snapshot_of(services, snapshot),
        }
    )


@router.get("/prices", response_model=PricesView)
async def prices(request: Request) -> Response:
    """Read the aggregated oracle prices."""
    services = services_of(request)
    snapshot = services.board.snapshot()
    return json_answer(
        {"prices": price_rows(snapshot), "snapshot": snapshot_of(services, snapshot)}
    )


def settlement_price(deployment: Deployment, snapshot: Snapshot) -> str | None:
    """Returns dollars per settlement token, None where the deployment has no feed of it."""
    is_known = deployment.settlement_feed != ZERO_ADDRESS
    return show.wad(snapshot.settlement_price) if is_known else None


def price_rows(snapshot: Snapshot) -> list[Json]:
    """Returns price, spread and oracle state of every market."""
    return [
        {
            "underlying": market.symbol,
            "price": show.wad(market.price),
            "confidence": show.wad(market.confidence),
            "state": market.oracle_state,
        }
        for market in snapshot.underlyings
    ]


def _market(market: Underlying) -> Json:
    return {
        "market": market.market,
        "symbol": market.symbol,
        "log": f"market:{market.market}",
        "base": show.token_view(market.base),
        "price": show.wad(market.price),
        "confidence": show.wad(market.confidence),
        "oracleState": market.oracle_state,
        "volatility": show.ppm(at_the_money_ppm(market.surface, VOLATILITY_SECONDS)),
        "volatilityCap": show.ppm(market.sigma_cap_ppm),
        "fundingIndex": show.wad(market.funding_index),
        "perpInitial": show.ppm(market.perp_initial_ppm),
        "perpMaintenance": show.ppm(market.perp_maintenance_ppm),
        "baseInitial": show.ppm(market.base_initial_ppm),
        "baseMaintenance": show.ppm(market.base_maintenance_ppm),
        "risk": _risk(market.risk),
        "expiries": [rfc3339(expiry) for expiry in market.expiries],
        "strikes": [show.wad(strike) for strike in market.strikes],
        "series": [
            {
                "expiry": rfc3339(expiry),
                "strikes": [show.wad(strike) for strike in market.strikes_at(expiry)],
            }
            for expiry in market.expiries
        ],
        "asianSeries": [
            {
                "expiry": rfc3339(expiry),
                "strikes": [show.wad(strike) for strike in strikes],
            }
            for expiry, strikes in market.asians
        ],
        "fixings": [
            {"expiry": rfc3339(each.expiry), "fixed": each.fixed, "total": show.wad(each.total)}
            for each in market.fixings
        ],
        "expiryPrices": [
            {"expiry": rfc3339(expiry), "price": show.wad(price)}
            for expiry, price in market.expiry_prices
        ],
    }


def _risk(risk: MarketRisk) -> Json:
    return {
        "version": risk.version,
        "spotInitial": show.ppm(risk.spot_initial),
        "spotMaintenance": show.ppm(risk.spot_maintenance),
        "volatilityUp": show.ppm(risk.vol_up),
        "volatilityDown": show.ppm(risk.vol_down),
        "daily": show.ppm(risk.daily),
        "depth": show.wad(risk.depth) if risk.depth else None,
    }


def _listed(market: Underlying, now: int) -> Iterator[Instrument]:
    yield Instrument(market.market, Kind.PERP)
    for expiry in market.expiries:
        for strike in market.strikes_at(expiry):
            for kind in (Kind.CALL, Kind.PUT):
                if expiry > now:
                    yield Instrument(market.market, kind, expiry, strike)
    for expiry, strikes in market.asians:
        for strike in strikes:
            for kind in ASIAN_KINDS:
                if expiry > now:
                    yield Instrument(market.market, kind, expiry, strike)


def _instrument(
    instrument: Instrument,
    market: Underlying,
    snapshot: Snapshot,
    best: tuple[Level | None, Level | None],
) -> Json:
    bid, ask = best
    mark, error = mark_and_error(instrument, snapshot)
    return {
        "instrument": format_name(instrument, market.symbol),
        "instrumentId": str(instrument.id),
        "underlying": market.symbol,
        "kind": _KIND[instrument.kind],
        "expiry": rfc3339(instrument.expiry) if instrument.is_option else None,
        "strike": show.wad(instrument.strike) if instrument.is_option else None,
        "mark": show.wad(mark),
        "markError": show.wad(error),
        "bid": show.wad(bid.price) if bid else None,
        "bidQuantity": show.wad(bid.quantity) if bid else None,
        "ask": show.wad(ask.price) if ask else None,
        "askQuantity": show.wad(ask.quantity) if ask else None,
    }


def _best(ladders: Iterable[Ladder]) -> dict[int, tuple[Level | None, Level | None]]:
    """Returns the best bid and ask per instrument over all makers."""
    best: dict[int, tuple[Level | None, Level | None]] = {}
    for ladder in ladders:
        bid, ask = best.get(ladder.instrument, (None, None))
        bids = [level for level in (bid, *ladder.bids[:1]) if level]
        asks = [level for level in (ask, *ladder.asks[:1]) if level]
        best[ladder.instrument] = (
            max(bids, key=lambda level: level.price, default=None),
            min(asks, key=lambda level: level.price, default=None),
        )
    return best
