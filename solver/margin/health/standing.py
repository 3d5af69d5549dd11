"""Whether an account's health, the oracle and the breaker let a change of the account pass.

What a change is shows in the account after it: nothing moved, a deposit, a withdrawal, less risk or
more. Words on an intent do not count.
"""

from typing import NamedTuple

from solver.domain.account import Account
from solver.domain.health import BANKRUPT, CLOSED, LIQUIDATING, REDUCE_ONLY
from solver.domain.instrument import Instrument, Kind
from solver.domain.route import MarginFigures
from solver.domain.snapshot import Snapshot
from solver.margin.health import HALT, OK, ORACLE_STATES, Action, allowed, reduces
from solver.margin.health.breach import markets_of
from solver.margin.health.facts import has_positions

Change = tuple[MarginFigures, MarginFigures]  # margin before and after
_REFUSALS = {
    REDUCE_ONLY: ("reduceOnly", "only what raises equity less requirement is taken now"),
    LIQUIDATING: ("liquidating", "the account is being liquidated: deposits and cancels only"),
    BANKRUPT: ("liquidating", "the account is being liquidated: deposits and cancels only"),
    CLOSED: ("accountClosed", "the account was liquidated: a deposit opens it again"),
}


class Refusal(NamedTuple):
    """Why not, in the stable word of the API and in a sentence."""

    code: str
    detail: str
    state: str


def action_of(before: Account, after: Account, margin: Change, *, is_mandated: bool) -> Action:
    """Returns what a change of an account is. CANCEL stands for one that moves nothing."""
    trades, flows = _moves(before, after)
    if not trades:
        if not flows:
            return Action.CANCEL
        if min(flows) > 0:
            return Action.DEPOSIT
        if max(flows) < 0:
            return Action.WITHDRAW if has_positions(before) else Action.LEAVE
    was, will = margin
    if reduces((was.equity, was.requirement), (will.equity, will.requirement)):
        return Action.CURE if is_mandated else Action.REDUCE
    return Action.RISK


def refusal(
    account: Account, action: Action, breaker: str = "active", oracle: str = OK
) -> Refusal | None:
    """Returns why an account may not do that now, None where it may."""
    if action in allowed(account.health.state, oracle, breaker):
        return None
    state = account.health.state
    if action not in allowed(state):
        return Refusal(*_REFUSALS[state], state)
    if action not in allowed(state, oracle):
        detail = f"a price the account depends on is {oracle}: it cannot be left short now"
        return Refusal("oracleNotOk", detail, oracle)
    return Refusal(breaker, f"trading is {breaker}: only what lowers risk passes", breaker)


def oracle_of(account: Account, snapshot: Snapshot) -> str:
    """Returns the worst oracle state among the markets an account holds; one unknown is silent."""
    found = (snapshot.underlying(market) for market in markets_of(account))
    states = (HALT if held is None else held.oracle_state for held in found)
    return max(states, key=ORACLE_STATES.index, default=OK)


def _moves(before: Account, after: Account) -> tuple[bool, list[int]]:
    """Returns whether perps or options moved, and what collateral did: atoms of each token."""
    trades, flows = False, [after.cash - before.cash]
    for key in {p.instrument for p in (*before.positions, *after.positions)}:
        moved = after.quantity(key) - before.quantity(key)
        if Instrument.unpack(key).kind is Kind.BASE:
            flows.append(moved)
        elif moved:
            trades = True
    return trades, [flow for flow in flows if flow]
