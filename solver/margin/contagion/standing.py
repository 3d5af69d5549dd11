"""Everybody judged at one tick: floats for whom they settle, exact integers for the others.

Whose state may change is judged by the health machine on exact figures; for the rest the floats of
`vectors` prove that it would say nothing new.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.account import SIMPLE, Account
from solver.domain.health import ENDING, HEALTHY, REDUCE_ONLY, STATES, WARNING
from solver.domain.numbers import div_down
from solver.domain.snapshot import Snapshot
from solver.margin.contagion.ledger import CODE, Ledger
from solver.margin.contagion.paths import Floats
from solver.margin.contagion.vectors import ATOM, Screen
from solver.margin.health import HALT, OK, Facts
from solver.margin.health.facts import has_positions
from solver.margin.portfolio.decide import margins
from solver.margin.portfolio.grid import RiskGrid, risk_grid
from solver.margin.portfolio.kernel.screen import Margins
from solver.margin.portfolio.kernel.tables import Tables, tables_of
from solver.margin.simple import figures

Flags = NDArray[np.bool_]
Figures = tuple[int, int, int]  # equity down, initial and maintenance requirement up, atoms


class View(NamedTuple):
    """What one tick shows: the snapshot, the same with uncertain prices at their lower and upper
    bounds, and a grid with its arrays of each."""

    snapshots: tuple[Snapshot, ...]
    grids: tuple[RiskGrid, ...]
    tables: tuple[Tables, ...]

    @property
    def now(self) -> Snapshot:
        return self.snapshots[0]


def view_of(snapshot: Snapshot, instruments: Sequence[int]) -> View:
    """Returns the view of a snapshot: once, or three times where an oracle is not sure."""
    snapshots = [snapshot]
    if any(u.oracle_state not in (OK, HALT) for u in snapshot.underlyings):
        snapshots += [_moved(snapshot, sign) for sign in (-1, 1)]
    grids = tuple(risk_grid(instruments, each) for each in snapshots)
    return View(tuple(snapshots), grids, tuple(map(tables_of, grids)))


def _moved(snapshot: Snapshot, sign: int) -> Snapshot:
    """Uncertain prices at a bound of their confidence: an account is in one market, so that all
    markets may be moved at once."""
    rows = tuple(
        u if u.oracle_state == OK else u._replace(price=max(u.price + sign * u.confidence, 1))
        for u in snapshot.underlyings
    )
    return snapshot._replace(underlyings=rows)


def covers(found: Margins, percent: int, asked: Floats) -> tuple[Flags, Flags]:
    """Returns for whom equity surely is at least so many percent of what is asked, and for whom it
    surely is not."""
    distance = 100 * found.equity - percent * asked
    off = (100 + percent) * (found.bound + ATOM) * (1 + 1e-9)
    return distance > off, distance < -off


class Due(NamedTuple):
    """The accounts about whom the health machine may have something to say, and which of all the
    floats settle: not breached, and surely on one side of every threshold of a living account."""

    accounts: NDArray[np.int64]
    is_sure: Flags


def unsettled(screen: Screen, ledger: Ledger, view: View, found: Sequence[Margins]) -> Due:
    """Returns whom to judge; `found` are the margins of each of the view's snapshots."""
    first = found[0]
    at_112, below_112 = covers(first, 112, first.initial)
    at_110, below_110 = covers(first, 110, first.initial)
    at_100, below_100 = covers(first, 100, first.initial)
    is_well, _ = covers(first, 100, first.maintenance)
    is_kept = is_well.copy()
    for other in found[1:]:
        is_kept |= covers(other, 100, other.maintenance)[0]
    state = ledger.state
    is_still = (state == CODE[HEALTHY]) & at_110
    is_still |= (state == CODE[WARNING]) & at_100 & below_112 & is_kept
    is_still |= (state == CODE[REDUCE_ONLY]) & below_100 & is_kept & (ledger.breaches == 0)
    ending = np.isin(state, [CODE[s] for s in STATES if s in ENDING])
    silent = [u.market - 1 for u in view.now.underlyings if u.oracle_state == HALT]
    is_heard = ~np.isin(screen.market_of, silent)
    due = (ledger.is_open & ~is_still & is_heard) | ending
    is_sure = is_well & ~ending & (at_112 | below_112) & (at_110 | below_110)
    return Due(np.flatnonzero(due), is_sure & (at_100 | below_100))


def light_facts(ledger: Ledger, number: int, market: int, view: View, found: Margins) -> Facts:
    """Returns the facts of an account that the floats settle: figures to within their bound, and
    the same judgement as exact ones."""
    now, atoms = view.now, 10**view.now.settlement_token.decimals
    underlying = now.underlyings[market]
    equity = math.floor(found.equity[number] * atoms)
    initial, asked = (
        math.ceil(figures[number] * atoms) for figures in (found.initial, found.maintenance)
    )
    return Facts(
        now.hash.hex(),
        now.time_ms,
        ((underlying.market, underlying.price),),
        underlying.oracle_state,
        ledger.engines[number],
        equity,
        initial,
        asked,
        equity,
        asked,
        is_open=True,
    )


def facts_of(ledger: Ledger, number: int, market: int, view: View) -> Facts:
    """Returns what the view says of one account: `health.facts.facts` on a shared grid, but
    for the chance of a breach within the hour, which moves no money."""
    account, now = ledger.account(number), view.now
    underlying = now.underlyings[market]
    shown = [_figures(account, view, k) for k in range(len(view.snapshots))]
    best = shown[0]
    if underlying.oracle_state != OK:
        best = max(shown, key=_headroom)
    if account.engine != SIMPLE and _headroom(best) < 0:
        best = max(best, _simple(account, now), key=_headroom)
    return Facts(
        snapshot=now.hash.hex(),
        time_ms=now.time_ms,
        prices=((underlying.market, underlying.price),),
        oracle=underlying.oracle_state,
        engine=account.engine,
        equity=shown[0][0],
        initial=shown[0][1],
        maintenance=shown[0][2],
        best_equity=best[0],
        best_maintenance=best[2],
        is_open=has_positions(account) or account.cash < 0,
        worth=worth_of(account, view.grids[0]) if best[0] <= 0 else None,
    )


def _figures(account: Account, view: View, at: int) -> Figures:
    if account.engine == SIMPLE:
        return _simple(account, view.snapshots[at])
    return margins(account, view.grids[at])


def _simple(account: Account, snapshot: Snapshot) -> Figures:
    found = figures(account, snapshot)
    return found.equity, found.requirement, found.equity - found.maintenance


def _headroom(found: Figures) -> int:
    return found[0] - found[2]


def worth_of(account: Account, grid: RiskGrid) -> int:
    """Returns the account at its marks, atoms, down."""
    total = 0
    for position in account.positions:
        market, column = grid.place(position.instrument)
        total += position.quantity * grid.markets[market].columns[column].mark_long
    return account.cash + div_down(total, 10 ** (36 - grid.decimals))
