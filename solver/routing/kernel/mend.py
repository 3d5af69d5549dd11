"""A plan that lacks a last digit somewhere, made whole: a little less flows, nothing is overdrawn.

Needed where flows are so much greater than what they gain that their own last digits count.
"""

import numpy as np
from numpy.typing import NDArray

from solver.routing.kernel.graph import Answer, Floats, Places, Task

Exact = NDArray[np.longdouble]

ROUNDS_MAX = 8  # for each token
LACK_MAX = 1e-6  # of the value: more is no matter of digits


def mended(task: Task, answer: Answer) -> Answer | None:
    """Returns the answer with flows scaled down until no token lacks anything, and its worth; None
    where that does not end. A part of a trade never gives less than its share.
    """
    kinds = task.graph.pairs, task.graph.ranges, task.graph.stables, task.graph.books
    ends = [np.concatenate([getattr(kind, end) for kind in kinds]) for end in ("a", "b")]
    flows = [answer.flow_a.copy(), answer.flow_b.copy()]
    net = task.supply.astype(np.longdouble)
    for end, flow in zip(ends, flows, strict=True):
        np.add.at(net, end, flow)
    if not float(np.maximum(-net, 0) @ answer.prices) <= LACK_MAX * answer.value:
        return None
    for _ in range(ROUNDS_MAX * task.graph.tokens):
        token = int(np.argmin(net * answer.prices))
        if net[token] >= 0:
            primal = float(task.floor @ net)
            return answer._replace(flow_a=flows[0], flow_b=flows[1], primal=primal)
        if not _paid_less(ends, flows, net, token):
            break
    return None


def _paid_less(ends: list[Places], flows: list[Floats], net: Exact, token: int) -> bool:
    """Scales down the greatest payment of a token by what it lacks; returns whether it has one."""
    paid = [np.where(end == token, -flow, 0.0) for end, flow in zip(ends, flows, strict=True)]
    side = int(paid[1].max(initial=0.0) > paid[0].max(initial=0.0))
    if not paid[side].any():
        return False
    edge = int(np.argmax(paid[side]))
    before = [flow[edge] for flow in flows]
    share = max(1.0 + float(net[token]) / paid[side][edge], 0.0)
    for flow in flows:
        flow[edge] = np.nextafter(flow[edge] * share, -np.inf if flow[edge] > 0 else 0.0)
    for end, flow, old in zip(ends, flows, before, strict=True):
        net[end[edge]] += np.longdouble(flow[edge]) - np.longdouble(old)
    return True
