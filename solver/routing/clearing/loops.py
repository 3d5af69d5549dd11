"""What a book sells at given prices and width, pair by pair: as a loop to compile, and in numpy.

Both give the same numbers up to the order in which a pair's few sums are taken.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from solver.routing.clearing.orders import Floats, Places


def looped(columns: Any, prices: Floats, width: float, sold: Floats, slope: Floats) -> None:
    """Sets sold[a, b] to the value sold of a for b, and slope to its derivative by their ratio."""
    pair_sell, pair_buy, first, limit, sums, moments = columns
    for k in range(pair_sell.size):
        ratio = prices[pair_sell[k]] - prices[pair_buy[k]]
        low, high, goal = first[k], first[k + 1], ratio - width
        while low < high:
            middle = (low + high) // 2
            if limit[middle] <= goal:
                low = middle + 1
            else:
                high = middle
        whole, high = low, first[k + 1]
        while low < high:
            middle = (low + high) // 2
            if limit[middle] < ratio:
                low = middle + 1
            else:
                high = middle
        part = sums[low + k] - sums[whole + k]
        rising = (ratio * part - (moments[low + k] - moments[whole + k])) / width
        worth = np.exp(prices[pair_sell[k]])
        sold[pair_sell[k], pair_buy[k]] = worth * (sums[whole + k] + max(rising, 0.0))
        slope[pair_sell[k], pair_buy[k]] = worth * part / width


def vectorised(columns: Any, prices: Floats, width: float, sold: Floats, slope: Floats) -> None:
    """The same for all pairs at once."""
    pair_sell, pair_buy, first, limit, sums, moments = columns
    ratio, shift = prices[pair_sell] - prices[pair_buy], np.arange(pair_sell.size)
    whole = places(limit, first, ratio - width, is_up_to=True)
    some = np.maximum(places(limit, first, ratio, is_up_to=False), whole)
    part = sums[some + shift] - sums[whole + shift]
    rising = (ratio * part - (moments[some + shift] - moments[whole + shift])) / width
    worth = np.exp(prices[pair_sell])
    sold[pair_sell, pair_buy] = worth * (sums[whole + shift] + np.maximum(rising, 0.0))
    slope[pair_sell, pair_buy] = worth * part / width


def places(limit: Floats, first: Places, goal: Floats, *, is_up_to: bool) -> Places:
    """Returns of each pair how far its limits are below `goal`, or up to it, as a sorted place."""
    low, high = first[:-1].copy(), first[1:].copy()
    while True:
        open_ = np.flatnonzero(low < high)
        if not open_.size:
            return low
        middle = (low[open_] + high[open_]) // 2
        found = limit[middle]
        is_below = found <= goal[open_] if is_up_to else found < goal[open_]
        low[open_[is_below]] = middle[is_below] + 1
        high[open_[~is_below]] = middle[~is_below]


@cache
def compiled() -> Callable[..., None]:
    """Returns the loop compiled. Raises ImportError without numba."""
    from numba import njit

    return njit(cache=True)(looped)
