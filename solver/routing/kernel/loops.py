"""The compiled engine's own parts: every edge answers the prices tried, one after the other.

Plain loops over plain numbers, written for numba; the vectors are the same formulas for numpy.
"""

import math

from solver.routing.kernel.state import BLUR, PAST, Problem


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
    slope = 0.0
    for t in range(tokens.price.size):
        if tokens.move[t] > tokens.slack[t] or length == 0.0:
            slope += tokens.step[t] * tokens.trial[t] * tokens.net[t]
    return slope


def respond_pairs(problem: Problem) -> None:
    """x**w * y**(1-w), entered at the band's end: in = R (exp((1-w)x) - 1) / kept, out of the other
    R (1 - exp(-w x)) for a log price x beyond it (w that of the input's opposite).
    """
    pairs, edges, tokens = problem.pairs, problem.edges, problem.tokens
    blur = problem.knobs[BLUR]
    for i in range(pairs.a.size):
        a, b = pairs.a[i], pairs.b[i]
        turn = tokens.move[a] - tokens.move[b]
        below, above = edges.below[i] - turn, edges.above[i] + turn
        flow_a, flow_b, weight = 0.0, 0.0, 0.0
        if below > 0.0 or blur > 0.0:
            x, share = softened(below, blur)
            w = pairs.weight[i]
            left, grown = decayed(x, w)
            flow_a -= pairs.reserve_a[i] * grown / pairs.kept[i]
            flow_b += pairs.reserve_b[i] * left
            weight += share * tokens.trial[b] * pairs.reserve_b[i] * w * (1.0 - left)
        if above > 0.0 or blur > 0.0:
            x, share = softened(above, blur)
            w = 1.0 - pairs.weight[i]
            left, grown = decayed(x, w)
            flow_b -= pairs.reserve_b[i] * grown / pairs.kept[i]
            flow_a += pairs.reserve_a[i] * left
            weight += share * tokens.trial[a] * pairs.reserve_a[i] * w * (1.0 - left)
        edges.flow_a[i], edges.flow_b[i], edges.weight[i] = flow_a, flow_b, weight
        if weight > 0.0:
            tokens.net[a] += flow_a
            tokens.net[b] += flow_b


def decayed(x: float, w: float) -> tuple[float, float]:
    """Returns (1 - exp(-w x), exp((1-w) x) - 1)."""
    if w == 0.5:
        grown = math.expm1(0.5 * x)
        return grown / (1.0 + grown), grown
    return -math.expm1(-w * x), math.expm1((1.0 - w) * x)


def softened(x: float, blur: float) -> tuple[float, float]:
    """Returns the positive part of x, rounded off over `blur`, and its derivative."""
    if blur == 0.0:
        return x, 1.0
    if x < -PAST:
        return 0.0, 0.0
    root = math.sqrt(x * x + 4.0 * blur * blur)
    if x > 0.0:
        return 0.5 * (x + root), 0.5 * (1.0 + x / root)
    soft = 2.0 * blur * blur / (root - x)
    return soft, soft / root


def respond_ranges(problem: Problem) -> None:
    """Walks from the current segment to the price asked for: only the ticks crossed cost time."""
    ranges, edges, tokens = problem.ranges, problem.edges, problem.tokens
    blur = problem.knobs[BLUR]
    base = problem.pairs.a.size
    for k in range(ranges.a.size):
        i = base + k
        a, b = ranges.a[k], ranges.b[k]
        turn = tokens.move[a] - tokens.move[b]
        below, above = edges.below[i] - turn, edges.above[i] + turn
        flow_a, flow_b, weight = 0.0, 0.0, 0.0
        if below > 0.0 or blur > 0.0:
            x, share = softened(below, blur)
            paid, got, depth = walked_down(problem, k, x)
            flow_a -= paid / ranges.kept[k]
            flow_b += got
            weight += 0.5 * share * tokens.trial[b] * depth
        if above > 0.0 or blur > 0.0:
            x, share = softened(above, blur)
            paid, got, depth = walked_up(problem, k, x)
            flow_b -= paid / ranges.kept[k]
            flow_a += got
            weight += 0.5 * share * tokens.trial[a] * depth
        edges.flow_a[i], edges.flow_b[i], edges.weight[i] = flow_a, flow_b, weight
        tokens.net[a] += flow_a
        tokens.net[b] += flow_b


def walked_down(problem: Problem, k: int, x: float) -> tuple[float, float, float]:
    """Returns (a in before the fee, b out, liquidity times root there) for a price x below."""
    ranges = problem.ranges
    at = ranges.root[k]
    goal = at * math.exp(-0.5 * x)
    j, begin = ranges.current[k], ranges.first[k]
    paid, got = 0.0, 0.0
    while j >= begin:
        low, depth = ranges.low[j], ranges.liquidity[j]
        if goal >= low:
            if depth > 0.0:
                if at == ranges.root[k]:
                    grown = math.expm1(0.5 * x)
                    paid += depth / at * grown
                    got += depth * at * grown / (1.0 + grown)
                elif at > goal:
                    paid += depth * (at - goal) / (at * goal)
                    got += depth * (at - goal)
            return paid, got, depth * goal
        if depth > 0.0 and at > low > 0.0:
            paid += depth * (at - low) / (at * low)
            got += depth * (at - low)
        at = min(at, low)
        j -= 1
    return paid, got, 0.0


def walked_up(problem: Problem, k: int, x: float) -> tuple[float, float, float]:
    """Returns (b in before the fee, a out, liquidity over root there) for a price x above."""
    ranges = problem.ranges
    at = ranges.root[k]
    goal = at * math.exp(0.5 * x)
    j, end = ranges.current[k], ranges.first[k + 1]
    paid, got = 0.0, 0.0
    while j < end:
        high, depth = ranges.high[j], ranges.liquidity[j]
        if goal <= high:
            if depth > 0.0:
                if at == ranges.root[k]:
                    grown = math.expm1(0.5 * x)
                    paid += depth * at * grown
                    got += depth / at * grown / (1.0 + grown)
                elif at < goal:
                    paid += depth * (goal - at)
                    got += depth * (goal - at) / (at * goal)
            return paid, got, depth / goal
        if depth > 0.0 and high > at:
            paid += depth * (high - at)
            got += depth * (high - at) / (at * high)
        at = max(at, high)
        j += 1
    return paid, got, 0.0


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


def measure(problem: Problem) -> float:
    """Returns the residual at the prices looked at: imbalance off the floor relative to value."""
    tokens = problem.tokens
    off, value = 0.0, 0.0
    for t in range(tokens.price.size):
        pull = tokens.price[t] * tokens.net[t]
        held = tokens.slack[t] >= 0.0 and pull >= 0.0
        tokens.pull[t] = pull
        tokens.is_free[t] = not held
        tokens.stiff[t] = abs(pull)
        value += pull
        if not held:
            off += abs(pull)
    return off / abs(value) if value != 0.0 else (1.0 if off > 0.0 else 0.0)
