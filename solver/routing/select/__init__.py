"""Which pools are worth their gas: the route whose output, net of gas, is greatest.

Branch and bound over the pools gives the bound of the certificate, case by case, and on the way
plans; the best of them is improved by dropping and adding pools, executed in integers, and judged
by what it really gives, beside the best single path.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.route import Swap
from solver.domain.snapshot import Snapshot
from solver.pricing.gas import gas_cost
from solver.routing.network import Edge, Network, network
from solver.routing.proof import PricedCase
from solver.routing.rounding import Share, execute
from solver.routing.select.closing import Tree
from solver.routing.select.field import Field, field_of
from solver.routing.select.paths import best_path
from solver.routing.select.plans import Plan, Plans, onward, planned
from solver.routing.select.relaxed import Node, rooted
from solver.routing.toll import toll

Floats = NDArray[np.float64]

GAS_UNIT = 10**9  # gas is priced in this many at once, so that rounding up an atom is nothing
PLANS_EXECUTED = 3


class Route(NamedTuple):
    """A route in integers, the shares that made it, and prices that bound every plan.

    `cases` bound them more tightly, each where some pools are used and some are not.
    """

    swaps: tuple[Swap, ...]
    shares: tuple[Share, ...]
    amount_out: int
    gas: int
    prices: dict[Address, float]  # atoms of the sink for one atom
    cases: tuple[PricedCase, ...] = ()


def best_route(snapshot: Snapshot, source: Address, sink: Address, amount: int) -> Route:
    """Returns the route for an exact input. Raises Infeasible when the pools cannot do it."""
    here = network(snapshot.pools, source, sink, amount)
    if here is None or amount <= 0:
        raise Infeasible(f"no route from {source} to {sink}", code="noRoute")
    per_gas = _per_gas(snapshot, here)
    whole = field_of(here, per_gas, here.is_used)
    if per_gas:
        chosen, root = rooted(here, per_gas)
        plans = Plans(chosen)
        tree = Tree(chosen, plans, root)
        tree.close()
        leaves = [node for _, _, node in sorted(tree.leaves, key=lambda leaf: leaf[:2])]
    else:
        chosen, plans = whole, Plans(whole)
        root = _root(chosen, plans.over(range(chosen.pools.size)))
        leaves = [root]
    plans.improve()
    routes = [route for route in _executed(plans, amount) if route is not None]
    least = max((_net(route, chosen, per_gas) for route in routes), default=-np.inf)
    path = best_path(whole, chosen.prices(root.prices)[whole.tokens], amount, least)
    if path is not None:
        shares = tuple(Share(edge, 1.0) for edge in path.edges)
        routes += [route for route in [_route(chosen, shares, amount)] if route is not None]
    if not routes:
        raise Infeasible("no pool can take the whole amount", code="noRoute")
    best = max(routes, key=lambda route: _net(route, chosen, per_gas))
    cases = tuple(_case(chosen, leaf) for leaf in leaves) if len(leaves) > 1 else ()
    return best._replace(prices=dict(_case(chosen, root).prices), cases=cases)


def _per_gas(snapshot: Snapshot, here: Network) -> float:
    """Returns what a unit of gas costs in sink units: by the marks, as the certificate has it, or
    by the pools for a token without a mark; 0 where neither knows.
    """
    sink = here.market.tokens[here.sink]
    atoms = float(toll(sink, snapshot))
    settlement = here.market.places.get(snapshot.settlement_token.address)
    if not atoms and settlement is not None:
        atoms = gas_cost(GAS_UNIT, snapshot) / GAS_UNIT
        atoms *= here.units[here.sink] / here.units[settlement]
    return atoms / float(here.units[here.sink])


def _root(chosen: Field, plan: Plan | None) -> Node:
    prices = plan.prices if plan is not None else np.ones(chosen.tokens.size)
    nothing = np.zeros(chosen.pools.size)
    return Node(float(prices[chosen.trade.source]), (), (), prices, nothing, nothing)


def _executed(plans: Plans, amount: int) -> Iterator[Route | None]:
    """Yields the routes of the best plans; a plan that runs in circles once more without them."""
    made = [plan for plan in plans.made.values() if plan is not None]
    for plan in sorted(made, key=lambda plan: -plan.net)[:PLANS_EXECUTED]:
        route = _route(plans.field, shares_of(plans.field, plan), amount)
        if route is None:
            straight = planned(plans.field, onward(plans.field, plan.used), plan.prices)
            if straight is not None:
                route = _route(plans.field, shares_of(plans.field, straight), amount)
        yield route


def shares_of(chosen: Field, plan: Plan) -> tuple[Share, ...]:
    """Returns the plan's edges with what goes in and comes out, in the tokens' units."""
    here = chosen.network
    names = [here.market.tokens[token] for token in chosen.tokens]
    a, b = chosen.trade.ends
    shares = list[Share]()
    for edge in np.flatnonzero(plan.flow_a):
        pool = here.market.pools[chosen.pools[chosen.pool[edge]]]
        flow_a, flow_b = float(plan.flow_a[edge]), float(plan.flow_b[edge])
        pair = names[a[edge]], names[b[edge]]
        if flow_a < 0 < flow_b:
            shares.append(Share(Edge(pool, *pair), -flow_a, flow_b))
        elif flow_b < 0 < flow_a:
            shares.append(Share(Edge(pool, *pair[::-1]), -flow_b, flow_a))
    sink = here.market.tokens[here.sink]
    while True:  # nothing may go where no edge leads on
        leads_on = {share.edge.token_in for share in shares} | {sink}
        kept = [share for share in shares if share.edge.token_out in leads_on]
        if len(kept) == len(shares):
            return tuple(shares)
        shares = kept


def _route(chosen: Field, shares: tuple[Share, ...], amount: int) -> Route | None:
    market = chosen.network.market
    pools = {share.edge.pool.address: share.edge.pool for share in shares}
    source, sink = market.tokens[chosen.network.source], market.tokens[chosen.network.sink]
    try:
        swaps = execute(shares, pools, source, amount)
    except Infeasible:
        return None
    out = sum(swap.amount_out for swap in swaps if swap.token_out == sink)
    out -= sum(swap.amount_in for swap in swaps if swap.token_in == sink)
    return Route(swaps, shares, out, sum(pools[s.pool].gas for s in swaps), {}) if out > 0 else None


def _net(route: Route, chosen: Field, per_gas: float) -> float:
    """Returns sink units after gas."""
    return route.amount_out / float(chosen.network.units[chosen.network.sink]) - route.gas * per_gas


def _case(chosen: Field, leaf: Node) -> PricedCase:
    here = chosen.network
    prices = chosen.prices(leaf.prices) * (here.units[here.sink] / here.units)
    addresses = [here.market.pools[pool].address for pool in chosen.pools]
    return PricedCase(
        tuple(addresses[pool] for pool in leaf.closed),
        tuple(addresses[pool] for pool in leaf.opened),
        dict(zip(here.market.tokens, prices.tolist(), strict=True)),
    )
