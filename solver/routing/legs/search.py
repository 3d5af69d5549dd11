"""Which legs: the relaxation's best, thinned out, then better and better by exact neighbourhoods.

From the root's shares the least missed legs are dropped until few enough are left. Then single legs
are swapped, and all sets of three of the legs in use are let go in turn and the rest of the choice
is searched as a tree over the relaxation (a leg taken, or shut), cut by what is known: dual-priced,
so that a node costs half a millisecond over thousands of columns. What work is left goes into the
tree over all, which raises the bound and may prove the answer. Deterministic: work is counted,
never time.
"""

from collections.abc import Collection
from heapq import heappop, heappush
from itertools import combinations

import numpy as np

from solver.routing.legs.menu import STAKE, Floats, Found, Menu, normal, trimmed
from solver.routing.legs.relaxation import ROUNDS, ROUNDS_FIRST, Relaxation
from solver.routing.legs.restricted import Restricted, Worth

NODES = 200  # of all trees together
NEAR = ((2, 10), (3, 16))  # legs let go at once, and nodes of the tree in their place
SWAPS = 8  # legs tried in the place of one
BETTER = 1e-9  # relative: what counts as an improvement
PRESENT = 1e-6  # a share from which a leg is in the relaxation's answer

Node = tuple[float, int, frozenset[int], frozenset[int]]  # bound, order, taken, shut


class Search:
    """One menu, searched once."""

    def __init__(self, menu: Menu, nodes: int = NODES) -> None:
        self._whole = trimmed(menu)
        self._menu, self._units, self._unit = normal(self._whole)
        self._near, self._far = Restricted(self._menu, STAKE), Relaxation(self._menu, STAKE)
        self._left = nodes
        self._shut_once: set[int] = set()
        self._best: Worth | None = None

    def found(self) -> Found | None:
        """Returns the best answer with its bound; None where none was found that holds."""
        root = self._far.visit((), (), np.inf, rounds=ROUNDS_FIRST)
        shares = _by_share(root.shares)
        self._take(self._near.shrunk(shares, self._menu.legs_max))
        self._improve()
        bound = max(root.bound, self._tree((), self._left))
        best = self._best
        if best is None or not best.holds:
            return None
        levels, margin = self._near.units(best.legs)
        units, menu = levels * self._whole.size, self._whole
        cost = float(menu.cost @ units + menu.fixed[list(best.legs)].sum())
        cost += menu.spare_cost * margin
        work = self._near.solved + self._far.solved
        prices = root.prices * self._units
        return Found(units, margin, cost, min(bound * self._unit, cost), prices, work)

    @property
    def _cost(self) -> float:
        return self._best.cost - BETTER * abs(self._best.cost) if self._best else np.inf

    def _take(self, worth: Worth) -> bool:
        """Keeps a better answer: one that breaks rows counts at its penalties."""
        if len(worth.legs) > self._menu.legs_max or worth.cost >= self._cost:
            return False
        self._best = worth
        return True

    def _improve(self) -> None:
        """Searches neighbourhoods and other starts until none improves or the work is spent."""
        is_better = True
        while is_better and self._left > 0:
            if self._best is not None:
                self._take(self._swapped(self._best))
            is_better = self._started_without() or any(self._neighbour(*near) for near in NEAR)

    def _started_without(self) -> bool:
        """Returns whether starting anew, with one of the legs in use shut, led to something better:
        what the start misses is one leg that the relaxation likes too much.
        """
        before = self._best
        assert before is not None
        for leg in before.legs:
            if leg not in self._shut_once and self._left > 0:
                self._shut_once.add(leg)
                self._left -= 1
                shares = _by_share(self._far.visit((), (leg,), np.inf).shares)
                self._take(self._swapped(self._near.shrunk(shares, self._menu.legs_max)))
        return self._best is not before

    def _swapped(self, found: Worth) -> Worth:
        """Returns the legs after swaps of one for another while that is better: priced by the
        multipliers without it, no leg gains more than it is priced at, so few need to be tried.
        """
        better: Worth | None = found
        while better is not None:
            found, better = better, self._swap(better)
        return found

    def _swap(self, found: Worth) -> Worth | None:
        cut = found.cost - BETTER * abs(found.cost)
        for gone in found.legs:
            rest = self._near.worth(leg for leg in found.legs if leg != gone)
            prices = self._far.gains(rest.prices)
            prices[list(found.legs)] = 0.0
            for leg in np.argsort(prices, kind="stable")[:SWAPS].tolist():
                if rest.cost + prices[leg] >= cut:
                    break
                other = self._near.worth([*rest.legs, leg])
                if other.cost < cut:
                    return other
        return None

    def _neighbour(self, count: int, nodes: int) -> bool:
        """Returns whether letting some legs go led to something better."""
        assert self._best is not None
        legs, before = self._best.legs, self._best
        for gone in combinations(legs, min(count, len(legs))):
            if self._left <= 0:
                return False
            kept = [leg for leg in legs if leg not in gone]
            self._tree(kept, min(nodes, self._left))
            if self._best is not before:
                return True
        return False

    def _tree(self, kept: Collection[int], nodes: int) -> float:
        """Searches the choices that hold `kept`: down first, then the node of least bound. Returns
        what none of them can cost less than, unless it is the best known already.
        """
        heap: list[Node] = []
        down: Node | None = (-np.inf, 0, frozenset(kept), frozenset())
        closed, order = np.inf, 0
        while nodes > 0 and (down or heap):
            at, _, taken, shut = down or heappop(heap)
            down = None
            if at < self._cost:
                nodes, self._left = nodes - 1, self._left - 1
                visit = self._far.visit(taken, shut, self._cost, rounds=ROUNDS)
                at = max(at, visit.bound)
                leg = self._branch(visit.shares, taken) if at < self._cost else None
                if leg is not None:
                    order += 1
                    heappush(heap, (at, order, taken, shut | {leg}))
                    down = (at, 0, taken | {leg}, shut)
                    continue
            closed = min(closed, at)
        open_ = [node[0] for node in heap] + ([down[0]] if down else [])
        return min([closed, *open_])

    def _branch(self, shares: Floats, taken: frozenset[int]) -> int | None:
        """Takes the answer nearest to the shares; returns the leg to branch on, None for a leaf."""
        room = self._menu.legs_max - len(taken)
        present = _by_share(shares)
        self._take(self._near.worth([*taken, *present[: max(room, 0)]]))
        if room <= 0:
            return None
        return next((leg for leg in present if shares[leg] < 1 - PRESENT), None)


def _by_share(shares: Floats) -> list[int]:
    present = np.flatnonzero(shares > PRESENT)
    return [int(leg) for leg in present[np.argsort(-shares[present], kind="stable")]]
