"""American calls and puts in a flat world, from the integral equation of their exercise boundary.

L. Andersen, M. Lake, D. Offengenden, "High-performance American option pricing", J. Computational
Finance 20 (2016): the boundary is a Chebyshev polynomial of sqrt(time left) in ln(B / X)^2, found
by iterating B(t) = K e^{-(r - q) t} N(t, B) / D(t, B); the early exercise premium is one integral
over it (I. Kim, "The analytic valuation of American options", Review of Financial Studies 3
(1990)). A call is a put with spot and strike, rate and dividend exchanged (R. McDonald, M.
Schroder, "A parity result for American options", J. Computational Finance 1 (1998)).
"""

import math

import numpy as np
from numpy.polynomial import chebyshev
from scipy.special import ndtr

from solver.domain.errors import Malformed
from solver.pricing.exotics.flat import Flat, require, vanilla
from solver.pricing.exotics.sampling import Floats

NODES = 16  # of the boundary, besides expiry
POINTS = 32  # of each integral
PREMIUM_POINTS = 64
ITERATIONS_MAX = 100
SLOPE_MAX = 20.0
WAITING_MIN = 1e-12  # of the strike: all that exercise can gain
CONVERGED = 1e-10  # of the boundary, relative
GRID = 1_201  # of a Bermudan option's log-price, odd: the spot is in the middle
EDGE_DEVIATIONS = 8.0


def _rule(points: int) -> tuple[Floats, Floats]:
    """Returns shares u / t and weights of an integral over u in (0, t) by u = t sin^2: smooth in
    both sqrt(u), of which the boundary is a polynomial, and sqrt(t - u), by which d goes."""
    y, weights = np.polynomial.legendre.leggauss(points)
    angles = np.pi / 4 * (1 + y)
    return np.sin(angles) ** 2, weights * np.pi / 4 * np.sin(2 * angles)


_SHARES, _WEIGHTS = _rule(POINTS)
_ANGLES = np.cos(np.pi * np.arange(NODES + 1) / NODES)


def american(flat: Flat) -> float:
    """Returns the value of an American option, settlement units.

    Raises Malformed for rates so negative that exercise has two boundaries.
    """
    require(flat)
    if flat.strike == 0:
        return max(flat.spot, vanilla(flat)) if flat.is_call else 0.0
    put = _as_put(flat)
    european = vanilla(flat)
    if put.rate * put.years <= WAITING_MIN:
        if put.dividend < min(put.rate, 0.0):
            raise Malformed("exercise has two boundaries at these rates", field="rate")
        return european  # waiting costs nothing
    premium = _premium(put, boundary(put))
    return max(european + premium, put.strike - put.spot, european)


def bermudan(flat: Flat, dates: int) -> float:
    """Returns the option that can be exercised at `dates` evenly spaced times, the last at expiry.

    Backward induction with the lognormal transition as a matrix: exact but for the quadrature,
    whose error falls with the square of the grid. Raises Malformed.
    """
    require(flat)
    if dates < 1:
        raise Malformed("an option can be exercised at least once", field="dates")
    step = flat.years / dates
    deviation = flat.vol * math.sqrt(step)
    drift = (flat.carry - flat.vol**2 / 2) * step
    edge = EDGE_DEVIATIONS * flat.deviation + abs(drift) * dates
    moves = np.linspace(-edge, edge, GRID)
    width = float(moves[1] - moves[0])
    intrinsic = np.maximum(flat.sign * (flat.spot * np.exp(moves) - flat.strike), 0.0)
    z = (moves[None, :] - moves[:, None] - drift) / deviation
    kernel = np.exp(-0.5 * z * z)
    kernel *= math.exp(-flat.rate * step) * width / (deviation * math.sqrt(2 * math.pi))
    value = intrinsic
    for left in range(dates):
        value = kernel @ value
        if left < dates - 1:
            value = np.maximum(value, intrinsic)
    return float(value[GRID // 2])


def boundary(put: Flat) -> Floats:
    """Returns the Chebyshev coefficients of ln(B / X)^2 in 2 sqrt(t / T) - 1, where a put is
    exercised at or below B with t years left and X is B at expiry."""
    roots = math.sqrt(put.years) * (1 + _ANGLES) / 2  # sqrt(t), falling to 0
    left = roots[:-1] ** 2
    top = _top(put)
    guess = top * np.exp(-_slope(put) * np.tanh(roots[:-1] * put.vol))
    for _ in range(ITERATIONS_MAX):
        coefficients = _fitted(guess, top)
        found = _iterated(put, left, guess, coefficients)
        moved = float(np.abs(found / guess - 1).max())
        guess = found
        if moved <= CONVERGED:
            break
    return _fitted(guess, top)


def _as_put(flat: Flat) -> Flat:
    if not flat.is_call:
        return flat
    return flat._replace(
        is_call=False,
        spot=flat.strike,
        strike=flat.spot,
        rate=flat.dividend,
        dividend=flat.rate,
    )


def _top(put: Flat) -> float:
    """Returns the boundary at expiry, K min(1, r / q)."""
    return put.strike * min(1.0, put.rate / put.dividend if put.dividend > 0 else 1.0)


def _slope(put: Flat) -> float:
    """Returns how far, in logarithms, the boundary of an option without end lies below X."""
    square = put.vol**2
    half, product = put.carry / square - 0.5, 2 * put.rate / square
    width = math.sqrt(half**2 + product)
    root = -half - width if half > 0 else -product / (width - half)
    slope = math.log1p(-1 / root) + math.log(_top(put) / put.strike)
    return min(max(slope, 1e-3), SLOPE_MAX)


def _fitted(values: Floats, top: float) -> Floats:
    """Returns coefficients through the nodes; at expiry the boundary is X."""
    squares = np.append(np.log(np.minimum(values, top) / top) ** 2, 0.0)
    halved = np.ones(NODES + 1)
    halved[[0, -1]] = 0.5
    basis = np.cos(np.pi * np.outer(np.arange(NODES + 1), np.arange(NODES + 1)) / NODES)
    out: Floats = 2 / NODES * halved * (basis @ (halved * squares))
    return out


def _read(put: Flat, coefficients: Floats, left: Floats) -> Floats:
    """Returns the boundary with `left` years to go."""
    z = 2 * np.sqrt(left / put.years) - 1
    squares = np.maximum(chebyshev.chebval(z, coefficients), 0.0)
    out: Floats = _top(put) * np.exp(-np.sqrt(squares))
    return out


def _iterated(put: Flat, left: Floats, guess: Floats, coefficients: Floats) -> Floats:
    """Returns K e^{-(r - q) t} N / D at the nodes (their equations 3.7 to 3.9, system B)."""
    earlier, weights = left[:, None] * _SHARES, left[:, None] * _WEIGHTS
    waits = left[:, None] - earlier
    ratio = guess[:, None] / _read(put, coefficients, earlier)
    high, low = _d(put, waits, ratio)
    top, bottom = _d(put, left, guess / put.strike)
    rate, dividend = put.rate, put.dividend
    cash = ndtr(bottom) + rate * (weights * np.exp(rate * earlier) * ndtr(low)).sum(axis=1)
    stock = ndtr(top) + dividend * (weights * np.exp(dividend * earlier) * ndtr(high)).sum(axis=1)
    out: Floats = put.strike * np.exp(-put.carry * left) * cash / stock
    return np.clip(out, 1e-12 * put.strike, _top(put))


def _premium(put: Flat, coefficients: Floats) -> float:
    """Returns the value of being able to exercise: interest gained less dividends lost below B."""
    shares, weights = _rule(PREMIUM_POINTS)
    earlier, weights = put.years * shares, put.years * weights
    waits = put.years - earlier
    high, low = _d(put, waits, put.spot / _read(put, coefficients, earlier))
    cash = put.rate * put.strike * np.exp(-put.rate * waits) * ndtr(-low)
    stock = put.dividend * put.spot * np.exp(-put.dividend * waits) * ndtr(-high)
    return float((weights * (cash - stock)).sum())


def _d(put: Flat, years: Floats, ratio: Floats) -> tuple[Floats, Floats]:
    deviation = put.vol * np.sqrt(years)
    high = (np.log(ratio) + put.carry * years) / deviation + deviation / 2
    return high, high - deviation
