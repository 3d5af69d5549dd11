"""The kernel's plain loops over plain numbers, written for numba: one pass over each account.

Bound: every figure is a sum of products of one quantity with a few factors, put through minima and
maxima, which no error grows in. With u = 2^-53, n positions and at most 2n + 64 roundings on any
path, each product is off by less than (2n + 64) 2u of its size (N. Higham, "Accuracy and Stability
of Numerical Algorithms", SIAM 2002, 3.1), in whatever order sums are taken; `CAP` adds up sizes.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from solver.margin.portfolio.tables import (
    CAP,
    FALL,
    FRESH,
    GROSS_LONG,
    GROSS_SHORT,
    KEPT,
    MARK_LONG,
    MARK_SHORT,
    RISE,
)

ROUNDINGS, PER_POSITION = 64.0, 2.0
EPSILON = 2.0**-52
EQUITY, INITIAL, MAINTENANCE, BOUND = range(4)


def margin_loop(
    span: tuple[int, int],
    book: tuple[Any, Any, Any, Any],
    grid: tuple[Any, Any, Any, Any, Any, Any],
    counts: tuple[tuple[int, int, int], tuple[float, float, float, float]],
    out: Any,
) -> None:
    """Writes equity, IMR, MMR and their bound, settlement units, of accounts `span` into `out`."""
    starts, columns, quantities, cash = book
    values, units, places, series, markets, damps = grid
    (held, fresh, skews), (kept_factor, factor, static, floor) = counts
    plain = held + fresh
    rows = plain + skews
    total, acc = np.empty(rows), np.empty(rows + 3)
    for a in range(span[0], span[1]):
        p, end = starts[a], starts[a + 1]
        value = kept = extra = gross = cap = worst_held = worst_all = 0.0
        while p < end:
            m = places[columns[p], 0]
            basis = naked = rise = fall = reach = 0.0
            total[:] = 0.0
            while p < end and places[columns[p], 0] == m:
                s = places[columns[p], 1]
                acc[:] = 0.0
                while p < end and places[columns[p], 1] == s and places[columns[p], 0] == m:
                    k, net = places[columns[p], 2], 0.0
                    while p < end and places[columns[p], 2] == k and places[columns[p], 1] == s:
                        c, q = columns[p], quantities[p]
                        size = abs(q)
                        for r in range(rows + 3):
                            acc[r] += q * values[c, r]
                        net += q
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
                            break
                    if s >= 0:
                        naked -= min(net, 0.0)
                if s < 0:
                    for r in range(rows):
                        total[r] += acc[r]
                    continue
                asset, debt, now = series[s, 0], series[s, 1], acc[rows]
                basis += min(acc[rows + 1] - now, acc[rows + 2] - now, 0.0) * series[s, 2]
                for r in range(plain):
                    total[r] += min(acc[r] * asset, acc[r] * debt) - now
                for r in range(plain, rows):
                    total[r] -= abs(min(acc[r] * asset, acc[r] * debt) - now)
            least = basis
            for r in range(held):
                least = min(least, total[r] * damps[m, r])
            for r in range(plain, rows):
                least = min(least, total[r] * damps[m, r])
            worst_held += least
            for r in range(held, plain):
                least = min(least, total[r] * damps[m, r])
            worst_all += least
            kept += naked * markets[m, 0]
            extra += naked * markets[m, 1]
            large = max(abs(rise), abs(fall))
            extra += markets[m, 2] * large * np.sqrt(large)
            cap += 4.0 * markets[m, 2] * reach * np.sqrt(reach)
        asked = kept - kept_factor * worst_held
        initial = max(kept * static + extra - factor * worst_all, gross * floor, asked)
        roundings = ROUNDINGS + PER_POSITION * (end - starts[a])
        out[a, EQUITY] = cash[a] + value
        out[a, INITIAL] = initial
        out[a, MAINTENANCE] = asked
        out[a, BOUND] = roundings * EPSILON * (cap + abs(cash[a]))


@cache
def compiled() -> Callable[..., None]:
    """Returns the loop compiled; it lets other threads run. Raises ImportError without numba."""
    from numba import njit

    fast = {"nnan", "ninf", "nsz", "arcp", "contract", "reassoc"}
    return njit(cache=True, nogil=True, fastmath=fast, error_model="numpy")(margin_loop)
