"""Pools as floats in value units: the picture the convex split and the selection plan on.

Every token gets a unit, the number of its atoms that is worth the trade at mid prices, so that all
flows are near 1 whatever the decimals. A pool is a chain of pieces of one hyperbola each: constant
product is one, concentrated liquidity one for each range (SOLVER.md 2a: unscaled models fail).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.ids import Address
from solver.domain.market import ConcentratedPool, ConstantProductPool, Pool
from solver.domain.numbers import PPM
from solver.routing.curves import concentrated, other_token

SHAVED = 1 - 1e-6  # of a range: rounding must never ask a pool for more than it holds
FLOW_MAX = 3.0  # no pool takes more than this many times the trade
PIECES_MAX = 32  # ranges looked at in one direction of one pool
POOLS_MAX = 64  # deepest first; the certificate still speaks of all
HOPS_MAX = 3
Q96 = float(2**96)

TwoTokenPool = ConstantProductPool | ConcentratedPool


class Piece(NamedTuple):
    """out(a) = rate * (a - kappa*a^2/(1 + kappa*a)) for input 0 <= a <= cap, all in token units."""

    edge: int
    rate: float
    kappa: float
    cap: float


class Edge(NamedTuple):
    """One direction of one pool."""

    pool: TwoTokenPool
    token_in: Address
    token_out: Address


class Network(NamedTuple):
    """What may route `source` into `sink`. `units` also holds tokens that no route visits."""

    source: Address
    sink: Address
    units: dict[Address, float]
    parents: dict[Address, Address]  # through which neighbour a token's unit was found
    tokens: tuple[Address, ...]  # on some route; source first, sink last
    edges: tuple[Edge, ...]
    pieces: tuple[Piece, ...]

    @property
    def is_onward(self) -> NDArray[np.bool_]:
        """Marks the edges a route may use: none leaves the sink, none returns to the source."""
        marks = [e.token_in != self.sink and e.token_out != self.source for e in self.edges]
        return np.array(marks, dtype=np.bool_)

    def pieces_of(self, edge: int) -> Iterator[Piece]:
        """Yields the edge's pieces, nearest first."""
        return (piece for piece in self.pieces if piece.edge == edge)


def network(pools: Sequence[Pool], source: Address, sink: Address, amount: int) -> Network:
    """Returns the network of routes of at most HOPS_MAX hops; no edges when there are none."""
    live = [pool for pool in pools if isinstance(pool, ConstantProductPool | ConcentratedPool)]
    live = [pool for pool in live if depth(pool, pool.token0) > 0 < depth(pool, pool.token1)]
    units, parents = _units(live, source, max(amount, 1))
    near, far = _hops(live, source), _hops(live, sink)
    inner = [
        token
        for token in units
        if token not in (source, sink) and near[token] + far.get(token, HOPS_MAX + 1) <= HOPS_MAX
    ]
    tokens = (source, *sorted(inner), sink)
    used = [pool for pool in live if pool.token0 in tokens and pool.token1 in tokens]
    used.sort(key=lambda pool: (-depth(pool, pool.token0) / units[pool.token0], pool.address))
    edges = tuple(
        Edge(pool, token, other_token(pool, token))
        for pool in sorted(used[:POOLS_MAX], key=lambda pool: pool.address)
        for token in (pool.token0, pool.token1)
    )
    pieces = tuple(piece for i, edge in enumerate(edges) for piece in _pieces(i, edge, units))
    return Network(source, sink, units, parents, tokens, edges, pieces)


def mid_price(pool: TwoTokenPool, token_in: Address) -> float:
    """Returns atoms of the other token for one atom of `token_in`, before the fee."""
    if isinstance(pool, ConcentratedPool):
        price = (pool.sqrt_price_x96 / Q96) ** 2
    else:
        price = pool.reserve1 / pool.reserve0
    return price if token_in == pool.token0 else 1 / price


def depth(pool: TwoTokenPool, token: Address) -> float:
    """Returns the (virtual) reserve of a token now, atoms."""
    if not isinstance(pool, ConcentratedPool):
        return float(pool.reserve0 if token == pool.token0 else pool.reserve1)
    ratio = pool.sqrt_price_x96 / Q96
    return pool.liquidity / ratio if token == pool.token0 else pool.liquidity * ratio


def _units(
    pools: list[TwoTokenPool], source: Address, amount: int
) -> tuple[dict[Address, float], dict[Address, Address]]:
    """Returns each reachable token's unit by mid prices through the deepest pools, and whose."""
    units, parents = {source: float(amount)}, dict[Address, Address]()
    while True:
        frontier = [
            (depth(pool, token) / units[token], pool.address, pool, token)
            for pool in pools
            for token in (pool.token0, pool.token1)
            if token in units and other_token(pool, token) not in units
        ]
        if not frontier:
            return units, parents
        _, _, pool, token = max(frontier, key=lambda entry: entry[:2])
        units[other_token(pool, token)] = units[token] * mid_price(pool, token)
        parents[other_token(pool, token)] = token


def _hops(pools: list[TwoTokenPool], start: Address) -> dict[Address, int]:
    hops, layer = {start: 0}, [start]
    while layer:
        met = {
            other_token(pool, token)
            for token in layer
            for pool in pools
            if token in (pool.token0, pool.token1)
        } - hops.keys()
        hops |= dict.fromkeys(met, hops[layer[0]] + 1)
        layer = sorted(met)
    return hops


def _pieces(index: int, edge: Edge, units: dict[Address, float]) -> list[Piece]:
    pool, unit_in, unit_out = edge.pool, units[edge.token_in], units[edge.token_out]
    kept = 1 - pool.fee_ppm / PPM
    if not isinstance(pool, ConcentratedPool):
        spot = mid_price(pool, edge.token_in) * unit_in / unit_out
        return [Piece(index, kept * spot, kept * unit_in / depth(pool, edge.token_in), FLOW_MAX)]
    is_down, room, pieces = edge.token_in == pool.token0, FLOW_MAX, list[Piece]()
    for liquidity, start, end in concentrated.segments(pool, is_down):
        first, last = (start / Q96, end / Q96) if is_down else (Q96 / start, Q96 / end)
        cap = liquidity * (1 / last - 1 / first) / kept / unit_in
        rate = kept * first * first * unit_in / unit_out
        bend = kept * unit_in * first / liquidity
        pieces.append(Piece(index, rate, bend, min(cap * SHAVED, room)))
        room -= cap
        if room <= 0 or len(pieces) == PIECES_MAX:
            break
    return pieces
