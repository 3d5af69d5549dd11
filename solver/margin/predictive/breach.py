"""How likely a market is to leave a span of prices within hours: filtered historical simulation.

Where an account breaches on either side is found on its own curve (solver.margin.health.breach).
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from solver.domain.numbers import PPM
from solver.domain.risk import MarketRisk
from solver.margin.predictive.days import HOURS, Days, Floats

# Where the distribution of an hour's move is kept, ppm of probability: dense where accounts end.
LEVELS = (
    500, 1_000, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 50_000, 100_000,
    200_000, 350_000, 500_000, 650_000, 800_000, 900_000, 950_000, 970_000, 980_000, 985_000,
    990_000, 992_500, 995_000, 997_000, 998_000, 999_000, 999_500,
)  # fmt: skip
# Student's t with 3 degrees of freedom and unit variance: what is believed before anything is fit.
DEGREES = 3
UNKNOWN = tuple(
    round(PPM * float(q)) for q in stdtrit(DEGREES, np.array(LEVELS) / PPM) / math.sqrt(DEGREES)
)
RESIDUAL_DAYS = 730


class Span(NamedTuple):
    """The relative moves at which an account breaches: `low` in [-1, 0], `high` 0 or more; -1 and
    infinity where there is none. Both 0 when it has breached already."""

    low: float
    high: float


def breach_probability(where: Span, risk: MarketRisk, hours: float) -> float:
    """Returns the probability of leaving the span within `hours`, at its end: an hour's filtered
    moves scaled by the square root of time."""
    if where.low >= 0 or where.high <= 0:
        return 1.0
    unit = risk.daily / PPM * math.sqrt(hours / HOURS)
    falls = _below(math.log1p(where.low) / unit, risk) if where.low > -1 else 0.0
    rises = 1 - _below(math.log1p(where.high) / unit, risk) if where.high < math.inf else 0.0
    return min(1.0, falls + rises)


def tails_of(days: Days, deviation: Floats) -> tuple[int, ...]:
    """Returns the quantiles at LEVELS of an hour's move over its forecast, ppm: hours of the last
    730 days, each in units of that day's forecast over the root of 24."""
    ratios = days.hourly / (deviation[:-1, None] / math.sqrt(HOURS))
    kept = ratios[-RESIDUAL_DAYS:]
    kept = kept[np.isfinite(kept)]
    if len(kept) < HOURS * RESIDUAL_DAYS // 2:
        return ()
    found = np.quantile(kept, np.array(LEVELS) / PPM)
    return tuple(round(PPM * float(value)) for value in found)


def _below(ratio: float, risk: MarketRisk) -> float:
    """Returns the probability of a move below `ratio` forecasts; beyond the last level, half."""
    points = [value / PPM for value in (risk.tails or UNKNOWN)]
    levels = [level / PPM for level in LEVELS]
    if ratio < points[0]:
        return levels[0] / 2
    if ratio > points[-1]:
        return 1 - (1 - levels[-1]) / 2
    return float(np.interp(ratio, points, levels))
