"""The compiled engine's own parts: every edge answers the prices tried, one after the other.

Plain loops over plain numbers, written for numba; the vectors are the same formulas for numpy.
"""

import math

from solver.routing.kernel.graph import Floats
from solver.routing.kernel.loops.curves import respond_pairs, respond_ranges, respond_stables
from solver.routing.kernel.loops.gate import pass_gates
from solver.routing.kernel.loops.ladders import respond_books, settle_books
from solver.routing.kernel.state import (
    KINDLED,
    LONGEST,
    NOISE,
    PAST,
    SNAP,
    SOFTNESS,
    WIDTH,
    Problem,
)

EASY = 0.02  # of a log price: moves up to here are powers of few terms
THIRD, SIXTH, SEVENTH = 1.0 / 3.0, 1.0 / 6.0, 1.0 / 7.0


def look(problem: Problem, length: float) -> float:
    """Sets flows, weights and nets at `length` along the step; returns the dual's slope there."""
    tokens = problem.tokens
    step, slack, move = tokens.step, tokens.slack, tokens.move
    for t in range(step.size):
        ahead = length * step[t]
        move[t] = slack[t] if ahead < slack[t] else ahead
    reprice(tokens.trial, tokens.price, move, length * problem.knobs[LONGEST] <= EASY)
    for t in range(step.size):
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


def reprice(trial: Floats, price: Floats, move: Floats, is_easy: bool) -> None:
    """Sets the prices tried. The loop without a call is one that the processor does by fours."""
    if is_easy:
        for t in range(price.size):
            x = move[t]
            series = 1.0 + x * 0.2 * (1.0 + x * SIXTH * (1.0 + x * SEVENTH))
            series = 1.0 + x * 0.5 * (1.0 + x * THIRD * (1.0 + x * 0.25 * series))
            trial[t] = price[t] * (1.0 + x * series)
    else:
        for t in range(price.size):
            trial[t] = price[t] * math.exp(move[t]) if move[t] != 0.0 else price[t]


def kindle(problem: Problem) -> None:
    """Gives every edge that is idle a share of the weight it has when it starts to trade: for a
    first step.
    """
    pairs, ranges, books, edges = problem.pairs, problem.ranges, problem.books, problem.edges
    price = problem.tokens.price
    for i in range(pairs.a.size):
        if edges.weight[i] == 0.0 and edges.above[i] > -PAST and edges.below[i] > -PAST:
            worth = pairs.weight[i] * pairs.reserve_b[i] * price[pairs.b[i]]
            edges.weight[i] = KINDLED * worth
    for k in range(ranges.a.size):
        i = pairs.a.size + k
        if edges.weight[i] == 0.0 and edges.above[i] > -PAST and edges.below[i] > -PAST:
            depth = ranges.liquidity[ranges.current[k]] * ranges.root[k]
            edges.weight[i] = KINDLED * 0.5 * depth * price[ranges.b[k]]
    for k in range(books.a.size):
        i = edges.a.size - books.a.size + k
        if edges.weight[i] == 0.0 and edges.above[i] > -PAST and edges.below[i] > -PAST:
            worth = books.size[books.first[k]] * price[books.a[k]]
            edges.weight[i] = KINDLED * worth / problem.knobs[WIDTH]


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
