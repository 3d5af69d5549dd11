"""In which order the compiled engine eliminates tokens: worked out anew for each graph, in one pass
over its edges.

Leaves are tokens of few edges no two of which touch: each has fewer edges than its neighbours, or
as many and a lower number. Eliminating them leaves the core: in a market of hubs and spokes, the
hubs.
"""

import numpy as np

from solver.routing.kernel.graph import Places
from solver.routing.kernel.state import Plan

DEGREE_MAX = 12  # edges of a leaf


def order(tokens: int, a: Places, b: Places) -> Plan:
    """Returns the plan for the graph of these edges, none of them listed yet."""
    degree = np.zeros(tokens, np.int64)
    for e in range(a.size):
        degree[a[e]] += 1
        degree[b[e]] += 1
    place, core, leaves = np.zeros((3, tokens), np.int64)
    for e in range(a.size):
        s, t = a[e], b[e]
        is_less = degree[s] < degree[t] or (degree[s] == degree[t] and s < t)
        place[t if is_less else s] = 1
    size, count = 0, 0
    for t in range(tokens):
        if place[t] == 0 and degree[t] <= DEGREE_MAX:
            leaves[count] = t
            place[t] = -1 - count
            count += 1
        else:
            core[size] = t
            place[t] = size
            size += 1
    first = np.empty(count + 1, np.int64)
    ends, live = np.empty(a.size, np.int64), np.empty(a.size, np.int64)
    return Plan(place, core[:size], leaves[:count], first, ends, live)
