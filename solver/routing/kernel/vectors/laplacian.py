"""Newton's linear system in the numpy engine: a Laplacian and a stiff diagonal."""

import numpy as np

from solver.routing.kernel.graph import Floats, Places
from solver.routing.kernel.state import Problem

DENSE_MAX = 120  # free tokens up to which the matrix is dense and loses no digits


def solve_laplacian(problem: Problem) -> Floats:
    """Returns the step on every token, 0 on those held."""
    tokens, edges = problem.tokens, problem.edges
    free = np.flatnonzero(tokens.is_free)
    place = np.full(tokens.net.size, -1)
    place[free] = np.arange(free.size)
    used = np.flatnonzero(edges.weight > 0.0)
    p, q, weight = place[edges.a[used]], place[edges.b[used]], edges.weight[used]
    stiff = tokens.stiff[free]
    to_held_a, to_held_b, inside = (p >= 0) & (q < 0), (q >= 0) & (p < 0), (p >= 0) & (q >= 0)
    np.add.at(stiff, p[to_held_a], weight[to_held_a])
    np.add.at(stiff, q[to_held_b], weight[to_held_b])
    p, q, weight = p[inside], q[inside], weight[inside]
    solve = _dense if free.size <= DENSE_MAX else _sparse
    step = np.zeros(tokens.net.size)
    step[free] = solve((p, q, weight), stiff, -tokens.pull[free])
    return step


def _dense(joined: tuple[Places, Places, Floats], stiff: Floats, right: Floats) -> Floats:
    """Eliminates by sums of positive numbers only, as the compiled engine does."""
    p, q, weight = joined
    count = stiff.size
    core = (
        np.bincount(p * count + q, weight, count * count).reshape(count, count).astype(np.float64)
    )
    core += core.T.copy()
    pivots = np.zeros(count)
    for k in range(count):
        row = core[k, k + 1 :]
        pivots[k] = stiff[k] + row.sum()
        if pivots[k] > 0.0:
            part = row / pivots[k]
            right[k + 1 :] += part * right[k]
            stiff[k + 1 :] += part * stiff[k]
            core[k + 1 :, k + 1 :] += part[:, None] * row
            np.fill_diagonal(core[k + 1 :, k + 1 :], 0.0)
    for k in range(count - 1, -1, -1):
        total = right[k] + core[k, k + 1 :] @ right[k + 1 :]
        right[k] = total / pivots[k] if pivots[k] > 0.0 else 0.0
    return right


def _sparse(joined: tuple[Places, Places, Floats], stiff: Floats, right: Floats) -> Floats:
    from scipy.sparse import coo_matrix
    from scipy.sparse.linalg import splu

    p, q, weight = joined
    count = stiff.size
    diagonal = stiff + np.bincount(p, weight, count) + np.bincount(q, weight, count)
    alone = diagonal <= 0.0
    diagonal[alone] = 1.0
    whole = np.arange(count)
    entries = np.concatenate([diagonal, -weight, -weight])
    places = np.concatenate([whole, p, q]), np.concatenate([whole, q, p])
    matrix = coo_matrix((entries, places), shape=(count, count)).tocsc()
    factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    step = factors.solve(np.where(alone, 0.0, right))
    return np.asarray(step, dtype=np.float64)
