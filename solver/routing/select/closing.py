"""How much better any plan could be: branch and bound over which pools are used.

Paying gas in part is what lets prices promise too much. A branch says of one pool that it is used,
and paid for, or not used; every leaf has prices of its own, and the leaves together are the
certificate's cases. Which pool to branch on is tried out first (strong branching, remembered).
"""

from heapq import heappop, heappush

import numpy as np

from solver.routing.select.field import Field
from solver.routing.select.plans import Plans
from solver.routing.select.relaxed import Node, bound_of, relaxed

LEAVES_MAX = 48
SOLVES_MAX = 90
ENOUGH = 0.62  # of the least gas: a smaller gap is closed
ENOUGH_CHEAP = 2.0  # of the least gas, where that is
CHEAP = 2.5e-4  # of the trade
GAP_MIN = 1.5e-6  # of the trade: nobody asks for less
TRIED = 6  # pools tried out at one node
TRIED_NEAR, NEAR = 1, 3.0  # the same, where the gap is within so many times enough
STARTS, FAR = 2, 0.01  # direct pools tried where the first plan misses so much of the trade
BARELY = 1e-5  # of a gate: less or more is shut or open
LIKELY = 0.4  # of a gate: pools a plan is made of
SCORE_MAX = 8.0  # in least gas: enough for any branch


class Tree:
    """The leaves so far, greatest bound first."""

    def __init__(self, chosen: Field, plans: Plans, root: Node) -> None:
        self.field, self.plans, self.solves = chosen, plans, 0
        self.least = float(chosen.gas.min()) if chosen.gas.size else 0.0
        self.leaves: list[tuple[float, int, Node]] = []
        self.root = root
        self._scores: dict[int, tuple[float, float]] = {}
        self._count = 0
        self._enough = max(ENOUGH * self.least, min(ENOUGH_CHEAP * self.least, CHEAP), GAP_MIN)
        self._grow(root)
        if root.bound - plans.net > FAR:
            self._start()

    @property
    def bound(self) -> float:
        """What no plan nets more than."""
        return self.leaves[0][2].bound

    def close(self) -> None:
        """Branches until the gap is small or the work is done."""
        while (
            self.bound - self.plans.net > self._enough
            and len(self.leaves) < LEAVES_MAX
            and self.solves < SOLVES_MAX
        ):
            children = self._branched(self.leaves[0][2])
            if children is None:
                return
            heappop(self.leaves)
            for child in children:
                self._grow(child)

    def _grow(self, node: Node) -> None:
        heappush(self.leaves, (-node.bound, self._count, node))
        self._count += 1
        if node.bound > self.plans.net:
            likely = {int(pool) for pool in np.flatnonzero(node.gate > LIKELY)} | {*node.opened}
            self.plans.over(likely - {*node.closed}, node.prices)

    def _start(self) -> None:
        """Plans over one pool alone, for each of the direct ones that gain most: where every pool
        pays its gas in part, no gate says which one to take.
        """
        field, trade = self.field, self.field.trade
        a, b = trade.ends
        both = {trade.source, trade.sink}
        direct = np.array([{int(x), int(y)} == both for x, y in zip(a, b, strict=True)], dtype=bool)
        pools = np.unique(field.pool[direct])
        best = pools[np.argsort(field.gas[pools] - self.root.gain[pools], kind="stable")]
        for pool in best[:STARTS]:
            self.plans.over({int(pool)}, self.root.prices)

    def _branched(self, node: Node) -> tuple[Node, Node] | None:
        fixed = {*node.opened, *node.closed}
        torn = np.minimum(node.gate, 1 - node.gate)
        order = [int(i) for i in np.argsort(-torn) if torn[i] > BARELY and int(i) not in fixed]
        fresh: dict[int, tuple[Node, Node]] = {}
        is_near = self.bound - self.plans.net <= NEAR * self._enough
        for pool in order[: TRIED_NEAR if is_near else TRIED]:
            if pool not in self._scores:
                fresh[pool] = self._split(node, pool)
        known = [pool for pool in order if pool in self._scores]
        if not known:
            return None
        best = max(known, key=lambda pool: (self._worth(pool), -pool))
        return fresh[best] if best in fresh else self._split(node, best)

    def _priced(self, child: Node) -> Node:
        """Returns the case with the bound that its parent's prices give it."""
        return child._replace(bound=bound_of(self.field, child.prices, child.gain, child))

    def _worth(self, pool: int) -> float:
        opened, closed = self._scores[pool]
        return opened * closed + 1e-3 * self.least * (opened + closed)

    def _split(self, node: Node, pool: int) -> tuple[Node, Node]:
        self.solves += 2
        opened, closed = (
            relaxed(self.field, self._priced(child), around=self.root.prices)
            for child in (
                node._replace(opened=(*node.opened, pool)),
                node._replace(closed=(*node.closed, pool)),
            )
        )
        most = SCORE_MAX * self.least
        falls = (min(node.bound - child.bound, most) for child in (opened, closed))
        self._scores[pool] = (next(falls), next(falls))
        return opened, closed
