"""The kernel's plain loops over plain numbers, written for numba: one pass over each account.

Bound: every figure is a sum of products of one quantity with a few factors, put through minima and
maxima, which no error grows in. With u = 2^-53, n positions and at most 2n + 64 roundings on any
path, each product is off by less than (2n + 64) 2u of its size (N. Higham, "Accuracy and Stability
of Numerical Algorithms", SIAM 2002, 3.1), in whatever order sums are taken; `CAP` adds up sizes.
"""

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np

# Figures of one unit in `Tables.units`, then those of an account.
MARK_LONG, MARK_SHORT, KEPT, FRESH, GROSS_LONG, GROSS_SHORT, RISE, FALL, CAP = range(9)
EQUITY, INITIAL, MAINTENANCE, BOUND = range(4)

ROUNDINGS, PER_POSITION = 64.0, 2.0
EPSILON = 2.0**-52

Book = tuple[Any, Any, Any, Any]
Grid = tuple[Any, Any, Any, Any, Any, Any]
Widths = tuple[int, int, int]


def margin_loop(
    span: tuple[int, int],
    book: Book,
    grid: Grid,
    counts: tuple[Widths, tuple[float, float, float, float]],
    out: Any,
) -> None:
    """Writes equity, IMR, MMR and their bound, settlement units, of accounts `span` into `out`."""
    starts, cash = book[0], book[3]
    widths, (kept_factor, factor, static, floor) = counts
    rows = widths[0] + widths[1] + widths[2]
    total, acc = np.empty(rows), np.empty(rows + 3)
    for a in range(span[0], span[1]):
        p, end = starts[a], starts[a + 1]
        value = kept = extra = gross = cap = held = every = 0.0
        while p < end:
            p, worth, sums, worst = market_margin((p, end), book, grid, widths, (total, acc))
            value += worth
            kept += sums[0]
            extra += sums[1]
            gross += sums[2]
            cap += sums[3]
            held += worst[0]
            every += worst[1]
        asked = kept - kept_factor * held
        initial = max(kept * static + extra - factor * every, gross * floor, asked)
        roundings = ROUNDINGS + PER_POSITION * (end - starts[a])
        out[a, EQUITY] = cash[a] + value
        out[a, INITIAL] = initial
        out[a, MAINTENANCE] = asked
        out[a, BOUND] = roundings * EPSILON * (cap + abs(cash[a]))


def market_margin(
    span: tuple[int, int], book: Book, grid: Grid, widths: Widths, room: tuple[Any, Any]
) -> tuple[int, float, tuple[float, float, float, float], tuple[float, float]]:
    """Returns where the next market's positions begin, value, static charges kept and fresh, gross
    and size of all products, and the worst rows of maintenance and of all."""
    columns, quantities = book[1], book[2]
    values, units, places, series, markets, damps = grid
    total, acc = room
    p, end = span
    m = places[columns[p], 0]
    value = kept = extra = gross = cap = basis = rise = fall = reach = 0.0
    total[:] = 0.0
    while p < end and places[columns[p], 0] == m:
        s, k, net, naked = places[columns[p], 1], places[columns[p], 2], 0.0, 0.0
        acc[:] = 0.0
        while p < end and places[columns[p], 1] == s and places[columns[p], 0] == m:
            c, q = columns[p], quantities[p]
            if places[c, 2] != k:
                naked -= min(net, 0.0)
                k, net = places[c, 2], 0.0
            net += q
            size = abs(q)
            for r in range(acc.size):
                acc[r] += q * values[c, r]
            value += q * units[c, MARK_LONG if q > 0 else MARK_SHORT]
            kept += size * units[c, KEPT]
            extra += size * units[c, FRESH]
            gross += size * units[c, GROSS_LONG if q > 0 else GROSS_SHORT]
            rise += q * units[c, RISE]
            fall += q * units[c, FALL]
            reach += size
            cap += size * units[c, CAP]
            p += 1
        if s < 0:
            for r in range(total.size):
                total[r] += acc[r]
        else:
            naked -= min(net, 0.0)
            kept += naked * markets[m, 0]
            extra += naked * markets[m, 1]
            basis += close_series(acc, total, series[s], widths)
    large = max(abs(rise), abs(fall))
    extra += markets[m, 2] * large * np.sqrt(large)
    cap += 4.0 * markets[m, 2] * reach * np.sqrt(reach)
    return p, value, (kept, extra, gross, cap), worst_rows(total, damps[m], basis, widths)


def close_series(acc: Any, total: Any, factors: Any, widths: Widths) -> float:
    """Adds one expiry's rows to `total`, and returns its basis contingency."""
    plain, rows = widths[0] + widths[1], total.size
    asset, debt, now = factors[0], factors[1], acc[rows]
    for r in range(plain):
        total[r] += min(acc[r] * asset, acc[r] * debt) - now
    for r in range(plain, rows):
        total[r] -= abs(min(acc[r] * asset, acc[r] * debt) - now)
    moved: float = min(acc[rows + 1] - now, acc[rows + 2] - now, 0.0) * factors[2]
    return moved


def worst_rows(total: Any, damps: Any, basis: float, widths: Widths) -> tuple[float, float]:
    """Returns the least row of maintenance margin, and of all rows."""
    plain = widths[0] + widths[1]
    least = basis
    for r in range(widths[0]):
        least = min(least, total[r] * damps[r])
    for r in range(plain, total.size):
        least = min(least, total[r] * damps[r])
    every = least
    for r in range(widths[0], plain):
        every = min(every, total[r] * damps[r])
    return least, every


@cache
def compiled() -> Callable[..., None]:
    """Returns the loop compiled; it lets other threads run. Raises ImportError without numba.

    All it calls stands in this file, whose change is what numba compiles again for.
    """
    from numba import njit

    options: dict[str, Any] = {
        "fastmath": {"nnan", "ninf", "nsz", "arcp", "contract", "reassoc"},
        "error_model": "numpy",
    }
    twins: dict[str, Any] = {}
    for function in (close_series, worst_rows, market_margin, margin_loop):
        twin = FunctionType(function.__code__, {**globals(), **twins}, function.__name__)
        twin.__qualname__ = function.__qualname__
        is_outermost = function is margin_loop
        known = njit(cache=is_outermost, nogil=is_outermost, **options)(twin)
        twins[function.__name__] = known
    loop: Callable[..., None] = twins[margin_loop.__name__]
    return loop
