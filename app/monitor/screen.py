"""Who is certainly well, found in one pass, so that a closer look is for the others.

Only accounts under PORTFOLIO, whose closer look is dear. Decisions are exact: the kernel's floats
carry a bound of their error, and whom they cannot tell integers do.
"""

from collections.abc import Iterable, Sequence

from solver.domain.account import PORTFOLIO, Account
from solver.domain.errors import SolventError
from solver.domain.health import HEALTHY
from solver.domain.ids import AccountId
from solver.domain.snapshot import Snapshot
from solver.margin.breach import sure_worlds
from solver.margin.health import OK, WARNING_PERCENT
from solver.margin.portfolio.grid import risk_grid
from solver.margin.portfolio.kernel.screen import Threshold, verdicts
from solver.margin.standing import oracle_of

NEAR = 2  # times maintenance: less equity than that is some 5 % of the price away from a breach
LEAST = 8  # accounts: fewer are looked at one by one
_NOW = (Threshold(WARNING_PERCENT), Threshold(100 * NEAR, is_initial=False))
_THEN = (Threshold(100, is_initial=False),)


def screened(accounts: Iterable[Account], snapshot: Snapshot) -> dict[AccountId, Account]:
    """Returns the accounts that are HEALTHY and stay so at this snapshot, with the breach within
    the hour unlikely and no nearer than NEAR. One that is not among them may be well all the same.
    """
    rows = [account for account in accounts if _may_be(account, snapshot)]
    if len(rows) < LEAST:
        return {}
    try:
        holds = _holds(rows, snapshot)
    except SolventError:  # something cannot be valued: a closer look says what
        return {}
    return {account.id: account for account, is_well in zip(rows, holds, strict=True) if is_well}


def _holds(rows: Sequence[Account], snapshot: Snapshot) -> list[bool]:
    keys = {position.instrument for account in rows for position in account.positions}
    holds = [all(row) for row in verdicts(rows, risk_grid(keys, snapshot), _NOW).holds.tolist()]
    for world in sure_worlds(snapshot):
        then = verdicts(rows, risk_grid(keys, world), _THEN).holds[:, 0].tolist()
        holds = [one and other for one, other in zip(holds, then, strict=True)]
    return holds


def _may_be(account: Account, snapshot: Snapshot) -> bool:
    is_calm = account.health.state == HEALTHY and not account.health.breaches
    return is_calm and account.engine == PORTFOLIO and oracle_of(account, snapshot) == OK
