"""The risk grid of one instant: every instrument's value in every row, as hashed integers.

Floats end here. What one unit is worth leaves on steps of 1e-8, what time does to an expiry on
steps of 1e-12, and every requirement is an integer function of this grid and the positions, so a
replay of a stored grid decides the same on any machine.
"""

import hashlib
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.calendar import YEAR
from solver.domain.errors import Malformed, NotFound
from solver.domain.numbers import WAD, div_up, mul_up
from solver.domain.snapshot import Snapshot
from solver.margin.portfolio.parameters import (
    DEFAULT,
    Charge,
    Discount,
    Parameters,
    validated,
)
from solver.margin.portfolio.shocks import Shocks
from solver.margin.portfolio.terms import LinearTerms, MarketTerms, SeriesTerms, market_terms
from solver.margin.portfolio.values import all_rows, asian_values, vanilla_values

STEP = 10**8  # steps of a value in one settlement unit
FACTOR_STEP = 10**12
VALUE_MAX = 9e10  # settlement units: 64 bits of steps
EXTRA_ROWS = 3  # now, basis up, basis down: the last rows of a column
NO_SERIES = -1
POWER_MAX = 100.0  # of e: what costs more than this counts undiscounted anyway
ERRORS = 2  # standard errors of a sampled mark that count against the account

Integers = NDArray[np.int64]


class Series(NamedTuple):
    """One expiry's factors, 1e18: what is worth something counts by `asset`, what costs something
    by `debt`, and what the basis may move by `basis`."""

    expiry: int
    asset: int
    debt: int
    basis: int


class Column(NamedTuple):
    """One instrument of a market. Per whole unit, 1e18: marks of a long and of a short position,
    `charge` static, `oracle` for what the price may be wrong by (initial only), `gross` of longs
    and shorts for the floor, `rise` and `fall` units of underlying after extreme moves. Series -1:
    perps and collateral; `strike` is the key under which naked shorts net. `unit` makes 1e18 of the
    slot's quantity."""

    instrument: int
    name: str
    series: int
    strike: int
    mark_long: int
    mark_short: int
    charge: Charge
    oracle: int
    gross_long: int
    gross_short: int
    rise: int
    fall: int
    unit: int


@dataclass(frozen=True, eq=False)
class MarketGrid:
    """One underlying. `values` is columns x rows in steps of 1e-8: rows of maintenance margin, of
    initial margin alone, then now, basis up, basis down. `price`, `daily`, `depth` are 1e18."""

    number: int
    symbol: str
    price: int
    shocks: Shocks
    series: tuple[Series, ...]
    columns: tuple[Column, ...]
    values: Integers
    daily: int
    depth: int

    @cached_property
    def rows(self) -> tuple[tuple[int, ...], ...]:
        """The values as exact integers, by column."""
        return tuple(map(tuple, self.values.tolist()))


@dataclass(frozen=True, eq=False)
class RiskGrid:
    """Markets by number, the parameters they were made with, and the price of the settlement token
    in dollars (1e18)."""

    markets: tuple[MarketGrid, ...]
    parameters: Parameters
    settlement_price: int
    decimals: int

    @cached_property
    def hash(self) -> bytes:
        """sha256 of all content; the order in which instruments were asked for does not enter."""
        digest = hashlib.sha256()
        digest.update(repr((self.parameters, self.settlement_price, self.decimals)).encode())
        for m in self.markets:
            told = (m.number, m.symbol, m.price, m.shocks, m.series, m.columns, m.daily, m.depth)
            digest.update(repr(told).encode())
            digest.update(np.ascontiguousarray(m.values, dtype="<i8").tobytes())
        return digest.digest()

    @cached_property
    def places(self) -> dict[int, tuple[int, int]]:
        """Market and column index of each instrument."""
        return {
            column.instrument: (m, c)
            for m, market in enumerate(self.markets)
            for c, column in enumerate(market.columns)
        }

    def place(self, instrument: int) -> tuple[int, int]:
        """Returns market and column index. Raises NotFound for an instrument outside the grid."""
        try:
            return self.places[instrument]
        except KeyError:
            raise NotFound(f"instrument {instrument} is not in this grid") from None


def risk_grid(
    instruments: Iterable[int], snapshot: Snapshot, parameters: Parameters = DEFAULT
) -> RiskGrid:
    """Returns the grid of the packed ids at a snapshot. Raises NotFound for an unknown market,
    Malformed where an input has no price, `unsoundParameters` as `validated`."""
    validated(parameters)
    terms = market_terms(instruments, snapshot, parameters)
    return grid_of(terms, parameters, snapshot.settlement_price, snapshot.settlement_token.decimals)


def moved_grid(grid: RiskGrid, snapshot: Snapshot, markets: Collection[int]) -> RiskGrid:
    """Returns the grid with some markets priced anew at a snapshot and the others kept: what
    `risk_grid` would be where only those moved. Raises as `risk_grid`."""
    moved = [c.instrument for m in grid.markets if m.number in markets for c in m.columns]
    fresh = {m.number: m for m in risk_grid(moved, snapshot, grid.parameters).markets}
    return replace(grid, markets=tuple(fresh.get(m.number, m) for m in grid.markets))


def grid_of(
    markets: Sequence[MarketTerms],
    parameters: Parameters,
    settlement_price: int = WAD,
    decimals: int = 18,
) -> RiskGrid:
    """Returns the grid of given terms. Raises Malformed where an input has no price."""
    found = tuple(_market(terms, parameters) for terms in markets)
    return RiskGrid(found, parameters, settlement_price, decimals)


def _market(terms: MarketTerms, p: Parameters) -> MarketGrid:
    linears = [_linear(terms, linear, p) for linear in terms.linears]
    values, errors = _option_values(terms, p)
    nearby = values[:, -EXTRA_ROWS:].tolist()
    options = [
        _option(terms, index, tuple(nearby[index]), errors.get(index, 0), p)
        for index in range(len(terms.options))
    ]
    columns = tuple(column for column, _ in linears) + tuple(options)
    moved = np.array([row for _, row in linears], dtype=np.int64).reshape(-1, values.shape[1])
    return MarketGrid(
        terms.number,
        terms.symbol,
        terms.price,
        terms.shocks,
        tuple(_series(series, p) for series in terms.series),
        columns,
        np.concatenate([moved, values]),
        terms.daily,
        terms.depth,
    )


def _option_values(terms: MarketTerms, p: Parameters) -> tuple[Integers, dict[int, int]]:
    """Returns options x rows in steps, and the errors of sampled marks, 1e18 up."""
    count = len(all_rows(terms.shocks.rows, p))
    values = np.empty((len(terms.options), count))
    vanilla = [i for i, option in enumerate(terms.options) if not option.is_asian]
    if vanilla:
        values[vanilla] = vanilla_values(terms, [terms.options[i] for i in vanilla], p).T
    errors = {}
    for i, option in enumerate(terms.options):
        if option.is_asian:
            values[i], error = asian_values(terms, option, p)
            errors[i] = math.ceil(error * STEP) * (WAD // STEP)
    if not bool(np.all(np.abs(values) <= VALUE_MAX)):
        raise _beyond()
    return np.rint(values * STEP).astype(np.int64), errors


def _series(series: SeriesTerms, p: Parameters) -> Series:
    """Returns an expiry's factors, rounded against the account."""
    years = max(series.seconds, 0) / YEAR
    rate = max(series.rate, 0.0)
    asset = _shrunk(p.asset, rate, -years)
    debt = min(max(1.0 / series.discount, 1.0), _shrunk(p.debt, rate, years))
    basis = p.basis_add + div_up(p.basis_yearly * max(series.seconds, 0), YEAR)
    up, down = math.ceil(debt * FACTOR_STEP), math.floor(asset * FACTOR_STEP)
    step = WAD // FACTOR_STEP
    return Series(series.expiry, down * step, up * step, basis)


def _shrunk(d: Discount, rate: float, years: float) -> float:
    power = years * (rate * (d.rate / WAD) + d.yearly / WAD)
    return d.base / WAD * math.exp(min(power, POWER_MAX))


def _linear(
    terms: MarketTerms, linear: LinearTerms, p: Parameters
) -> tuple[Column, tuple[int, ...]]:
    moved = tuple(
        round(linear.moves * row.spot / (WAD * WAD) * STEP) if linear.moves else 0
        for row in all_rows(terms.shocks.rows, p)
    )
    if max(map(abs, moved)) > VALUE_MAX * STEP:
        raise _beyond()
    column = Column(
        linear.id,
        linear.name,
        NO_SERIES,
        0,
        linear.mark,
        linear.mark,
        linear.charge,
        _doubt(linear.notional, linear.confidence, p) + (terms.spread if linear.moves else 0),
        linear.gross,
        linear.gross,
        linear.exposure,
        linear.exposure,
        linear.unit,
    )
    return column, moved


def _option(
    terms: MarketTerms, index: int, nearby: tuple[int, ...], error: int, p: Parameters
) -> Column:
    """`nearby` are steps now and at the basis contingency's prices."""
    option = terms.options[index]
    series = terms.series[option.series]
    mark, is_open = nearby[0] * (WAD // STEP), series.variable > 0
    doubt = _doubt(terms.price, series.confidence, p) if is_open else 0
    return Column(
        option.id,
        "options",
        option.series,
        2 * option.strike + option.is_asian,
        max(mark - ERRORS * error, 0),
        mark + ERRORS * error,
        Charge(0, 0),
        doubt + _unsure(terms, nearby, p),
        0,
        terms.price,
        WAD if option.is_call and is_open else 0,
        0 if option.is_call or not is_open else -WAD,
        1,
    )


def _unsure(terms: MarketTerms, nearby: tuple[int, ...], p: Parameters) -> int:
    """Returns what an option may be worth less (or cost more) for the price is not sure to its
    spread, 1e18 up: by the steeper slope to the prices nearby, at most one for one."""
    if terms.price <= 0:
        return 0
    now, up, down = nearby
    slopes = [
        div_up(abs(worth - now) * (WAD // STEP) * WAD * WAD, terms.price * abs(spot - WAD))
        for worth, spot in ((up, p.basis_up), (down, p.basis_down))
        if spot != WAD
    ]
    return mul_up(terms.spread, min(max(slopes, default=WAD), WAD))


def _beyond() -> Malformed:
    return Malformed(f"a price above {VALUE_MAX:.0e} has no place on the grid", field="price")


def _doubt(notional: int, confidence: int, p: Parameters) -> int:
    """Returns the oracle term of one unit, 1e18 up: due only where confidence is low."""
    if confidence >= p.confidence_min:
        return 0
    return mul_up(mul_up(WAD - confidence, p.confidence_charge), notional)
