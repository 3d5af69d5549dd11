"""One convex solve over any mix of two-token edges: Newton on the log prices of the dual."""

import numpy as np

from solver.domain.errors import Unconverged
from solver.routing.kernel.graph import (
    Answer,
    Books,
    Floats,
    Graph,
    Pairs,
    Ranges,
    Stables,
    Task,
    edge_count,
    graph_of,
    task_of,
)
from solver.routing.kernel.loops.compile import compiled_run
from solver.routing.kernel.mend import mended
from solver.routing.kernel.vectors.run import run

__all__ = [
    "Answer",
    "Books",
    "Graph",
    "Pairs",
    "Ranges",
    "Stables",
    "Task",
    "Unconverged",
    "edge_count",
    "graph_of",
    "is_loaded",
    "load",
    "solve",
    "task_of",
]

COMPILED_MIN = 2_000  # edges from which the compiled engine is worth its start, of some seconds
RESIDUAL_MAX = 1e-9
GAP_MAX = 1e-8
NOTHING = 1e-13  # of what is given: a value that is none
_ANYWHERE = np.zeros(0)
_loaded: list[bool] = []


def solve(task: Task, start: Floats | None = None, *, is_compiled: bool | None = None) -> Answer:
    """Returns the solution, from the prices `start` (1 each by default): min over prices >= floor
    of supply.prices + sum over edges of max(0, arbitrage - cost).

    Raises Unconverged when neither the residual nor the gap to a plan is small enough; not with
    soft gates, where any prices give a bound.
    """
    if is_compiled is None:
        is_compiled = is_loaded() or (edge_count(task.graph) >= COMPILED_MIN and _can_compile())
    graph = task.graph
    rest = (task.supply, task.floor, task.way, task.cost, start if start is not None else _ANYWHERE)
    kinds = graph.pairs, graph.ranges, graph.stables, graph.books
    if is_compiled:
        parts = (part for kind in kinds for part in kind)
        outcome = compiled_run()(*parts, *rest, float(task.softness))
    else:
        outcome = run(*kinds, (*rest, float(task.softness)))
    prices, flow_a, flow_b, gates, (value, primal, lack, residual, steps) = outcome
    answer = Answer(prices, flow_a, flow_b, value, primal, residual, steps, gates)
    if residual <= RESIDUAL_MAX or task.softness or value + lack <= NOTHING * task.supply.sum():
        return answer
    whole = mended(task, answer)
    if whole is None or value - whole.primal > GAP_MAX * value:
        told = {"residual": residual, "gap": (value - primal) / value if value else 0.0}
        detail = "the kernel found no prices that balance"
        raise Unconverged(detail, data={**told, "steps": steps})
    return whole


def load() -> bool:
    """Compiles, or reads what was compiled before; returns whether numba is there to do it.

    From then on the compiled engine solves graphs of every size in this process. Both engines give
    the same answers, but not to the last digit, so a process decides this once.
    """
    if _can_compile():
        solve(task_of(graph_of(2), np.ones(2), np.ones(2)), is_compiled=True)
        _loaded.append(True)
    return is_loaded()


def is_loaded() -> bool:
    """Returns whether `load` was called here, with success."""
    return bool(_loaded)


def _can_compile() -> bool:
    try:
        compiled_run()
    except ImportError:
        return False
    return True
