"""The fold over a copy: what an account would be after a solution, and whether its limits allow it.

The same `ledger` and the same SIMPLE rules as everywhere else, so a quote and an execution cannot
drift apart. The chain repeats every check; this one answers before anyone pays gas.
"""

from typing import NamedTuple

from solver.domain.account import Account
from solver.domain.errors import Infeasible
from solver.domain.instrument import Instrument, Kind
from solver.domain.intent import NO_DELTA_LIMIT, NO_MARGIN_LIMIT, Limits
from solver.domain.numbers import WAD, div_down, format_decimal
from solver.domain.program import Program
from solver.domain.route import MarginFigures, Solution
from solver.domain.snapshot import Snapshot
from solver.ledger import preview
from solver.margin.simple import figures, requirement_rise
from solver.pricing.greeks import net_delta


class Simulation(NamedTuple):
    """Margin in settlement atoms, deltas 1e18 of the market `delta_market` (None: no market)."""

    after: Account
    margin_before: MarginFigures
    margin_after: MarginFigures
    margin_rise: int
    delta_market: int | None
    delta_before: int
    delta_after: int


def simulate(
    program: Program, solution: Solution, account: Account, snapshot: Snapshot
) -> Simulation:
    """Returns the account after `solution`. Raises Infeasible naming the limit that it breaks."""
    after = preview(account, program, solution, snapshot)
    market = _market(program, snapshot)
    result = Simulation(
        after=after,
        margin_before=figures(account, snapshot),
        margin_after=figures(after, snapshot),
        margin_rise=requirement_rise(account, after, snapshot),
        delta_market=market,
        delta_before=_delta(account, market, snapshot),
        delta_after=_delta(after, market, snapshot),
    )
    _check_oracle(account, after, snapshot)
    _check(result, program.limits, snapshot)
    return result


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
