"""Hourly prices whose volatility clusters, made from a seed: what the predictive tests learn on."""

import numpy as np

from solver.margin.predictive import Days, days_of

START = 17_396 * 86_400


def prices(count: int = 900, seed: int = 7):
    """Returns unix seconds and closes of `count` days: log volatility is an AR(1) of days."""
    random = np.random.default_rng(seed)
    level, levels = 0.0, []
    for shock in random.normal(0, 0.35, count):
        level = 0.9 * level + shock
        levels.append(level)
    sigma = 0.03 / np.sqrt(24) * np.exp(np.repeat(levels, 24))
    moves = sigma * random.standard_t(5, 24 * count) / np.sqrt(5 / 3)
    times = START + 3_600 * np.arange(24 * count + 1)
    return times, 4_000 * np.exp(np.concatenate([[0.0], np.cumsum(moves)]))


def days(count: int = 900, seed: int = 7) -> Days:
    """Returns the days of `prices`."""
    return days_of(*prices(count, seed))


def scaled(known: Days, factors) -> Days:
    """Returns the days with each one's moves multiplied."""
    factors = np.broadcast_to(factors, known.returns.shape)
    return Days(
        known.number,
        known.returns * factors,
        known.variance * factors**2,
        known.hourly * factors[:, None],
    )
