"""Plans over a set of pools: the best convex split of just these, and what it nets after gas."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.routing.kernel import Answer
from solver.routing.select.field import Field
from solver.routing.split import BOTH, CLOSED, ONLY_A_IN, ONLY_B_IN, split

Floats = NDArray[np.float64]
Signs = NDArray[np.int8]

FLOW_MIN = 1e-9  # of the trade: less is noise
PAIRS_TRIED = 3  # solves until every pool is used for one pair only
MOVES_TRIED = 4  # pools dropped, and pools added, in one look around a plan
LOOKS_MAX = 8


class Plan(NamedTuple):
    """Flows over the edges of a field, net to the trader, in the tokens' units."""

    net: float  # sink units, after gas
    used: frozenset[int]  # pools of the field
    flow_a: Floats
    flow_b: Floats
    prices: Floats


class Plans:
    """Plans already made, by their set of pools; `best` is the one that nets most."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.best: Plan | None = None
        self.made: dict[frozenset[int], Plan | None] = {}

    @property
    def net(self) -> float:
        """What the best plan nets; below anything without one."""
        return self.best.net if self.best else -np.inf

    def over(self, pools: Iterable[int], start: Floats | None = None) -> Plan | None:
        """Returns the best plan over some pools; None where they lead nowhere."""
        chosen = frozenset(pools)
        if chosen not in self.made:
            ways = np.where(np.isin(self.field.pool, list(chosen)), BOTH, CLOSED).astype(np.int8)
            plan = self.made[chosen] = planned(self.field, ways, start)
            if plan is not None and plan.net > self.net:
                self.best = plan
        return self.made[chosen]

    def improve(self) -> None:
        """Drops and adds single pools while the best plan nets more. A pool that gains less than
        its gas at the plan's prices may be worth dropping, one that gains more worth adding.
        """
        for _ in range(LOOKS_MAX):
            plan = self.best
            if plan is None:
                return
            surplus = self.field.gains(plan.prices) - self.field.gas
            order = [int(pool) for pool in np.argsort(surplus)]
            drops = [i for i in order if i in plan.used and surplus[i] < 0][:MOVES_TRIED]
            adds = [i for i in order[::-1] if i not in plan.used and surplus[i] > 0][:MOVES_TRIED]
            for pool in drops:
                self.over(plan.used - {pool}, plan.prices)
            for pool in adds:
                self.over(plan.used | {pool}, plan.prices)
            if self.best is plan:
                return


def planned(field: Field, ways: Signs, start: Floats | None = None) -> Plan | None:
    """Returns the best plan over edges open in their ways that uses each pool for one pair."""
    for _ in range(PAIRS_TRIED):
        answer = split(field.trade, ways, start=start)
        if answer is None:
            return None
        size = _moved(field, answer)
        greatest = field.best(size)[field.pool]
        spare = (size > 0) & (size < greatest)
        if not spare.any():
            used = np.unique(field.pool[size > 0])
            net = answer.value - float(field.gas[used].sum())
            flows = answer.flow_a * (size > 0), answer.flow_b * (size > 0)
            return Plan(net, frozenset(used.tolist()), *flows, answer.prices)
        ways = np.where(spare, np.int8(CLOSED), ways)
    return None


def onward(field: Field, used: Iterable[int]) -> Signs:
    """Returns the ways of some pools' edges that do not return to the source nor leave the sink."""
    a, b = field.trade.ends
    source, sink = field.trade.source, field.trade.sink
    ways = np.where((a == source) | (b == sink), ONLY_A_IN, BOTH)
    ways = np.where((b == source) | (a == sink), ONLY_B_IN, ways)
    return np.where(np.isin(field.pool, list(used)), ways, CLOSED).astype(np.int8)


def _moved(field: Field, answer: Answer) -> Floats:
    """Returns the value each edge moves, 0 where it is noise."""
    a, b = field.trade.ends
    size = np.minimum(
        np.abs(answer.flow_a * answer.prices[a]), np.abs(answer.flow_b * answer.prices[b])
    )
    return np.where(size > FLOW_MIN, size, 0.0)
