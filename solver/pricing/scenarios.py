"""Greeks and scenario profits of many options at once, for whoever chooses among hundreds.

Vectorised twins of marks and greeks, without their grids: a choice made by these numbers is counted
again in integers. Scenarios as Derive's portfolio margin: volatility up is max(v(1 + .5m), .4),
down v max(0, 1 - .3m), m = (30 d / max(T, 1 d))^p, p = .30 up to 30 days and .13 beyond; a strike
keeps its own volatility when the price moves.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.calendar import DAY, YEAR
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import PPM, WAD
from solver.domain.program import Scenario
from solver.domain.risk import MarketRisk
from solver.domain.snapshot import Underlying
from solver.pricing.kernels import black_greeks, black_prices
from solver.pricing.surface import slice_at, volatility

Floats = NDArray[np.float64]

UP, DOWN, UP_MIN = 0.5, 0.3, 0.4
SHORT, LONG, TURN_DAYS = 0.30, 0.13, 30
TAILS = (  # spot at a share of itself and how much counts, ppm
    (340_000, 210_000),
    (670_000, 420_000),
    (1_500_000, 277_200),
    (2_000_000, 138_600),
    (3_000_000, 69_300),
    (4_000_000, 46_200),
    (5_000_000, 34_650),
    (6_000_000, 27_720),
)


class Risks(NamedTuple):
    """Of one unit of each instrument: mark, delta, gamma, vega (per 1.0), theta (per year), and
    what each scenario wins (scenarios x instruments); settlement units."""

    mark: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    profits: Floats


def margin_scenarios(risk: MarketRisk) -> tuple[Scenario, ...]:
    """Returns the rows of PORTFOLIO margin that are linear in positions, for a budget of losses:
    23 over the initial spot range and 8 tails. Skews, discounts, basis and static charges are not;
    volatility moves by the usual ranges, not by predicted ones."""
    quarters = [(4, 1), (-4, 1), *((q, way) for q in range(-3, 4) for way in (1, 0, -1))]
    regular = [Scenario(_outward(q * risk.spot_initial), way) for q, way in quarters]
    tails = [Scenario(spot - PPM, 1, damp) for spot, damp in TAILS]
    return (*regular, *tails)


def _outward(quarters: int) -> int:
    """Returns a quarter, rounded away from zero: no scenario is milder than margin's."""
    return -(quarters // -4) if quarters > 0 else quarters // 4


class _Terms(NamedTuple):
    strike: Floats  # present value
    seconds: Floats
    vol: Floats
    is_call: NDArray[np.bool_]


def risks(
    instruments: Sequence[Instrument],
    underlying: Underlying,
    time: int,
    scenarios: Sequence[Scenario] = (),
) -> Risks:
    """Returns the risks of unexpired calls and puts, and of perps and base, of one market; `time`
    is unix seconds. Raises Malformed as Black-76.
    """
    spot, count = underlying.price / WAD, len(instruments)
    mark, delta, (gamma, vega, theta) = np.full(count, spot), np.ones(count), np.zeros((3, count))
    moves = np.array([s.spot_ppm / PPM * spot for s in scenarios])
    out = Risks(mark, delta, gamma, vega, theta, np.repeat(moves[:, None], count, axis=1))
    is_option = np.array([i.kind in (Kind.CALL, Kind.PUT) for i in instruments], dtype=bool)
    if is_option.any():
        options = [i for i in instruments if i.kind in (Kind.CALL, Kind.PUT)]
        terms = _terms(options, underlying, time)
        for whole, part in zip(out[:5], _greeks(spot, terms), strict=True):
            whole[is_option] = part
        now = out.mark[is_option]
        for row, scenario in enumerate(scenarios):
            out.profits[row, is_option] = _shocked(spot, terms, scenario) - now
    out.profits[:] *= np.array([[s.damp_ppm / PPM] for s in scenarios]).reshape(-1, 1)
    return out


def _terms(options: Sequence[Instrument], underlying: Underlying, time: int) -> _Terms:
    spot, slices = underlying.price / WAD, {}
    rows = []
    for option in options:
        seconds, strike = option.expiry - time, option.strike / WAD
        if seconds not in slices:
            slices[seconds] = slice_at(underlying.surface, seconds)
        found = slices[seconds]
        vol = volatility(found, strike, spot, seconds)
        rows.append((found.present(strike), float(seconds), vol, option.kind is Kind.CALL))
    strikes, seconds_, vols, calls = (np.array(column) for column in zip(*rows, strict=True))
    return _Terms(strikes, seconds_, vols, calls.astype(bool))


def _greeks(spot: float, terms: _Terms) -> tuple[Floats, ...]:
    """Returns mark, delta, gamma, vega and theta at unchanged carry."""
    return black_greeks(spot, terms.strike, terms.seconds / YEAR, terms.vol, terms.is_call)[:5]


def _shocked(spot: float, terms: _Terms, scenario: Scenario) -> Floats:
    moved = spot * (1 + scenario.spot_ppm / PPM)
    vol = _vol(terms, scenario.vol)
    return black_prices(moved, terms.strike, terms.seconds / YEAR, vol, terms.is_call)


def _vol(terms: _Terms, way: int) -> Floats:
    if way == 0:
        return terms.vol
    days = terms.seconds / DAY
    power = np.where(days <= TURN_DAYS, SHORT, LONG)
    much = (TURN_DAYS / np.maximum(days, 1.0)) ** power
    if way > 0:
        return np.maximum(terms.vol * (1 + UP * much), UP_MIN)
    return terms.vol * np.maximum(0.0, 1 - DOWN * much)
