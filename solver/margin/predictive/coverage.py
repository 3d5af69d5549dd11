"""Whether a charge covered what came, and how roughly it moved: the acceptance of RISK 2.5.

Coverage by Kupiec (1995, Techniques for Verifying the Accuracy of Risk Measurement Models),
independence by Christoffersen (1998, Evaluating Interval Forecasts), procyclicality as ESMA
measures it: peak to trough and the largest rise in five days.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtr, ndtri, xlogy

from solver.margin.predictive.charge import charges
from solver.margin.predictive.days import HOURS, Days, Floats
from solver.margin.predictive.variance import Weights

BREACH_RATE = 0.01
P_MIN = 0.05
COVERAGE_MIN = 0.99
PEAK_TO_TROUGH_MAX = 2.3
RISE_DAYS, RISE_MAX = 5, 0.80
MEAN_MAX = 1.25  # of plain filtered simulation
OVERSHOOT_MAX = 0.25
DIP_MAX = 0.02  # of a rise that must be monotone: what sixteen paths leave of their noise
STEP_FACTOR, STEP_DEVIATION = 3, 0.03
STEP_BEFORE, STEP_AFTER, STEP_PATHS = 1_100, 360, 16
STEP_CALM = 100  # days before the step whose mean is the old level
GOLDEN = (math.sqrt(5) - 1) / 2


class Kupiec(NamedTuple):
    """Likelihood ratio against a breach rate of 1 %; p of "other than", and of "more than"."""

    ratio: float
    p_two_sided: float
    p_one_sided: float


class Check(NamedTuple):
    """One line of the acceptance table: what was found, and whether it is `relation` `bound`."""

    name: str
    value: float
    relation: str  # ">=" or "<="
    bound: float

    @property
    def passed(self) -> bool:
        """False for a value that is not a number, too."""
        return self.value >= self.bound if self.relation == ">=" else self.value <= self.bound


class Coverage(NamedTuple):
    """The checks over the days judged, and how many there were, with how many breaches."""

    checks: tuple[Check, ...]
    days: int
    breaches: int

    @property
    def passed(self) -> bool:
        """True when every check passed."""
        return all(check.passed for check in self.checks)


def judge(returns: Floats, charge: Floats, plain: Floats) -> Coverage:
    """Returns the table for days whose `charge`, and that of the `plain` model, stood before."""
    breached = np.abs(returns) > charge
    days, breaches = len(breached), int(breached.sum())
    rises = charge[RISE_DAYS:] / charge[:-RISE_DAYS] - 1
    checks = (
        Check("coverage", 1 - breaches / days, ">=", COVERAGE_MIN),
        Check("Kupiec p, one-sided", kupiec(days, breaches).p_one_sided, ">=", P_MIN),
        Check("Christoffersen p", independence(breached), ">=", P_MIN),
        Check("peak to trough", float(charge.max() / charge.min()), "<=", PEAK_TO_TROUGH_MAX),
        Check("largest 5-day rise", float(rises.max()), "<=", RISE_MAX),
        Check("mean over FHS-EWMA", float(charge.mean() / plain.mean()), "<=", MEAN_MAX),
    )
    return Coverage(checks, days, breaches)


def kupiec(days: int, breaches: int, rate: float = BREACH_RATE) -> Kupiec:
    """Returns the test of unconditional coverage: chi-squared with one degree of freedom, and
    one-sided by the signed root, which is small only for too many breaches."""
    ratio = max(
        0.0,
        2
        * (
            _log_likelihood(days, breaches, breaches / days) - _log_likelihood(days, breaches, rate)
        ),
    )
    root = math.copysign(math.sqrt(ratio), breaches / days - rate)
    return Kupiec(ratio, float(chdtrc(1, ratio)), float(ndtr(-root)))


def independence(breached: NDArray[np.bool_]) -> float:
    """Returns p of "a breach says nothing of the next day": a Markov chain against none."""
    before, after = breached[:-1], breached[1:]
    calm, hit = int((~before).sum()), int(before.sum())
    after_calm, after_hit = int((~before & after).sum()), int((before & after).sum())
    apart = _log_likelihood(calm, after_calm, after_calm / max(calm, 1))
    apart += _log_likelihood(hit, after_hit, after_hit / max(hit, 1))
    count = calm + hit
    together = _log_likelihood(count, after_calm + after_hit, (after_calm + after_hit) / count)
    return float(chdtrc(1, max(0.0, 2 * (apart - together))))


def step_response(weights: Weights) -> Floats:
    """Returns the charge in units of its old level, from the day volatility trebles on, where the
    forecast is made with a market's own `weights`.

    The mean of sixteen paths without luck: each day's variance is exactly what it should be, and
    returns run through the normal quantiles in golden order. A charge that had always known the new
    volatility would stand at 3 (Gurrola-Perez & Murphy 2015 judge filtered simulation so).
    """
    day = np.arange(STEP_BEFORE + STEP_AFTER)
    sigma = np.where(day < STEP_BEFORE, STEP_DEVIATION, STEP_FACTOR * STEP_DEVIATION)
    paths = []
    for shift in range(STEP_PATHS):
        normal = ndtri((day * GOLDEN + (shift + 0.5) / STEP_PATHS) % 1)
        hourly = np.zeros((len(day), HOURS))
        path = Days(day, sigma * normal, sigma**2, hourly)
        paths.append(charges(path, weights, STEP_BEFORE - STEP_CALM).charge)
    mean = np.mean(paths, axis=0)
    old = mean[STEP_BEFORE - STEP_CALM : STEP_BEFORE].mean()
    found: Floats = mean[STEP_BEFORE:] / old
    return found


def judge_step(response: Floats) -> tuple[Check, Check]:
    """Returns whether the response overshoots the new level, and falls back on its way there."""
    highest = np.maximum.accumulate(response)
    arrival = int(np.argmax(response >= 0.95 * STEP_FACTOR)) or len(response)
    dip = float((1 - response / highest)[:arrival].max())
    return (
        Check("step x3: overshoot", float(highest[-1] / STEP_FACTOR - 1), "<=", OVERSHOOT_MAX),
        Check("step x3: dip on the way", dip, "<=", DIP_MAX),
    )


def _log_likelihood(days: int, breaches: int, rate: float) -> float:
    return float(xlogy(breaches, rate) + xlogy(days - breaches, 1 - rate))
