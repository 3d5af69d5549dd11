"""The pools that may pay their gas, as one small graph: where selection looks at plans.

A pool whose gain stays below its gas wherever prices may come to lie is left out; it still counts
in every certificate, at prices that follow its neighbours'.
"""

from collections.abc import Collection
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.routing.kernel import Books, Graph, Pairs, Ranges, Stables
from solver.routing.network import Network
from solver.routing.network.gains import gains
from solver.routing.network.market import DRIFTS, ends_of
from solver.routing.split import Trade

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Mask = NDArray[np.bool_]

NEAR = 0.0025  # of a price: its play where pools that were left out would pull it back
WORTH = 0.4  # of its gas: a pool that cannot gain so much is left out


class Move(NamedTuple):
    """Gas that a pool pays for others: it gains nothing unless one of them is used too."""

    pool: int
    part: float  # sink units
    others: Places


class Field(NamedTuple):
    """Part of a network. Pools and tokens have numbers of their own; money is in sink units."""

    network: Network
    edges: Places  # of the network
    tokens: Places  # of the network
    anchor: Places  # for each token of the network, the field's token its price follows
    ratio: Floats  # and what one is worth of the other
    play: Floats  # of the field's tokens: how far a price may move from where the field was chosen
    trade: Trade
    pool: Places  # of each edge
    pools: Places  # of the market
    gas: Floats  # what using each pool costs
    room: Floats  # of each pair, as the market's
    moves: tuple[Move, ...] = ()

    def charge(self, opened: Collection[int] = ()) -> Floats:
        """Returns what each pool must gain in a case that opens some: its gas, and what moved.

        One that is opened pays for itself, so none of its gas can move.
        """
        out = self.gas.copy()
        for move in self.moves:
            if move.pool not in opened and not any(int(other) in opened for other in move.others):
                out[move.pool] += move.part
                out[move.others] -= move.part
        return out

    def prices(self, own: Floats) -> Floats:
        """Returns prices of all the network's tokens."""
        return own[self.anchor] * self.ratio

    def best(self, values: Floats) -> Floats:
        """Returns the greatest of each pool's edges: a plan uses at most one of them."""
        out = np.zeros(self.pools.size)
        np.maximum.at(out, self.pool, values)
        return out

    def gains(self, own: Floats) -> Floats:
        """Returns what each pool could gain at prices of the field's tokens."""
        return self.best(gains(self.trade.graph, own, self.room))

    def edge_gains(self, own: Floats, picked: Mask) -> Floats:
        """Returns what each of some edges could gain."""
        graph = part_of(self.trade.graph, picked, np.arange(own.size), own.size)
        return gains(graph, own, self.room[picked[: self.room.size]])


def field(network: Network, per_gas: float) -> Field:
    """Returns the pools that may pay `per_gas` sink units for each unit of gas.

    Those that gain enough near reference prices; and about a token whose price is in dispute, as
    one of its pools gains already, all that would gain if that one were right.
    """
    market = network.market
    does, may, far = (gain > _cost(network, per_gas) for gain in market.gains)
    disputed = np.zeros(network.graph.tokens, np.bool_)
    disputed[market.odd[does]] = True
    a, b = ends_of(market.graph)
    is_kept = may | (far & (disputed[a] | disputed[b]))
    return field_of(network, per_gas, is_kept & network.is_used)


def widened(chosen: Field, own: Floats, per_gas: float) -> Field | None:
    """Returns the field with the pools that would gain at these prices and are not in it, and the
    others at their tokens; None where there are none.
    """
    network = chosen.network
    market, prices = network.market, chosen.prices(own)
    a, b = ends_of(network.graph)
    cost = market.gas * per_gas
    is_kept = np.zeros(cost.size, np.bool_)
    is_kept[chosen.edges] = True
    looked = ~is_kept & network.is_used & (np.abs(np.log(prices[a] / prices[b])) > DRIFTS[1])
    number = np.arange(network.graph.tokens)
    part = part_of(network.graph, looked, number, number.size)
    room = market.room[looked[: market.room.size]]
    paying = np.flatnonzero(looked)[gains(part, prices, room) > cost[looked]]
    if not paying.size:
        return None
    met = np.zeros(network.graph.tokens, np.bool_)
    met[market.odd[paying]] = True
    far = market.gains[-1] > _cost(network, per_gas)
    is_kept[paying] = True
    is_kept |= far & network.is_used & (met[a] | met[b])
    return field_of(network, per_gas, is_kept)


def narrowed(chosen: Field, own: Floats, per_gas: float, is_kept: Mask) -> tuple[Field, Floats]:
    """Returns the part of a field between the tokens of these pools, and its prices; all other
    prices stay as they are.
    """
    a, b = chosen.trade.ends
    met = np.zeros(chosen.tokens.size, np.bool_)
    met[[chosen.trade.source, chosen.trade.sink]] = True
    met[a[is_kept[chosen.pool]]] = met[b[is_kept[chosen.pool]]] = True
    mask = np.zeros(chosen.network.market.pool_of.size, np.bool_)
    mask[chosen.edges[met[a] & met[b]]] = True
    part = field_of(chosen.network, per_gas, mask)
    prices = chosen.prices(own)
    ratio = prices / prices[part.tokens][part.anchor]
    return part._replace(ratio=ratio), prices[part.tokens]


def field_of(network: Network, per_gas: float, is_kept: Mask) -> Field:
    """Returns the field of some edges, without the pools at a token that nothing leads on from."""
    a, b = ends_of(network.graph)
    is_kept = _core(network, is_kept, (a, b))
    edges = np.flatnonzero(is_kept)
    here = np.union1d(np.concatenate([a[edges], b[edges]]), [network.source, network.sink])
    number = np.full(network.graph.tokens, -1)
    number[here] = np.arange(here.size)
    anchor = number.copy()
    for token in range(anchor.size):  # neighbours come before those found through them
        if anchor[token] < 0:
            near = network.market.near[token]
            anchor[token] = anchor[near] if near != token else number[network.source]
    pools, pool = np.unique(network.market.pool_of[edges], return_inverse=True)
    gas = np.array([network.market.pools[place].gas for place in pools], dtype=np.float64)
    graph = part_of(network.graph, is_kept, number, here.size)
    ends = int(number[network.source]), int(number[network.sink])
    trade = Trade(graph, *ends)
    room = network.market.room[is_kept[: network.market.room.size]]
    ratio, play = np.ones(anchor.size), _play(network, per_gas, is_kept)[here]
    return Field(network, edges, here, anchor, ratio, play, trade, pool, pools, gas * per_gas, room)


def _play(network: Network, per_gas: float, is_kept: Mask) -> Floats:
    """Returns how far each token's price may move: by NEAR where a pool left out would pull it
    back, up to the greatest drift where weak ones would, and freely without any.
    """
    a, b = ends_of(network.graph)
    play = np.full(network.graph.tokens, np.inf)
    outside = network.is_used & ~is_kept
    strong = outside & (network.market.gains[-1] > _cost(network, per_gas))
    for pulling, most in ((outside, DRIFTS[-1] / 2), (strong, NEAR)):
        play[a[pulling]] = play[b[pulling]] = most
    return play


def _cost(network: Network, per_gas: float) -> Floats:
    """Returns what each edge must gain to be looked at, root atoms."""
    unit = network.market.values[network.sink] * network.units[network.sink]
    return network.market.gas * (per_gas * float(unit) * WORTH)


def _core(network: Network, is_kept: Mask, ends: tuple[Places, Places]) -> Mask:
    """Drops edges, as long as there are any, at a token that only one pool of two touches."""
    a, b = ends
    while True:
        lonely = _lonely(network, is_kept, ends)
        dropped = is_kept & (lonely[a] | lonely[b]) & ~network.market.is_many
        if not dropped.any():
            return is_kept
        is_kept = is_kept & ~dropped


def _lonely(network: Network, is_kept: Mask, ends: tuple[Places, Places]) -> Mask:
    """Marks the tokens, but not source and sink, that at most one pool of these edges touches."""
    (edges,), tokens = np.nonzero(is_kept), network.graph.tokens
    pool = network.market.pool_of[edges] * tokens
    touched = np.unique(np.concatenate([pool + end[edges] for end in ends]))
    lonely: Mask = np.bincount(touched % tokens, minlength=tokens) < 2
    lonely[[network.source, network.sink]] = False
    return lonely


def part_of(graph: Graph, is_kept: Mask, number: Places, tokens: int) -> Graph:
    sizes = np.cumsum([0, *(kind.a.size for kind in graph[1:])])
    pairs, ranges, stables, books = (is_kept[i:j] for i, j in pairwise(sizes))
    return Graph(
        tokens,
        Pairs(
            number[graph.pairs.a[pairs]],
            number[graph.pairs.b[pairs]],
            *(each[pairs] for each in graph.pairs[2:]),
        ),
        _ranges(graph.ranges, ranges, number),
        Stables(
            number[graph.stables.a[stables]],
            number[graph.stables.b[stables]],
            *(each[stables] for each in graph.stables[2:]),
        ),
        _books(graph.books, books, number),
    )


def _ranges(ranges: Ranges, is_kept: Mask, number: Places) -> Ranges:
    counts = np.diff(ranges.first)
    inside = np.repeat(is_kept, counts)
    first = np.concatenate([[0], np.cumsum(counts[is_kept])])
    offset = (ranges.current - ranges.first[:-1])[is_kept]
    return Ranges(
        number[ranges.a[is_kept]], number[ranges.b[is_kept]], ranges.kept[is_kept],
        ranges.root[is_kept], first, ranges.low[inside], ranges.high[inside],
        ranges.liquidity[inside], first[:-1] + offset,
    )  # fmt: skip


def _books(books: Books, is_kept: Mask, number: Places) -> Books:
    counts = np.diff(books.first)
    inside = np.repeat(is_kept, counts)
    first = np.concatenate([[0], np.cumsum(counts[is_kept])])
    return Books(
        number[books.a[is_kept]], number[books.b[is_kept]], first, books.price[inside],
        books.size[inside], books.is_ask[inside],
    )  # fmt: skip
