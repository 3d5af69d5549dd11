"""A report about one account as it stands: what options of an account for sale are worth.

Asked of the signers as of any settlement, by a plan that does nothing: the account after it is the
account before it.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from app.liquidator.duty import Seen
from app.settlement.attest import Attestor
from solver.domain.account import PORTFOLIO, Account
from solver.domain.ids import ZERO_ADDRESS, AccountId
from solver.domain.instrument import Instrument
from solver.domain.intent import Limits, OutcomeIntent
from solver.domain.program import Program
from solver.domain.report import NO_REPORT, Report
from solver.domain.route import Certificate, Solution
from solver.domain.snapshot import Snapshot
from solver.margin.attested import Statement, fenced
from solver.margin.liquidation.auction import buffer_of

Attested = tuple[Report, tuple[bytes, ...]]
Reports = Callable[[Account], Awaitable[Attested]]
UNNEEDED: Attested = (NO_REPORT, ())


class Still(NamedTuple):
    """A plan of one account that moves nothing."""

    intent: OutcomeIntent
    engine: str
    program: Program
    solution: Solution


def still(account: AccountId) -> Still:
    """Returns the plan that leaves the account as it is."""
    limits = Limits(ZERO_ADDRESS)
    intent = OutcomeIntent(
        account.owner, account.subaccount, ZERO_ADDRESS, "", (), limits, False, 0, 0, 0, bytes(32)
    )
    nothing = Solution(bytes(32), (), (), (), (), 0, 0, Certificate(0, 0, 0))
    return Still(intent, PORTFOLIO, Program(account, ZERO_ADDRESS), nothing)


def reports_of(attestor: Attestor) -> Reports:
    """Returns who attests accounts that hold options or are in PORTFOLIO mode; the others need no
    word but the feed's."""

    async def report(account: Account) -> Attested:
        has_options = any(Instrument.unpack(p.instrument).is_option for p in account.positions)
        if not has_options and account.engine != PORTFOLIO:
            return UNNEEDED
        return await attestor.report_for([still(account.id)])

    return report


def weighed(seen: Seen, account: Account, report: Report, snapshot: Snapshot) -> Seen:
    """Returns what the block says, priced as the contract prices it with a report; of an account in
    PORTFOLIO mode the greater of both buffers counts."""
    risk = next((r for r in report.accounts if r.account == account.id.key), None)
    if risk is None:
        return seen
    now = account._replace(cash=seen.cash)
    found = fenced(now, snapshot, Statement(risk.options_mtm, risk.im, risk.mm))
    seen = seen._replace(worth=found.equity)
    simple = buffer_of(seen.equity, seen.maintenance)
    if account.engine != PORTFOLIO or buffer_of(found.equity, found.maintenance) <= simple:
        return seen
    return seen._replace(equity=found.equity, maintenance=found.maintenance)
