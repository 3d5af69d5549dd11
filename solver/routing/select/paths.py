"""Single paths: the plan that everybody has, and that no route may be worse than.

At given prices a path that carries the whole trade is worth at most the source's price plus, for
each pool on it, gain less gas: paths are met in that order, and quoted in integers while better.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.routing import curves
from solver.routing.network import HOPS_MAX, Edge
from solver.routing.network.gains import held
from solver.routing.select.field import Field

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

PATHS_TRIED = 48
NOTHING = -1e9  # of the trade: less than any path
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
    a, b = field.trade.ends
    a_fits, b_fits = (most >= FITTING for most in held(field.trade.graph))
    pool = np.concatenate([field.pool[b_fits], field.pool[a_fits]])
    start = np.concatenate([a[b_fits], b[a_fits]])
    end = np.concatenate([b[b_fits], a[a_fits]])
    source, sink = field.trade.source, field.trade.sink
    ahead = _most(field, sink, (end, start), gain[pool])
    behind = _most(field, source, (start, end), gain[pool])
    room = float(prices[source]) - max(least, NOTHING)
    hopeful = behind[-2][start] + gain[pool] + ahead[-2][end] + room > 0
    leaving, surplus = dict[int, list[Step]](), gain.tolist()
    for step in zip(*(each[hopeful].tolist() for each in (pool, start, end)), strict=True):
        leaving.setdefault(step[1], []).append(Step(*step))
    names = [field.network.market.tokens[token] for token in field.tokens]
    stack: list[tuple[float, int, tuple[Step, ...]]] = [(room, source, ())]
    while stack:
        most, token, steps = stack.pop()
        seen = {step.token_in for step in steps} | {token}
        used = {step.pool for step in steps}
        after = ahead[HOPS_MAX - 1 - len(steps)]
        for step in leaving.get(token, ()):
            reach = most + surplus[step.pool]
            if reach + after[step.token_out] <= 0 or step.token_out in seen or step.pool in used:
                continue
            whole = (*steps, step)
            if step.token_out != sink:
                stack.append((reach, step.token_out, whole))
            else:
                yield (
                    reach + max(least, NOTHING),
                    tuple(s.pool for s in whole),
                    _edges(field, whole, names),
                )


def _most(field: Field, root: int, ends: tuple[Places, Places], added: Floats) -> list[Floats]:
    """Returns the most that 0, 1, .. hops could add on the way from the root to each token."""
    most = np.full(field.tokens.size, -np.inf)
    most[root] = 0.0
    out = [most]
    for _ in range(HOPS_MAX):
        most = most.copy()
        np.maximum.at(most, ends[1], added + out[-1][ends[0]])
        out.append(most)
    return out


def _edges(field: Field, steps: tuple[Step, ...], names: list[Address]) -> tuple[Edge, ...]:
    market = field.network.market
    return tuple(
        Edge(market.pools[field.pools[step.pool]], names[step.token_in], names[step.token_out])
        for step in steps
    )
