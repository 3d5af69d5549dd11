"""What the maker would trade at: Black-76 with a flat volatility, a spread, and inventory limits.

Floats price, integers leave: an ask is rounded up and a bid down, both away from the maker's loss.
Every quantity offered keeps each instrument and the net delta inside the limits even if all of it,
and all firm quotes still open, were taken.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from solver.domain.calendar import YEAR
from solver.domain.instrument import QUANTITY_MAX, Instrument, Kind
from solver.domain.market import Level
from solver.domain.numbers import WAD
from solver.pricing.black import price_and_greeks

TICK = 10**14  # 0.0001 settlement units
LEVELS = ((1.0, 0.25), (1.5, 0.35), (2.0, 0.40))  # (half-spreads from fair, share of the size)
PERP_HALF_SPREAD = 0.0005  # of the price
VOL_HALF_SPREAD = 0.01  # one volatility point
OPTION_HALF_SPREAD_MIN = 0.0002  # of the underlying's price
SKEW = 0.5  # half-spreads by which fair moves at a full inventory
RIGHTS = {Kind.CALL: "call", Kind.PUT: "put"}


class Limits(NamedTuple):
    """Inventory limits in settlement units of underlying notional."""

    instrument: float = 2_000_000.0
    net_delta: float = 5_000_000.0


class Market(NamedTuple):
    """One underlying as the API shows it. Price 1e18; volatility annual; times unix seconds."""

    market: int
    symbol: str
    price: int
    volatility: float
    expiries: tuple[int, ...]
    strikes: tuple[int, ...]
    is_halted: bool
    time: int

    def instruments(self) -> Iterable[Instrument]:
        """Yields the perp and every listed option that has not expired."""
        yield Instrument(self.market, Kind.PERP)
        for expiry in self.expiries:
            for strike in self.strikes:
                if expiry > self.time:
                    yield Instrument(self.market, Kind.CALL, expiry, strike)
                    yield Instrument(self.market, Kind.PUT, expiry, strike)


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
    """Returns the maker's own view of one unit."""
    spot = market.price / WAD
    if instrument.kind is Kind.PERP:
        return Fair(spot, PERP_HALF_SPREAD * spot, 1.0)
    years = max(instrument.expiry - market.time, 0) / YEAR
    strike, right = instrument.strike / WAD, RIGHTS[instrument.kind]
    greeks = price_and_greeks(spot, strike, years, market.volatility, right)
    half = max(greeks.vega * VOL_HALF_SPREAD, OPTION_HALF_SPREAD_MIN * spot)
    return Fair(greeks.price, half, greeks.delta)


def net_delta(held: Mapping[int, int], market: Market) -> float:
    """Returns the delta of everything held in this market but base collateral, in base."""
    total = 0.0
    for packed, quantity in held.items():
        instrument = Instrument.unpack(packed)
        if instrument.market == market.market and instrument.kind in (Kind.PERP, *RIGHTS):
            total += quantity / WAD * fair_of(instrument, market).delta
    return total


def offer(
    instrument: Instrument,
    market: Market,
    held: Mapping[int, int],
    limits: Limits,
    delta: float | None = None,
) -> Offer:
    """Returns three levels a side. `held` counts what open firm quotes may still add, 1e18.

    `delta` is `net_delta(held, market)` when the caller has it already.
    """
    if market.is_halted or market.price <= 0:
        return Offer((), ())
    fair, spot = fair_of(instrument, market), market.price / WAD
    position, most = held.get(instrument.id, 0) / WAD, limits.instrument / spot
    now = net_delta(held, market) if delta is None else delta
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
    levels = []
    for steps, share in LEVELS:
        raw = int((middle + steps * half_spread) * WAD)
        price = raw // TICK * TICK if half_spread < 0 else -(-raw // TICK) * TICK
        quantity = min(int(size * share * 1000) * (WAD // 1000), QUANTITY_MAX)
        if price > 0 and quantity > 0:
            levels.append(Level(price, quantity))
    return tuple(levels)
