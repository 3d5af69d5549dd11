"""The requirement of one account on a grid, in integers: what every decision rests on.

Sums of quantity (1e18) x steps (1e-8) are exact; factors are 1e18; all of it is rounded once, to
atoms, against the account.
"""

from collections.abc import Iterable
from typing import NamedTuple

from solver.domain.account import Account, Position
from solver.domain.numbers import WAD, div_down, div_up
from solver.margin.concentration import concentration, exposure
from solver.margin.portfolio.grid import EXTRA_ROWS, NO_SERIES, STEP, MarketGrid, RiskGrid

NOW, UP, DOWN = -EXTRA_ROWS, -EXTRA_ROWS + 1, -EXTRA_ROWS + 2
SCALE = WAD**4  # of sums: quantity x value x two factors
FROM_STEPS = WAD // STEP
BASIS = "basis"


class Held(NamedTuple):
    """A column of one market and its quantity, 1e18 of whole units."""

    column: int
    quantity: int


class Charges(NamedTuple):
    """Static charges by name, 1e72: what both margins take, and what initial margin takes on top
    for itself and for doubt, size and the floor."""

    maintenance: tuple[tuple[str, int], ...]
    initial: tuple[tuple[str, int], ...]
    doubt: int
    size: int
    gross: int


class MarketSums(NamedTuple):
    """One market of an account, 1e72: worth now, what each row wins, the basis contingency."""

    value: int
    rows: tuple[int, ...]
    basis: int
    charges: Charges

    def worst(self, count: int) -> tuple[int, int]:
        """Returns the least of the first `count` rows and the basis, and its index (-1: basis)."""
        least = min(range(count), key=self.rows.__getitem__)
        return (self.basis, -1) if self.basis < self.rows[least] else (self.rows[least], least)


class Sums(NamedTuple):
    """Exact margins of one account in units of 10**-72 settlement units: E, IMR and MMR."""

    equity: int
    initial: int
    maintenance: int
    floor: int
    factor: int
    credit: int
    markets: tuple[tuple[int, MarketSums], ...]


def sums(positions: Iterable[Position], grid: RiskGrid) -> Sums:
    """Returns equity without cash and both requirements. Raises NotFound for an instrument outside
    the grid."""
    held: dict[int, list[Held]] = {}
    for position in positions:
        market, column = grid.place(position.instrument)
        unit = grid.markets[market].columns[column].unit
        held.setdefault(market, []).append(Held(column, position.quantity * unit))
    found = tuple((m, _market(held[m], grid.markets[m], grid)) for m in sorted(held))
    return _total(found, grid)


def atoms_down(amount: int, grid: RiskGrid) -> int:
    """Returns a sum in settlement atoms, down."""
    return div_down(amount * 10**grid.decimals, SCALE)


def atoms_up(amount: int, grid: RiskGrid) -> int:
    """Returns a sum in settlement atoms, up."""
    return div_up(amount * 10**grid.decimals, SCALE)


def charged(charges: Charges) -> list[tuple[str, int]]:
    """Returns what initial margin charges in one market, by name; nothing that is zero."""
    named = dict(charges.maintenance)
    for name, charge in charges.initial:
        named[name] = named.get(name, 0) + charge
    named |= {"oracle": charges.doubt, "concentration": charges.size}
    return [(name, charge) for name, charge in named.items() if charge]


def margins(account: Account, grid: RiskGrid) -> tuple[int, int, int]:
    """Returns equity (down), initial and maintenance requirement (up) in settlement atoms."""
    found = sums(account.positions, grid)
    equity = account.cash + atoms_down(found.equity, grid)
    return equity, atoms_up(found.initial, grid), atoms_up(found.maintenance, grid)


def _total(found: tuple[tuple[int, MarketSums], ...], grid: RiskGrid) -> Sums:
    p = grid.parameters
    factor = p.initial_factor + p.peg_factor * max(p.peg_min - grid.settlement_price, 0) // WAD
    held, fresh, static, extra, floor = 0, 0, 0, 0, 0
    for m, one in found:
        rows = grid.markets[m].shocks
        held += one.worst(len(rows.maintenance))[0]
        fresh += one.worst(len(rows.rows))[0]
        static += sum(charge for _, charge in one.charges.maintenance)
        extra += sum(charge for _, charge in one.charges.initial)
        extra += one.charges.doubt + one.charges.size
        floor += div_up(one.charges.gross * p.floor, WAD)
    credit = _credit(found, grid, is_initial=True)
    held, fresh = held + _credit(found, grid, is_initial=False), fresh + credit
    asked = static - div_down(held * p.maintenance_factor, WAD)
    scaled = div_up(static * factor, WAD) if p.is_static_scaled else static
    initial = scaled + extra - div_down(fresh * factor, WAD)
    value = sum(one.value for _, one in found)
    return Sums(value, max(initial, floor, asked), asked, floor, factor, credit, found)


def _credit(found: tuple[tuple[int, MarketSums], ...], grid: RiskGrid, *, is_initial: bool) -> int:
    """Returns what opposite worst moves of two underlyings are allowed, by their correlation."""
    if not grid.parameters.correlation:
        return 0
    rising = falling = 0
    for m, one in found:
        rows = grid.markets[m].shocks
        counted = rows.rows if is_initial else rows.maintenance
        loss, index = one.worst(len(counted))
        if index >= 0 and loss < 0:
            rising -= loss if counted[index].spot > WAD else 0
            falling -= loss if counted[index].spot < WAD else 0
    return div_down(min(rising, falling) * grid.parameters.correlation, WAD)


def _market(held: list[Held], market: MarketGrid, grid: RiskGrid) -> MarketSums:
    shocks = market.shocks.rows
    linear = [0] * (len(shocks) + EXTRA_ROWS)
    by_series: dict[int, list[int]] = {}
    value = 0
    for column, quantity in held:
        unit = market.columns[column]
        value += quantity * (unit.mark_long if quantity > 0 else unit.mark_short)
        known = linear if unit.series == NO_SERIES else by_series.get(unit.series)
        steps = market.rows[column]
        if known is None:
            by_series[unit.series] = [quantity * step for step in steps]
        else:
            known[:] = [total + quantity * step for total, step in zip(known, steps, strict=True)]
    rows = [(total - linear[NOW]) * WAD for total in linear[:-EXTRA_ROWS]]
    basis = 0
    for index, totals in by_series.items():
        series, now = market.series[index], totals[NOW]
        moved = min(totals[UP] - now, totals[DOWN] - now, 0)
        basis += moved * series.basis
        for row, shock in enumerate(shocks):
            total = totals[row]
            won = total * (series.asset if total >= 0 else series.debt) - now * WAD
            rows[row] += -abs(won) if shock.skew else won
    damped = tuple(row * s.damp * FROM_STEPS for row, s in zip(rows, shocks, strict=True))
    charges = _charges(held, market, grid)
    return MarketSums(value * WAD * WAD, damped, basis * WAD * FROM_STEPS, charges)


def _charges(held: list[Held], market: MarketGrid, grid: RiskGrid) -> Charges:
    p, two = grid.parameters, WAD * WAD
    kept: dict[str, int] = {}
    fresh: dict[str, int] = {}
    strikes: dict[tuple[int, int], int] = {}
    doubt = gross = rise = fall = 0
    for column, quantity in held:
        unit, size = market.columns[column], abs(quantity)
        doubt += size * unit.oracle
        gross += size * (unit.gross_long if quantity > 0 else unit.gross_short)
        rise, fall = rise + quantity * unit.rise, fall + quantity * unit.fall
        if unit.series == NO_SERIES:
            kept[unit.name] = kept.get(unit.name, 0) + size * unit.charge.maintenance * two
            fresh[unit.name] = fresh.get(unit.name, 0) + size * unit.charge.initial * two
        else:
            key = (unit.series, unit.strike)
            strikes[key] = strikes.get(key, 0) + quantity
    naked = -sum(min(quantity, 0) for quantity in strikes.values())
    if naked:
        kept["naked"] = naked * market.price * p.naked.maintenance * WAD
        fresh["naked"] = naked * market.price * p.naked.initial * WAD
    size = exposure(-(-rise // WAD), -(-fall // WAD))
    large = concentration(size, market.price, market.daily, market.depth, p.impact)
    return Charges(
        tuple(sorted(kept.items())),
        tuple(sorted(fresh.items())),
        doubt * two,
        large * two * WAD,
        gross * two,
    )
