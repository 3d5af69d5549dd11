"""A grid and many accounts as flat arrays: what both engines of the kernel read.

Positions of an account stand together, by market, expiry and strike, so that one pass over them
closes each expiry when the next begins. Rows are put as the kernel takes them: regular rows of
maintenance, those of initial margin alone, then the skews, now, basis up, basis down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.account import Account
from solver.domain.errors import Malformed, NotFound
from solver.domain.numbers import WAD
from solver.margin.portfolio.grid import EXTRA_ROWS, NO_SERIES, STEP, MarketGrid, RiskGrid
from solver.margin.portfolio.kernel.loops import CAP, GROSS_SHORT

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

UNIT_FIGURES = CAP + 1


class Width(NamedTuple):
    """How many rows: of maintenance without skews, of initial margin alone, and skews."""

    held: int
    fresh: int
    skews: int


class Factors(NamedTuple):
    """What the rows' worst counts in maintenance and in initial margin, how often the static charge
    counts in initial margin, and the floor's share of gross."""

    maintenance: float
    initial: float
    static: float
    floor: float


@dataclass(frozen=True, eq=False)
class Tables:
    """Floats of one grid. `values` is columns x rows, perps and collateral less their worth now;
    `units` has the figures of one unit; `places` market, series (-1: none) and strike of a column;
    `series` asset, debt and basis; `markets` naked kept, naked fresh and concentration; `damps`
    markets x rows."""

    instruments: tuple[int, ...]
    scales: tuple[int, ...]
    values: Floats
    units: Floats
    places: Whole
    series: Floats
    markets: Floats
    damps: Floats
    width: Width
    factors: Factors
    decimals: int

    @cached_property
    def columns(self) -> dict[int, int]:
        """Column of each instrument."""
        return {instrument: column for column, instrument in enumerate(self.instruments)}

    def column(self, instrument: int) -> int:
        """Returns the column. Raises NotFound for an instrument outside the grid."""
        try:
            return self.columns[instrument]
        except KeyError:
            raise NotFound(f"instrument {instrument} is not in this grid") from None


class Book(NamedTuple):
    """Many accounts: positions `starts[a]` to `starts[a + 1]` are of account a, by rising column;
    quantities in whole units, cash in settlement units."""

    starts: Whole
    columns: Whole
    quantities: Floats
    cash: Floats


def tables_of(grid: RiskGrid) -> Tables:
    """Returns the arrays of a grid. Raises Malformed for what the kernel does not count: markets of
    different scenarios, or a credit between underlyings."""
    p = grid.parameters
    if p.correlation:
        raise Malformed("the kernel knows no credit between underlyings", field="correlation")
    width = _width(grid)
    parts = [_Part(market, grid, width) for market in grid.markets]
    lost = max(p.peg_min - grid.settlement_price, 0) / WAD
    factor = (p.initial_factor + p.peg_factor * lost) / WAD
    static = factor if p.is_static_scaled else 1.0
    caps = max(1.0, factor, p.maintenance_factor / WAD)
    columns = [column for market in grid.markets for column in market.columns]
    units = _stacked([part.units for part in parts], UNIT_FIGURES)
    units[:, CAP] *= caps
    return Tables(
        tuple(column.instrument for column in columns),
        tuple(column.unit for column in columns),
        _stacked([part.values for part in parts], sum(width) + EXTRA_ROWS),
        units,
        _places(grid),
        np.array([s[1:] for m in grid.markets for s in m.series], dtype=float).reshape(-1, 3) / WAD,
        np.array([part.market for part in parts]).reshape(-1, 3),
        np.array([part.damps for part in parts]).reshape(-1, sum(width)),
        width,
        Factors(p.maintenance_factor / WAD, factor, static, p.floor / WAD),
        grid.decimals,
    )


def book_of(accounts: Sequence[Account], tables: Tables) -> Book:
    """Returns the accounts' positions on the columns of the tables. Raises NotFound for an
    instrument outside them."""
    scales = tables.scales
    starts, columns, quantities = [0], [], []
    for account in accounts:
        held = sorted((tables.column(p.instrument), p.quantity) for p in account.positions)
        columns += [column for column, _ in held]
        quantities += [quantity * scales[column] / WAD for column, quantity in held]
        starts.append(len(columns))
    return Book(
        np.array(starts, dtype=np.int64),
        np.array(columns, dtype=np.int64),
        np.array(quantities, dtype=np.float64),
        np.array([account.cash / 10**tables.decimals for account in accounts], dtype=np.float64),
    )


class _Part:
    """One market's share of the tables."""

    def __init__(self, market: MarketGrid, grid: RiskGrid, width: Width) -> None:
        p, shocks = grid.parameters, market.shocks.rows
        order = _order(market, width)
        linear = np.array([column.series == NO_SERIES for column in market.columns], dtype=bool)
        worth = np.where(linear, market.values[:, -EXTRA_ROWS], 0)  # taken off as whole steps
        rows = market.values[:, [*order, len(shocks), len(shocks) + 1, len(shocks) + 2]]
        self.values = (rows - worth[:, None]) / STEP
        self.damps = [shocks[row].damp / WAD for row in order]
        price = market.price / WAD
        size = p.impact / WAD * (market.daily / WAD) * price
        depth = market.depth / WAD
        self.market = (
            price * p.naked.maintenance / WAD,
            price * p.naked.initial / WAD,
            size / np.sqrt(depth) if depth > 0 else 0.0,
        )
        self.units = self._units(market)

    def _units(self, market: MarketGrid) -> Floats:
        out = np.array(
            [
                (
                    c.mark_long,
                    c.mark_short,
                    c.charge.maintenance,
                    c.charge.initial + c.oracle,
                    c.gross_long,
                    c.gross_short,
                    c.rise,
                    c.fall,
                    0,
                )
                for c in market.columns
            ],
            dtype=np.float64,
        ).reshape(-1, UNIT_FIGURES)
        out /= WAD
        steepest = np.array(
            [max((1.0, *(f / WAD for f in market.series[c.series][1:]))) for c in market.columns]
            if market.series
            else [1.0] * len(market.columns)
        )
        moved = np.abs(self.values).max(axis=1, initial=0.0) * max(1.0, *self.damps)
        charges = np.abs(out[:, : GROSS_SHORT + 1]).sum(axis=1)
        out[:, CAP] = 4 * moved * steepest + charges + sum(self.market[:2])
        return out


def _width(grid: RiskGrid) -> Width:
    counts = {
        (
            sum(1 for row in m.shocks.maintenance if not row.skew),
            sum(1 for row in m.shocks.maintenance if row.skew),
        )
        for m in grid.markets
    }
    if len(counts) > 1 or any(row.skew for m in grid.markets for row in m.shocks.initial):
        raise Malformed("the kernel takes markets of equally many scenarios")
    held, skews = counts.pop() if counts else (1, 0)
    if not held:
        raise Malformed("margin without a scenario is none")
    fresh = max((len(m.shocks.initial) for m in grid.markets), default=0)
    return Width(held, fresh, skews)


def _order(market: MarketGrid, width: Width) -> list[int]:
    """Returns which row stands where; a market of fewer initial rows repeats its first one, which
    changes no minimum, for maintenance counts it already."""
    rows = market.shocks.rows
    held = [i for i, row in enumerate(market.shocks.maintenance) if not row.skew]
    fresh = list(range(len(market.shocks.maintenance), len(rows)))
    fresh += [held[0]] * (width.fresh - len(fresh))
    return [*held, *fresh, *(i for i, row in enumerate(rows) if row.skew)]


def _places(grid: RiskGrid) -> Whole:
    """Returns market, series and strike of each column, numbered through all markets."""
    rows, before = [], 0
    strikes: dict[tuple[int, int, int], int] = {}
    for m, market in enumerate(grid.markets):
        for column in market.columns:
            series = NO_SERIES if column.series == NO_SERIES else before + column.series
            key = (m, column.series, column.strike)
            rows.append((m, series, strikes.setdefault(key, len(strikes))))
        before += len(market.series)
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def _stacked(parts: list[Floats], width: int) -> Floats:
    whole = np.concatenate(parts) if parts else np.empty((0, width))
    return np.ascontiguousarray(whole, dtype=np.float64)
