"""The best units over a few given legs: what a set of legs is really worth.

A vertex is kept warm between sets: the search asks for many that differ in one leg or two.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from solver.routing.legs.linear import Linear
from solver.routing.legs.menu import Cut, Floats, Menu, cut_of, filled

USED = 1e-7  # units from which a leg is used, slack up to which rows hold


class Worth(NamedTuple):
    """What legs are worth together: cost, fixed costs of those used included, and what this answer
    tells of all other legs.
    """

    cost: float
    legs: tuple[int, ...]
    slack: float
    cut: Cut

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

    def _solve(self) -> Worth:
        point, menu = self._linear.solve(), self._menu
        used = []
        for leg, place in self._places.items():
            own = self._own(leg)
            if point.units[place : place + own.stop - own.start].sum() > USED:
                used.append(leg)
        worths, _ = filled(menu, point.prices)
        held = list(self._places)
        base = point.value - float((worths[held] - menu.fixed[held]).sum())
        cost = point.value + float(menu.fixed[used].sum())
        return Worth(cost, tuple(sorted(used)), point.slack, cut_of(base, worths))

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
