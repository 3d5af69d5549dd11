"""Minutes out of recorded candles: every high and low is met, what lies between is drawn.

A falling candle goes open, high, low, close, a rising one open, low, high, close, on straight lines
of the logarithm, with a bridge of noise on each that leaves the four prices where they were.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.errors import Infeasible

Floats = NDArray[np.float64]

TICK_SECONDS = 60
NOISE = 2e-4  # of a minute, beyond what a candle tells


class Candles(NamedTuple):
    """One market's: unix seconds of each open, the seconds that each covers, and its prices, one
    row a candle: open, high, low, close."""

    symbol: str
    times: NDArray[np.int64]
    seconds: int
    prices: Floats


def path_of(candles: Candles, begin: int, end: int, seed: int) -> Floats:
    """Returns the price at every tick of [begin, end), unix seconds.

    Raises Infeasible `windowNotCovered` where a candle of the window is missing.
    """
    inside = (candles.times >= begin) & (candles.times < end)
    times, rows = candles.times[inside], candles.prices[inside]
    wanted = np.arange(begin, end, candles.seconds)
    if not np.array_equal(times, wanted):
        detail = f"{candles.symbol}: {len(times)} of {len(wanted)} candles of the window are there"
        raise Infeasible(detail, code="windowNotCovered")
    rng = np.random.default_rng(seed)
    return np.concatenate([_candle(row, candles.seconds, rng) for row in rows])


def flat(price: float, ticks: int, seed: int) -> Floats:
    """Returns a path that begins and stays at a price, but for a tenth of a basis point."""
    noise = 1e-5 * np.random.default_rng(seed).standard_normal(ticks)
    noise[:1] = 0.0
    return price * (1 + noise)


def _candle(row: Floats, seconds: int, rng: np.random.Generator) -> Floats:
    """Returns one candle's ticks: its two extremes stand where a third and two thirds are over."""
    first, high, low, last = (math.log(price) for price in row)
    count = seconds // TICK_SECONDS
    turns = [0, count // 3, 2 * count // 3, count]
    knots = [first, high, low, last] if last < first else [first, low, high, last]
    line = np.interp(np.arange(count), turns, knots)
    for begin, end in pairwise(turns):
        steps = np.cumsum(rng.normal(0.0, NOISE, end - begin))
        inner = np.arange(end - begin) / (end - begin)
        line[begin:end] += (steps - inner * steps[-1]) * np.sin(math.pi * inner)
    out: Floats = np.exp(np.clip(line, min(knots), max(knots)))
    return out
