"""Which pools are worth their gas: the route whose output, net of gas, is greatest.

The convex split over everything gives the prices of the certificate and a first set of pools; a
small mixed-integer program (OR-tools, SCIP) over piecewise-linear curves proposes which of them pay
their fixed cost; paths through single pools are always tried. Each proposal is split again without
the rest, executed in integers, and judged by what it really gives.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.route import Swap
from solver.domain.snapshot import Snapshot
from solver.pricing.gas import gas_cost
from solver.routing.network import HOPS_MAX, Network, network
from solver.routing.rounding import Share, execute
from solver.routing.split import Split, split

Mask = NDArray[np.bool_]

NODES_MAX = 200  # of the branch and bound: a work limit, never a time limit
BREAKS = (0.0, 0.25, 0.5, 0.8, 1.0, 1.25, 1.6, 2.5)  # of the relaxed flow
PATHS_TRIED = 3
DROPS_TRIED = 6
GAS_UNIT = 10**9  # gas is priced in this many at once, so that rounding up an atom is nothing


class Route(NamedTuple):
    """A route in integers, the shares that made it, and the prices of the unrestricted optimum."""

    swaps: tuple[Swap, ...]
    shares: tuple[Share, ...]
    amount_out: int
    gas: int
    prices: dict[Address, float]  # atoms of the sink for one atom, at the optimum without gas


def best_route(snapshot: Snapshot, source: Address, sink: Address, amount: int) -> Route:
    """Returns the route for an exact input. Raises Infeasible when the pools cannot do it."""
    plan = network(snapshot.pools, source, sink, amount)
    if not plan.edges:
        raise Infeasible(f"no route from {source} to {sink}", code="noRoute")
    toll = _toll(snapshot, plan)
    prices = _prices(plan, split(plan))
    relaxed = split(plan, plan.is_onward)
    proposals = [_path_split(plan, path) for path in _best_paths(plan, toll)]
    if relaxed is not None:
        proposals.append(relaxed)
        mask = _pools_worth_gas(plan, relaxed, toll) if toll else None
        chosen = split(plan, mask) if mask is not None else None
        proposals += [chosen] if chosen is not None else []
    routes = [route for one in proposals if (route := _route(plan, one, amount, prices))]
    if not routes:
        raise Infeasible("no pool can take the whole amount", code="noRoute")
    best = max(routes, key=lambda route: _net(route, toll))
    return _without_idlers(plan, best, amount, toll)


def _toll(snapshot: Snapshot, plan: Network) -> float:
    """Returns what a unit of gas costs in atoms of the sink, 0 where no price is known."""
    settlement = snapshot.settlement_token.address
    if settlement not in plan.units:
        return 0.0
    atoms = gas_cost(GAS_UNIT, snapshot) / GAS_UNIT
    return atoms * plan.units[plan.sink] / plan.units[settlement]


def _net(route: Route, toll: float) -> float:
    return route.amount_out - route.gas * toll


def _prices(plan: Network, optimum: Split | None) -> dict[Address, float]:
    """Returns sink atoms per atom of every token: dual prices, and beyond the routes the nearest
    routed token's by mid prices, so that pools out there gain nothing.
    """
    unit = plan.units[plan.sink]
    value = dict(optimum.prices) if optimum else {plan.source: 1.0}
    for token in plan.units:  # parents come first
        value.setdefault(token, value.get(plan.parents.get(token, plan.sink), 1.0))
    return {token: value[token] * unit / size for token, size in plan.units.items()}


def _route(
    plan: Network, proposal: Split, amount: int, prices: dict[Address, float]
) -> Route | None:
    shares = _shares(plan, proposal.flows)
    pools = {share.edge.pool.address: share.edge.pool for share in shares}
    try:
        swaps = execute(shares, pools, plan.source, amount)
    except Infeasible:
        return None
    out = sum(swap.amount_out for swap in swaps if swap.token_out == plan.sink)
    gas = sum(pools[swap.pool].gas for swap in swaps)
    return Route(swaps, shares, out, gas, prices) if out else None


def _shares(plan: Network, flows: NDArray[np.float64]) -> tuple[Share, ...]:
    """Returns the edges used; of a pool used both ways only the greater flow."""
    greatest: dict[Address, Share] = {}
    for edge, flow in zip(plan.edges, flows, strict=True):
        other = greatest.get(edge.pool.address)
        if flow > 0 and (other is None or flow > other.weight):
            greatest[edge.pool.address] = Share(edge, float(flow))
    shares = tuple(greatest.values())
    while True:  # a dropped edge may leave a token without a way on: nothing may go there
        leads_on = {share.edge.token_in for share in shares} | {plan.sink}
        kept = tuple(share for share in shares if share.edge.token_out in leads_on)
        if kept == shares:
            return shares
        shares = kept


def _without_idlers(plan: Network, best: Route, amount: int, toll: float) -> Route:
    """Drops pools one at a time, least used first, while that gains more gas than it loses."""
    for share in sorted(best.shares, key=lambda share: share.weight)[:DROPS_TRIED]:
        used = {other.edge for other in best.shares} - {share.edge}
        if not toll or not used:
            break
        smaller = split(plan, np.array([edge in used for edge in plan.edges]))
        route = _route(plan, smaller, amount, best.prices) if smaller else None
        if route and _net(route, toll) > _net(best, toll):
            best = route
    return best


def _best_paths(plan: Network, toll: float) -> list[tuple[int, ...]]:
    """Returns the paths that carry the whole trade best by the floats, greatest net first."""
    unit = plan.units[plan.sink]

    def net(path: tuple[int, ...]) -> float:
        flow = 1.0
        for edge in path:
            flow = _output(plan, edge, flow)
        return flow - toll * sum(plan.edges[edge].pool.gas for edge in path) / unit

    return sorted(_paths(plan, plan.source, ()), key=lambda path: (-net(path), path))[:PATHS_TRIED]


def _paths(plan: Network, token: Address, path: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    seen = {plan.edges[index].token_in for index in path}
    for index, edge in enumerate(plan.edges):
        if edge.token_in == token and edge.token_out not in seen:
            if edge.token_out == plan.sink:
                yield (*path, index)
            elif len(path) + 2 <= HOPS_MAX:
                yield from _paths(plan, edge.token_out, (*path, index))


def _path_split(plan: Network, path: Sequence[int]) -> Split:
    flows = np.zeros(len(plan.edges))
    flows[list(path)] = 1.0
    return Split(flows, {}, 0.0)


def _output(plan: Network, edge: int, flow: float) -> float:
    """Returns what an edge gives for an input, both in units."""
    out = 0.0
    for piece in plan.pieces_of(edge):
        part = min(flow, piece.cap)
        out += piece.rate * part / (1 + piece.kappa * part)
        flow -= part
        if flow <= 0:
            break
    return out


def _pools_worth_gas(plan: Network, relaxed: Split, toll: float) -> Mask | None:
    """Returns the edges that a mixed-integer program keeps; None when there is nothing to drop.

    Maximise output - sum of gas*z, a concave curve as chords whose inputs are 0 unless z = 1.
    """
    from ortools.linear_solver import pywraplp

    used = [index for index, flow in enumerate(relaxed.flows) if flow > 0]
    if len(used) < 2:
        return None
    solver = pywraplp.Solver.CreateSolver("SCIP")
    solver.SetSolverSpecificParametersAsString(f"limits/nodes = {NODES_MAX}\n")
    balance = {
        token: solver.Constraint(-1.0 if token == plan.source else 0.0, solver.infinity())
        for token in plan.tokens
        if token != plan.sink
    }
    objective, unit, opened = solver.Objective(), plan.units[plan.sink], {}
    for index in used:
        edge = plan.edges[index]
        opened[index] = solver.BoolVar("")
        objective.SetCoefficient(opened[index], -toll * edge.pool.gas / unit)
        for width, slope in _chords(plan, index, float(relaxed.flows[index])):
            flow = solver.NumVar(0.0, width, "")
            fits = solver.Constraint(-solver.infinity(), 0.0)
            fits.SetCoefficient(flow, 1.0)
            fits.SetCoefficient(opened[index], -width)
            balance[edge.token_in].SetCoefficient(flow, -1.0)
            if edge.token_out == plan.sink:
                objective.SetCoefficient(flow, slope)
            else:
                balance[edge.token_out].SetCoefficient(flow, slope)
    objective.SetMaximization()
    if solver.Solve() not in (pywraplp.Solver.OPTIMAL, pywraplp.Solver.FEASIBLE):
        return None
    kept = {index for index in used if opened[index].solution_value() > 0.5}
    if len(kept) == len(used):
        return None
    return np.array([index in kept for index in range(len(plan.edges))])


def _chords(plan: Network, edge: int, flow: float) -> Iterator[tuple[float, float]]:
    """Yields (width, slope) of the curve's chords between multiples of the relaxed flow."""
    breaks = [flow * part for part in BREAKS if flow * part < 1.0] + [1.0]
    for low, high in itertools.pairwise(breaks):
        gain = _output(plan, edge, high) - _output(plan, edge, low)
        yield high - low, gain / (high - low)
