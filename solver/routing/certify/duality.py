"""The dual bound in integers: what no plan can exceed, whatever found the multipliers.

Part of the checker. Any non-negative prices give a valid bound (weak duality); good ones give a
tight one. Token part: sum of nu*sold plus each pool's best arbitrage at nu. Derivative part: rows.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from solver.domain.account import Account
from solver.domain.ids import Address
from solver.domain.numbers import PPM, div_up
from solver.domain.program import Program
from solver.domain.route import Certificate, Solution
from solver.domain.snapshot import Snapshot
from solver.routing import curves
from solver.routing.certify import tally
from solver.routing.certify.rows import Rows as Rows
from solver.routing.certify.rows import fill_bound as fill_bound
from solver.routing.certify.rows import offers as offers

Prices = Mapping[Address, int]  # PRICE_UNIT


def gap_ppm(value: int, bound: int) -> int:
    """Returns ceil((bound - value) * 1e6 / max(|value|, 1))."""
    return div_up((bound - value) * PPM, max(abs(value), 1))


def certificate(value: int, bound: int, prices: Prices, rows: Rows) -> Certificate:
    """Returns the claim in its one canonical form."""
    tokens, multipliers = tuple(sorted(prices.items())), tuple(sorted(rows.items()))
    return Certificate(value, bound, gap_ppm(value, bound), tokens, multipliers)


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
    multipliers: tuple[Prices, Rows],
) -> tuple[int, int]:
    """Returns the objective's value and its bound at the multipliers, atoms of the numeraire."""
    prices, rows = multipliers
    sold, value, earned, bound = Counter[Address](), 0, 0, 0
    for program, solution, account in zip(programs, solutions, accounts, strict=True):
        given, received = _traded(program, solution)
        sold.update(given)
        value += sum(prices.get(token, 0) * amount for token, amount in received.items())
        earned += tally.credit(solution.fills, snapshot)
        held = 0
        if program.delta is not None and program.exposures:
            held = tally.held_delta(program, snapshot, solution, account)
        bound += fill_bound(program, snapshot, rows, held)
    if sold:
        bound += div_up(token_bound(sold, snapshot, prices), curves.PRICE_UNIT)
    return value // curves.PRICE_UNIT + earned, bound


def token_bound(sold: Mapping[Address, int], snapshot: Snapshot, prices: Prices) -> int:
    """Returns the most that `sold` can become, times PRICE_UNIT: sum nu*sold + sum arbitrage."""
    bound = sum(prices.get(token, 0) * amount for token, amount in sold.items())
    for pool in snapshot.pools:
        if any(prices.get(token) for token in pool.tokens):
            bound += curves.arbitrage_up(pool, prices)
    return bound


def _traded(program: Program, solution: Solution) -> tuple[Counter[Address], Counter[Address]]:
    """Returns what went into venues and what came out, fee held back on its own side."""
    sells = {flow.leg for flow in program.sells}
    given, received = Counter[Address](), Counter[Address]()
    for pull in solution.pulls:
        if pull.leg in sells:
            given[pull.token] += pull.amount
    for out in solution.outs:
        received[out.token] += out.amount
    settlement = program.limits.settlement_token
    if tally.is_fee_held_back(program, solution):
        if given[settlement]:
            given[settlement] -= solution.fee
        else:
            received[settlement] += solution.fee
    return given, received
