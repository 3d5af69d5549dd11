"""Which limits clash, and by how much each must give: an elastic solve over all that is offered.

Every limit may be missed at one price a unit (its own unit: see `scaled`). What is missed in the
least is the smallest change together; the rows with a multiplier there are a proof that something
must give (Farkas); those that cannot be left out of the proof are the clash. Then each of them is
asked alone: how far would it have to go if the others stood firm.
"""

from typing import NamedTuple

import numpy as np

from solver.domain.errors import Infeasible
from solver.domain.program import Program
from solver.routing.legs.columns import Table
from solver.routing.legs.linear import Linear, Point
from solver.routing.legs.menu import Floats, Menu, scaled
from solver.routing.legs.search import Search

FIRM, ENTER, ROUNDS = 1e4, 20, 60
MISSED = 1e-7  # of a row's unit
MARGIN = -1  # the row that caps the margin
LEGS_TRIED = 4  # more legs than signed that are tried
WORK_TRIED = 80
PLACES = 6


class Clash(NamedTuple):
    """A row that clashes with the others: which (MARGIN: the margin's cap), and how far it must
    give, above zero beyond its upper end, below zero below its lower one: with the others giving
    too, and alone (None where no change of it alone is enough).
    """

    row: int
    together: float
    alone: float | None


def clashes(menu: Menu, firm: tuple[int, ...] = ()) -> tuple[Clash, ...]:
    """Returns the rows that no units hold together, `firm` ones never blamed; none where all rows
    can be held by some number of legs.
    """
    elastic = _Elastic(menu, firm)
    soft = elastic.soft
    first = elastic.solve(soft)
    if not elastic.misses(first, soft):
        return ()
    blamed = [row for row in soft if abs(first.prices[row]) > MISSED * np.abs(first.prices).max()]
    for row in list(blamed):
        rest = [other for other in blamed if other != row]
        if elastic.misses(elastic.solve(rest, ignored=set(soft) - set(rest)), rest):
            blamed = rest
    found = []
    for row in blamed:
        point = elastic.solve([row])
        others = [other for other in soft if other != row]
        is_enough = not elastic.misses(point, others)
        alone = float(point.misses[row] * elastic.units[row]) if is_enough else None
        together = float(first.misses[row] * elastic.units[row])
        found.append(Clash(elastic.name(row), together, alone))
    return tuple(found)


class _Elastic:
    """The rows without any cost, the margin's cap among them; columns enter as they are priced."""

    def __init__(self, menu: Menu, firm: tuple[int, ...]) -> None:
        count, none = len(menu.low), np.zeros((1, len(menu.cost)))
        self._cap = count
        free = menu._replace(
            cost=np.zeros(len(menu.cost)),
            fixed=np.zeros(len(menu.fixed)),
            rows=np.vstack((menu.rows, none)),
            low=np.append(menu.low, -np.inf),
            high=np.append(menu.high, menu.spare_max),
            spare=np.append(menu.spare, 1.0),
            spare_cost=0.0,
            spare_max=np.inf,
        )
        self._menu, self.units, _ = scaled(free)
        self.soft = [row for row in range(count + 1) if row not in firm]
        self._linear = Linear(self._menu, 1.0)
        self._starts, self._held = menu.starts, np.zeros(len(menu.fixed), dtype=bool)

    def solve(self, soft: list[int], ignored: set[int] | frozenset[int] = frozenset()) -> Point:
        """Returns the least that rows miss where only `soft` ones may give cheaply; `ignored` ones
        give for nothing.
        """
        charges = np.full(len(self._menu.low), FIRM)
        charges[soft] = 1.0
        charges[sorted(ignored)] = 0.0
        self._linear.charge(charges)
        point = self._linear.solve()
        for _ in range(ROUNDS):
            if not self._enter(point.prices):
                break
            point = self._linear.solve()
        return point

    def misses(self, point: Point, rows: list[int]) -> bool:
        """Returns whether any of the rows is missed."""
        return bool(np.abs(point.misses[rows]).max(initial=0.0) > MISSED)

    def name(self, row: int) -> int:
        """Returns the menu's number of a row."""
        return MARGIN if row == self._cap else row

    def _enter(self, prices: Floats) -> bool:
        """Adds the legs that help most at the multipliers. Returns whether any does."""
        menu, rows = self._menu, np.flatnonzero(prices)
        reduced = np.minimum(-prices[rows] @ menu.rows[rows], 0.0) * menu.size
        gains = np.add.reduceat(reduced, self._starts[:-1]) if len(reduced) else np.zeros(0)
        gains[self._held] = 0.0
        best = [int(leg) for leg in np.argsort(gains, kind="stable")[:ENTER]]
        best = [leg for leg in best if gains[leg] < -MISSED]
        for leg in best:
            own = slice(int(self._starts[leg]), int(self._starts[leg + 1]))
            self._linear.add(menu.cost[own], menu.size[own], menu.rows[:, own].T)
            self._held[leg] = True
        return bool(best)


# ---- in words and numbers


def refused(program: Program, table: Table) -> Infeasible:
    """Returns the error for a menu of which nothing keeps every row: the limits that clash, with
    what is signed, what each would need alone and by how much all must give together.
    """
    assert program.choice is not None
    limits = clash_data(program, table)
    if not limits:
        needed = legs_needed(table.menu)
        signed = program.choice.legs_max
        told = {"limit": "legsMax", "signed": str(signed), "needed": needed and str(needed)}
        told["by"] = str(needed - signed) if needed else None
        detail = "so few legs cannot keep every limit"
        return Infeasible(detail, code="limitsClash", data={"limits": [told]})
    names = ", ".join(str(limit["limit"]) for limit in limits)
    detail = f"these limits cannot hold together: {names}"
    return Infeasible(detail, code="limitsClash", data={"limits": limits})


def clash_data(program: Program, table: Table) -> list[dict[str, object]]:
    """Returns a row for each limit that clashes: `signed` is its end, `needed` what that would have
    to be if the others stood (None: no value is enough), `by` the difference, `together` how far
    it gives in the least change of all. Decimal strings, in the limit's own unit.
    """
    if not table.runs:
        return []
    firm = tuple(n for n, row in enumerate(table.rows) if row.name.startswith("scenario"))
    return [_told(program, table, clash) for clash in clashes(table.menu, firm)]


def legs_needed(menu: Menu) -> int | None:
    """Returns the least number of legs found to keep every row; None within a few more."""
    for more in range(1, LEGS_TRIED + 1):
        legs = menu.legs_max + more
        if Search(menu._replace(legs_max=legs), WORK_TRIED).found() is not None:
            return legs
    return None


def _told(program: Program, table: Table, clash: Clash) -> dict[str, object]:
    menu = table.menu
    if clash.row == MARGIN:
        name, ends = "margin", (-np.inf, menu.spare_max)
    else:
        row = table.rows[clash.row]
        name, ends = _name(program, row.name), (row.low + row.held, row.high + row.held)
    way = clash.alone or clash.together
    is_max = way > 0 or (way == 0 and not np.isfinite(ends[0]))
    end = ends[1] if is_max else ends[0]
    needed = None if clash.alone is None else _decimal(end + clash.alone)
    return {
        "limit": name,
        "end": "max" if is_max else "min",
        "signed": _decimal(end),
        "needed": needed,
        "by": None if clash.alone is None else _decimal(abs(clash.alone)),
        "together": _decimal(abs(clash.together)),
    }


def _name(program: Program, row: str) -> str:
    """Returns a row's name in the words of what was asked."""
    kind, _, number = row.partition(":")
    if kind == "leg":
        return f"legs.{number}.quantity"
    if kind == "greek" and program.choice is not None:
        return program.choice.greeks[int(number)].greek
    if kind == "structure":
        return f"structure.{number}"
    return kind


def _decimal(value: float) -> str:
    """Returns six digits at least, without an exponent: a gamma is small."""
    size = abs(value)
    places = PLACES if size >= 1 or size == 0 else PLACES - 1 - int(np.floor(np.log10(size)))
    return f"{value:.{min(places, 18)}f}".rstrip("0").rstrip(".")
