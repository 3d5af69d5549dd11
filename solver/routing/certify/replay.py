"""Runs a plan again, step by step, on the snapshot's own pools and ladders.

Part of the checker: sees only solver.domain, the exact curves and the tally. A pool is used in the
state the steps before left it in, only once where its bound is of one swap; a level is used up to
its size; nothing is left over.
"""

from collections import Counter
from collections.abc import Sequence

from solver.domain.errors import Infeasible, Unproven
from solver.domain.ids import Address
from solver.domain.program import Program
from solver.domain.route import Solution, Swap
from solver.domain.snapshot import Snapshot
from solver.routing import curves
from solver.routing.certify import tally


def prove(holds: bool, claim: str) -> None:
    """Raises Unproven with the claim that does not hold."""
    if not holds:
        raise Unproven(f"does not hold: {claim}")


def replay_tokens(
    programs: Sequence[Program], snapshot: Snapshot, solutions: Sequence[Solution]
) -> None:
    """Pulls, then steps item by item on the pools as they move, then outs. Raises Unproven."""
    held: Counter[Address] = Counter()
    for program, solution in zip(programs, solutions, strict=True):
        sold = {flow.leg for flow in program.sells}
        for pull in solution.pulls:
            held[pull.token] += pull.amount if pull.leg in sold else 0
    _swap([swap for solution in solutions for swap in solution.swaps], snapshot, held)
    for program, solution in zip(programs, solutions, strict=True):
        for out in solution.outs:
            held[out.token] -= out.amount
        if tally.is_fee_held_back(program, solution):
            held[program.limits.settlement_token] -= solution.fee
    prove(not any(held.values()), "what is pulled is what is delivered")


def _swap(swaps: Sequence[Swap], snapshot: Snapshot, held: Counter[Address]) -> None:
    pools = {pool.address: pool for pool in snapshot.pools}
    last: dict[Address, Swap] = {}  # a pool is moved only once it is used again
    for swap in swaps:
        pool, before = pools.get(swap.pool), last.get(swap.pool)
        if pool is None or pool.venue != swap.venue:
            raise Unproven(f"there is no pool {swap.pool} of {swap.venue}")
        prove(
            before is None or curves.is_repeatable(pool), "a pool bound for one swap is used once"
        )
        prove(0 < swap.amount_in <= held[swap.token_in], "a swap spends what is there")
        try:
            if before:
                pool = curves.after(pool, (before.token_in, before.token_out), before.amount_in)
            out = curves.amount_out(pool, (swap.token_in, swap.token_out), swap.amount_in)
        except Infeasible as error:
            raise Unproven(error.detail) from error
        prove(swap.amount_out == out, "a swap gives what the pool's code gives")
        pools[swap.pool], last[swap.pool] = pool, swap
        held[swap.token_in] -= swap.amount_in
        held[swap.token_out] += out


def replay_fills(
    programs: Sequence[Program], snapshot: Snapshot, solutions: Sequence[Solution]
) -> None:
    """Every fill at a level of the snapshot, within its range and limit, and all fills together
    within what each level offers. Raises Unproven.
    """
    offered: Counter[object] = Counter()
    used = {(fill.maker, fill.instrument) for plan in solutions for fill in plan.fills}
    for ladder in snapshot.ladders:
        if (ladder.maker, ladder.instrument) not in used:
            continue  # a day's chain has thousands of levels, and a plan few
        for sign, levels in ((1, ladder.asks), (-1, ladder.bids)):
            for level in levels:
                offer = (ladder.maker, ladder.instrument, sign, level.price, level.quote_index)
                offered[offer] += level.quantity
    for program, solution in zip(programs, solutions, strict=True):
        _check_fills(program, solution)
        for fill in solution.fills:
            sign = 1 if fill.quantity > 0 else -1
            taken = (fill.maker, fill.instrument, sign, fill.price, fill.quote_index)
            offered[taken] -= abs(fill.quantity)
    prove(min(offered.values(), default=0) >= 0, "fills are within what is offered")


def _check_fills(program: Program, solution: Solution) -> None:
    exposures = {exposure.leg: exposure for exposure in program.exposures}
    for fill in solution.fills:
        exposure = exposures.get(fill.leg)
        prove(exposure is not None and fill.quantity != 0, "a fill is of an exposure")
        assert exposure is not None
        sign = 1 if fill.quantity > 0 else -1
        prove(fill.instrument in exposure.candidates, "a fill is of a candidate")
        prove(exposure.side in ("auto", "buy" if sign > 0 else "sell"), "a fill's side")
        worse = sign * (fill.price - exposure.limit_price) > 0
        prove(not exposure.limit_price or not worse, "a fill within its limit price")
        prove(fill.maker != program.account, "a fill is with another account")
    for exposure in program.exposures:
        quantities = [fill.quantity for fill in solution.fills if fill.leg == exposure.leg]
        prove(abs(sum(quantities)) == sum(map(abs, quantities)), "one sign for each leg")
        total = abs(sum(quantities))
        prove(exposure.quantity_min <= total <= exposure.quantity_max, "a leg in its range")
