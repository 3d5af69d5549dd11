"""What a plan costs and leaves, counted as the contract counts it (contracts/src/Checks.sol).

Integers only, rounded as there. Part of the checker: sees only solver.domain and its own marks.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from solver.domain.account import Account
from solver.domain.errors import Unproven
from solver.domain.ids import ZERO_ADDRESS, Address
from solver.domain.instrument import Instrument, Kind
from solver.domain.intent import NO_SLIPPAGE_LIMIT
from solver.domain.numbers import BPS, WAD, div_down, div_up
from solver.domain.program import Program
from solver.domain.route import Fill, Solution
from solver.domain.snapshot import Snapshot
from solver.routing.certify.marks import delta_of, mark_of, token_value, unit_cost


def costs(program: Program, snapshot: Snapshot, solution: Solution) -> tuple[int, int, int | None]:
    """Returns (net cost, slippage loss, most loss allowed or None), settlement atoms."""
    limits, is_held_back = program.limits, is_fee_held_back(program, solution)
    is_valued = limits.max_slippage_bps != NO_SLIPPAGE_LIMIT
    cost = sum(fill_cost(fill, snapshot) for fill in solution.fills)
    loss = sum(_fill_loss(fill, snapshot) for fill in solution.fills) if is_valued else 0
    largest = _largest_notional(program, snapshot, solution) if is_valued else 0
    for token, sold, bought in _token_legs(program, solution):
        cost += sold - bought if token == limits.settlement_token else 0
        if is_valued:
            given = token_value(token, sold, snapshot, is_up=True)
            got = token_value(token, bought, snapshot, is_up=False)
            loss, largest = loss + given - got, max(largest, given, got)
    if not is_held_back:
        cost += solution.fee
    elif is_valued and solution.fee:
        loss -= token_value(limits.settlement_token, solution.fee, snapshot, is_up=False)
    return cost, loss, largest * limits.max_slippage_bps // BPS if is_valued else None


def fill_cost(fill: Fill, snapshot: Snapshot) -> int:
    """Returns settlement atoms the owner pays for a fill (negative: receives), as the chain counts.

    A premium is the cash that moves: the payer's side rounded up, whoever pays. What a perp is off
    the mark moves no cash and rounds up.
    """
    cost, unit = _exact_cost(fill, snapshot), WAD * WAD
    is_perp = Instrument.unpack(fill.instrument).kind is Kind.PERP
    return div_up(cost, unit) if is_perp or cost >= 0 else -div_up(-cost, unit)


def credit(fills: Iterable[Fill], snapshot: Snapshot) -> int:
    """Returns settlement atoms that fills earn, rounded down once: what a bound is compared with,
    for the roundings of single fills are nobody's skill.
    """
    return div_down(-sum(_exact_cost(fill, snapshot) for fill in fills), WAD * WAD)


def _exact_cost(fill: Fill, snapshot: Snapshot) -> int:
    """Returns atoms times 1e36."""
    price = unit_cost(fill.instrument, fill.price, snapshot)
    cost: int = fill.quantity * price * 10**snapshot.settlement_token.decimals
    return cost


def is_fee_held_back(program: Program, solution: Solution) -> bool:
    """Returns whether the fee comes out of traded settlement tokens, else from the cash."""
    settlement = program.limits.settlement_token
    return any(token == settlement and a + b > 0 for token, a, b in _token_legs(program, solution))


def net_delta(program: Program, snapshot: Snapshot, solution: Solution, account: Account) -> int:
    """Returns the account's delta in the box's market after the solution, 1e18, rounded down."""
    assert program.delta is not None
    market = program.delta.market
    traded = sum(
        fill.quantity * delta_of(fill.instrument, snapshot)
        for fill in solution.fills
        if fill.instrument >> 144 == market
    )
    return (held_delta(program, snapshot, solution, account) + traded) // WAD


def held_delta(program: Program, snapshot: Snapshot, solution: Solution, account: Account) -> int:
    """Returns the delta before any fill, 1e36: positions, and base that the plan moves."""
    assert program.delta is not None
    underlying = snapshot.underlying(program.delta.market)
    if underlying is None:
        raise Unproven(f"market {program.delta.market} is not in this snapshot")
    atoms = balance_after(program, snapshot, solution, account, underlying.base.address)
    delta: int = atoms * WAD * 10 ** (18 - underlying.base.decimals)
    for position in account.positions:
        instrument = Instrument.unpack(position.instrument)
        if instrument.market == underlying.market and instrument.kind is not Kind.BASE:
            delta += position.quantity * delta_of(position.instrument, snapshot)
    return delta


def balance_after(
    program: Program, snapshot: Snapshot, solution: Solution, account: Account, token: Address
) -> int:
    """Returns the collateral in `token` after the plan's flows, atoms; cash before any fill."""
    underlying = snapshot.underlying_of(token)
    if token == snapshot.settlement_token.address:
        balance = account.cash
    elif underlying is None:
        balance = 0
    else:
        balance = account.quantity(Instrument(underlying.market, Kind.BASE).id)
    deposits = {flow.leg for flow in program.collateral if flow.side == "deposit"}
    for pull in (pull for pull in solution.pulls if pull.token == token):
        if pull.leg in deposits:
            balance += pull.amount
        elif not pull.is_from_wallet:
            balance -= pull.amount
    if program.receiver == ZERO_ADDRESS:
        balance += sum(out.amount for out in solution.outs if out.token == token)
    return balance


def _token_legs(program: Program, solution: Solution) -> Iterator[tuple[Address, int, int]]:
    """Yields (token, sold, bought) of each token leg, atoms."""
    for flow in program.sells:
        yield flow.token, sum(p.amount for p in solution.pulls if p.leg == flow.leg), 0
    for flow in program.buys:
        yield flow.token, 0, sum(out.amount for out in solution.outs if out.leg == flow.leg)


def _fill_loss(fill: Fill, snapshot: Snapshot) -> int:
    off = fill.quantity * (fill.price - mark_of(fill.instrument, snapshot))
    return div_up(off * 10**snapshot.settlement_token.decimals, WAD * WAD)


def _largest_notional(program: Program, snapshot: Snapshot, solution: Solution) -> int:
    unit, moved = 10**snapshot.settlement_token.decimals, Counter[int]()
    for fill in solution.fills:
        moved[fill.leg] += fill.quantity
    marks = {exposure.leg: exposure.candidates[0] >> 144 for exposure in program.exposures}
    return max(
        (
            abs(quantity) * mark_of(marks[leg] << 144, snapshot) * unit // (WAD * WAD)
            for leg, quantity in moved.items()
        ),
        default=0,
    )
