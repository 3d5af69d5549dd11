"""All pools at once as one graph in atoms, with a reference price for every token.

Prices spread from the best connected token through the deepest pools. Nothing here knows a trade:
a market is made once for a tuple of pools, which the cache recognises by identity.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.ids import Address
from solver.domain.market import Pool
from solver.routing.kernel import Graph
from solver.routing.network.columns import columns
from solver.routing.network.gains import crowded, gains_apart
from solver.routing.network.rows import Curves, Mid, curves_of

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

DRIFTS = (0.0, 0.005, 0.1)  # of relative prices, both ways, around the reference

KEPT_MARKETS = 16


class Market(NamedTuple):
    """Pools that tokens can reach each other through. Edges are numbered as the kernel's graph."""

    tokens: tuple[Address, ...]
    places: dict[Address, int]
    pools: tuple[Pool, ...]
    values: Floats  # of an atom of each token, in atoms of the root
    near: Places  # the neighbour each token's value was found from; the root is its own
    graph: Graph  # in atoms
    pool_of: Places  # of each edge
    segment_of: Places  # which range each segment is of
    level_of: Places  # which book each level is of
    gas: Floats  # of each edge, units of gas
    room: Floats  # of each pair: the part of a balance that one swap may take or give
    odd: Places  # of each edge, the end that fewer edges lead to
    gains: tuple[Floats, ...]  # of each edge, root atoms, were prices off by each of DRIFTS
    is_many: Flags  # edges of pools of more than two tokens
    twin: Places  # of each pair, the range that is the same but for its ends, or -1
    crowded: Flags  # pairs that, left alone, would go further than a swap may


class _Same:
    """A tuple of pools, equal only to itself: hashing every tick of a market is not free."""

    def __init__(self, pools: tuple[Pool, ...], start: Address) -> None:
        self.pools, self.start = pools, start

    def __hash__(self) -> int:
        return hash((id(self.pools), self.start))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.pools is self.pools and other.start == self.start


def market_of(pools: Sequence[Pool], start: Address) -> Market | None:
    """Returns the market that `start` is part of; None where no pool trades it."""
    return _market(_Same(tuple(pools), start))


def reference_prices(pools: Sequence[Pool], root: Address) -> dict[Address, float]:
    """Returns what an atom of each token is worth in atoms of `root`, before fees, by the deepest
    pools; without the tokens that no pool leads to.
    """
    values, _ = _spread([mid for pool in pools for mid in curves_of(pool).mids], root)
    return values


@lru_cache(maxsize=KEPT_MARKETS)
def _market(same: _Same) -> Market | None:
    curves = [curves_of(pool) for pool in same.pools]
    mids = [mid for each in curves for mid in each.mids]
    reached, _ = _spread(mids, same.start)
    if len(reached) < 2:
        return None
    inside = [
        (pool, each)
        for pool, each in zip(same.pools, curves, strict=True)
        if each.mids and each.mids[0].a in reached
    ]
    degrees = Counter(token for mid in mids if mid.a in reached for token in mid[:2])
    root = max(degrees, key=lambda token: (degrees[token], token))
    values, near = _spread([mid for _, each in inside for mid in each.mids], root)
    return _priced(inside, values, near)


def _spread(
    mids: Sequence[Mid], root: Address
) -> tuple[dict[Address, float], dict[Address, Address]]:
    """Returns values and neighbours of the tokens reached, the deepest pool first (Prim)."""
    leaving: dict[Address, list[tuple[int, Mid]]] = {}
    for number, mid in enumerate(mids):
        leaving.setdefault(mid.a, []).append((number, mid))
        leaving.setdefault(mid.b, []).append((number, mid))
    values, near = dict[Address, float](), dict[Address, Address]()
    queue: list[tuple[float, int, Address, Address, float]] = [(0.0, -1, root, root, 1.0)]
    while queue:
        _, _, token, origin, value = heappop(queue)
        if token in values:
            continue
        values[token], near[token] = value, origin
        for number, mid in leaving.get(token, ()):
            is_a = mid.a == token
            other = mid.b if is_a else mid.a
            if other not in values:
                worth = value / mid.price if is_a else value * mid.price
                depth = mid.depth * (value if is_a else worth)
                heappush(queue, (-depth, number, other, token, worth))
    return values, near


def _priced(
    curves: Sequence[tuple[Pool, Curves]],
    values: dict[Address, float],
    near: dict[Address, Address],
) -> Market:
    places = {token: place for place, token in enumerate(values)}
    made = columns([each for _, each in curves], places)
    pools, worth = tuple(pool for pool, _ in curves), np.array(list(values.values()))
    a, b = ends_of(made.graph)
    met = np.bincount(np.concatenate([a, b]), minlength=worth.size)
    sizes = np.diff(made.graph.ranges.first), np.diff(made.graph.books.first)
    return Market(
        tokens=tuple(places),
        places=places,
        pools=pools,
        values=worth,
        near=np.array([places[near[token]] for token in places], dtype=np.int64),
        graph=made.graph,
        pool_of=made.pool_of,
        segment_of=np.repeat(np.arange(sizes[0].size), sizes[0]),
        level_of=np.repeat(np.arange(sizes[1].size), sizes[1]),
        gas=np.array([pool.gas for pool in pools], dtype=np.float64)[made.pool_of],
        room=made.room,
        odd=np.where(met[a] <= met[b], a, b),
        gains=tuple(_gains(made.graph, made.room, worth, drift) for drift in DRIFTS),
        is_many=np.array([len(pool.tokens) > 2 for pool in pools])[made.pool_of],
        twin=made.twin,
        crowded=crowded(made.graph.pairs, made.room, worth),
    )


def _gains(graph: Graph, room: Floats, worth: Floats, drift: float) -> Floats:
    """Returns what each edge gains when its own two prices are that far from the reference."""
    up = [(worth[kind.a] * (1 + drift), worth[kind.b]) for kind in graph[1:]]
    down = [(worth[kind.a], worth[kind.b] * (1 + drift)) for kind in graph[1:]]
    if not drift:
        return gains_apart(graph, room, *up)
    return np.maximum(gains_apart(graph, room, *up), gains_apart(graph, room, *down))


def ends_of(graph: Graph) -> tuple[Places, Places]:
    """Returns the tokens a and b of every edge."""
    kinds = graph[1:]
    return np.concatenate([k.a for k in kinds]), np.concatenate([k.b for k in kinds])
