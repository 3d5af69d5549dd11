"""The dual bound in integers: what no plan can exceed, whatever found the multipliers.

Part of the checker. Any non-negative prices give a valid bound (weak duality); good ones give a
tight one. Token part: pools, at prices that are nowhere below what weighs what is bought; the cases
of a claim are together every plan, so the greatest of their bounds holds. Derivative part: rows.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from solver.domain.account import Account
from solver.domain.ids import Address
from solver.domain.numbers import PPM, div_up
from solver.domain.program import Program
from solver.domain.route import Case, Certificate, Solution
from solver.domain.snapshot import Snapshot
from solver.routing import curves
from solver.routing.certify import tally
from solver.routing.certify.pools import Prices, token_bound
from solver.routing.certify.rows import Rows, fill_bound
from solver.routing.certify.worth import choice_value_and_bound
from solver.routing.toll import toll


class Multipliers(NamedTuple):
    """What a claim rests on: `prices` weigh what is bought, and bound it where there is no case."""

    prices: Prices
    rows: Rows
    cases: tuple[Case, ...] = ()


def gap_ppm(value: int, bound: int) -> int:
    """Returns ceil((bound - value) * 1e6 / max(|value|, 1))."""
    return div_up((bound - value) * PPM, max(abs(value), 1))


def certificate(value: int, bound: int, multipliers: Multipliers) -> Certificate:
    """Returns the claim in its one canonical form."""
    prices, rows = (tuple(sorted(part.items())) for part in multipliers[:2])
    return Certificate(value, bound, gap_ppm(value, bound), prices, rows, multipliers.cases)


def numeraire(programs: Sequence[Program], snapshot: Snapshot) -> Address | None:
    """Returns the token whose atoms the objective counts: what the first program buys, or the
    settlement token where fills earn premium too; None without a token part.
    """
    bought = [flow.token for program in programs for flow in program.buys]
    if any(program.exposures for program in programs) and bought:
        return snapshot.settlement_token.address
    return bought[0] if bought else None


def value_and_bound(
    programs: Sequence[Program],
    snapshot: Snapshot,
    solutions: Sequence[Solution],
    accounts: Sequence[Account],
    multipliers: Multipliers,
) -> tuple[int, int]:
    """Returns the objective's value, net of the steps' gas, and its bound, numeraire's atoms."""
    sold, bought, value, bound = Counter[Address](), Counter[Address](), 0, 0
    for program, solution, account in zip(programs, solutions, accounts, strict=True):
        _add_traded(program, solution, sold, bought)
        if program.choice is not None:
            terms = (program, snapshot, solution, account)
            worth, top = choice_value_and_bound(*terms, multipliers.rows)
            value, bound = value + worth, bound + top
            continue
        value += tally.credit(solution.fills, snapshot)
        held = 0
        if program.delta is not None and program.exposures:
            held = tally.held_delta(program, snapshot, solution, account)
        bound += fill_bound(program, snapshot, multipliers.rows, held)
    token = numeraire(programs, snapshot)
    if token is not None:
        prices, per_gas = multipliers.prices, toll(token, snapshot)
        worth = sum(prices.get(token, 0) * amount for token, amount in bought.items())
        value += worth // curves.PRICE_UNIT - per_gas.up(_gas(solutions, snapshot))
        cases = [_priced(case, prices) for case in multipliers.cases or (Case((), (), ()),)]
        traded = _traded(programs) | {token, *bought}
        bound += token_bound(sold, snapshot, cases, per_gas, traded)
    return value, bound


def _priced(case: Case, prices: Prices) -> Case:
    """Returns the case with every price, its own before the claim's."""
    return case._replace(token_prices=tuple({**prices, **dict(case.token_prices)}.items()))


def _traded(programs: Sequence[Program]) -> set[Address]:
    """Returns every token that a program may bring, take out or pay with."""
    tokens = {program.limits.settlement_token for program in programs}
    for program in programs:
        tokens |= {flow.token for flow in (*program.sells, *program.buys)}
        tokens |= {flow.token for flow in program.collateral}
    return tokens


def _gas(solutions: Sequence[Solution], snapshot: Snapshot) -> int:
    gas = {pool.address: pool.gas for pool in snapshot.pools}
    return sum(gas.get(swap.pool, 0) for solution in solutions for swap in solution.swaps)


def _add_traded(
    program: Program, solution: Solution, given: Counter[Address], received: Counter[Address]
) -> None:
    """Adds what went into venues and what came out, the fee held back on its own side."""
    sells, settlement = {flow.leg for flow in program.sells}, program.limits.settlement_token
    pulled = Counter[Address]()
    for pull in solution.pulls:
        if pull.leg in sells:
            pulled[pull.token] += pull.amount
    for out in solution.outs:
        received[out.token] += out.amount
    if tally.is_fee_held_back(program, solution):
        if pulled[settlement]:
            pulled[settlement] -= solution.fee
        else:
            received[settlement] += solution.fee
    given.update(pulled)
