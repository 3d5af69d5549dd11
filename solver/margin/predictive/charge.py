"""One day's move that a margin must cover, with what keeps it from being procyclical.

C = min(max(.75 M + .25 ST, .9 FL), 1.6 FL). M is filtered historical simulation (Barone-Adesi,
Giannopoulos & Vosper 1999): the forecast deviation times the 99 % quantile of what past days were
of theirs. ST is the stress weight and FL the ten-year floor of EMIR RTS 153/2013, article 28(1)(b)
and (c). The cap at 1.6 FL is ours: a day beyond it is not covered, and the accounts say so.
"""

from typing import NamedTuple

import numpy as np

from solver.margin.predictive.days import Days, Floats
from solver.margin.predictive.variance import Weights, deviations, exponential

LEVEL = 0.99
FILTERED_DAYS, FILTERED_DAYS_MIN = 730, 250
STRESS_DAYS, STRESS_DECAY = 250, 0.94
FLOOR_DAYS = 3_650
MODEL_SHARE, STRESS_SHARE = 0.75, 0.25
FLOOR_SHARE, CAP_SHARE = 0.9, 1.6
FIRST_CHARGE = 500  # days of history
PEER_DECAY = 0.97  # of the plain filtered simulation that ours is compared with


class Charges(NamedTuple):
    """What was said of each day from the days before it; one longer than the days, the last entry
    is tomorrow, NaN while history is short. All are one-day log moves."""

    deviation: Floats  # HAR-RV
    model: Floats  # M
    stress: Floats  # ST
    floor: Floats  # FL
    charge: Floats  # C


def charges(days: Days, weights: Weights | None = None, begin: int = FIRST_CHARGE) -> Charges:
    """Returns the walk-forward charges of a market, or of its implied volatility, from day `begin`
    on; with `weights` the forecast is made by them throughout."""
    sigma = deviations(days, weights)
    sizes = np.abs(days.returns)
    model = filtered(sizes, sigma, begin)
    stress = _stress(sizes, exponential(days.returns, STRESS_DECAY), begin)
    floor = _floor(sizes, begin)
    weighed = MODEL_SHARE * model + STRESS_SHARE * stress
    charge = np.minimum(np.maximum(weighed, FLOOR_SHARE * floor), CAP_SHARE * floor)
    return Charges(sigma, model, stress, floor, charge)


def peer(days: Days) -> Floats:
    """Returns filtered simulation over an exponential mean: what a plain model would charge."""
    return filtered(np.abs(days.returns), exponential(days.returns, PEER_DECAY))


def filtered(sizes: Floats, sigma: Floats, begin: int = FIRST_CHARGE) -> Floats:
    """Returns sigma times the 99 % quantile, no less than an observed one, of the last 730
    |r| / sigma; NaN until 250 of them are known."""
    found = np.full(len(sigma), np.nan)
    first = int(np.argmax(np.isfinite(sigma)))
    if not np.isfinite(sigma[first]):
        return found
    ratios = sizes / np.maximum(sigma[:-1], np.finfo(float).tiny)
    for day in range(max(begin, first + FILTERED_DAYS_MIN), len(sigma)):
        window = ratios[max(first, day - FILTERED_DAYS) : day]
        rank = int(np.ceil(LEVEL * (len(window) - 1)))
        found[day] = sigma[day] * np.partition(window, rank)[rank]
    return found


def _stress(sizes: Floats, trailing: Floats, begin: int) -> Floats:
    """Returns the 99 % quantile of |r| over the 250 days of which most was expected so far."""
    found = np.full(len(sizes) + 1, np.nan)
    expected = np.nan_to_num(trailing, nan=0.0)
    for day in range(begin, len(found)):
        most = np.argpartition(-expected[:day], STRESS_DAYS - 1)[:STRESS_DAYS]
        found[day] = _quantile(sizes[most])
    return found


def _floor(sizes: Floats, begin: int) -> Floats:
    """Returns the 99 % quantile of |r| over up to ten years."""
    found = np.full(len(sizes) + 1, np.nan)
    for day in range(begin, len(found)):
        found[day] = _quantile(sizes[max(0, day - FLOOR_DAYS) : day])
    return found


def _quantile(values: Floats) -> float:
    """Returns the 99 % quantile, linear between two observations."""
    place = LEVEL * (len(values) - 1)
    low = int(place)
    ordered = np.partition(values, (low, low + 1))
    return float(ordered[low] + (place - low) * (ordered[low + 1] - ordered[low]))
