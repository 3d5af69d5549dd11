"""The optimal split over parallel pools and routes: one convex solve of the kernel.

Which edges are open, and what using one costs, is the caller's; floats are only a plan, and the
exact curves say what it is worth.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.errors import Unconverged
from solver.routing.kernel import Answer, Graph, Task, edge_count, solve
from solver.routing.network.market import ends_of

Floats = NDArray[np.float64]
Signs = NDArray[np.int8]

BOTH, ONLY_A_IN, ONLY_B_IN, CLOSED = 0, 1, -1, 2  # ways of an edge


class Trade(NamedTuple):
    """One unit of the source wanted as the sink, over a graph."""

    graph: Graph
    source: int
    sink: int

    @property
    def ends(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tokens a and b of every edge."""
        return ends_of(self.graph)


def split(
    trade: Trade,
    way: Signs | None = None,
    *,
    cost: Floats | None = None,
    softness: float = 0.0,
    start: Floats | None = None,
) -> Answer | None:
    """Returns the best split over edges open in their `way` (all, both ways, by default); None
    where none was found.

    With `cost` and `softness` each edge's fixed cost is paid through a gate that opens over
    `softness` of value: that gives prices for a bound, not a plan.
    """
    edges, tokens = edge_count(trade.graph), trade.graph.tokens
    supply, floor = np.zeros(tokens), np.zeros(tokens)
    supply[trade.source], floor[trade.sink] = 1.0, 1.0
    ways = np.zeros(edges, np.int8) if way is None else way
    fixed = cost if cost is not None else np.zeros(edges)
    try:
        task = Task(trade.graph, supply, floor, ways, fixed, softness)
        return solve(task, start)
    except Unconverged:
        return None
