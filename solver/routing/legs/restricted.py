"""The best units over a few given legs: what a set of legs is really worth.

A vertex is kept warm between sets: the search asks for thousands that differ in one leg.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

import numpy as np

from solver.routing.legs.linear import Linear
from solver.routing.legs.menu import Floats, Menu

USED = 1e-7  # units from which a leg is used, slack up to which rows hold


class Worth(NamedTuple):
    """What legs are worth together: cost, fixed costs of those used included, and multipliers."""

    cost: float
    legs: tuple[int, ...]
    prices: Floats
    slack: float
    margin: float

    @property
    def holds(self) -> bool:
        """Whether every row holds."""
        return self.slack <= USED


class Restricted:
    """The linear program of a set of legs."""

    def __init__(self, menu: Menu, penalty: float) -> None:
        self._menu, self._starts = menu, menu.starts
        self._linear = Linear(menu, penalty)
        self._places: dict[int, int] = {}
        self._known: dict[frozenset[int], Worth] = {}

    @property
    def solved(self) -> int:
        """How many linear programs it took."""
        return self._linear.solved

    def worth(self, legs: Iterable[int]) -> Worth:
        """Returns the best that these legs do, a leg left out where it does nothing."""
        asked = frozenset(legs)
        if asked not in self._known:
            self._hold(asked)
            self._known[asked] = self._solve()
        return self._known[asked]

    def units(self, legs: Iterable[int]) -> tuple[Floats, float]:
        """Returns the units of every column of the menu, and the margin."""
        self._hold(frozenset(legs))
        point, out = self._linear.solve(), np.zeros(len(self._menu.cost))
        for leg, place in self._places.items():
            own = self._own(leg)
            out[own] = point.units[place : place + own.stop - own.start]
        return out, point.margin

    def shrunk(self, legs: Collection[int], most: int) -> Worth:
        """Returns the worth after dropping one leg after the other, the one least missed first,
        until `most` are left.
        """
        found = self.worth(legs)
        while len(found.legs) > most:
            self._hold(frozenset(found.legs))
            missed = {leg: self._without(leg) for leg in found.legs}
            least = min(found.legs, key=lambda leg: (missed[leg], leg))
            found = self.worth(leg for leg in found.legs if leg != least)
        return found

    def _without(self, leg: int) -> float:
        own = self._own(leg)
        columns = self._places[leg] + np.arange(own.stop - own.start)
        self._linear.cap(columns, np.zeros(len(columns)))
        value = self._linear.solve().value - float(self._menu.fixed[leg])
        self._linear.cap(columns, self._menu.size[own])
        return value

    def _solve(self) -> Worth:
        point, menu = self._linear.solve(), self._menu
        used = []
        for leg, place in self._places.items():
            own = self._own(leg)
            if point.units[place : place + own.stop - own.start].sum() > USED:
                used.append(leg)
        cost = point.value + float(menu.fixed[used].sum())
        return Worth(cost, tuple(sorted(used)), point.prices, point.slack, point.margin)

    def _hold(self, legs: frozenset[int]) -> None:
        """Makes the program that of these legs: what stands before the first to go stays."""
        order = list(self._places)
        kept = next((n for n, leg in enumerate(order) if leg not in legs), len(order))
        if kept < len(order):
            self._linear.keep(self._places[order[kept]])
            for leg in order[kept:]:
                del self._places[leg]
        for leg in sorted(legs - self._places.keys()):
            own = self._own(leg)
            menu = self._menu
            self._places[leg] = self._linear.add(
                menu.cost[own], menu.size[own], menu.rows[:, own].T
            )

    def _own(self, leg: int) -> slice:
        return slice(int(self._starts[leg]), int(self._starts[leg + 1]))
