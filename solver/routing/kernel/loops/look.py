"""The compiled engine's own parts: every edge answers the prices tried, one after the other.

Plain loops over plain numbers, written for numba; the vectors are the same formulas for numpy.
"""

import math

from solver.routing.kernel.loops.curves import respond_pairs, respond_ranges, respond_stables
from solver.routing.kernel.loops.gate import pass_gates
from solver.routing.kernel.loops.ladders import respond_books, settle_books
from solver.routing.kernel.state import NOISE, PAST, SNAP, SOFTNESS, WIDTH, Problem


def look(problem: Problem, length: float) -> float:
    """Sets flows, weights and nets at `length` along the step; returns the dual's slope there."""
    tokens = problem.tokens
    for t in range(tokens.price.size):
        move = length * tokens.step[t]
        if move < tokens.slack[t]:
            move = tokens.slack[t]
        tokens.move[t] = move
        tokens.trial[t] = tokens.price[t] * math.exp(move) if move != 0.0 else tokens.price[t]
        tokens.net[t] = tokens.supply[t]
    respond_pairs(problem)
    if problem.ranges.a.size:
        respond_ranges(problem)
    if problem.stables.a.size:
        respond_stables(problem)
    if problem.books.a.size:
        respond_books(problem)
    if problem.knobs[SOFTNESS] > 0.0:
        pass_gates(problem)
    slope = 0.0
    for t in range(tokens.price.size):
        part = tokens.step[t] * tokens.trial[t] * tokens.net[t]
        if part > 0.0 or tokens.move[t] > tokens.slack[t] or length == 0.0:
            slope += part
    return slope


def kindle(problem: Problem) -> None:
    """Gives every edge that is idle the weight it has when it starts to trade: for a first step."""
    pairs, ranges, books, edges = problem.pairs, problem.ranges, problem.books, problem.edges
    price = problem.tokens.price
    for i in range(pairs.a.size):
        if edges.weight[i] == 0.0 and edges.above[i] > -PAST and edges.below[i] > -PAST:
            edges.weight[i] = pairs.weight[i] * pairs.reserve_b[i] * price[pairs.b[i]]
    for k in range(ranges.a.size):
        i = pairs.a.size + k
        if edges.weight[i] == 0.0 and edges.above[i] > -PAST and edges.below[i] > -PAST:
            depth = ranges.liquidity[ranges.current[k]] * ranges.root[k]
            edges.weight[i] = 0.5 * depth * price[ranges.b[k]]
    for k in range(books.a.size):
        i = edges.a.size - books.a.size + k
        if edges.weight[i] == 0.0 and edges.above[i] > -PAST and edges.below[i] > -PAST:
            worth = books.size[books.first[k]] * price[books.a[k]]
            edges.weight[i] = worth / problem.knobs[WIDTH]


def settle(problem: Problem) -> None:
    """Moves to the prices last looked at."""
    edges, tokens = problem.edges, problem.tokens
    for i in range(edges.a.size):
        turn = tokens.move[edges.a[i]] - tokens.move[edges.b[i]]
        edges.below[i] -= turn
        edges.above[i] += turn
    for t in range(tokens.price.size):
        tokens.slack[t] -= tokens.move[t]
        tokens.price[t] = tokens.trial[t]
        tokens.move[t] = 0.0
    if problem.books.a.size:
        settle_books(problem)


def measure(problem: Problem) -> float:
    """Returns the residual at the prices looked at: imbalance off the floor relative to value."""
    tokens = problem.tokens
    off, value = 0.0, 0.0
    for t in range(tokens.price.size):
        pull = tokens.price[t] * tokens.net[t]
        held = tokens.slack[t] >= -SNAP and pull >= 0.0
        tokens.pull[t] = pull
        tokens.is_free[t] = not held
        tokens.stiff[t] = abs(pull)
        value += pull
        if not held:
            off += abs(pull)
    if off <= problem.knobs[NOISE]:
        return 0.0
    return off / abs(value) if value != 0.0 else 1.0
