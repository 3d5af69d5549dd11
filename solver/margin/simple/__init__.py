"""SIMPLE margin: what needs no one's word but the price feed. Equal to the chain's to the atom.

Mirrors `MarginRules.simple` over the book that the Clearinghouse builds: options past expiry at the
fixed price, or the feed until one is fixed; Asian ones at their fixings and the feed for the rest.
Requirements round up, equity rounds down, once.
"""

from collections.abc import Iterable
from typing import NamedTuple

from solver.domain.account import Account, Position
from solver.domain.instrument import ASIAN_KINDS, Instrument, Kind
from solver.domain.numbers import PPM, div_down, div_up, mul_down, mul_up
from solver.domain.route import MarginFigures
from solver.domain.snapshot import Snapshot, Underlying
from solver.margin.simple.rules import (
    NAKED_INITIAL_PERCENT,
    NAKED_MAINTENANCE_PERCENT,
    asian_unit,
    short_unit,
    time_value,
)
from solver.pricing.marks import underlying_of

Option = tuple[Instrument, int]  # with its signed quantity, 1e18


class Margin(NamedTuple):
    """Sums without cash, 1e36. Signed margin, negative = breached; `risk` is equity - initial with
    the haircut of base left out: what maxMarginUsed bounds the rise of.
    """

    equity: int = 0
    initial: int = 0
    maintenance: int = 0
    risk: int = 0

    def plus(self, other: "Margin") -> "Margin":
        """Returns the sum, field by field."""
        return Margin(*(a + b for a, b in zip(self, other, strict=True)))


def figures(account: Account, snapshot: Snapshot) -> MarginFigures:
    """Returns SIMPLE in settlement atoms. Raises NotFound for a market outside the snapshot."""
    margin, unit = _margin(account.positions, snapshot), snapshot.atom
    equity = account.cash + div_down(margin.equity, unit)
    initial = account.cash + div_down(margin.initial, unit)
    maintenance = account.cash + div_down(margin.maintenance, unit)
    return MarginFigures(initial, maintenance, equity, equity - initial)


def requirement_rise(before: Account, after: Account, snapshot: Snapshot) -> int:
    """Returns by how many atoms the initial requirement rises, haircut of base left out."""
    unit = snapshot.atom
    rise = div_up(_margin(after.positions, snapshot).risk, unit)
    return rise - div_up(_margin(before.positions, snapshot).risk, unit)


def alone(instrument: Instrument, quantity: int, snapshot: Snapshot) -> Margin:
    """Returns the figures of a position whose neighbours do not help it, 1e36: a book's margins are
    never below the sum of its positions' (a series may count the better of two views), and only
    perps and base have equity above 0. Linear in quantities of one sign. Raises NotFound."""
    underlying = underlying_of(instrument, snapshot)
    if instrument.kind is Kind.PERP:
        return _perp(quantity, underlying)
    if instrument.kind is Kind.BASE:
        return _base(quantity, underlying)
    if instrument.kind in ASIAN_KINDS:
        return _asian(instrument, quantity, underlying, snapshot.time)
    if quantity >= 0:
        return Margin()
    price, flat = _priced(instrument.expiry, underlying, snapshot.time)
    unit = short_unit(instrument, price, flat)
    equity, initial = quantity * unit.mark, quantity * unit.initial
    return Margin(equity, initial, quantity * unit.maintenance, equity - initial)


def _margin(positions: Iterable[Position], snapshot: Snapshot) -> Margin:
    total = Margin()
    series: dict[tuple[int, int], list[Option]] = {}
    for position in positions:
        instrument, quantity = Instrument.unpack(position.instrument), position.quantity
        underlying = underlying_of(instrument, snapshot)
        if instrument.kind is Kind.PERP:
            total = total.plus(_perp(quantity, underlying))
        elif instrument.kind is Kind.BASE:
            total = total.plus(_base(quantity, underlying))
        elif instrument.kind in ASIAN_KINDS:
            total = total.plus(_asian(instrument, quantity, underlying, snapshot.time))
        else:
            key = (instrument.market, instrument.expiry)
            series.setdefault(key, []).append((instrument, quantity))
    for options in series.values():
        underlying = underlying_of(options[0][0], snapshot)
        total = total.plus(_series(options, underlying, snapshot.time))
    return total


def _perp(quantity: int, market: Underlying) -> Margin:
    value, size = quantity * (market.price - market.funding_index), abs(quantity)
    initial = size * mul_up(market.price, market.perp_initial_ppm, PPM)
    maintenance = size * mul_up(market.price, market.perp_maintenance_ppm, PPM)
    return Margin(value, value - initial, value - maintenance, initial)


def _base(quantity: int, market: Underlying) -> Margin:
    price = market.price * 10 ** (18 - market.base.decimals)
    initial = mul_down(price, market.base_initial_ppm, PPM)
    maintenance = mul_down(price, market.base_maintenance_ppm, PPM)
    return Margin(quantity * price, quantity * initial, quantity * maintenance)


def _asian(instrument: Instrument, quantity: int, market: Underlying, time: int) -> Margin:
    """A short is always alone: its payoff hangs on another variable than its neighbours'."""
    if quantity >= 0:
        return Margin()
    fixing = market.fixing_of(instrument.expiry)
    unit = asian_unit(instrument, fixing, market.price, market.sigma_cap_ppm, time).short
    equity, initial = quantity * unit.mark, quantity * unit.initial
    return Margin(equity, initial, quantity * unit.maintenance, equity - initial)


def _series(options: list[Option], market: Underlying, time: int) -> Margin:
    """The better of two sufficient views of one expiry: every short alone, or the worst payoff of
    all of it with its naked calls charged at S. Both are <= 0, so longs never add equity.
    """
    price, flat = _priced(options[0][0].expiry, market, time)
    marks = initials = maintenances = 0
    for instrument, quantity in options:
        if quantity < 0:
            unit = short_unit(instrument, price, flat)
            marks -= quantity * unit.mark
            initials -= quantity * unit.initial
            maintenances -= quantity * unit.maintenance
    worst = _worst_payoff(options)
    naked = max(-sum(q for o, q in options if o.kind is Kind.CALL), 0)
    equity = max(-marks, worst - naked * price)
    initial = max(-initials, worst - naked * mul_up(price, NAKED_INITIAL_PERCENT, 100))
    maintenance = max(-maintenances, worst - naked * mul_up(price, NAKED_MAINTENANCE_PERCENT, 100))
    return Margin(equity, initial, maintenance, equity - initial)


def _priced(expiry: int, market: Underlying, time: int) -> tuple[int, int]:
    """Returns the price that a series is margined at and its time value there, 1e18."""
    is_over = expiry <= time
    price = dict(market.expiry_prices).get(expiry, market.price) if is_over else market.price
    return price, time_value(price, market.sigma_cap_ppm, expiry - time)


def _worst_payoff(options: list[Option]) -> int:
    """Returns the least payoff over the prices {0, strikes}, at most 0: linear in between."""
    prices = [0, *(instrument.strike for instrument, _ in options)]
    payoffs = (
        sum(
            quantity * max(price - option.strike, 0)
            if option.kind is Kind.CALL
            else quantity * max(option.strike - price, 0)
            for option, quantity in options
        )
        for price in prices
    )
    return min(0, *payoffs)
