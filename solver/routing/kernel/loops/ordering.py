"""In which order the compiled engine eliminates tokens: worked out anew for each graph, in one pass
over its edges.

Leaves are tokens of few edges no two of which touch. Eliminating them leaves the core: in a market
of hubs and spokes that is the hubs.
"""

import numpy as np

from solver.routing.kernel.graph import Places
from solver.routing.kernel.state import Plan

DEGREE_MAX = 12  # edges of a leaf
CORE, LEAF = 1, 2


def order(tokens: int, a: Places, b: Places) -> Plan:
    """Returns the plan for the graph of these edges."""
    degree = np.zeros(tokens + 1, np.int64)
    for e in range(a.size):
        degree[a[e]] += 1
        degree[b[e]] += 1
    first = np.zeros(tokens + 1, np.int64)
    by_degree = np.zeros(DEGREE_MAX + 2, np.int64)
    for t in range(tokens):
        small = degree[t] <= DEGREE_MAX
        first[t + 1] = first[t] + (degree[t] if small else 0)
        by_degree[degree[t] + 1 if small else 0] += 1
    touching = listed(first, degree, a, b)
    by_degree[0] = 0
    for d in range(DEGREE_MAX + 1):
        by_degree[d + 1] += by_degree[d]
    turn = np.zeros(by_degree[DEGREE_MAX + 1], np.int64)
    for t in range(tokens):
        if degree[t] <= DEGREE_MAX:
            turn[by_degree[degree[t]]] = t
            by_degree[degree[t]] += 1
    return parted(turn, (first, touching), a, b)


def listed(first: Places, degree: Places, a: Places, b: Places) -> Places:
    """Returns the edges of each token of few, token by token."""
    touching = np.zeros(first[-1], np.int64)
    at = first.copy()
    for e in range(a.size):
        s, t = a[e], b[e]
        if degree[s] <= DEGREE_MAX:
            touching[at[s]] = e
            at[s] += 1
        if degree[t] <= DEGREE_MAX:
            touching[at[t]] = e
            at[t] += 1
    return touching


def parted(turn: Places, rows: tuple[Places, Places], a: Places, b: Places) -> Plan:
    """Returns the plan that takes as leaves, in this turn, what touches no leaf before it."""
    first, touching = rows
    tokens = first.size - 1
    kind = np.zeros(tokens, np.int64)
    leaves, starts, ends = 0, np.zeros(turn.size + 1, np.int64), np.zeros(touching.size, np.int64)
    count = 0
    for k in range(turn.size):
        t = turn[k]
        if kind[t] == CORE:
            continue
        kind[t] = LEAF
        turn[leaves] = t
        for j in range(first[t], first[t + 1]):
            e = touching[j]
            kind[a[e] + b[e] - t] = CORE
            ends[count] = e
            count += 1
        leaves += 1
        starts[leaves] = count
    place, core, size = np.full(tokens, -1, np.int64), np.zeros(tokens, np.int64), 0
    for t in range(tokens):
        if kind[t] != LEAF:
            place[t] = size
            core[size] = t
            size += 1
    inner, within = np.zeros(a.size - count, np.int64), 0
    for e in range(a.size):
        if kind[a[e]] != LEAF and kind[b[e]] != LEAF:
            inner[within] = e
            within += 1
    return Plan(place, core[:size], turn[:leaves], starts[: leaves + 1], ends[:count], inner)
