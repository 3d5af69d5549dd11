"""Greeks of positions as integers: what limits, attestations and pages speak in.

Each instrument's greeks leave the floats on a grid before they meet a quantity, so the sums are
exact and every signer computes the same number.
"""

from collections.abc import Iterable
from typing import NamedTuple

from solver.domain.account import Position
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import WAD
from solver.domain.snapshot import Snapshot, Underlying
from solver.pricing.marks import mark_of, option_greeks, to_wad

GAMMA_PLACES = 12


class MarketGreeks(NamedTuple):
    """Sums over one market, 1e18: delta in base, gamma per settlement unit, vega per 1.0 of vol,
    theta per year; `value` is the mark value of the options and perps (without funding) and base.
    """

    market: int
    delta: int
    gamma: int
    vega: int
    theta: int
    value: int


def delta_of(instrument: Instrument, underlying: Underlying, time: int) -> int:
    """Returns the delta of one whole unit, 1e18; 0 once an option's expiry price is fixed."""
    if not instrument.is_option:
        return WAD
    if instrument.expiry <= time and instrument.expiry in dict(underlying.expiry_prices):
        return 0
    return to_wad(option_greeks(instrument, underlying, time).delta)


def net_delta(positions: Iterable[Position], underlying: Underlying, time: int) -> int:
    """Returns base collateral + perps + options of one market in its base, 1e18, rounded down.

    `time` is unix seconds. Exact (and what the chain computes itself) without options.
    """
    product = 0
    for position in positions:
        instrument = Instrument.unpack(position.instrument)
        if instrument.market == underlying.market:
            unit = delta_of(instrument, underlying, time)
            product += _wad_quantity(position, instrument, underlying) * unit
    return product // WAD


def account_greeks(positions: Iterable[Position], snapshot: Snapshot) -> tuple[MarketGreeks, ...]:
    """Returns one row per market held, in the order of market numbers. Rounded down."""
    held: dict[int, list[Position]] = {}
    for position in positions:
        held.setdefault(Instrument.unpack(position.instrument).market, []).append(position)
    rows = []
    for market in sorted(held):
        underlying = snapshot.underlying(market)
        if underlying is not None:
            rows.append(_market_greeks(held[market], underlying, snapshot))
    return tuple(rows)


def _market_greeks(
    positions: list[Position], underlying: Underlying, snapshot: Snapshot
) -> MarketGreeks:
    gamma = vega = theta = value = 0
    for position in positions:
        instrument = Instrument.unpack(position.instrument)
        quantity = _wad_quantity(position, instrument, underlying)
        value += quantity * mark_of(instrument, snapshot)
        if instrument.is_option and instrument.expiry > snapshot.time:
            greeks = option_greeks(instrument, underlying, snapshot.time)
            gamma += quantity * to_wad(greeks.gamma, GAMMA_PLACES)
            vega += quantity * to_wad(greeks.vega)
            theta += quantity * to_wad(greeks.theta)
    delta = net_delta(positions, underlying, snapshot.time)
    sums = (gamma // WAD, vega // WAD, theta // WAD, value // WAD)
    return MarketGreeks(underlying.market, delta, *sums)


def _wad_quantity(position: Position, instrument: Instrument, underlying: Underlying) -> int:
    """Returns the quantity in whole units, 1e18: base collateral is held in atoms."""
    if instrument.kind is not Kind.BASE:
        return position.quantity
    return int(position.quantity * 10 ** (18 - underlying.base.decimals))
