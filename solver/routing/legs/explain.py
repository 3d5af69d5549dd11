"""A refusal in numbers: each limit that clashes, what was signed and what it would take."""

import numpy as np

from solver.domain.errors import Infeasible
from solver.domain.program import Program
from solver.routing.legs.columns import Table
from solver.routing.legs.elastic import MARGIN, Clash, clashes
from solver.routing.legs.menu import Menu
from solver.routing.legs.search import Search

LEGS_TRIED = 4  # more legs than signed that are tried
NODES_TRIED = 40
PLACES = 6


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
    if not table.columns:
        return []
    firm = tuple(n for n, row in enumerate(table.rows) if row.name.startswith("scenario"))
    return [_told(program, table, clash) for clash in clashes(table.menu, firm)]


def legs_needed(menu: Menu) -> int | None:
    """Returns the least number of legs found to keep every row; None within a few more."""
    for more in range(1, LEGS_TRIED + 1):
        legs = menu.legs_max + more
        if Search(menu._replace(legs_max=legs), NODES_TRIED).found() is not None:
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
