"""The fold over a copy: what an account would be after a solution, and whether its limits allow it.

The same `ledger` and the same margin rules as everywhere else, so a quote and an execution cannot
drift apart. SIMPLE decides wherever it suffices; PORTFOLIO, which signers must state, where only it
lets the plan pass. The chain repeats every check; this one answers before anyone pays gas.
"""

import contextlib
from typing import NamedTuple

from solver.domain.account import PORTFOLIO, SIMPLE, Account
from solver.domain.errors import Infeasible
from solver.domain.instrument import Instrument, Kind
from solver.domain.intent import NO_DELTA_LIMIT, NO_MARGIN_LIMIT, Limits
from solver.domain.numbers import WAD, div_down, format_decimal
from solver.domain.program import Program
from solver.domain.route import MarginFigures, Solution
from solver.domain.snapshot import Snapshot
from solver.ledger import preview
from solver.margin.attested import fenced, statement
from solver.margin.health import OK, Action, allowed
from solver.margin.health.standing import action_of, oracle_of, refusal
from solver.margin.simple import figures, requirement_rise
from solver.pricing.greeks import net_delta

RETRIED = frozenset({"marginBreached", "marginUsed", "healthTooLow", "reduceOnly"})


class Simulation(NamedTuple):
    """Margin in settlement atoms by `engine`, deltas 1e18 of the market `delta_market` (None: no
    market)."""

    engine: str
    after: Account
    margin_before: MarginFigures
    margin_after: MarginFigures
    margin_rise: int
    delta_market: int | None
    delta_before: int
    delta_after: int


def simulate(
    program: Program,
    solution: Solution,
    account: Account,
    snapshot: Snapshot,
    *,
    is_mandated: bool = False,
    breaker: str = "active",
) -> Simulation:
    """Returns the account after `solution`. Raises Infeasible naming the limit that it breaks, or
    what the account's health, the oracle or the breaker (its state) do not let pass."""
    after = preview(account, program, solution, snapshot)
    _check_oracle(account, after, snapshot)
    market = _market(program, snapshot)
    result = Simulation(
        engine=SIMPLE,
        after=after,
        margin_before=figures(account, snapshot),
        margin_after=figures(after, snapshot),
        margin_rise=requirement_rise(account, after, snapshot),
        delta_market=market,
        delta_before=_delta(account, market, snapshot),
        delta_after=_delta(after, market, snapshot),
    )

    def check(result: Simulation) -> Simulation:
        oracle = oracle_of(account, snapshot)
        margin = _margin_in_force(account, result, snapshot, breaker)
        action = action_of(account, result.after, margin, is_mandated=is_mandated)
        _check_standing(account, action, oracle, breaker)
        _check(result, program.limits, snapshot)
        return result

    try:
        return check(result)
    except Infeasible as stopped:
        if stopped.code in RETRIED and _may_attest(solution):
            with contextlib.suppress(Infeasible):
                return check(_as_attested(result, account, snapshot))
        raise


def _may_attest(solution: Solution) -> bool:
    """Collateral leaves at once under SIMPLE only (CONTRACTS 4)."""
    return all(pull.is_from_wallet for pull in solution.pulls)


def _as_attested(result: Simulation, account: Account, snapshot: Snapshot) -> Simulation:
    """Returns the same by PORTFOLIO. Raises Infeasible where what is attested would not hold."""
    before, after = (
        fenced(each, snapshot, statement(each, snapshot)) for each in (account, result.after)
    )
    if after.initial < 0:
        places = snapshot.settlement_token.decimals
        raise _breaks("MarginBreached", "initial margin", after.initial, 0, places)
    return result._replace(
        engine=PORTFOLIO,
        margin_before=before,
        margin_after=after,
        margin_rise=after.requirement - before.requirement,
    )


def _market(program: Program, snapshot: Snapshot) -> int | None:
    if program.delta is not None:
        return program.delta.market
    for exposure in program.exposures:
        return exposure.candidates[0] >> 144
    for flow in program.collateral:
        underlying = snapshot.underlying_of(flow.token)
        return underlying.market if underlying else None
    return None


def _delta(account: Account, market: int | None, snapshot: Snapshot) -> int:
    underlying = snapshot.underlying(market) if market is not None else None
    return net_delta(account.positions, underlying, snapshot.time) if underlying else 0


def _check_oracle(before: Account, after: Account, snapshot: Snapshot) -> None:
    """No new risk on a price that its sources dispute; whatever makes a position smaller may go."""
    for position in after.positions:
        instrument = Instrument.unpack(position.instrument)
        underlying = snapshot.underlying(instrument.market)
        if instrument.kind is Kind.BASE or underlying is None or underlying.oracle_state == "OK":
            continue
        held = before.quantity(position.instrument)
        if abs(position.quantity) > abs(held) or position.quantity * held < 0:
            state = underlying.oracle_state
            detail = f"the price of {underlying.symbol} is {state}: no new risk on it now"
            raise Infeasible(detail, code="oracleNotOk", data={"state": state})


def _margin_in_force(
    before: Account, result: Simulation, snapshot: Snapshot, breaker: str
) -> tuple[MarginFigures, MarginFigures]:
    """Returns the margin that the account's health is judged by: that of the engine in force, even
    where SIMPLE lets the plan pass, or it could sell the hedges that PORTFOLIO counts."""
    is_free = Action.RISK in allowed(before.health.state, OK, breaker)
    if is_free or before.engine in (SIMPLE, result.engine):
        return result.margin_before, result.margin_after
    was, will = (
        fenced(each, snapshot, statement(each, snapshot)) for each in (before, result.after)
    )
    return was, will


def _check_standing(before: Account, action: Action, oracle: str, breaker: str) -> None:
    """What risk is taken on a disputed price is `_check_oracle`'s, market by market; here the
    account as a whole: while a price is silent nothing is withdrawn that may be needed."""
    known = oracle if action in (Action.WITHDRAW, Action.LEAVE) else OK
    found = refusal(before, action, breaker, known)
    if found is not None:
        raise Infeasible(found.detail, code=found.code, data={"state": found.state})


def _check(result: Simulation, limits: Limits, snapshot: Snapshot) -> None:
    """The bounds of CONTRACTS 5.2 that need the whole account."""
    decimals = snapshot.settlement_token.decimals
    before, after = result.margin_before, result.margin_after
    if after.initial < 0 and (before.initial >= 0 or after.initial < before.initial):
        raise _breaks("MarginBreached", "initial margin", after.initial, 0, decimals)
    if limits.max_margin_used != NO_MARGIN_LIMIT and result.margin_rise > limits.max_margin_used:
        rise, most = result.margin_rise, limits.max_margin_used
        raise _breaks("MarginUsed", "rise of the initial requirement", rise, most, decimals)
    if limits.min_health and after.requirement > 0:
        health = div_down(max(after.equity, 0) * WAD, after.requirement)
        if health < limits.min_health:
            raise _breaks("HealthTooLow", "health", health, limits.min_health, 18)
    if limits.delta_tolerance != NO_DELTA_LIMIT:
        miss = abs(result.delta_after - limits.target_delta)
        if miss > limits.delta_tolerance:
            raise _breaks("DeltaOutside", "distance to delta", miss, limits.delta_tolerance, 18)


def _breaks(code: str, what: str, actual: int, limit: int, decimals: int) -> Infeasible:
    told = {"actual": format_decimal(actual, decimals), "limit": format_decimal(limit, decimals)}
    detail = f"{what} would be {told['actual']}, the limit is {told['limit']}"
    return Infeasible(detail, code=code[0].lower() + code[1:], data=told)
