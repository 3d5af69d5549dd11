"""Gas moved to the pools that gain only with others' help: what the checker will do at the prices
found, planned for, so that they are found.

A pool that gains at a token which is only passed on needs a second pool there. Paid for in part, as
the relaxation pays, that one costs next to nothing; part of its gas asked of the first does cost.
"""

import numpy as np
from numpy.typing import NDArray

from solver.routing.select.field import Field, Move

Floats = NDArray[np.float64]

BEYOND = 1.1  # of what a pool gains beyond its gas: what is moved to it
SPARE = 0.02  # of the least gas: and as much again
LEFT = 0.1  # of the gas of a pool that must stay its own


def moves(field: Field, prices: Floats, gain: Floats) -> tuple[Move, ...]:
    """Returns what may move at these prices, for the pools that gain more than they are charged."""
    charge, out = field.charge(), list[Move]()
    least = float(field.gas.min(initial=np.inf))
    a, b = field.trade.ends
    edge_gain = field.edge_gains(prices, np.ones(a.size, np.bool_))
    surplus = gain - charge
    for pool in np.argsort(-surplus).tolist():
        if surplus[pool] <= 0:
            break
        mine = field.pool == pool
        best: tuple[float, NDArray[np.int64]] | None = None
        for token in np.unique(np.concatenate([a[mine], b[mine]])).tolist():
            at = (a == token) | (b == token)
            others = np.unique(field.pool[at & ~mine])
            alone = edge_gain[mine & ~at].max(initial=0.0)
            if token in (field.trade.source, field.trade.sink) or alone > field.gas[pool]:
                continue
            if not others.size or (surplus[others] > 0).any():
                continue
            room = float((charge[others] - LEFT * field.gas[others]).min())
            if best is None or others.size < best[1].size:  # fewer prices stand in the way
                best = room, others
        if best is not None:
            part = min(best[0], BEYOND * float(surplus[pool]) + SPARE * least)
            if part > 0:
                out.append(Move(pool, part, best[1]))
                charge[best[1]] -= part
    return tuple(out)
