"""Pools as floats in value units: the picture the convex split and the selection plan on.

Every token gets a unit, the number of its atoms that is worth the trade at reference prices, so
that flows are near 1 whatever the decimals (unscaled models fail: SOLVER.md 2a).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.ids import Address
from solver.domain.market import Pool
from solver.routing.kernel import Books, Graph, Pairs, Ranges, Stables
from solver.routing.network.market import Market, market_of, reference_prices

__all__ = ["Edge", "Network", "network", "reference_prices"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

HOPS_MAX = 3  # of a path that carries the whole trade


class Edge(NamedTuple):
    """One direction of one pair of one pool."""

    pool: Pool
    token_in: Address
    token_out: Address


class Network(NamedTuple):
    """A market in the units of one trade: amount in is 1 of the source."""

    market: Market
    source: int
    sink: int
    units: Floats  # atoms of each token that are worth the trade
    graph: Graph
    is_used: Flags  # edges: of a pair that is there twice the one that fits the trade


def network(pools: Sequence[Pool], source: Address, sink: Address, amount: int) -> Network | None:
    """Returns the pools in a trade's units; None when no pools lead from source to sink."""
    market = market_of(pools, source)
    if market is None or sink not in market.places or sink == source:
        return None
    place = market.places[source]
    units = max(amount, 1) * market.values[place] / market.values
    graph = scaled(market, units)
    return Network(market, place, market.places[sink], units, graph, _fitting(market, graph))


def _fitting(market: Market, graph: Graph) -> Flags:
    pairs, twin = graph.pairs, market.twin
    small = np.minimum(pairs.reserve_a, pairs.reserve_b) * market.room < 1
    limited = (twin >= 0) & (small | market.crowded)
    is_used = np.ones(market.pool_of.size, np.bool_)
    is_used[: twin.size] = ~limited
    is_used[twin.size + twin[(twin >= 0) & ~limited]] = False
    return is_used


def scaled(market: Market, units: Floats) -> Graph:
    """Returns the market's graph with every token counted in its unit, atoms."""
    tokens, pairs, ranges, stables, books = market.graph
    slope = np.sqrt(units[ranges.a] / units[ranges.b])
    mean = np.sqrt(units[ranges.a] * units[ranges.b])
    wide, rate = slope[market.segment_of], units[books.a] / units[books.b]
    return Graph(
        tokens,
        Pairs(
            pairs.a,
            pairs.b,
            pairs.reserve_a / units[pairs.a],
            pairs.reserve_b / units[pairs.b],
            pairs.kept,
            pairs.weight,
        ),
        Ranges(
            ranges.a,
            ranges.b,
            ranges.kept,
            ranges.root * slope,
            ranges.first,
            ranges.low * wide,
            ranges.high * wide,
            ranges.liquidity / mean[market.segment_of],
            ranges.current,
        ),
        Stables(
            stables.a,
            stables.b,
            stables.reserve_a / units[stables.a],
            stables.reserve_b / units[stables.b],
            stables.unit_a * units[stables.a],
            stables.unit_b * units[stables.b],
            stables.shift,
            stables.kept_in,
            stables.kept_out,
        ),
        Books(
            books.a,
            books.b,
            books.first,
            books.price * rate[market.level_of],
            books.size / units[books.a][market.level_of],
            books.is_ask,
        ),
    )
