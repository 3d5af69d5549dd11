"""The compiled engine from end to end: arrays in, arrays out, nothing of Python in between."""

import math
from typing import Any

import numpy as np

from solver.routing.kernel.graph import Books, Floats, Pairs, Places, Ranges, Signs, Stables
from solver.routing.kernel.loops.elimination import DENSE_MAX
from solver.routing.kernel.loops.ladders import band_books, levels_of
from solver.routing.kernel.loops.ordering import order
from solver.routing.kernel.newton import converge
from solver.routing.kernel.state import (
    FAR,
    LEAST,
    NOISE,
    NOISE_OF_HELD,
    NOISE_OF_SUPPLY,
    SOFTNESS,
    Edges,
    Problem,
    Tokens,
)

Outcome = tuple[Floats, Floats, Floats, Floats, tuple[float, float, float, float, int]]


def solved(
    pairs: Pairs, ranges: Ranges, stables: Stables, books: Books, rest: tuple[Any, ...]
) -> Outcome:
    """Returns (prices, flows of a, flows of b, gates, (value, primal, lack, residual, steps))."""
    given, floor, way, cost, start, softness = rest
    supply = given.copy()
    a, b = ends_of(pairs, ranges, stables, books)
    plan = order(supply.size, a, b)
    count, size = a.size, plan.core.size
    gate = np.ones(count)
    edges = Edges(
        a, b, np.empty(count), np.empty(count), np.zeros(count), np.zeros(count), np.zeros(count),
        cost, gate,
    )  # fmt: skip
    tokens, levels = placed(supply, floor, start), levels_of(books)
    knobs, core = np.zeros(4), np.empty((size, size))
    work = np.empty((4, supply.size if size > DENSE_MAX else 0))
    problem = Problem(pairs, ranges, stables, books, edges, tokens, plan, levels, knobs, core, work)
    knobs[SOFTNESS] = softness
    hush(problem)
    band_pairs(problem)
    band_ranges(problem)
    band_stables(problem)
    band_books(problem)
    close(problem, way)
    residual, lost, steps = converge(problem)
    value, primal, lack = worth(problem, floor, lost)
    told = (value, primal, lack, residual, steps)
    return tokens.price, edges.flow_a, edges.flow_b, edges.gate, told


def ends_of(pairs: Pairs, ranges: Ranges, stables: Stables, books: Books) -> tuple[Places, Places]:
    """Returns the tokens of every edge."""
    count = pairs.a.size + ranges.a.size + stables.a.size + books.a.size
    a, b = np.empty(count, np.int64), np.empty(count, np.int64)
    at = fill(a, b, 0, (pairs.a, pairs.b))
    at = fill(a, b, at, (ranges.a, ranges.b))
    at = fill(a, b, at, (stables.a, stables.b))
    fill(a, b, at, (books.a, books.b))
    return a, b


def fill(a: Places, b: Places, at: int, kind: tuple[Places, Places]) -> int:
    """Writes the tokens of one kind; returns where the next begins."""
    for k in range(kind[0].size):
        a[at + k], b[at + k] = kind[0][k], kind[1][k]
    return at + kind[0].size


def hush(problem: Problem) -> None:
    """Sets what value is noise: of sums over all that is held, and of what is given."""
    held, given = 0.0, 0.0
    for i in range(problem.pairs.reserve_a.size):
        held += problem.pairs.reserve_a[i]
    for i in range(problem.stables.reserve_a.size):
        held += problem.stables.reserve_a[i]
    for i in range(problem.ranges.liquidity.size):
        held += problem.ranges.liquidity[i]
    for i in range(problem.books.size.size):
        held += problem.books.size[i]
    for t in range(problem.tokens.supply.size):
        given += problem.tokens.supply[t]
    problem.knobs[NOISE] = NOISE_OF_HELD * held + NOISE_OF_SUPPLY * given


def placed(supply: Floats, floor: Floats, start: Floats) -> Tokens:
    """Returns the tokens at the prices to start from, on their floors at least."""
    count = supply.size
    tokens = Tokens(
        supply, np.empty(count), np.empty(count), np.empty(count), np.zeros(count), np.zeros(count),
        np.zeros(count), np.zeros(count), np.zeros(count), np.ones(count, np.bool_),
    )  # fmt: skip
    least = math.exp(LEAST)
    for t in range(count):
        bottom = max(floor[t], least)
        price = start[t] if start.size else 1.0
        if not price > bottom:
            price = bottom
        tokens.price[t] = price
        tokens.slack[t] = math.log(bottom / price) if price > bottom else 0.0
    return tokens


def band_pairs(problem: Problem) -> None:
    """Sets how far each pair is from the ends of its band: log of kept*w*R_b / ((1-w)*R_a*p)."""
    pairs, edges, price = problem.pairs, problem.edges, problem.tokens.price
    for i in range(pairs.a.size):
        held_a, held_b = pairs.reserve_a[i], pairs.reserve_b[i]
        kept, w = pairs.kept[i], pairs.weight[i]
        if held_a > 0.0 and held_b > 0.0 and kept > 0.0:
            worth_a, worth_b = held_a * price[pairs.a[i]], held_b * price[pairs.b[i]]
            edges.below[i] = log_of(kept * w * worth_b / ((1.0 - w) * worth_a))
            edges.above[i] = 2.0 * log_of(kept) - edges.below[i]
        else:
            edges.below[i] = edges.above[i] = -FAR


def log_of(ratio: float) -> float:
    """Returns the logarithm, faster than the library's near 1, where most pools are."""
    if not 0.9 < ratio < 1.1:
        return math.log(ratio)
    s = (ratio - 1.0) / (ratio + 1.0)
    q = s * s
    series = 1 / 7 + q * (1 / 9 + q * (1 / 11 + q * (1 / 13)))
    return 2.0 * s * (1.0 + q * (1 / 3 + q * (0.2 + q * series)))


def band_ranges(problem: Problem) -> None:
    """Sets how far each pool of ranges is from the ends of its band."""
    ranges, edges, price = problem.ranges, problem.edges, problem.tokens.price
    base = problem.pairs.a.size
    for k in range(ranges.a.size):
        root, kept = ranges.root[k], ranges.kept[k]
        i = base + k
        if root > 0.0 and kept > 0.0 and ranges.first[k + 1] > ranges.first[k]:
            edges.below[i] = math.log(kept * root * root * price[ranges.b[k]] / price[ranges.a[k]])
            edges.above[i] = 2.0 * math.log(kept) - edges.below[i]
        else:
            edges.below[i] = edges.above[i] = -FAR


def band_stables(problem: Problem) -> None:
    """Sets how far each stableswap is from the ends of its band."""
    stables, edges, price = problem.stables, problem.edges, problem.tokens.price
    base = problem.pairs.a.size + problem.ranges.a.size
    for k in range(stables.a.size):
        i = base + k
        x = stables.reserve_a[k] * stables.unit_a[k]
        y = stables.reserve_b[k] * stables.unit_b[k]
        both, kept = x + y + stables.shift[k], stables.kept_in[k] * stables.kept_out[k]
        if x > 0.0 and y > 0.0 and both > 0.0 and kept > 0.0:
            slope = y * (both + x) * stables.unit_a[k] / (x * (both + y) * stables.unit_b[k])
            ratio = price[stables.b[k]] / price[stables.a[k]]
            edges.below[i] = math.log(kept * slope * ratio)
            edges.above[i] = 2.0 * math.log(kept) - edges.below[i]
        else:
            edges.below[i] = edges.above[i] = -FAR


def close(problem: Problem, way: Signs) -> None:
    """Puts what may not be traded out of reach."""
    edges = problem.edges
    for i in range(way.size):
        if way[i] > 1 or way[i] < 0:
            edges.below[i] = -FAR
        if way[i] > 0:
            edges.above[i] = -FAR


def worth(problem: Problem, floor: Floats, lost: float) -> tuple[float, float, float]:
    """Returns (value of the dual, worth of the plan, value that it lacks); rounds prices up to
    their floors.
    """
    tokens, edges = problem.tokens, problem.edges
    softness = problem.knobs[SOFTNESS]
    value, primal, lack = lost, 0.0, 0.0
    for t in range(floor.size):
        tokens.price[t] = max(tokens.price[t], floor[t])
        value += tokens.price[t] * (tokens.net[t] if softness == 0.0 else tokens.supply[t])
        primal += floor[t] * max(tokens.net[t], 0.0)
        lack += tokens.price[t] * max(-tokens.net[t], 0.0)
    if softness > 0.0:
        for i in range(edges.a.size):
            gate, gain = edges.gate[i], tokens.price[edges.a[i]] * edges.flow_a[i]
            gain += tokens.price[edges.b[i]] * edges.flow_b[i]
            primal -= gate * edges.cost[i]
            if gate > 0.0:
                value += max(gain / gate - edges.cost[i], 0.0)
    return value, primal - lack, lack


def run(*arrays: Any) -> Outcome:
    """Returns what `solved` does. Flat arrays are what numba takes over from Python fastest."""
    pairs = Pairs(arrays[0], arrays[1], arrays[2], arrays[3], arrays[4], arrays[5])
    ranges = Ranges(
        arrays[6], arrays[7], arrays[8], arrays[9], arrays[10], arrays[11], arrays[12],
        arrays[13], arrays[14],
    )  # fmt: skip
    stables = Stables(
        arrays[15], arrays[16], arrays[17], arrays[18], arrays[19], arrays[20], arrays[21],
        arrays[22], arrays[23],
    )  # fmt: skip
    books = Books(arrays[24], arrays[25], arrays[26], arrays[27], arrays[28], arrays[29])
    rest = arrays[30], arrays[31], arrays[32], arrays[33], arrays[34], arrays[35]
    return solved(pairs, ranges, stables, books, rest)
