"""What tomorrow's standard deviation will be, said only from the days before it.

HAR-RV on logarithms (Corsi 2009, A Simple Approximate Long-Memory Model of Realized Volatility)
with a term for falls, and exponential means to judge it by. Entry i of every answer is said of day
i and knows days 0..i-1 alone; answers are one longer than the days, the last entry is tomorrow.
"""

from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

from solver.margin.predictive.days import Days, Floats

WINDOW_DAYS = 1_095  # of the regression, which grows to it
REFIT_DAYS = 30
FIRST_FORECAST = 365
WEEK, MONTH = 5, 22  # trading days in the paper; kept, since the weights of all three are fitted
VARIANCE_MIN = 1e-6  # a day that moved a tenth of a percent: below, the logarithm runs away
FALL_UNIT = 0.04  # only a scale, so that the regression is well conditioned
SEED_DAYS = 30


class Weights(NamedTuple):
    """A fitted regression: one coefficient a regressor, and the variance of what it leaves."""

    coefficients: Floats
    residual: float


def deviations(days: Days, weights: Weights | None = None) -> Floats:
    """Returns HAR-RV's standard deviation of each day, NaN before a year of history; with `weights`
    these are used throughout, else they are fitted anew every 30 days."""
    count = len(days.returns)
    rows, logs = _regressors(days)
    found = np.full(count + 1, np.nan)
    for start in _refits(count):
        end = min((start // REFIT_DAYS + 1) * REFIT_DAYS, count + 1)
        used = weights or _fit(rows, logs, start)
        said = rows[start - 1 : end - 1] @ used.coefficients
        found[start:end] = np.exp(0.5 * (said + 0.5 * used.residual))
    return found


def fit(days: Days) -> Weights:
    """Returns the regression over the newest of all days, with which tomorrow is said."""
    rows, logs = _regressors(days)
    return _fit(rows, logs, len(logs))


def exponential(returns: Floats, decay: float) -> Floats:
    """Returns the exponentially weighted standard deviation said of each day (RiskMetrics 1996),
    NaN in the first 30 days, whose variance is its start."""
    found = np.full(len(returns) + 1, np.nan)
    if len(returns) < SEED_DAYS:
        return found
    seed = returns[:SEED_DAYS].var()
    squares = returns[SEED_DAYS:] ** 2
    later = lfilter([1 - decay], [1, -decay], squares, zi=[decay * seed])[0]
    found[SEED_DAYS] = np.sqrt(seed)
    found[SEED_DAYS + 1 :] = np.sqrt(later)
    return found


def _refits(count: int) -> list[int]:
    """Returns the days before which the regression is fitted anew."""
    if count < FIRST_FORECAST:
        return []
    following = range((FIRST_FORECAST // REFIT_DAYS + 1) * REFIT_DAYS, count + 1, REFIT_DAYS)
    return [FIRST_FORECAST, *following]


def _regressors(days: Days) -> tuple[Floats, Floats]:
    """Returns one row a day (1, log RV, its mean over a week and a month, the day's fall) and the
    logarithms themselves."""
    logs = np.log(np.maximum(days.variance, VARIANCE_MIN))
    falls = np.minimum(days.returns, 0) / FALL_UNIT
    means = [_trailing_mean(logs, width) for width in (WEEK, MONTH)]
    return np.column_stack([np.ones(len(logs)), logs, *means, falls]), logs


def _trailing_mean(values: Floats, width: int) -> Floats:
    found = np.full(len(values), np.nan)
    if len(values) >= width:
        found[width - 1 :] = np.lib.stride_tricks.sliding_window_view(values, width).mean(axis=1)
    return found


def _fit(rows: Floats, logs: Floats, day: int) -> Weights:
    """Returns the least-squares fit to the pairs of following days known before `day`."""
    first = max(MONTH, day - WINDOW_DAYS)
    known, told = rows[first : day - 1], logs[first + 1 : day]
    found = np.asarray(np.linalg.lstsq(known, told, rcond=None)[0], np.float64)
    return Weights(found, float(np.var(told - known @ found)))
