"""The formulas over whole arrays as plain loops, compiled by numba on first use.

numba keeps compiled code on disk by the file a function is in. The loops call formulas of other
files, so a digest of them all is what decides whether that code is still theirs.
"""

import functools
from collections.abc import Callable
from math import exp, log, sqrt
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solver.pricing.kernels import formula, inverse
from solver.pricing.kernels.formula import (
    DENSITY_MAX,
    NEAR,
    PRICE_MIN,
    YEARS_MIN,
    discounted,
    greeks,
    is_regular,
    log_ratio,
    value,
)
from solver.pricing.kernels.inverse import (
    LAST_STEP,
    MILLS_AT_0,
    SERIES_MAX,
    TINY,
    _start,
    mills,
    volatility,
)
from solver.pricing.kernels.sources import functions_of, stamp_of

Floats = NDArray[np.float64]
BLOCK = 512  # options, whose scratch stays in the nearest cache
prange = range  # numba's own, where compiled: shared among the cores if asked for


def price_loop(columns: Floats, out: Floats, start: int) -> None:
    """Sets `out` from `start` on to the values discounted: rows are forward, strike, years, vol,
    discount and sign."""
    for i in prange(columns.shape[1]):
        deviation = columns[3, i] * sqrt(columns[2, i])
        undiscounted = value(columns[0, i], columns[1, i], deviation, columns[5, i])
        out[start + i] = columns[4, i] * undiscounted


def implied_loop(columns: Floats, out: Floats, start: int) -> None:
    """Sets `out` from `start` on to `inverse.volatility`: rows are price, forward, strike, years,
    discount and sign.

    In blocks as the greeks, two steps of `inverse` for all from its start below the turn; whoever
    stands elsewhere, or has not arrived by then, goes the whole way alone.
    """
    count = columns.shape[1]
    for block in prange((count + BLOCK - 1) // BLOCK):
        first = block * BLOCK
        last = min(first + BLOCK, count)
        work = np.empty((6, BLOCK))
        _enter(columns, first, last, work)
        for _ in range(2):
            _measure(work, last - first)
            for j in range(last - first):
                work[3, j] = log(work[3, j])
            _step(work, last - first)
        for j in range(last - first):
            i, s = first + j, work[1, j]
            if s > 2 * SERIES_MAX and work[4, j] <= LAST_STEP * s and s <= work[5, j]:
                out[start + i] = s / sqrt(columns[3, i])
            else:
                price, T = columns[0, i] / columns[4, i], columns[3, i]
                out[start + i] = volatility(price, columns[1, i], columns[2, i], T, columns[5, i])


def _enter(columns: Floats, first: int, last: int, work: Floats) -> None:
    """Sets the rows x, s, ln b, -, -, turn; s is 0 for whoever is not below the turn."""
    for j in range(last - first):
        i = first + j
        F, K, sign = columns[1, i], columns[2, i], columns[5, i]
        work[1, j] = work[5, j] = 0.0
        work[0, j] = work[2, j] = -1.0
        if not (min(F, K) >= PRICE_MIN and columns[3, i] > 0):
            continue
        beyond = columns[0, i] / columns[4, i] - max(0.0, sign * (F - K))
        x, scale = -abs(log_ratio(F, K)), sqrt(F * K)
        turn, beta = sqrt(-2.0 * x), beyond / scale
        steepest = DENSITY_MAX * min(F, K) / scale
        if not (turn > 2 * SERIES_MAX and beta > TINY):
            continue
        ratio = MILLS_AT_0 - mills(turn)
        if beta < steepest * ratio:
            target = log(beta)
            share = _start(target - log(steepest * ratio), x, turn / ratio)
            work[0, j], work[1, j], work[2, j], work[5, j] = x, turn * share, target, turn


def _measure(work: Floats, count: int) -> None:
    """Sets row 3 to the density's peak times b/b', and row 4 to b/b'."""
    for j in range(count):
        s = work[1, j]
        h, t = work[0, j] / s, 0.5 * s
        ratio = mills(abs(h + t)) - mills(t - h)
        work[4, j] = ratio
        work[3, j] = DENSITY_MAX * ratio


def _step(work: Floats, count: int) -> None:
    """Moves s by Householder's step, whose size it leaves in row 4."""
    for j in range(count):
        s, ratio = work[1, j], work[4, j]
        h, t = work[0, j] / s, 0.5 * s
        miss = work[3, j] - 0.5 * (h * h + t * t) - work[2, j]
        slant, tilt = h * h / s - 0.5 * t, h / s
        second = slant - 1.0 / ratio
        third = slant * slant - 3.0 * tilt * tilt - 0.25 + (2.0 / ratio - 3.0 * slant) / ratio
        newton = -miss * ratio
        below = 1.0 + newton * (second + newton * third / 6.0)
        step = newton * (1.0 + 0.5 * newton * second) / below
        work[4, j] = abs(step)
        work[1, j] = s + step


def greeks_loop(columns: Floats, out: Floats, start: int) -> None:
    """Sets the eight rows of `out` from `start` on to the greeks of `formula` of the same rows.

    In blocks, of which the processor works eight at once where nothing is called: the logarithms
    and exponentials between have loops of their own. Where the formula has only limits, `formula`.
    """
    count = columns.shape[1]
    for block in prange((count + BLOCK - 1) // BLOCK):
        first = block * BLOCK
        last = min(first + BLOCK, count)
        d1, power, rate = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
        for i in range(first, last):
            d1[i - first] = log(columns[0, i] / columns[1, i])
            has_rate = columns[4, i] > 0 and columns[2, i] > YEARS_MIN
            rate[i - first] = -log(columns[4, i]) / columns[2, i] if has_rate else 0.0
        _deviates(columns, first, last, d1, power)
        for j in range(last - first):
            power[j] = exp(power[j])
        _fill(columns, (first, start), d1, (power, rate, last - first), out)
        for i in range(first, last):
            F, K, T, vol = columns[0, i], columns[1, i], columns[2, i], columns[3, i]
            if not is_regular(F, K, vol * sqrt(T)):
                found = discounted(greeks(F, K, T, vol, columns[5, i]), columns[4, i], T)
                for row in range(8):
                    out[row, start + i] = found[row]


def _deviates(columns: Floats, first: int, last: int, d1: Floats, power: Floats) -> None:
    """Sets d1 from the logarithms in it, and the density's exponent."""
    for j in range(last - first):
        F, K = columns[0, first + j], columns[1, first + j]
        beyond, exact = F / K - 1.0, (F - K) / K  # formula.log_ratio, without its branches
        near = d1[j] * (exact / beyond) if beyond != 0.0 else exact
        x = near if abs(beyond) <= NEAR else d1[j]
        deviation = columns[3, first + j] * sqrt(columns[2, first + j])
        d1[j] = x / deviation + 0.5 * deviation
        power[j] = -0.5 * d1[j] * d1[j]


def _fill(columns: Floats, at: Any, d1s: Floats, terms: Any, out: Floats) -> None:
    """Sets the eight rows, of d1 and (the density's power, the rate, how many)."""
    first, start = at
    power, rate, count = terms
    for j in range(count):
        i = first + j
        F, K, T, vol = columns[0, i], columns[1, i], columns[2, i], columns[3, i]
        D, sign, d1, root = columns[4, i], columns[5, i], d1s[j], sqrt(columns[2, i])
        d2, density = d1 - vol * root, DENSITY_MAX * power[j]
        tail = density * mills(abs(d1))  # N(-|d1|), and both prices' halves in its measure
        near, far = F * tail, F * density * mills(abs(d2))
        call = near - far if d1 < 0 else F - near - far
        put = far - near if d2 > 0 else K - far - near
        beyond, intrinsic = call if F < K else put, sign * (F - K)
        price = D * (max(beyond, 0.0) + max(intrinsic, 0.0))
        density *= D
        vega = F * density * root
        out[0, start + i] = price
        out[1, start + i] = D * sign * (tail if sign * d1 < 0 else 1.0 - tail)
        out[2, start + i] = density / (F * vol * root)
        out[3, start + i] = vega
        out[4, start + i] = -0.5 * F * density * vol / root + rate[j] * price
        out[5, start + i] = -T * price
        out[6, start + i] = -density * d2 / vol
        out[7, start + i] = vega * d1 * d2 / vol


@functools.cache
def compiled(name: str, *, is_parallel: bool = False) -> Callable[[Floats, Floats, int], None]:
    """Returns the loop of that name compiled. Raises ImportError where numba is not installed."""
    import numba

    loop: FunctionType = globals()[name]
    names = {**globals(), **_formulas(), "prange": numba.prange if is_parallel else range}
    twin = FunctionType(loop.__code__, names, loop.__name__ + "_parallel" * is_parallel)
    twin.__qualname__ = twin.__name__
    options = {**OPTIONS, "parallel": is_parallel, "cache": True, "nogil": True}
    made: Any = numba.njit(**options)(twin)
    made._cache._cache_file._source_stamp = stamp_of([*FORMULAS, *STAGES, *LOOPS])
    out: Callable[[Floats, Floats, int], None] = made
    return out


@functools.cache
def _formulas() -> dict[str, Any]:
    """Returns the scalar functions compiled, each seeing the others."""
    import numba

    options = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}
    known: dict[str, Any] = {}
    for function in (*FORMULAS, *STAGES):
        twin = FunctionType(function.__code__, {**function.__globals__}, function.__name__)
        known[function.__name__] = numba.njit(**options)(twin)
    for each in known.values():
        each.py_func.__globals__.update(known)
    return known


FORMULAS = (*functions_of(formula), *functions_of(inverse))
STAGES: tuple[Any, ...] = (_deviates, _fill, _enter, _measure, _step)
LOOPS: tuple[Any, ...] = (price_loop, greeks_loop, implied_loop)
# A product and a sum may be one rounding: a tenth faster, and nearer to the truth.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract"}}
