"""Single paths: the plan that everybody has, and that no route may be worse than.

At given prices a path that carries the whole trade is worth at most the source's price plus, for
each pool on it, gain less gas: paths are met in that order, and quoted in integers while better.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.errors import Infeasible
from solver.routing import curves
from solver.routing.network import HOPS_MAX, Edge
from solver.routing.network.gains import held
from solver.routing.select.field import Field

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

PATHS_TRIED = 48
FITTING = 0.5  # of the trade's value: a pool that holds less cannot pass it on


class Step(NamedTuple):
    """One pool of a field and two of its tokens."""

    pool: int
    token_in: int
    token_out: int


class Path(NamedTuple):
    """Edges from source to sink, and what they give for the whole amount, atoms."""

    edges: tuple[Edge, ...]
    amount_out: int


def best_path(field: Field, prices: Floats, amount: int, least: float) -> Path | None:
    """Returns the path that nets most, if one may net more than `least` sink units."""
    network = field.network
    unit, best, quoted = network.units[network.sink], None, dict[tuple[Edge, int], int]()
    for most, pools, edges in sorted(_paths(field, prices, least), key=lambda p: -p[0])[
        :PATHS_TRIED
    ]:
        if most <= least:
            break
        out = _out(edges, amount, quoted)
        net = out / unit - float(field.gas[list(pools)].sum())
        if out and (best is None or net > least):
            best, least = Path(edges, out), max(net, least)
    return best


def _out(edges: tuple[Edge, ...], amount: int, quoted: dict[tuple[Edge, int], int]) -> int:
    for edge in edges:
        known = quoted.get((edge, amount))
        if known is None:
            try:
                known = curves.amount_out(edge.pool, (edge.token_in, edge.token_out), amount)
            except Infeasible:
                known = 0
            quoted[edge, amount] = known
        amount = known
        if not amount:
            break
    return amount


def _paths(
    field: Field, prices: Floats, least: float
) -> Iterator[tuple[float, tuple[int, ...], tuple[Edge, ...]]]:
    """Yields (most it may net, pools, edges) of the paths that may net more than `least`."""
    gain = field.gains(prices) - field.gas
    a_fits, b_fits = (most >= FITTING for most in held(field.trade.graph))
    fitting = np.unique(field.pool[a_fits | b_fits])
    spare = float(np.sort(np.maximum(gain[fitting], 0.0))[1 - HOPS_MAX :].sum())
    hopeful = (prices[field.trade.source] + gain + spare > least)[field.pool]
    leaving, surplus = _leaving(field, a_fits & hopeful, b_fits & hopeful), gain.tolist()
    source, sink = field.trade.source, field.trade.sink
    stack: list[tuple[float, int, tuple[Step, ...]]] = [(float(prices[source]), source, ())]
    while stack:
        most, token, steps = stack.pop()
        seen = {step.token_in for step in steps} | {token}
        used = {step.pool for step in steps}
        for step in leaving.get(token, ()):
            reach = most + surplus[step.pool]
            if step.token_out in seen or step.pool in used or reach + spare <= least:
                continue
            if step.token_out != sink:
                if len(steps) + 1 < HOPS_MAX:
                    stack.append((reach, step.token_out, (*steps, step)))
            elif reach > least:
                whole = (*steps, step)
                yield reach, tuple(s.pool for s in whole), _edges(field, whole)


def _leaving(field: Field, a_fits: Mask, b_fits: Mask) -> dict[int, list[Step]]:
    """Returns the steps from each token that end in the a or the b of some edges."""
    out: dict[int, list[Step]] = {}
    a, b = field.trade.ends
    for fits, start, end in ((b_fits, a, b), (a_fits, b, a)):
        for edge in np.flatnonzero(fits).tolist():
            step = Step(int(field.pool[edge]), int(start[edge]), int(end[edge]))
            out.setdefault(step.token_in, []).append(step)
    return out


def _edges(field: Field, steps: tuple[Step, ...]) -> tuple[Edge, ...]:
    market = field.network.market
    names = [market.tokens[token] for token in field.tokens]
    return tuple(
        Edge(market.pools[field.pools[step.pool]], names[step.token_in], names[step.token_out])
        for step in steps
    )
