"""Newton's linear system in the compiled engine: a Laplacian and a stiff diagonal, eliminated.

Only sums of positive numbers occur: what a row has beyond its Laplacian is carried along instead of
the diagonal (Grassmann, Taksar, Heyman), so weights of any ratio lose no digits.
"""

from solver.routing.kernel.graph import Floats
from solver.routing.kernel.state import Problem

DENSE_MAX = 48  # tokens in the core up to which it is eliminated before anything else is tried
SWEEPS_MAX = 60  # of conjugate gradients before the core is eliminated after all


def direct(problem: Problem, residual: float) -> float:
    """Sets the step that solves (Laplacian + stiff) step = -pull; returns its greatest length."""
    tokens, plan = problem.tokens, problem.plan
    done = False
    if plan.core.size > DENSE_MAX:
        done = iterate(problem, min(0.02, residual))
    if not done:
        eliminate(problem)
    longest = 0.0
    for t in range(tokens.step.size):
        if abs(tokens.step[t]) > longest:
            longest = abs(tokens.step[t])
    return longest


def eliminate(problem: Problem) -> None:
    """Solves by elimination: leaves, then the core as a dense matrix, and back."""
    tokens, edges, plan, core = problem.tokens, problem.edges, problem.plan, problem.core
    count = plan.core.size
    for p in range(count):
        for q in range(p, count):
            core[p, q] = 0.0
    for t in range(tokens.step.size):
        tokens.step[t] = -tokens.pull[t] if tokens.is_free[t] else 0.0
    for k in range(plan.inner.size):
        e = plan.inner[k]
        join(problem, edges.a[e], edges.b[e], edges.weight[e])
    for leaf in range(plan.leaves.size):
        fold(problem, leaf)
    for p in range(count):
        pivot_out(problem, p)
    for p in range(count - 1, -1, -1):
        t = plan.core[p]
        if tokens.is_free[t] and tokens.trial[t] > 0.0:
            total = tokens.step[t]
            for q in range(p + 1, count):
                total += core[p, q] * tokens.step[plan.core[q]]
            tokens.step[t] = total / tokens.trial[t]
        else:
            tokens.step[t] = 0.0
    for leaf in range(plan.leaves.size):
        unfold(problem, leaf)


def join(problem: Problem, s: int, t: int, weight: float) -> None:
    """Enters an edge between two core tokens; one to a held token only stiffens the other."""
    tokens, plan = problem.tokens, problem.plan
    if tokens.is_free[s] and tokens.is_free[t]:
        p, q = plan.place[s], plan.place[t]
        if p < q:
            problem.core[p, q] += weight
        else:
            problem.core[q, p] += weight
    elif tokens.is_free[s]:
        tokens.stiff[s] += weight
    elif tokens.is_free[t]:
        tokens.stiff[t] += weight


def fold(problem: Problem, leaf: int) -> None:
    """Eliminates a leaf: what it joined is joined directly, in series. `trial` holds the pivot."""
    tokens, edges, plan = problem.tokens, problem.edges, problem.plan
    t = plan.leaves[leaf]
    begin, end = plan.first[leaf], plan.first[leaf + 1]
    free = tokens.is_free[t]
    stiff, pivot = tokens.stiff[t], 0.0
    for k in range(begin, end):
        e = plan.ends[k]
        weight = edges.weight[e]
        if weight <= 0.0:
            continue
        s = edges.a[e] + edges.b[e] - t
        if not tokens.is_free[s]:
            stiff += weight
        elif not free:
            tokens.stiff[s] += weight
        else:
            pivot += weight
    if not free:
        return
    pivot += stiff
    tokens.trial[t] = pivot
    if pivot <= 0.0:
        return
    for k in range(begin, end):
        e = plan.ends[k]
        s = edges.a[e] + edges.b[e] - t
        if edges.weight[e] <= 0.0 or not tokens.is_free[s]:
            continue
        part = edges.weight[e] / pivot
        tokens.step[s] += part * tokens.step[t]
        tokens.stiff[s] += part * stiff
        p = plan.place[s]
        for j in range(k + 1, end):
            f = plan.ends[j]
            r = edges.a[f] + edges.b[f] - t
            if edges.weight[f] > 0.0 and r != s and tokens.is_free[r]:
                q = plan.place[r]
                if p < q:
                    problem.core[p, q] += part * edges.weight[f]
                else:
                    problem.core[q, p] += part * edges.weight[f]


def unfold(problem: Problem, leaf: int) -> None:
    """Sets a leaf's step from those of its neighbours."""
    tokens, edges, plan = problem.tokens, problem.edges, problem.plan
    t = plan.leaves[leaf]
    if not tokens.is_free[t] or tokens.trial[t] <= 0.0:
        tokens.step[t] = 0.0
        return
    total = tokens.step[t]
    for k in range(plan.first[leaf], plan.first[leaf + 1]):
        e = plan.ends[k]
        s = edges.a[e] + edges.b[e] - t
        if tokens.is_free[s]:
            total += edges.weight[e] * tokens.step[s]
    tokens.step[t] = total / tokens.trial[t]


def pivot_out(problem: Problem, p: int) -> None:
    """Eliminates one core token. `trial` holds the pivot."""
    tokens, plan, core = problem.tokens, problem.plan, problem.core
    count = plan.core.size
    t = plan.core[p]
    if not tokens.is_free[t]:
        return
    pivot = tokens.stiff[t]
    for q in range(p + 1, count):
        pivot += core[p, q]
    tokens.trial[t] = pivot
    if pivot <= 0.0:
        return
    for q in range(p + 1, count):
        if core[p, q] > 0.0:
            part = core[p, q] / pivot
            s = plan.core[q]
            tokens.step[s] += part * tokens.step[t]
            tokens.stiff[s] += part * tokens.stiff[t]
            for r in range(q + 1, count):
                core[q, r] += part * core[p, r]


def iterate(problem: Problem, accuracy: float) -> bool:
    """Solves by conjugate gradients scaled by the diagonal: few sweeps where the graph is dense and
    even. Returns whether the accuracy was reached; writes nothing but the step.
    """
    tokens, edges = problem.tokens, problem.edges
    count = tokens.step.size
    diagonal, rest, way, image = (
        tokens.stiff.copy(),
        tokens.stiff.copy(),
        tokens.stiff.copy(),
        tokens.stiff.copy(),
    )
    for e in range(edges.a.size):
        if edges.weight[e] > 0.0:
            diagonal[edges.a[e]] += edges.weight[e]
            diagonal[edges.b[e]] += edges.weight[e]
    start = 0.0
    for t in range(count):
        tokens.step[t] = 0.0
        rest[t] = -tokens.pull[t] if tokens.is_free[t] and diagonal[t] > 0.0 else 0.0
        way[t] = rest[t] / diagonal[t] if rest[t] != 0.0 else 0.0
        start += rest[t] * way[t]
    now, goal = start, accuracy * accuracy * start
    for _ in range(SWEEPS_MAX):
        if now <= goal:
            return True
        bend = multiply(problem, diagonal, way, image)
        ahead, later = now / bend, 0.0
        for t in range(count):
            tokens.step[t] += ahead * way[t]
            rest[t] -= ahead * image[t]
            if diagonal[t] > 0.0:
                later += rest[t] * rest[t] / diagonal[t]
        for t in range(count):
            if diagonal[t] > 0.0:
                way[t] = rest[t] / diagonal[t] + later / now * way[t]
        now = later
    return False


def multiply(problem: Problem, diagonal: Floats, way: Floats, image: Floats) -> float:
    """Sets image = (Laplacian + stiff) way on the free tokens; returns way . image."""
    tokens, edges = problem.tokens, problem.edges
    for t in range(way.size):
        image[t] = diagonal[t] * way[t]
    for e in range(edges.a.size):
        weight = edges.weight[e]
        if weight > 0.0:
            a, b = edges.a[e], edges.b[e]
            image[a] -= weight * way[b]
            image[b] -= weight * way[a]
    total = 0.0
    for t in range(way.size):
        if not tokens.is_free[t]:
            image[t] = 0.0
        total += way[t] * image[t]
    return total
