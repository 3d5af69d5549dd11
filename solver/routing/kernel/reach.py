"""Which tokens can become something of worth: the others are left alone when a descent fails.

Their price is nothing, and a descent only goes towards it for ever. Written for both engines.
"""

import math

from solver.routing.kernel.state import FAR, LEAST, PAST, Problem

NOTHING = 1e-19  # a floor below is none


def abandon(problem: Problem) -> bool:
    """Takes tokens that lead to no floor, and their edges, out of the problem; returns whether
    there were any.
    """
    edges, tokens = problem.edges, problem.tokens
    reached, is_growing, is_less = tokens.step, True, False
    for t in range(reached.size):
        reached[t] = 1.0 if tokens.price[t] * math.exp(tokens.slack[t]) > NOTHING else 0.0
    while is_growing:
        is_growing = False
        for i in range(edges.a.size):
            a, b = edges.a[i], edges.b[i]
            if reached[a] == reached[b]:
                continue
            if gives(problem, i, reached[b] > 0.0):
                reached[a] = reached[b] = 1.0
                is_growing = True
    for i in range(edges.a.size):
        if reached[edges.a[i]] == 0.0 or reached[edges.b[i]] == 0.0:
            edges.below[i] = edges.above[i] = -FAR
    first = edges.a.size - problem.books.a.size
    for m in range(problem.levels.book.size):
        if edges.below[first + problem.levels.book[m]] == -FAR:
            if edges.above[first + problem.levels.book[m]] == -FAR:
                problem.levels.beyond[m] = -FAR
    for t in range(reached.size):
        if reached[t] == 0.0:
            tokens.supply[t], tokens.slack[t], is_less = 0.0, 0.0, True
            tokens.price[t] = math.exp(LEAST)
        reached[t] = 0.0
    return is_less


def gives(problem: Problem, i: int, is_a_in: bool) -> bool:
    """Returns whether an edge gives anything of b for a, or of a for b."""
    edges, ranges, books = problem.edges, problem.ranges, problem.books
    if (edges.below[i] if is_a_in else edges.above[i]) <= -PAST:
        return False
    k = i - problem.pairs.a.size
    if 0 <= k < ranges.a.size:
        for j in range(ranges.first[k], ranges.first[k + 1]):
            beyond = ranges.low[j] < ranges.root[k] if is_a_in else ranges.high[j] > ranges.root[k]
            if beyond and ranges.liquidity[j] > 0.0:
                return True
        return False
    k = i - (edges.a.size - books.a.size)
    if k >= 0:
        for m in range(books.first[k], books.first[k + 1]):
            if books.is_ask[m] != is_a_in and books.size[m] > 0.0:
                return True
        return False
    return True
