"""Who is certainly well, found in one pass, so that a closer look is for the others.

Under PORTFOLIO the decisions are exact: the kernel's floats carry a bound of their error, and whom
they cannot tell integers do. Under SIMPLE they are from below: who is near a threshold, or needs
its options seen together, is looked at closely.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from solver.domain.account import PORTFOLIO, SIMPLE, Account
from solver.domain.errors import SolventError
from solver.domain.health import HEALTHY
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument
from solver.domain.snapshot import Snapshot
from solver.margin.health import OK, WARNING_PERCENT
from solver.margin.health.breach import markets_of, sure_worlds
from solver.margin.health.crowd import Bools, crowd_of, least
from solver.margin.portfolio.grid import risk_grid
from solver.margin.portfolio.kernel.screen import Threshold, verdicts

NEAR = 2  # times maintenance: less equity than that is some 5 % of the price away from a breach
LEAST = 8  # accounts: fewer are looked at one by one
GROUPS_MAX = 16  # sets of markets held together whose moves are tried: the others are looked at
_NOW = (Threshold(WARNING_PERCENT), Threshold(100 * NEAR, is_initial=False))
_THEN = (Threshold(100, is_initial=False),)

Groups = Sequence[tuple[int, ...]]
Screen = Callable[[Sequence[Account], Snapshot, Groups], Bools]


def screened(accounts: Iterable[Account], snapshot: Snapshot) -> dict[AccountId, Account]:
    """Returns the accounts that are HEALTHY and stay so at this snapshot, with the breach within
    the hour unlikely and no nearer than NEAR. One that is not among them may be well all the same.
    """
    calm = [a for a in accounts if a.health.state == HEALTHY and not a.health.breaches]
    found: dict[AccountId, Account] = {}
    screens: tuple[tuple[str, Screen], ...] = ((SIMPLE, _simple), (PORTFOLIO, _portfolio))
    for engine, screen in screens:
        rows = _known([a for a in calm if a.engine == engine], _sure_keys(calm, snapshot))
        try:
            found |= _passed(screen, rows, snapshot)
        except SolventError:  # something cannot be valued: it hides nobody but who holds it
            with contextlib.suppress(SolventError):  # or nothing can be: a closer look says what
                found |= _passed(screen, _known(rows, _valued(rows, snapshot)), snapshot)
    return found


def _passed(screen: Screen, rows: list[Account], snapshot: Snapshot) -> dict[AccountId, Account]:
    """Returns whom the screen lets go, of those whose markets many hold together."""
    groups: dict[tuple[int, ...], list[Account]] = {}
    for account in rows:
        groups.setdefault(markets_of(account), []).append(account)
    common = sorted(groups, key=lambda group: -len(groups[group]))[:GROUPS_MAX]
    tried = [account for group in common for account in groups[group]]
    if len(tried) < LEAST:
        return {}
    holds = screen(tried, snapshot, common).tolist()
    return {a.id: a for a, is_well in zip(tried, holds, strict=True) if is_well}


def _known(rows: Iterable[Account], fit: set[int]) -> list[Account]:
    """Returns the accounts that hold nothing else."""
    return [a for a in rows if fit.issuperset([p.instrument for p in a.positions])]


def _sure_keys(rows: Iterable[Account], snapshot: Snapshot) -> set[int]:
    """Returns the instruments held whose price is beyond doubt."""
    keys = {position.instrument for account in rows for position in account.positions}
    sure = {u.market for u in snapshot.underlyings if u.oracle_state == OK and u.price > 0}
    return {key for key in keys if Instrument.unpack(key).market in sure}


def _valued(rows: Iterable[Account], snapshot: Snapshot) -> set[int]:
    """Returns the instruments held that PORTFOLIO can value."""
    found = set()
    for key in {position.instrument for account in rows for position in account.positions}:
        try:
            risk_grid({key}, snapshot)
        except SolventError:
            continue
        found.add(key)
    return found


def _simple(rows: Sequence[Account], snapshot: Snapshot, groups: Groups) -> Bools:
    crowd = crowd_of(rows)
    now = least(crowd, snapshot)
    share = WARNING_PERCENT / 100  # E >= share (E - I) is I share >= E (share - 1), E > 0
    holds: Bools = (share * now.initial >= (share - 1) * now.equity) & (now.initial >= 0)
    holds &= NEAR * now.maintenance >= (NEAR - 1) * now.equity
    for world in sure_worlds(snapshot, groups):
        holds &= least(crowd, world).maintenance >= 0
    return holds


def _portfolio(rows: Sequence[Account], snapshot: Snapshot, groups: Groups) -> Bools:
    keys = {position.instrument for account in rows for position in account.positions}
    holds = verdicts(rows, risk_grid(keys, snapshot), _NOW).holds.all(axis=1)
    for world in sure_worlds(snapshot, groups):
        holds &= verdicts(rows, risk_grid(keys, world), _THEN).holds[:, 0]
    return np.asarray(holds)
