"""Quotes cures for those who need them most, beside the event loop: each takes milliseconds."""

from collections.abc import Collection, Iterable, Sequence

import structlog

from app.monitor import Judged
from solver.domain.account import PORTFOLIO
from solver.domain.errors import Infeasible, SolventError
from solver.domain.health import ENDING, RANK
from solver.domain.ids import AccountId
from solver.domain.snapshot import Snapshot
from solver.margin.cure.trades import columns_of
from solver.margin.portfolio.grid import RiskGrid, risk_grid
from solver.policies import Proposal, propose

CURES_MAX = 64  # quoted at one look: each is a few milliseconds
_log = structlog.get_logger()


def chosen(unwell: Iterable[Judged], last: Collection[AccountId]) -> list[Judged]:
    """Returns whose cure is quoted next: the worst, and among equals who was not the `last` time,
    so that a crowd waits for its turn and no longer."""
    order = sorted(
        unwell, key=lambda each: (-RANK[each.account.health.state], each.account.id in last)
    )
    return order[:CURES_MAX]


def proposals(chosen: Sequence[Judged], snapshot: Snapshot) -> dict[AccountId, Proposal]:
    """Returns the cure of everyone of these for whom there is one; one whose book cannot be valued
    stops no other."""
    grid = _grid(chosen, snapshot)
    found = {}
    for judged in chosen:
        health, engine = judged.account.health, judged.facts.engine
        elapsed = snapshot.time - health.since_ms // 1000 if health.state in ENDING else None
        try:
            proposal = propose(judged.account, snapshot, engine, elapsed=elapsed, grid=grid)
        except Infeasible:
            continue
        except SolventError as error:
            _log.warning("cureFailed", log=judged.account.id.log, code=error.code)
            continue
        if proposal.requests:
            found[judged.account.id] = proposal
    return found


def _grid(chosen: Sequence[Judged], snapshot: Snapshot) -> RiskGrid | None:
    """Returns one grid for all of them under PORTFOLIO: pricing it takes longer than a cure."""
    held = [each.account for each in chosen if each.facts.engine == PORTFOLIO]
    if not held:
        return None
    try:
        return risk_grid(
            {key for account in held for key in columns_of(account, snapshot)}, snapshot
        )
    except SolventError:  # one of them: each is priced alone
        return None
