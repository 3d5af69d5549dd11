"""How pairs, pools of ranges and stableswaps answer prices, one after the other.

x is how far, in log price, the outside price is beyond the end of a fee band: what goes in raises
the pool's own price by x. Formulas keep all digits for the smallest x.
"""

import math

from solver.routing.kernel.graph import Floats
from solver.routing.kernel.state import Problem

ROUNDS_MAX = 60  # of Newton's method on one stableswap
EASY = 1.1  # a root beyond which it keeps its digits less one
THIRD, SIXTH, SEVENTH, NINTH = 1.0 / 3.0, 1.0 / 6.0, 1.0 / 7.0, 1.0 / 9.0
CLOSE = 1e-15  # of a log price, relative to the one asked for


def raised(x: float) -> float:
    """Returns exp(x) - 1 for x >= 0, faster than the library's where it is easy."""
    if x > 0.4:
        return math.exp(x) - 1.0
    if x < 0.1:
        series = 1.0 + x * 0.125 * (1.0 + x * NINTH * (1.0 + x * 0.1))
        series = 1.0 + x * SIXTH * (1.0 + x * SEVENTH * series)
        series = 1.0 + x * 0.25 * (1.0 + x * 0.2 * series)
        return x * (1.0 + x * 0.5 * (1.0 + x * THIRD * series))
    return math.expm1(x)


def respond_pairs(problem: Problem) -> None:
    """x**w * y**(1-w): in = R (exp((1-w)x) - 1) / kept, out = R (1 - exp(-w x)), w of the input.
    A constant product's exponentials are square roots.
    """
    pairs, edges, tokens = problem.pairs, problem.edges, problem.tokens
    move, trial, net = tokens.move, tokens.trial, tokens.net
    ends_a, ends_b, held_a, held_b = pairs.a, pairs.b, pairs.reserve_a, pairs.reserve_b
    belows, aboves, keeps, shares = edges.below, edges.above, pairs.kept, pairs.weight
    flows_a, flows_b, weights = edges.flow_a, edges.flow_b, edges.weight
    for i in range(ends_a.size):
        a, b = ends_a[i], ends_b[i]
        turn = move[a] - move[b]
        below, above = belows[i] - turn, aboves[i] + turn
        if below <= 0.0 and above <= 0.0:
            if flows_a[i] != 0.0 or weights[i] != 0.0:
                flows_a[i], flows_b[i], weights[i] = 0.0, 0.0, 0.0
            continue
        kept, is_a_in = keeps[i], below > 0.0
        if is_a_in:
            x, w, worth, other = below, shares[i], held_b[i] * trial[b], held_a[i] * trial[a]
        else:
            x, w, worth, other = above, 1.0 - shares[i], held_a[i] * trial[a], held_b[i] * trial[b]
        if w == 0.5:
            root = math.sqrt(kept * worth / other)
            rise = root - 1.0 if root > EASY else raised(0.5 * x)
            grown = rise
        else:
            rise, grown = raised((1.0 - w) * x), raised(w * x)
        left = 1.0 / (1.0 + grown)
        weights[i] = w * worth * left
        if is_a_in:
            flow_a, flow_b = -held_a[i] * rise / kept, held_b[i] * grown * left
        else:
            flow_a, flow_b = held_a[i] * grown * left, -held_b[i] * rise / kept
        flows_a[i], flows_b[i] = flow_a, flow_b
        net[a] += flow_a
        net[b] += flow_b


def respond_ranges(problem: Problem) -> None:
    """Walks from the current segment to the price asked for: only the ticks crossed cost time."""
    ranges, edges, tokens = problem.ranges, problem.edges, problem.tokens
    move, trial, net = tokens.move, tokens.trial, tokens.net
    low, high, depths = ranges.low, ranges.high, ranges.liquidity
    base = problem.pairs.a.size
    for k in range(ranges.a.size):
        i = base + k
        a, b = ranges.a[k], ranges.b[k]
        turn = move[a] - move[b]
        below, above = edges.below[i] - turn, edges.above[i] + turn
        flow_a, flow_b, weight = 0.0, 0.0, 0.0
        if below > 0.0:
            span = ranges.first[k], ranges.current[k]
            paid, got, depth = walked_down(low, depths, span, ranges.root[k], below)
            flow_a, flow_b, weight = -paid / ranges.kept[k], got, 0.5 * trial[b] * depth
        elif above > 0.0:
            span = ranges.first[k + 1], ranges.current[k]
            paid, got, depth = walked_up(high, depths, span, ranges.root[k], above)
            flow_a, flow_b, weight = got, -paid / ranges.kept[k], 0.5 * trial[a] * depth
        edges.flow_a[i], edges.flow_b[i], edges.weight[i] = flow_a, flow_b, weight
        net[a] += flow_a
        net[b] += flow_b


def walked_down(
    lows: Floats, depths: Floats, span: tuple[int, int], root: float, x: float
) -> tuple[float, float, float]:
    """Returns (a in before the fee, b out, liquidity times root there) for a price x below."""
    at, goal = root, root * math.exp(-0.5 * x)
    begin, j = span
    paid, got = 0.0, 0.0
    while j >= begin:
        low, depth = lows[j], depths[j]
        if goal >= low:
            if depth > 0.0:
                if at == root:
                    grown = raised(0.5 * x)
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


def walked_up(
    highs: Floats, depths: Floats, span: tuple[int, int], root: float, x: float
) -> tuple[float, float, float]:
    """Returns (b in before the fee, a out, liquidity over root there) for a price x above."""
    at, goal = root, root * math.exp(0.5 * x)
    end, j = span
    paid, got = 0.0, 0.0
    while j < end:
        high, depth = highs[j], depths[j]
        if goal <= high:
            if depth > 0.0:
                if at == root:
                    grown = raised(0.5 * x)
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


def respond_stables(problem: Problem) -> None:
    """x*y*(x + y + shift) is kept: the trade that moves its slope by what is asked for."""
    stables, edges, tokens = problem.stables, problem.edges, problem.tokens
    base = problem.pairs.a.size + problem.ranges.a.size
    for k in range(stables.a.size):
        i = base + k
        a, b = stables.a[k], stables.b[k]
        turn = tokens.move[a] - tokens.move[b]
        below, above = edges.below[i] - turn, edges.above[i] + turn
        unit_a, unit_b, shift = stables.unit_a[k], stables.unit_b[k], stables.shift[k]
        held_a, held_b = stables.reserve_a[k] * unit_a, stables.reserve_b[k] * unit_b
        flow_a, flow_b, weight = 0.0, 0.0, 0.0
        if below > 0.0:
            paid, got, bend = steepened(held_a, held_b, shift, below)
            share = stables.kept_out[k] / unit_b
            flow_a, flow_b = -paid / (stables.kept_in[k] * unit_a), got * share
            weight = tokens.trial[b] * bend * share
        elif above > 0.0:
            paid, got, bend = steepened(held_b, held_a, shift, above)
            share = stables.kept_out[k] / unit_a
            flow_a, flow_b = got * share, -paid / (stables.kept_in[k] * unit_b)
            weight = tokens.trial[a] * bend * share
        edges.flow_a[i], edges.flow_b[i], edges.weight[i] = flow_a, flow_b, weight
        tokens.net[a] += flow_a
        tokens.net[b] += flow_b


def steepened(x: float, y: float, shift: float, fall: float) -> tuple[float, float, float]:
    """Returns (x in, y out, change of y out per log price) once the slope has fallen by `fall`.

    Newton on the log of x; y out is a root of r^2 - (x + 2y + shift) r + in*y*(...)/x, exact for
    the smallest input.
    """
    low, high, at = 0.0, -1.0, 0.0
    both = x + y + shift
    steep_x, steep_y = both + x, both + y
    paid, got, bend = 0.0, 0.0, 0.0
    for _ in range(ROUNDS_MAX):
        paid = x * math.expm1(at)
        now = x + paid
        half = now * (y + both + paid)
        inner = paid * y * (both + now)
        got = 2.0 * inner / (half + math.sqrt(max(half * half - 4.0 * now * inner, 0.0)))
        rest = y - got
        above, beneath = steep_x + 2.0 * paid - got, steep_y + paid - 2.0 * got
        if not (rest > 0.0 and above > 0.0 and beneath > 0.0):
            high = at
            at = 0.5 * (low + high)
            continue
        slope = rest * above / (now * beneath)
        off = math.log1p(-got / y) + math.log1p((2.0 * paid - got) / steep_x)
        off += fall - math.log1p(paid / x) - math.log1p((paid - 2.0 * got) / steep_y)
        bent = slope / rest - (2.0 - slope) / above + 1.0 / now + (1.0 - 2.0 * slope) / beneath
        bend = slope / bent
        if abs(off) <= CLOSE * fall:
            break
        if off > 0.0:
            low = at
        else:
            high = at
        ahead = at + off / (bent * now)
        if high < 0.0:
            ahead = min(ahead, 2.0 * at + 1.0)
        elif not low < ahead < high:
            ahead = 0.5 * (low + high)
        if ahead == at:
            break
        at = ahead
    return paid, got, bend
