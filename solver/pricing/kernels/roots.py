"""The inverse of Black-76 for many options in numpy: `inverse.volatility` over whole arrays.

All options take their steps together, and those that have arrived leave.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import erfcx

from solver.pricing.kernels import inverse
from solver.pricing.kernels.formula import DENSITY_MAX, DEVIATION_MAX, PRICE_MIN
from solver.pricing.kernels.inverse import (
    FLAT,
    LAST_STEP,
    MILLS_AT_0,
    PULL_MIN,
    SERIES_MAX,
    STEPS_MAX,
)
from solver.pricing.kernels.vectors import Floats, log_ratio

Step = Callable[[Floats, Any], tuple[Floats, Floats, Floats]]


def volatilities(columns: Floats, out: Floats) -> None:
    """Sets `out` to volatilities, or to minus the reason why there is none; the rows of `columns`
    are price, forward, strike, years, discount and sign."""
    worth, F, K, T, D, sign = columns
    price = worth / D
    floor = np.maximum(sign * (F - K), 0.0)
    value = price - floor
    out[:] = np.where((value <= 0) & (value < -inverse.SLACK * floor), -inverse.BELOW, 0.0)
    out[price >= np.where(sign > 0, F, K)] = -inverse.ABOVE
    is_senseless = ~((T > 0) & (np.minimum(F, K) >= PRICE_MIN))
    out[is_senseless] = -inverse.SENSELESS
    at = np.flatnonzero((out == 0) & (value > 0))
    if at.size:
        out[at] = deviations(value[at], F[at], K[at]) / np.sqrt(T[at])


def deviations(value: Floats, F: Floats, K: Floats) -> Floats:
    """Returns sigma sqrt(T) of out-of-the-money values above 0."""
    x, scale = -np.abs(log_ratio(F, K)), np.sqrt(F * K)
    top, turn = np.minimum(F, K) / scale, np.sqrt(-2.0 * x)
    ratio, steepest = _ratio(-0.5 * turn, 0.5 * turn), DENSITY_MAX * top
    beta = value / scale
    is_low = beta < steepest * ratio
    out = np.full(value.shape, DEVIATION_MAX)
    at = np.flatnonzero(is_low)
    if at.size:
        target = np.log(value[at]) - np.log(scale[at])
        share = _start(target - np.log((steepest * ratio)[at]), x[at], turn[at] / ratio[at])
        start = turn[at] * share
        out[at] = _solved(_lower, start, turn[at], (x[at], target))
    is_flat = (x == 0) & (beta < FLAT)
    out[is_flat] = beta[is_flat] / DENSITY_MAX
    at = np.flatnonzero(~is_low & ~is_flat & (beta < top))
    if at.size:
        start = turn[at] + (beta - steepest * ratio)[at] / steepest[at]
        start = np.minimum(start, 0.5 * DEVIATION_MAX)
        high = np.full(at.size, DEVIATION_MAX)
        out[at] = _solved(_upper, start, high, (x[at], beta[at], top[at]))
    return out


def _start(below: Floats, x: Floats, pull: Floats) -> Floats:
    a, p = -0.25 * x, np.maximum(pull + 0.5 * x, PULL_MIN)
    w = np.maximum(-0.5 * np.log(1.0 - below / a), below / p)
    for _ in range(2):
        spread = a * np.exp(-2.0 * w)
        w -= (a - spread + p * w - below) / (2.0 * spread + p)
    out: Floats = np.exp(w)
    return out


def _solved(step_of: Step, s: Floats, high: Floats, terms: tuple[Floats, ...]) -> Floats:
    """Returns the roots, from starts and upper ends of their brackets."""
    out, low, open_ = s.copy(), np.zeros(s.shape), np.arange(s.size)
    for _ in range(STEPS_MAX):
        newton, second, third = step_of(s, terms)
        low, high = np.where(newton > 0, s, low), np.where(newton > 0, high, s)
        below = 1 + newton * (second + newton * third / 6)
        is_good = below > 0.1
        factor = np.where(is_good, (1 + 0.5 * newton * second) / np.where(is_good, below, 1), 1.0)
        then = s + newton * factor
        then = np.where((low <= then) & (then <= high), then, 0.5 * (low + high))
        out[open_] = then
        left = np.abs(then - s) > LAST_STEP * then
        if not left.any():
            break
        open_, s, low, high = open_[left], then[left], low[left], high[left]
        terms = tuple(term[left] for term in terms)
    return out


def _lower(s: Floats, terms: Any) -> tuple[Floats, Floats, Floats]:
    x, target = terms
    h, t = x / s, 0.5 * s
    ratio = _ratio(h, t)
    miss = np.log(DENSITY_MAX * ratio) - 0.5 * (h * h + t * t) - target
    slant = h * h / s - 0.5 * t
    third = _bend(slant, h / s) + (2 / ratio - 3 * slant) / ratio
    return -miss * ratio, slant - 1 / ratio, third


def _upper(s: Floats, terms: Any) -> tuple[Floats, Floats, Floats]:
    x, beta, top = terms
    h, t = x / s, 0.5 * s
    slope = DENSITY_MAX * np.exp(-0.5 * (h * h + t * t))
    slant = h * h / s - 0.5 * t
    bend = _bend(slant, h / s)
    missing = _mills(np.abs(h + t)) + _mills(t - h)
    newton = (beta - top) / slope + missing
    is_small = t < SERIES_MAX
    newton[is_small] = (beta / slope)[is_small] - _series(h[is_small], t[is_small])
    is_near_top = ~is_small & (beta > 0.5 * top)
    left = np.where(is_near_top, top - beta, 1.0)
    logged = missing * np.log(np.where(is_near_top, slope * missing / left, 1.0))
    newton = np.where(is_near_top, logged, newton)
    third = bend + np.where(is_near_top, (2 / missing + 3 * slant) / missing, 0.0)
    return newton, slant + np.where(is_near_top, 1 / missing, 0.0), third


def _bend(slant: Floats, tilt: Floats) -> Floats:
    return slant * slant - 3.0 * tilt * tilt - 0.25


def _ratio(h: Floats, t: Floats) -> Floats:
    """Returns b/b' where h + t is not above 0."""
    out = _mills(np.abs(h + t)) - _mills(t - h)
    is_small = t < SERIES_MAX
    if is_small.any():
        out[is_small] = _series(h[is_small], t[is_small])
    return out


def _mills(a: Floats) -> Floats:
    out: Floats = MILLS_AT_0 * erfcx(a * math.sqrt(0.5))
    return out


def _series(h: Floats, t: Floats) -> Floats:
    """Returns `inverse.series` of each."""
    before = _mills(-h)
    now = 1.0 + h * before
    total, weight = now.copy(), np.ones(t.shape)
    for n in range(1, 11, 2):
        before, now = now, n * before + h * now
        before, now = now, (n + 1) * before + h * now
        weight *= t * t / ((n + 1) * (n + 2))
        total += weight * now
    return 2.0 * t * total
