"""How pairs, pools of ranges and stableswaps answer prices, all of a kind at once.

The same formulas as in the loops of the compiled engine, which are said there.
"""

import numpy as np

from solver.routing.kernel.graph import Flags, Floats, Places
from solver.routing.kernel.state import Problem

ROUNDS_MAX = 60  # of Newton's method on the stableswaps
CLOSE = 1e-15  # of a log price, relative to the one asked for


def respond_pairs(problem: Problem, below: Floats, above: Floats) -> None:
    """Sets the flows of the pairs this far below and above their bands."""
    pairs, edges, trial = problem.pairs, problem.edges, problem.tokens.trial
    count = pairs.a.size
    x = np.maximum(below[:count], 0.0)
    left, grown = -np.expm1(-pairs.weight * x), np.expm1((1.0 - pairs.weight) * x)
    flow_a, flow_b = -pairs.reserve_a * grown / pairs.kept, pairs.reserve_b * left
    weight = (x > 0.0) * trial[pairs.b] * pairs.reserve_b * pairs.weight * (1.0 - left)
    x = np.maximum(above[:count], 0.0)
    other = 1.0 - pairs.weight
    left, grown = -np.expm1(-other * x), np.expm1(pairs.weight * x)
    edges.flow_a[:count] = flow_a + pairs.reserve_a * left
    edges.flow_b[:count] = flow_b - pairs.reserve_b * grown / pairs.kept
    rise = (x > 0.0) * trial[pairs.a] * pairs.reserve_a * other * (1.0 - left)
    edges.weight[:count] = weight + rise


def respond_ranges(problem: Problem, below: Floats, above: Floats) -> None:
    """Sets the flows of the pools of ranges this far below and above their bands."""
    ranges, edges, trial = problem.ranges, problem.edges, problem.tokens.trial
    base, count = problem.pairs.a.size, ranges.a.size
    here = slice(base, base + count)
    x = np.maximum(below[here], 0.0)
    paid, got, depth = walked(problem, x, -1)
    flow_a, flow_b = -paid / ranges.kept, got
    weight = 0.5 * trial[ranges.b] * depth
    x = np.maximum(above[here], 0.0)
    paid, got, depth = walked(problem, x, 1)
    edges.flow_a[here] = flow_a + got
    edges.flow_b[here] = flow_b - paid / ranges.kept
    edges.weight[here] = weight + 0.5 * trial[ranges.a] * depth


def walked(problem: Problem, x: Floats, way: int) -> tuple[Floats, Floats, Floats]:
    """Returns (in before the fee, out, liquidity times the output's root there) for prices x
    beyond, downwards for a way of -1. Down, all is said of 1/root.
    """
    ranges = problem.ranges
    begins, ends = ranges.first[:-1], ranges.first[1:]
    paid, got, depth = np.zeros(x.size), np.zeros(x.size), np.zeros(x.size)
    root = ranges.root**way
    bounds = ranges.high if way > 0 else ranges.low
    at, goal, place = root.copy(), root * np.exp(0.5 * x), ranges.current.copy()
    walking = np.flatnonzero((x > 0.0) & (ends > begins))
    while walking.size:
        j = place[walking]
        begin, held = at[walking], ranges.liquidity[j]
        bound = np.divide(1.0, bounds[j], out=np.full(j.size, np.inf), where=bounds[j] > 0.0)
        bound = bounds[j] if way > 0 else bound
        is_last = goal[walking] <= bound
        stop = np.where(is_last, goal[walking], np.maximum(bound, begin))
        part = np.maximum(stop - begin, 0.0)
        fresh = is_last & (begin == root[walking])
        part = np.where(fresh, begin * np.expm1(0.5 * x[walking]), part)
        moved = held > 0.0
        paid[walking[moved]] += (held * part)[moved]
        got[walking[moved]] += (held * part / (begin * stop))[moved]
        depth[walking[is_last]] = (held / stop)[is_last]
        at[walking] = np.maximum(begin, stop)
        place[walking] += way
        inside = (begins[walking] <= j + way) & (j + way < ends[walking])
        walking = walking[~is_last & inside]
    return paid, got, depth


def respond_stables(problem: Problem, below: Floats, above: Floats) -> None:
    """Sets the flows of the stableswaps this far below and above their bands."""
    stables, edges, trial = problem.stables, problem.edges, problem.tokens.trial
    base, count = problem.pairs.a.size + problem.ranges.a.size, stables.a.size
    here = slice(base, base + count)
    unit_a, unit_b = stables.unit_a, stables.unit_b
    held_a, held_b = stables.reserve_a * unit_a, stables.reserve_b * unit_b
    x = np.maximum(below[here], 0.0)
    paid, got, bend = steepened(held_a, held_b, stables.shift, x)
    flow_a, flow_b = -paid / (stables.kept_in * unit_a), got * stables.kept_out / unit_b
    weight = trial[stables.b] * bend * stables.kept_out / unit_b
    x = np.maximum(above[here], 0.0)
    paid, got, bend = steepened(held_b, held_a, stables.shift, x)
    edges.flow_a[here] = flow_a + got * stables.kept_out / unit_a
    edges.flow_b[here] = flow_b - paid / (stables.kept_in * unit_b)
    edges.weight[here] = weight + trial[stables.a] * bend * stables.kept_out / unit_a


def steepened(x: Floats, y: Floats, shift: Floats, fall: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns (x in, y out, change of y out per log price) once the slopes have fallen by `fall`;
    nothing where they need not, or where a pool is empty.
    """
    paid, got, bend = np.zeros(x.size), np.zeros(x.size), np.zeros(x.size)
    both = x + y + shift
    left = np.flatnonzero((fall > 0.0) & (x > 0.0) & (y > 0.0) & (both > 0.0))
    low, high, at = np.zeros(x.size), np.full(x.size, np.inf), np.zeros(x.size)
    for _ in range(ROUNDS_MAX):
        if not left.size:
            break
        off, bent, now, is_sound = _steepness(x, y, shift, (left, at, paid, got, bend))
        off = off + fall[left]
        np.copyto(off, -np.inf, where=~is_sound)
        done = np.abs(off) <= CLOSE * fall[left]
        rising = off > 0.0
        low[left[rising]] = at[left[rising]]
        high[left[~rising]] = at[left[~rising]]
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            ahead = at[left] + off / (bent * now)
        ahead = np.where(np.isinf(high[left]), np.minimum(ahead, 2.0 * at[left] + 1.0), ahead)
        outside = ~((low[left] < ahead) & (ahead < high[left]))
        ahead = np.where(outside, 0.5 * (low[left] + high[left]), ahead)
        done |= ahead == at[left]
        at[left] = np.where(done, at[left], ahead)
        left = left[~done]
    return paid, got, bend


def _steepness(
    x: Floats, y: Floats, shift: Floats, state: tuple[Places, Floats, Floats, Floats, Floats]
) -> tuple[Floats, Floats, Floats, Flags]:
    """Sets the trade at log inputs `at`; returns (log slope's change, its bend, x, is on curve)."""
    left, at, paid, got, bend = state
    x, y = x[left], y[left]
    both = x + y + shift[left]
    paid[left] = put = x * np.expm1(at[left])
    now = x + put
    half, inner = now * (y + both + put), put * y * (both + now)
    out = 2.0 * inner / (half + np.sqrt(np.maximum(half * half - 4.0 * now * inner, 0.0)))
    got[left] = out
    rest, above, beneath = y - out, both + x + 2.0 * put - out, both + y + put - 2.0 * out
    is_sound = (rest > 0.0) & (above > 0.0) & (beneath > 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = rest * above / (now * beneath)
        off = np.log1p(-out / y) + np.log1p((2.0 * put - out) / (both + x))
        off -= np.log1p(put / x) + np.log1p((put - 2.0 * out) / (both + y))
        bent = slope / rest - (2.0 - slope) / above + 1.0 / now + (1.0 - 2.0 * slope) / beneath
        bend[left] = slope / bent
    return off, bent, now, is_sound
