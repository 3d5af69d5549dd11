"""Re-margins everybody in floats, and decides in integers whoever they cannot tell apart.

A decision is whether equity covers a share of a requirement. Floats carry a proven bound of their
error; where it does not settle a decision, the account's exact margins do, so both engines, any
machine and any order of sums decide alike.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.account import Account
from solver.margin.portfolio.decide import margins
from solver.margin.portfolio.grid import RiskGrid
from solver.margin.portfolio.kernel import loops
from solver.margin.portfolio.kernel.tables import Book, Floats, Tables, book_of, tables_of
from solver.margin.portfolio.kernel.vectors import margin_vectors

PERCENT = 100


class Threshold(NamedTuple):
    """Equity x 100 >= percent x the initial (or maintenance) requirement, in atoms."""

    percent: int
    is_initial: bool = True


class Margins(NamedTuple):
    """Of each account, settlement units: equity, both requirements, and the most that any of the
    three may be off."""

    equity: Floats
    initial: Floats
    maintenance: Floats
    bound: Floats


class Verdicts(NamedTuple):
    """Accounts x thresholds: which hold. `exact` counts accounts that integers decided."""

    holds: NDArray[np.bool_]
    exact: int


def can_compile() -> bool:
    """Returns whether numba is installed: both engines decide alike, one is quicker."""
    try:
        loops.compiled()
    except ImportError:
        return False
    return True


def remargin(
    book: Book,
    tables: Tables,
    *,
    span: tuple[int, int] | None = None,
    out: Floats | None = None,
    is_compiled: bool | None = None,
) -> Margins:
    """Returns the margins of all accounts, or writes those of `span` into `out` (accounts x 4), so
    that a caller may share them out among threads."""
    count = len(book.cash)
    begin_end = (0, count) if span is None else span
    figures = np.empty((count, 4)) if out is None else out
    if can_compile() if is_compiled is None else is_compiled:
        t, counts = tables, (tuple(tables.width), tuple(tables.factors))
        grid = (t.values, t.units, t.places, t.series, t.markets, t.damps)
        loops.compiled()(begin_end, tuple(book), grid, counts, figures)
    else:
        margin_vectors(begin_end, book, tables, figures)
    return Margins(*figures.T)


def uncertain(found: Margins, threshold: Threshold, decimals: int) -> NDArray[np.bool_]:
    """Returns for which accounts floats cannot tell whether the threshold holds."""
    distance, bound = _distance(found, threshold, decimals)
    out: NDArray[np.bool_] = ~(np.abs(distance) > bound)
    return out


def verdicts(
    accounts: Sequence[Account],
    grid: RiskGrid,
    thresholds: Sequence[Threshold],
    *,
    is_compiled: bool | None = None,
) -> Verdicts:
    """Returns which thresholds hold for which accounts, each as its exact margins say."""
    if grid.parameters.correlation:
        exact = [margins(account, grid) for account in accounts]
        return Verdicts(_exact_holds(exact, thresholds), len(accounts))
    tables = tables_of(grid)
    found = remargin(book_of(accounts, tables), tables, is_compiled=is_compiled)
    holds = np.zeros((len(accounts), len(thresholds)), dtype=bool)
    unsure = np.zeros(len(accounts), dtype=bool)
    for index, threshold in enumerate(thresholds):
        distance, bound = _distance(found, threshold, grid.decimals)
        holds[:, index] = distance > 0
        unsure |= ~(np.abs(distance) > bound)
    doubtful = np.flatnonzero(unsure)
    exact = [margins(accounts[i], grid) for i in doubtful.tolist()]
    holds[doubtful] = _exact_holds(exact, thresholds)
    return Verdicts(holds, len(exact))


def _exact_holds(
    exact: Sequence[tuple[int, int, int]], thresholds: Sequence[Threshold]
) -> NDArray[np.bool_]:
    rows = [
        [equity * PERCENT >= t.percent * (initial if t.is_initial else kept) for t in thresholds]
        for equity, initial, kept in exact
    ]
    return np.array(rows, dtype=bool).reshape(len(exact), len(thresholds))


def _distance(found: Margins, threshold: Threshold, decimals: int) -> tuple[Floats, Floats]:
    """Returns 100 E - percent R, and what it may be off: two floats and two roundings to atoms."""
    asked = found.initial if threshold.is_initial else found.maintenance
    weight = PERCENT + abs(threshold.percent)
    distance = PERCENT * found.equity - threshold.percent * asked
    slack = found.bound + 10.0**-decimals
    slack = slack + loops.EPSILON * (np.abs(found.equity) + np.abs(asked))
    return distance, weight * slack * (1 + 1e-9)
