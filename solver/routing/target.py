"""Exact output: the least input whose best route still gives what was asked."""

import math

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.snapshot import Snapshot
from solver.routing.network import network
from solver.routing.rounding import execute
from solver.routing.select import Route, best_route

PLANS_MAX = 3  # routes planned anew; in between only their integers are scaled
STEPS_MAX = 16  # of Newton's method on the integers of one plan
SLACK_PPB = 1  # more output than asked that is not worth another step, parts per billion
DRIFT_BPS = 20  # from the input a route was planned for, beyond which it is planned anew


def cheapest_route(
    snapshot: Snapshot, source: Address, sink: Address, amount_out: int, most: int
) -> tuple[int, Route]:
    """Returns (input, route) giving at least `amount_out`. Raises Infeasible above `most`.

    Newton on the concave best output: from any input, the dual price of the source is the slope.
    """
    amount = max(1, min(most, _first_guess(snapshot, source, sink, amount_out)))
    for _ in range(PLANS_MAX):
        planned = amount
        route = best_route(snapshot, source, sink, planned)
        amount, route = _scaled(snapshot, (planned, route), source, amount_out)
        is_near = abs(amount - planned) * 10_000 <= planned * DRIFT_BPS
        if is_near and amount <= most and route.amount_out >= amount_out:
            return amount, route
        amount = min(amount, most)
    route = best_route(snapshot, source, sink, most)
    if route.amount_out >= amount_out:
        return most, route
    raise Infeasible(
        "the most that may be sold does not buy what is asked",
        code="legQuantity",
        data={"limit": str(most), "wanted": str(amount_out), "reached": str(route.amount_out)},
    )


def _scaled(
    snapshot: Snapshot, plan: tuple[int, Route], source: Address, amount_out: int
) -> tuple[int, Route]:
    """Returns the least input found at which the plan's own shares give enough, and its swaps."""
    amount, route = plan
    pools, sink = {pool.address: pool for pool in snapshot.pools}, route.swaps[-1].token_out
    best: tuple[int, Route] | None = None
    for _ in range(STEPS_MAX):
        missing = amount_out - route.amount_out
        if missing <= 0 and (best is None or amount < best[0]):
            best = amount, route
        if missing <= 0 and -missing * 10**9 <= amount_out * SLACK_PPB:
            break
        ahead = amount + math.ceil(missing / route.prices[source]) + (1 if missing > 0 else 0)
        if ahead in (amount, 0) or ahead < 0:
            break
        amount = ahead
        try:
            swaps = execute(route.shares, pools, source, amount)
        except Infeasible:  # beyond these pools: the next plan looks wider
            break
        out = sum(swap.amount_out for swap in swaps if swap.token_out == sink)
        route = route._replace(swaps=swaps, amount_out=out)
    return best or (amount, route)


def _first_guess(snapshot: Snapshot, source: Address, sink: Address, amount_out: int) -> int:
    plan = network(snapshot.pools, sink, source, amount_out)
    if plan is None:
        raise Infeasible(f"no route from {source} to {sink}", code="noRoute")
    return int(plan.units[plan.sink]) + 1
