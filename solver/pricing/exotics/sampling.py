"""Randomised quasi-Monte Carlo: means over scrambled Sobol points, with an error that is measured.

Every randomisation is an unbiased estimate (A. Owen, "Randomly permuted (t,m,s)-nets and
(t,s)-sequences", MCQMC (1995)), so the spread of 16 of them is a standard error. The same seed
gives the same points on every machine; work is capped by points, never by time.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

Floats = NDArray[np.float64]
Integrand = Callable[[Floats], Floats]  # normals (paths x dimension) -> value of each path

RANDOMISATIONS = 16
FIRST_POWER = 8  # points of one randomisation before the first look at the error, as a power of two
POINTS_MAX = 2**22  # of all randomisations together
CELLS_MAX = 2**22  # normals held at once
CACHED_DIMENSION = 8  # whose first points are kept: marks ask for the same ones again and again

_HALF_STEP = 2.0**-31  # Sobol points are multiples of 2**-30: none may become an infinite normal


class Estimate(NamedTuple):
    """A mean, its standard error and how many points it took over all randomisations."""

    value: float
    error: float
    points: int


class Effort(NamedTuple):
    """When to stop: at a standard error of `accuracy`, or else before more than `points` points."""

    accuracy: float
    points: int = POINTS_MAX


def accuracy(notional: float, spread: float = 0.0) -> float:
    """Returns the standard error a price needs: max(1e-4 of the notional, a 20th of the spread)."""
    return max(1e-4 * notional, spread / 20)


def estimate(integrand: Integrand, dimension: int, effort: Effort, seed: int) -> Estimate:
    """Returns the mean over the unit normals of `dimension`, points doubled until `effort` is done.

    At least one round of 16 x 256 points is drawn, unless `effort.points` allows fewer.
    """
    first = max(min(effort.points // RANDOMISATIONS, 2**FIRST_POWER), 1)
    first = 1 << first.bit_length() - 1
    sums, drawn, count = np.zeros(RANDOMISATIONS), 0, first
    while True:
        sums += _sums(integrand, dimension, (drawn, count), seed)
        drawn += count
        means = sums / drawn
        error = float(means.std(ddof=1)) / math.sqrt(RANDOMISATIONS)
        is_exhausted = 2 * drawn * RANDOMISATIONS > effort.points
        if error <= effort.accuracy or is_exhausted:
            return Estimate(float(means.mean()), error, drawn * RANDOMISATIONS)
        count = drawn


def normals(dimension: int, start: int, count: int, seed: int) -> Floats:
    """Returns points start .. start + count of every randomisation as unit normals
    (16 x count x dimension)."""
    if start == 0 and dimension <= CACHED_DIMENSION and count <= 2**FIRST_POWER:
        return _first(dimension, count, seed)
    parts = [_draw(dimension, (start, count), (seed, which)) for which in range(RANDOMISATIONS)]
    return np.stack(parts)


def principal(variances: Floats) -> Floats:
    """Returns the matrix that takes unit normals to a Brownian motion seen at rising `variances`,
    the direction of largest variance first: what Sobol points cover best.

    Source: P. Acworth, M. Broadie, P. Glasserman, "A comparison of some Monte Carlo and quasi
    Monte Carlo techniques for option pricing", MCQMC (1996).
    """
    weights, vectors = np.linalg.eigh(np.minimum.outer(variances, variances))
    signs = np.where(vectors[0] < 0, -1.0, 1.0)  # else they would be the library's choice
    out: Floats = (vectors * signs * np.sqrt(np.maximum(weights, 0.0)))[:, ::-1]
    return out


def _sums(integrand: Integrand, dimension: int, block: tuple[int, int], seed: int) -> Floats:
    """Returns the sum of the integrand over one block of points, by randomisation."""
    start, count = block
    if RANDOMISATIONS * count * dimension <= CELLS_MAX:
        points = normals(dimension, start, count, seed)
        values = integrand(points.reshape(-1, dimension))
        out: Floats = values.reshape(RANDOMISATIONS, count).sum(axis=1)
        return out
    step = 1 << max(CELLS_MAX // dimension, 1).bit_length() - 1
    out = np.zeros(RANDOMISATIONS)
    for which in range(RANDOMISATIONS):
        for begin in range(start, start + count, step):
            size = min(step, start + count - begin)
            part = _draw(dimension, (begin, size), (seed, which))
            out[which] += integrand(part).sum()
    return out


@lru_cache(maxsize=64)
def _first(dimension: int, count: int, seed: int) -> Floats:
    parts = [_draw(dimension, (0, count), (seed, which)) for which in range(RANDOMISATIONS)]
    out = np.stack(parts)
    out.setflags(write=False)
    return out


def _draw(dimension: int, block: tuple[int, int], seed: tuple[int, int]) -> Floats:
    start, count = block
    sobol = qmc.Sobol(dimension, scramble=True, rng=np.random.default_rng(seed))
    if start:
        sobol.fast_forward(start)
    out: Floats = ndtri(sobol.random(count) + _HALF_STEP)
    return out
