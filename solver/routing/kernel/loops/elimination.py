"""Newton's linear system in the compiled engine: a Laplacian and a stiff diagonal, eliminated.

Only sums of positive numbers occur: what a row has beyond its Laplacian is carried along instead of
the diagonal (Grassmann, Taksar, Heyman), so weights of any ratio lose no digits.
"""

from solver.routing.kernel.graph import Floats, Places
from solver.routing.kernel.state import LONGEST, Edges, Plan, Problem, Tokens

DENSE_MAX = 40  # tokens in the core up to which it is eliminated before anything else is tried
SWEEPS_MAX = 60  # of conjugate gradients before the core is eliminated after all
ACCURACY = 0.02  # of a step found by them, at most
DIAGONAL, REST, WAY, IMAGE = 0, 1, 2, 3  # rows of the work space


def direct(problem: Problem, residual: float) -> float:
    """Sets the step that solves (Laplacian + stiff) step = -pull; returns its greatest length."""
    tokens, plan = problem.tokens, problem.plan
    done = False
    if plan.core.size > DENSE_MAX:
        done = iterate(problem, min(ACCURACY, residual))
    if not done:
        core = problem.core
        clear(core)
        for t in range(tokens.step.size):
            tokens.step[t] = -tokens.pull[t] if tokens.is_free[t] else 0.0
        join(plan, problem.edges, tokens, core)
        fold(plan, problem.edges, tokens, core)
        eliminate(plan.core, tokens, core)
        unfold(plan, problem.edges, tokens)
    longest = 0.0
    for t in range(tokens.step.size):
        longest = max(longest, abs(tokens.step[t]))
    problem.knobs[LONGEST] = longest
    return longest


def join(plan: Plan, edges: Edges, tokens: Tokens, core: Floats) -> None:
    """Enters the trading edges between core tokens (one to a held token only stiffens the other)
    and lists those of the leaves, leaf by leaf.
    """
    place, is_free, stiff, a, b = plan.place, tokens.is_free, tokens.stiff, edges.a, edges.b
    weights, first, ends, live = edges.weight, plan.first, plan.ends, plan.live
    count = 0
    for leaf in range(first.size):
        first[leaf] = 0
    for e in range(weights.size):
        weight = weights[e]
        if not weight > 0.0:
            continue
        s, t = a[e], b[e]
        p, q = place[s], place[t]
        if p < 0 or q < 0:
            first[-1 - min(p, q)] += 1
            live[count] = e
            count += 1
        elif is_free[s] and is_free[t]:
            core[min(p, q), max(p, q)] += weight
        elif is_free[s]:
            stiff[s] += weight
        elif is_free[t]:
            stiff[t] += weight
    for leaf in range(1, first.size):
        first[leaf] += first[leaf - 1]
    for k in range(count - 1, -1, -1):
        e = live[k]
        leaf = -1 - min(place[a[e]], place[b[e]])
        first[leaf] -= 1
        ends[first[leaf]] = e


def fold(plan: Plan, edges: Edges, tokens: Tokens, core: Floats) -> None:
    """Eliminates the leaves: what one joins is then joined in series. `trial` holds pivots."""
    place, ends, is_free, stiff = plan.place, plan.ends, tokens.is_free, tokens.stiff
    a, b, weight, step = edges.a, edges.b, edges.weight, tokens.step
    for leaf in range(plan.leaves.size):
        t = plan.leaves[leaf]
        begin, end = plan.first[leaf], plan.first[leaf + 1]
        pivot = 0.0
        for k in range(begin, end):
            e = ends[k]
            s = a[e] + b[e] - t
            if not is_free[s]:
                stiff[t] += weight[e]
            elif is_free[t]:
                pivot += weight[e]
            else:
                stiff[s] += weight[e]
        pivot += stiff[t]
        tokens.trial[t] = pivot
        if not is_free[t] or pivot <= 0.0:
            continue
        for k in range(begin, end):
            e = ends[k]
            s = a[e] + b[e] - t
            if not is_free[s]:
                continue
            part, p = weight[e] / pivot, place[s]
            step[s] += part * step[t]
            stiff[s] += part * stiff[t]
            for j in range(k + 1, end):
                f = ends[j]
                r = a[f] + b[f] - t
                if r != s and is_free[r]:
                    q = place[r]
                    core[min(p, q), max(p, q)] += part * weight[f]


def eliminate(members: Places, tokens: Tokens, core: Floats) -> None:
    """Solves for the core: each token in turn is eliminated, and then set in reverse."""
    is_free, stiff, step, pivots = tokens.is_free, tokens.stiff, tokens.step, tokens.trial
    count = members.size
    for p in range(count):
        t = members[p]
        pivot = stiff[t]
        for q in range(p + 1, count):
            pivot += core[p, q]
        pivots[t] = pivot
        if not is_free[t] or pivot <= 0.0:
            continue
        for q in range(p + 1, count):
            if core[p, q] > 0.0:
                part, s = core[p, q] / pivot, members[q]
                step[s] += part * step[t]
                stiff[s] += part * stiff[t]
                for r in range(q + 1, count):
                    core[q, r] += part * core[p, r]
    for p in range(count - 1, -1, -1):
        t = members[p]
        total = step[t]
        for q in range(p + 1, count):
            total += core[p, q] * step[members[q]]
        step[t] = total / pivots[t] if is_free[t] and pivots[t] > 0.0 else 0.0


def unfold(plan: Plan, edges: Edges, tokens: Tokens) -> None:
    """Sets the leaves' steps from those of their neighbours."""
    a, b, weight, step = edges.a, edges.b, edges.weight, tokens.step
    for leaf in range(plan.leaves.size):
        t = plan.leaves[leaf]
        pivot, total = tokens.trial[t], step[t]
        if not tokens.is_free[t] or pivot <= 0.0:
            step[t] = 0.0
            continue
        for k in range(plan.first[leaf], plan.first[leaf + 1]):
            e = plan.ends[k]
            s = a[e] + b[e] - t
            if tokens.is_free[s]:
                total += weight[e] * step[s]
        step[t] = total / pivot


def iterate(problem: Problem, accuracy: float) -> bool:
    """Solves by conjugate gradients scaled by the diagonal: few sweeps where the graph is dense and
    even. Returns whether the accuracy was reached; writes nothing but the step.
    """
    tokens, edges, core, work = problem.tokens, problem.edges, problem.core, problem.work
    step, is_free, count = tokens.step, tokens.is_free, tokens.step.size
    is_dense = core.shape[0] == count and 4 * edges.a.size >= count * count
    for t in range(count):
        work[DIAGONAL, t] = tokens.stiff[t]
    weigh(edges, work)
    if is_dense:
        spread(edges, core)
    now = 0.0
    for t in range(count):
        diagonal, pull = work[DIAGONAL, t], -tokens.pull[t]
        is_moved = is_free[t] and diagonal > 0.0
        step[t] = 0.0
        work[REST, t] = pull if is_moved else 0.0
        work[WAY, t] = pull / diagonal if is_moved else 0.0
        now += work[REST, t] * work[WAY, t]
    goal = accuracy * accuracy * now
    for _ in range(SWEEPS_MAX):
        if now <= goal:
            return True
        if is_dense:
            sweep_dense(core, work)
        else:
            sweep(edges, work)
        bend, later = 0.0, 0.0
        for t in range(count):
            image = work[DIAGONAL, t] * work[WAY, t] - work[IMAGE, t] if is_free[t] else 0.0
            work[IMAGE, t] = image
            bend += work[WAY, t] * image
        ahead = now / bend
        for t in range(count):
            step[t] += ahead * work[WAY, t]
            work[REST, t] -= ahead * work[IMAGE, t]
            if work[DIAGONAL, t] > 0.0:
                later += work[REST, t] * work[REST, t] / work[DIAGONAL, t]
        for t in range(count):
            if work[DIAGONAL, t] > 0.0:
                rest = work[REST, t] / work[DIAGONAL, t]
                work[WAY, t] = rest + later / now * work[WAY, t]
        now = later
    return False


def weigh(edges: Edges, work: Floats) -> None:
    """Adds every weight to the diagonal of both its ends."""
    a, b, weight = edges.a, edges.b, edges.weight
    for e in range(a.size):
        if weight[e] > 0.0:
            work[DIAGONAL, a[e]] += weight[e]
            work[DIAGONAL, b[e]] += weight[e]


def spread(edges: Edges, core: Floats) -> None:
    """Adds every weight up in the square of all tokens."""
    a, b, weight = edges.a, edges.b, edges.weight
    clear(core)
    for e in range(a.size):
        if weight[e] > 0.0:
            core[a[e], b[e]] += weight[e]
            core[b[e], a[e]] += weight[e]


def clear(core: Floats) -> None:
    """Empties the square."""
    for p in range(core.shape[0]):
        for q in range(core.shape[1]):
            core[p, q] = 0.0


def sweep(edges: Edges, work: Floats) -> None:
    """Sets image = weights * way, edge by edge."""
    a, b, weight = edges.a, edges.b, edges.weight
    for t in range(work.shape[1]):
        work[IMAGE, t] = 0.0
    for e in range(a.size):
        if weight[e] > 0.0:
            work[IMAGE, a[e]] += weight[e] * work[WAY, b[e]]
            work[IMAGE, b[e]] += weight[e] * work[WAY, a[e]]


def sweep_dense(core: Floats, work: Floats) -> None:
    """Sets image = weights * way, row by row."""
    count = work.shape[1]
    for t in range(count):
        work[IMAGE, t] = 0.0
    for s in range(count):
        way = work[WAY, s]
        if way != 0.0:
            for t in range(count):
                work[IMAGE, t] += way * core[s, t]
