"""Which legs: the relaxation's best, exchanged one and two at a time until no exchange can gain.

Every linear program's multipliers bound what any other legs could cost: its rows, and the gain of
each leg at them (a Benders cut). The greatest over all programs so far bounds every exchange at
once, vectorised, so that only those are solved that no earlier answer rules out: some tens instead
of thousands, and when none is left the answer is proved the best of its neighbourhood, all legs of
all contracts counted. Deterministic: work is counted, never time.
"""

from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple

import numpy as np

from solver.routing.legs.menu import STAKE, Cut, Flags, Floats, Found, Menu, Whole, normal, trimmed
from solver.routing.legs.relaxation import Relaxation, Relaxed
from solver.routing.legs.restricted import Restricted, Worth

WORK = 160  # linear programs over given legs
START_LEGS = 12  # of the relaxation's answer, of which all few enough are weighed
PAIRED = 120  # legs of which two come in for two
BETTER = 1e-9  # relative: what counts as an improvement
ROUNDS = 6  # of pricing without one of the legs
PRESENT = 1e-6  # a share from which a leg is in the relaxation's answer


class Near(NamedTuple):
    """Sets of legs (rows, one number past the last leg stands for none), and what none of them can
    cost less than.
    """

    sets: Whole
    bounds: Floats


class Search:
    """One menu, searched once."""

    def __init__(self, menu: Menu, work: int = WORK) -> None:
        self._whole = trimmed(menu)
        self._menu, self._units, self._unit = normal(self._whole)
        self._near, self._far = Restricted(self._menu, STAKE), Relaxation(self._menu, STAKE)
        self._none = len(menu.fixed)
        self._bases = np.zeros(0)
        self._worths = np.zeros((0, self._none + 1))
        self._work = work
        self._shut = set[int]()  # legs that a start was without

    def found(self) -> Found | None:
        """Returns the best answer with its bound; None where none was found that holds."""
        root = self._far.relaxed()
        found: Worth | None = self._reached(root)
        while found is not None:
            best = found
            found = self._without(best)
            if found is None and self._menu.legs_max > 1:
                found = self._better(best, self._pairs(best))
                found = self._descended(found) if found else None
        if not best.holds:
            return None
        levels, margin = self._near.units(best.legs)
        units, menu = levels * self._whole.size, self._whole
        cost = float(menu.cost @ units + menu.fixed[list(best.legs)].sum())
        cost += menu.spare_cost * margin
        work = self._near.solved + self._far.solved
        prices = root.prices * self._units
        return Found(units, margin, cost, min(root.bound * self._unit, cost), prices, work)

    def _without(self, best: Worth) -> Worth | None:
        """Returns something better that is reached from the relaxation without one of the legs in
        use: what a start misses is often one leg that the relaxation likes too much.
        """
        for leg in best.legs:
            if leg not in self._shut and self._near.solved < self._work:
                self._shut.add(leg)
                other = self._reached(self._far.relaxed((leg,), ROUNDS))
                if other.cost < _less(best):
                    return other
        return None

    def _worth(self, legs: Iterable[int]) -> Worth:
        """Returns what legs are worth, and learns from it."""
        before = self._near.solved
        worth = self._near.worth(legs)
        if self._near.solved > before:
            self._learn(worth.cut)
        return worth

    def _learn(self, cut: Cut) -> None:
        self._bases = np.append(self._bases, cut.base)
        self._worths = np.vstack((self._worths, cut.worths))

    def _reached(self, relaxed: Relaxed) -> Worth:
        """Returns the better of what is reached from the largest shares of a relaxation, and from
        the best set of its legs.
        """
        for cut in relaxed.cuts:
            self._learn(cut)
        legs, most = _by_share(relaxed.shares)[:START_LEGS], self._menu.legs_max
        first = self._worth(legs[:most])
        if len(legs) <= most:
            return self._descended(first)
        sets, best = np.array(list(combinations(legs, most))), first
        while (better := self._better(best, Near(sets, self._bound(sets)))) is not None:
            best = better
        return min(self._descended(first), self._descended(best), key=lambda worth: worth.cost)

    def _descended(self, found: Worth) -> Worth:
        while (better := self._better(found, self._ones(found))) is not None:
            found = better
        return found

    def _better(self, found: Worth, near: Near) -> Worth | None:
        """Returns one of the sets that is better: tried in the order of their bounds, until none
        can be or the work is spent.
        """
        (sets, bounds), most = near, _less(found)
        while self._near.solved < self._work:
            is_open = bounds < most
            sets, bounds = sets[is_open], bounds[is_open]
            if not len(sets):
                return None
            first = int(np.argmin(bounds))
            worth = self._worth(int(leg) for leg in sets[first] if leg != self._none)
            if worth.cost < most and len(worth.legs) <= self._menu.legs_max:
                return worth
            bounds = np.maximum(bounds, worth.cut.base + worth.cut.worths[sets].sum(axis=1))
            bounds[first] = np.inf
        return None

    def _bound(self, sets: Whole) -> Floats:
        bounds = np.full(len(sets), -np.inf)
        for base, worths in zip(self._bases, self._worths, strict=True):
            bounds = np.maximum(bounds, base + worths[sets].sum(axis=1))
        return bounds

    def _held(self, found: Worth, count: int) -> list[tuple[int, ...]]:
        """Returns what is left of the legs in use when that many places are freed."""
        legs = found.legs + (self._none,) * (self._menu.legs_max - len(found.legs))
        return sorted(set(combinations(legs, len(legs) - min(count, len(legs)))))

    def _ones(self, found: Worth) -> Near:
        """Returns all sets that differ in one leg, those that can be better only."""
        sets, bounds, every = [], [], np.arange(self._none + 1)
        for held in self._held(found, 1):
            least = (self._base(held)[:, None] + self._worths).max(axis=0)
            legs = every[(least < _less(found)) & self._is_apart(held)]
            sets.append(_joined(held, legs[:, None]))
            bounds.append(least[legs])
        return Near(np.concatenate(sets), np.concatenate(bounds))

    def _pairs(self, found: Worth) -> Near:
        """Returns sets that differ in two legs, of those that are likeliest to be better."""
        sets, bounds = [], []
        for held in self._held(found, 2):
            base, legs = self._base(held), np.flatnonzero(self._is_apart(held))
            for _ in range(2):  # with the best of all others, then with the best of those left
                best = base + self._worths[:, legs].min(axis=1, initial=0.0)
                least = (best[:, None] + self._worths[:, legs]).max(axis=0)
                likely = np.argsort(least, kind="stable")
                legs = legs[likely[least[likely] < _less(found)]]
            legs = legs[:PAIRED]
            one, other = np.triu_indices(len(legs), 1)
            part = self._worths[:, legs]
            least = np.full(len(one), -np.inf)
            for start, worths in zip(base, part, strict=True):
                least = np.maximum(least, start + worths[one] + worths[other])
            sets.append(_joined(held, np.stack((legs[one], legs[other]), axis=1)))
            bounds.append(least)
        return Near(np.concatenate(sets), np.concatenate(bounds))

    def _is_apart(self, held: tuple[int, ...]) -> Flags:
        """Returns which legs are not held already; none always may be."""
        is_apart = np.ones(self._none + 1, dtype=bool)
        is_apart[list(held)] = False
        is_apart[self._none] = True
        return is_apart

    def _base(self, held: tuple[int, ...]) -> Floats:
        """Returns what each cut tells of the legs held alone."""
        told: Floats = self._bases + self._worths[:, list(held)].sum(axis=1)
        return told


def _less(worth: Worth) -> float:
    """Returns the cost from which another is better."""
    return worth.cost - BETTER * abs(worth.cost)


def _by_share(shares: Floats) -> list[int]:
    present = np.flatnonzero(shares > PRESENT)
    return [int(leg) for leg in present[np.argsort(-shares[present], kind="stable")]]


def _joined(held: tuple[int, ...], more: Whole) -> Whole:
    return np.hstack((np.tile(np.array(held, dtype=np.int64), (len(more), 1)), more))
