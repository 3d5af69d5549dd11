"""The charge of a day again, in plain loops written from the specification alone.

It is given the closes before that day and no others, so it cannot look ahead; numpy, scipy and our
own code have no part in it.
"""

import math

import pytest

from solver.margin.predictive import charges, days_of
from tests.solver.margin.predictive.history import prices

TIMES, CLOSES = prices(760, seed=11)
FOUND = charges(days_of(TIMES, CLOSES))
FIRST_FIT, EVERY, WINDOW = 365, 30, 1_095


@pytest.mark.parametrize("day", [615, 629, 630, 700, 758])
def test_the_charge_is_that_of_plain_loops_over_the_days_before(day):
    """Days count from the second midnight: the first close is of the hour that begins at one."""
    known = [float(close) for close in CLOSES[: 24 * (day + 1)]]
    sigma, model, stress, floor, charge = plainly(known)
    assert FOUND.deviation[day] == pytest.approx(sigma, rel=1e-7)
    assert FOUND.model[day] == pytest.approx(model, rel=1e-7)
    assert FOUND.stress[day] == pytest.approx(stress, rel=1e-12)
    assert FOUND.floor[day] == pytest.approx(floor, rel=1e-12)
    assert FOUND.charge[day] == pytest.approx(charge, rel=1e-7)


def plainly(closes):
    """Returns (sigma, M, ST, FL, C) of the day after the last close."""
    moves, variances = [], []
    for start in range(24, len(closes), 24):
        hours = [math.log(closes[i] / closes[i - 1]) for i in range(start, start + 24)]
        moves.append(sum(hours))
        variances.append(sum(hour * hour for hour in hours))
    today = len(moves)
    logs = [math.log(variance) for variance in variances]
    said = [forecast(logs, moves, day) for day in range(FIRST_FIT, today + 1)]
    ratios = [abs(moves[day]) / said[day - FIRST_FIT] for day in range(FIRST_FIT, today)][-730:]
    model = said[-1] * sorted(ratios)[math.ceil(0.99 * (len(ratios) - 1))]
    most = sorted(range(today), key=lambda day: exponential(moves, day))[-250:]
    stress = quantile([abs(moves[day]) for day in most])
    floor = quantile([abs(move) for move in moves[-3650:]])
    return said[-1], model, stress, floor, min(
        max(0.75 * model + 0.25 * stress, 0.9 * floor), 1.6 * floor
    )  # fmt: skip


def forecast(logs, moves, day):
    """HAR-RV of `day`, by the regression that was last fitted no later than that day."""
    fitted = FIRST_FIT if day // EVERY * EVERY < FIRST_FIT else day // EVERY * EVERY
    weights, residual = fit(logs, moves, fitted)
    mean = sum(w * x for w, x in zip(weights, row(logs, moves, day - 1), strict=True))
    return math.exp(0.5 * (mean + 0.5 * residual))


def row(logs, moves, day):
    week, month = logs[day - 4 : day + 1], logs[day - 21 : day + 1]
    return [1.0, logs[day], sum(week) / 5, sum(month) / 22, min(moves[day], 0.0) / 0.04]


FITS: dict[tuple[int, float], tuple[list[float], float]] = {}


def fit(logs, moves, day):
    """Least squares by normal equations and Gaussian elimination, over days before `day`."""
    key = (day, sum(logs[:day]))
    if key in FITS:
        return FITS[key]
    pairs = [(row(logs, moves, i), logs[i + 1]) for i in range(max(22, day - WINDOW), day - 1)]
    table = [
        [sum(x[i] * x[j] for x, _ in pairs) for j in range(5)] + [sum(x[i] * y for x, y in pairs)]
        for i in range(5)
    ]
    for i in range(5):
        pivot = max(range(i, 5), key=lambda k: abs(table[k][i]))
        table[i], table[pivot] = table[pivot], table[i]
        for k in range(5):
            if k != i:
                share = table[k][i] / table[i][i]
                table[k] = [a - share * b for a, b in zip(table[k], table[i], strict=True)]
    weights = [table[i][5] / table[i][i] for i in range(5)]
    left = [y - sum(w * v for w, v in zip(weights, x, strict=True)) for x, y in pairs]
    mean = sum(left) / len(left)
    FITS[key] = weights, sum((one - mean) ** 2 for one in left) / len(left)
    return FITS[key]


def exponential(moves, day):
    """EWMA(.94) variance said of `day`; its start is the first thirty days', which it knows none
    of."""
    if day < 30:
        return 0.0
    mean = sum(moves[:30]) / 30
    variance = sum((move - mean) ** 2 for move in moves[:30]) / 30
    for move in moves[30:day]:
        variance = 0.94 * variance + 0.06 * move * move
    return variance


def quantile(values):
    """99 %, linear between two observations."""
    place = 0.99 * (len(values) - 1)
    low = int(place)
    ordered = sorted(values)
    return ordered[low] + (place - low) * (ordered[low + 1] - ordered[low])
