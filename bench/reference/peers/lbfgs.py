"""CFMMRouter.jl's method: the same dual by L-BFGS-B with its settings, arbitrage in closed form.

Compiled by numba, one pass over the edges and the gradient as a by-product, so that the peer loses
nothing to its arithmetic. Settings of `router.jl`: m = 5, factr = 1e1, pgtol = 1e-5, v0 = 1.
"""

import time
from typing import Any, NamedTuple

import numba
import numpy as np
from scipy.optimize import minimize

from solver.routing.kernel.graph import Task

Array = Any
MEMORY, FACTR, PGTOL, LOOKS_MAX = 5, 1e1, 1e-5, 15_000
LEAST = 1e-8  # CFMMRouter's lower limit of a price


class Descended(NamedTuple):
    """The peer's dual value and prices, how it ended, and where its time went."""

    value: float
    prices: Array
    status: str
    looks: int
    seconds: float  # of CPU time
    looking_seconds: float  # in evaluations alone: the rest is the optimiser's


def solved(task: Task) -> Descended:
    """Returns the peer's answer to a task of pairs, ranges and books, all open and free of cost."""
    net = np.empty(task.graph.tokens)
    looking = 0.0

    def look(prices: Array) -> tuple[float, Array]:
        nonlocal looking
        began = time.process_time()
        value = evaluate(task, prices, net)
        looking += time.process_time() - began
        return value, net

    began = time.process_time()
    least = np.maximum(task.floor, LEAST)
    answer = minimize(
        look,
        np.maximum(np.ones(task.graph.tokens), least),
        jac=True,
        method="L-BFGS-B",
        bounds=[(low, None) for low in least],
        options={
            "maxcor": MEMORY,
            "ftol": FACTR * np.finfo(float).eps,
            "gtol": PGTOL,
            "maxfun": LOOKS_MAX,
            "maxiter": LOOKS_MAX,
        },
    )
    seconds = time.process_time() - began
    status = str(answer.message).split(":")[0].title()
    return Descended(float(answer.fun), answer.x, status, answer.nfev, seconds, looking)


def evaluate(task: Task, prices: Array, net: Array) -> float:
    """Returns the dual value at these prices and leaves its gradient in `net`."""
    net[:] = task.supply
    graph = task.graph
    value = float(task.supply @ prices)
    if graph.pairs.a.size:
        value += _pairs(*graph.pairs, prices, net)
    if graph.ranges.a.size:
        value += _ranges(*graph.ranges, prices, net)
    if graph.books.a.size:
        value += _books(*graph.books, prices, net)
    return value


@numba.njit(cache=True)
def _pairs(a, b, reserve_a, reserve_b, kept, weight, prices, net):
    value = 0.0
    for i in range(a.size):
        x, y, k, w = reserve_a[i], reserve_b[i], kept[i], weight[i]
        outside, inside = prices[a[i]] / prices[b[i]], w * y / ((1 - w) * x)
        if outside < k * inside:
            ratio = outside / (k * inside)
        elif k * outside > inside:
            ratio = k * outside / inside
        else:
            continue
        power = np.sqrt(ratio) if w == 0.5 else np.exp(np.log(ratio) * w)
        of_a, of_b = x - x * power / ratio, y - y * power
        if ratio < 1:
            of_a /= k
        else:
            of_b /= k
        net[a[i]] += of_a
        net[b[i]] += of_b
        value += prices[a[i]] * of_a + prices[b[i]] * of_b
    return value


@numba.njit(cache=True)
def _ranges(a, b, kept, root, first, low, high, depth, current, prices, net):
    value = 0.0
    for i in range(a.size):
        outside, k, at = prices[a[i]] / prices[b[i]], kept[i], root[i]
        of_a = of_b = 0.0
        if outside < k * at * at:
            target, j = np.sqrt(outside / k), current[i]
            while j >= first[i] and at > target:
                to = max(low[j], target)
                if depth[j] > 0 and to < at:
                    of_a -= depth[j] * (1 / to - 1 / at) / k
                    of_b += depth[j] * (at - to)
                at, j = min(at, to), j - 1
        elif k * outside > at * at:
            target, j = np.sqrt(outside * k), current[i]
            while j < first[i + 1] and at < target:
                to = min(high[j], target)
                if depth[j] > 0 and to > at:
                    of_b -= depth[j] * (to - at) / k
                    of_a += depth[j] * (1 / at - 1 / to)
                at, j = max(at, to), j + 1
        else:
            continue
        net[a[i]] += of_a
        net[b[i]] += of_b
        value += prices[a[i]] * of_a + prices[b[i]] * of_b
    return value


@numba.njit(cache=True)
def _books(a, b, first, price, size, is_ask, prices, net):
    """Levels come best bid first, then best ask first: each side stops at the first that loses."""
    value = 0.0
    for i in range(a.size):
        outside = prices[a[i]] / prices[b[i]]
        of_a = of_b = 0.0
        for j in range(first[i], first[i + 1]):
            if is_ask[j] or price[j] <= outside:
                break
            of_a -= size[j]
            of_b += size[j] * price[j]
        if of_a == 0.0:
            begin = first[i] + np.searchsorted(is_ask[first[i] : first[i + 1]], True)
            for j in range(begin, first[i + 1]):
                if price[j] >= outside:
                    break
                of_a += size[j]
                of_b -= size[j] * price[j]
        net[a[i]] += of_a
        net[b[i]] += of_b
        value += prices[a[i]] * of_a + prices[b[i]] * of_b
    return value
