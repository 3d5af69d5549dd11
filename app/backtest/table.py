"""The acceptance of a backtest in words and as JSON; nothing is rounded in a market's favour."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from app.backtest.margin import Backtest
from solver.margin.predictive.coverage import Check

PERCENT = frozenset({"coverage", "largest 5-day rise", "step x3: overshoot"})


def acceptance(found: Sequence[Backtest]) -> Table:
    """Returns one row a check, one column a history."""
    table = Table(box=SIMPLE_HEAD, title="Acceptance of predictive margin", title_justify="left")
    table.add_column("one-day charge, walk-forward")
    table.add_column("bound", justify="right")
    for each in found:
        table.add_column(each.name, justify="right")
    for rows in zip(*(each.checks for each in found), strict=True):
        first = rows[0]
        bound = f"{first.relation} {_shown(first.name, first.bound)}"
        table.add_row(first.name, bound, *(_verdict(check) for check in rows))
    days = (f"{each.coverage.breaches} of {each.coverage.days}" for each in found)
    table.add_row("days that breached", "", *days)
    table.add_row("first day judged", "", *(each.span[0] for each in found))
    table.add_row("last day judged", "", *(each.span[1] for each in found))
    for name, part in (("mean charge", "mean"), ("least", "min"), ("most", "max")):
        values = (getattr(each.charges.charge[each.first : -1], part)() for each in found)
        table.add_row(name, "", *(f"{100 * float(value):.2f} %" for value in values))
    return table


def stress(found: Sequence[Backtest]) -> Table:
    """Returns |r| / C of every crash day and of every day that breached."""
    table = Table(box=SIMPLE_HEAD, title="Stress days, |r| / C", title_justify="left")
    table.add_column("day")
    for each in found:
        table.add_column(f"{each.name} |r|", justify="right")
        table.add_column("C", justify="right")
        table.add_column("|r| / C", justify="right")
    days = sorted({row.day for each in found for row in each.stress})
    for day in days:
        cells: list[str] = []
        for each in found:
            row = next((row for row in each.stress if row.day == day), None)
            if row is None:
                cells += ["", "", ""]
                continue
            ratio = f"{row.ratio:.2f}"
            ratio = f"[red]{ratio} breach[/red]" if row.ratio > 1 else ratio
            cells += [f"{100 * row.move:.1f} %", f"{100 * row.charge:.1f} %", ratio]
        table.add_row(day, *cells)
    return table


def document(found: Iterable[Backtest]) -> dict[str, Any]:
    """Returns the same as JSON: numbers in full."""
    return {
        each.name: {
            "passed": each.passed,
            "from": each.span[0],
            "to": each.span[1],
            "days": each.coverage.days,
            "breaches": each.coverage.breaches,
            "checks": [check._asdict() | {"passed": check.passed} for check in each.checks],
            "stress": [row._asdict() | {"ratio": row.ratio} for row in each.stress],
        }
        for each in found
    }


def _verdict(check: Check) -> str:
    shown = _shown(check.name, check.value)
    return f"{shown} [green]pass[/green]" if check.passed else f"[red]{shown} FAIL[/red]"


def _shown(name: str, value: float) -> str:
    if name in PERCENT:
        return f"{100 * value:.2f} %"
    return f"{value:.3f}"
