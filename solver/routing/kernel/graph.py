"""What the kernel reads and answers: two-token edges, a task over them, and its solution.

Plain arrays without a meaning of their own: int64 for places, float64 for the rest, contiguous.
Tokens are numbered from 0 and counted in units of about equal value, so that prices are near 1.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Signs = NDArray[np.int8]
Flags = NDArray[np.bool_]

BOTH, ONLY_A_IN, ONLY_B_IN, CLOSED = 0, 1, -1, 2  # of Task.way


class Pairs(NamedTuple):
    """Pools that keep x**w * y**(1 - w): constant product where w is 0.5. No trade without both
    reserves.
    """

    a: Places
    b: Places
    reserve_a: Floats
    reserve_b: Floats
    kept: Floats  # 1 - fee, of the input
    weight: Floats  # w, of a


class Ranges(NamedTuple):
    """Concentrated liquidity: bounded products side by side, in roots of the price in b per a."""

    a: Places
    b: Places
    kept: Floats  # 1 - fee, of the input
    root: Floats  # now
    first: Places  # n + 1 offsets into the segments
    low: Floats  # of each segment, ascending within a pool
    high: Floats
    liquidity: Floats
    current: Places  # the segment that holds the root


class Stables(NamedTuple):
    """Two coins of a stableswap, the others standing still: x*y*(x + y + shift) is kept, with x and
    y in the curve's own units. shift = (sum of the others) + D/(A*n^n) - D.
    """

    a: Places
    b: Places
    reserve_a: Floats  # token units
    reserve_b: Floats
    unit_a: Floats  # the curve's units in one token unit
    unit_b: Floats
    shift: Floats  # the curve's units
    kept_in: Floats  # 1 - fee on the input
    kept_out: Floats  # 1 - fee on the output


class Books(NamedTuple):
    """Order books: of each the bids, best first, and then the asks, best first."""

    a: Places  # base
    b: Places  # quote
    first: Places  # n + 1 offsets into the levels
    price: Floats  # b per a, after fees
    size: Floats  # of a
    is_ask: Flags


class Graph(NamedTuple):
    """The edges are numbered through: pairs, then ranges, stables and books."""

    tokens: int
    pairs: Pairs
    ranges: Ranges
    stables: Stables
    books: Books


class Task(NamedTuple):
    """What is given away and what counts. No plan may use up more of a token than its supply."""

    graph: Graph
    supply: Floats  # of each token
    floor: Floats  # what a unit of each token left over is worth
    way: Signs  # of each edge: 0 both ways, 1 only a in, -1 only b in, 2 closed
    cost: Floats  # fixed, of using an edge
    softness: float = 0.0  # of the gate that spreads fixed costs; 0: edges cost nothing


class Answer(NamedTuple):
    """Prices and flows that fit one another. `value` bounds what any plan is worth."""

    prices: Floats  # of each token
    flow_a: Floats  # of each edge, to the trader: one of the two is negative
    flow_b: Floats
    value: float  # of the dual at these prices
    primal: float  # of these flows, what they lack paid for at these prices
    residual: float  # sum of |price * imbalance| relative to the value
    iterations: int
    gates: Floats  # of each edge: how far it is open, 1 without fixed costs


def graph_of(
    tokens: int,
    pairs: Pairs | None = None,
    ranges: Ranges | None = None,
    stables: Stables | None = None,
    books: Books | None = None,
) -> Graph:
    """Returns the graph of the kinds given and none of the others."""
    return Graph(
        tokens, pairs or NO_PAIRS, ranges or NO_RANGES, stables or NO_STABLES, books or NO_BOOKS
    )


def task_of(graph: Graph, supply: Floats, floor: Floats) -> Task:
    """Returns the task with every edge open both ways at no fixed cost."""
    edges = edge_count(graph)
    return Task(graph, supply, floor, np.zeros(edges, np.int8), np.zeros(edges))


def edge_count(graph: Graph) -> int:
    """Returns how many edges a graph has."""
    return graph.pairs.a.size + graph.ranges.a.size + graph.stables.a.size + graph.books.a.size


_NO, _NOWHERE = np.zeros(0), np.zeros(0, np.int64)
_START = np.zeros(1, np.int64)
NO_PAIRS = Pairs(_NOWHERE, _NOWHERE, _NO, _NO, _NO, _NO)
NO_RANGES = Ranges(_NOWHERE, _NOWHERE, _NO, _NO, _START, _NO, _NO, _NO, _NOWHERE)
NO_STABLES = Stables(_NOWHERE, _NOWHERE, _NO, _NO, _NO, _NO, _NO, _NO, _NO)
NO_BOOKS = Books(_NOWHERE, _NOWHERE, _START, _NO, _NO, np.zeros(0, np.bool_))
