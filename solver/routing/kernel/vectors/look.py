"""The numpy engine's own parts: every edge of a kind answers the prices tried, all at once.

The same formulas as the loops of the compiled engine, which are said there.
"""

import numpy as np

from solver.routing.kernel.graph import Floats
from solver.routing.kernel.state import BLUR, PAST, Problem
from solver.routing.kernel.vectors.laplacian import solve_laplacian


def look(problem: Problem, length: float) -> float:
    """Sets flows, weights and nets at `length` along the step; returns the dual's slope there."""
    tokens, edges = problem.tokens, problem.edges
    np.maximum(length * tokens.step, tokens.slack, out=tokens.move)
    np.multiply(tokens.price, np.exp(tokens.move), out=tokens.trial)
    tokens.net[:] = tokens.supply
    if edges.a.size:
        turn = tokens.move[edges.a] - tokens.move[edges.b]
        below, above = edges.below - turn, edges.above + turn
        respond_pairs(problem, below, above)
        respond_ranges(problem, below, above)
        count = tokens.net.size
        tokens.net[:] += np.bincount(edges.a, edges.flow_a, count)
        tokens.net[:] += np.bincount(edges.b, edges.flow_b, count)
    slope = tokens.step * tokens.trial * tokens.net
    return float(slope.sum() if length == 0.0 else slope[tokens.move > tokens.slack].sum())


def softened(x: Floats, blur: float) -> tuple[Floats, Floats]:
    """Returns the positive part of x, rounded off over `blur`, and its derivative."""
    if blur == 0.0:
        return np.maximum(x, 0.0), (x > 0.0).astype(np.float64)
    root = np.hypot(x, 2.0 * blur)
    soft = np.where(x > 0.0, 0.5 * (x + root), 2.0 * blur * blur / (root + np.abs(x)))
    soft = np.where(x < -PAST, 0.0, soft)
    return soft, soft / root


def respond_pairs(problem: Problem, below: Floats, above: Floats) -> None:
    """Sets the flows of the pairs this far below and above their bands."""
    pairs, edges, trial = problem.pairs, problem.edges, problem.tokens.trial
    count, blur = pairs.a.size, problem.knobs[BLUR]
    if not count:
        return
    x, share = softened(below[:count], blur)
    left, grown = -np.expm1(-pairs.weight * x), np.expm1((1.0 - pairs.weight) * x)
    flow_a, flow_b = -pairs.reserve_a * grown / pairs.kept, pairs.reserve_b * left
    weight = share * trial[pairs.b] * pairs.reserve_b * pairs.weight * (1.0 - left)
    x, share = softened(above[:count], blur)
    other = 1.0 - pairs.weight
    left, grown = -np.expm1(-other * x), np.expm1(pairs.weight * x)
    edges.flow_a[:count] = flow_a + pairs.reserve_a * left
    edges.flow_b[:count] = flow_b - pairs.reserve_b * grown / pairs.kept
    rise = share * trial[pairs.a] * pairs.reserve_a * other * (1.0 - left)
    edges.weight[:count] = weight + rise


def respond_ranges(problem: Problem, below: Floats, above: Floats) -> None:
    """Sets the flows of the pools of ranges this far below and above their bands."""
    ranges, edges, trial = problem.ranges, problem.edges, problem.tokens.trial
    base, count, blur = problem.pairs.a.size, ranges.a.size, problem.knobs[BLUR]
    if not count:
        return
    here = slice(base, base + count)
    x, share = softened(below[here], blur)
    paid, got, depth = walked_down(problem, x)
    flow_a, flow_b = -paid / ranges.kept, got
    weight = 0.5 * share * trial[ranges.b] * depth
    x, share = softened(above[here], blur)
    paid, got, depth = walked_up(problem, x)
    edges.flow_a[here] = flow_a + got
    edges.flow_b[here] = flow_b - paid / ranges.kept
    edges.weight[here] = weight + 0.5 * share * trial[ranges.a] * depth


def walked_down(problem: Problem, x: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns (a in before the fee, b out, liquidity times root there) for prices x below."""
    ranges = problem.ranges
    paid, got, depth = np.zeros(x.size), np.zeros(x.size), np.zeros(x.size)
    at, goal, place = ranges.root.copy(), ranges.root * np.exp(-0.5 * x), ranges.current.copy()
    walking = np.flatnonzero((x > 0.0) & (ranges.first[1:] > ranges.first[:-1]))
    while walking.size:
        j = place[walking]
        begin, low, held = at[walking], ranges.low[j], ranges.liquidity[j]
        ends = goal[walking] >= low
        fresh = begin == ranges.root[walking]
        grown = np.expm1(0.5 * x[walking])
        stop = np.where(ends, goal[walking], np.minimum(low, begin))
        part = np.where(ends & fresh, begin * grown / (1.0 + grown), np.maximum(begin - stop, 0.0))
        got[walking] += held * part
        paid[walking] += np.where(held * part > 0.0, held * part / (begin * stop), 0.0)
        depth[walking[ends]] = (held * stop)[ends]
        at[walking] = np.minimum(begin, stop)
        place[walking] -= 1
        walking = walking[~ends & (j > ranges.first[walking])]
    return paid, got, depth


def walked_up(problem: Problem, x: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns (b in before the fee, a out, liquidity over root there) for prices x above."""
    ranges = problem.ranges
    paid, got, depth = np.zeros(x.size), np.zeros(x.size), np.zeros(x.size)
    at, goal, place = ranges.root.copy(), ranges.root * np.exp(0.5 * x), ranges.current.copy()
    walking = np.flatnonzero((x > 0.0) & (ranges.first[1:] > ranges.first[:-1]))
    while walking.size:
        j = place[walking]
        begin, high, held = at[walking], ranges.high[j], ranges.liquidity[j]
        ends = goal[walking] <= high
        fresh = begin == ranges.root[walking]
        stop = np.where(ends, goal[walking], np.maximum(high, begin))
        part = np.maximum(stop - begin, 0.0)
        part = np.where(ends & fresh, begin * np.expm1(0.5 * x[walking]), part)
        paid[walking] += held * part
        got[walking] += held * part / (begin * stop)
        depth[walking[ends]] = (held / stop)[ends]
        at[walking] = np.maximum(begin, stop)
        place[walking] += 1
        walking = walking[~ends & (j + 1 < ranges.first[walking + 1])]
    return paid, got, depth


def settle(problem: Problem) -> None:
    """Moves to the prices last looked at."""
    edges, tokens = problem.edges, problem.tokens
    turn = tokens.move[edges.a] - tokens.move[edges.b]
    edges.below[:] -= turn
    edges.above[:] += turn
    tokens.slack[:] -= tokens.move
    tokens.price[:] = tokens.trial
    tokens.move[:] = 0.0


def measure(problem: Problem) -> float:
    """Returns the residual at the prices looked at: imbalance off the floor relative to value."""
    tokens = problem.tokens
    np.multiply(tokens.price, tokens.net, out=tokens.pull)
    tokens.is_free[:] = (tokens.slack < 0.0) | (tokens.pull < 0.0)
    np.abs(tokens.pull, out=tokens.stiff)
    off, value = float(tokens.stiff[tokens.is_free].sum()), abs(float(tokens.pull.sum()))
    return off / value if value else float(off > 0.0)


def direct(problem: Problem, residual: float) -> float:
    """Sets the step that solves (Laplacian + stiff) step = -pull; returns its greatest length."""
    tokens = problem.tokens
    tokens.step[:] = solve_laplacian(problem)
    return float(np.abs(tokens.step).max(initial=0.0))


def retain(problem: Problem) -> float:
    return 0.0
