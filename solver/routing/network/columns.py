"""The curves of many pools as the kernel's columns: one graph in atoms."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.ids import Address
from solver.routing.kernel import Books, Graph, Pairs, Ranges, Stables
from solver.routing.network.rows import Curves

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


class Columns(NamedTuple):
    """A graph, whose edges they are, and what belongs to its pairs."""

    graph: Graph
    pool_of: Places  # of each edge, the place of its pool
    room: Floats  # of each pair: the part of a balance that one swap may take
    twin: Places  # of each pair, the range that is the same but for its ends, or -1


def columns(curves: Sequence[Curves], places: Mapping[Address, int]) -> Columns:
    """Returns all curves, in the kernel's order of kinds and in each by pool."""
    ends: dict[str, list[tuple[int, int, int]]] = {
        kind: [] for kind in ("pairs", "ranges", "stables", "books")
    }
    twins, met = list[int](), 0
    for number, each in enumerate(curves):
        here = [(places[mid.a], places[mid.b], number) for mid in each.mids]
        for kind, rows in zip(ends, each[1:], strict=True):
            ends[kind] += here if rows else []
        if each.pairs:
            twins += range(met, met + len(here)) if each.ranges else [-1] * len(here)
        met += len(each.ranges)
    at = [np.array(rows, dtype=np.int64).reshape(-1, 3).T.copy() for rows in ends.values()]
    pairs = _table([row for each in curves for row in each.pairs], 5)
    stables = _table([row for each in curves for row in each.stables], 7)
    graph = Graph(
        len(places),
        Pairs(at[0][0], at[0][1], pairs[0], pairs[1], pairs[2], pairs[3]),
        _ranges(at[1], [row for each in curves for row in each.ranges]),
        Stables(at[2][0], at[2][1], *stables),
        _books(at[3], [each.books for each in curves if each.books]),
    )
    pool_of = np.concatenate([each[2] for each in at])
    return Columns(graph, pool_of, pairs[4], np.array(twins, dtype=np.int64))


def _ranges(at: Places, rows: Sequence[tuple[Floats, ...]]) -> Ranges:
    state = _table([tuple(row[0]) for row in rows], 3)
    first = _offsets([row[1].size for row in rows])
    low, high, liquidity = (_joined([row[i] for row in rows]) for i in (1, 2, 3))
    current = first[:-1] + state[2].astype(np.int64)
    return Ranges(at[0], at[1], state[0], state[1], first, low, high, liquidity, current)


def _books(at: Places, rows: Sequence[tuple[Floats, ...]]) -> Books:
    price, size, is_ask = (_joined([row[i] for row in rows]) for i in (0, 1, 2))
    first = _offsets([row[0].size for row in rows])
    return Books(at[0], at[1], first, price, size, is_ask.astype(np.bool_))


def _offsets(sizes: Sequence[int]) -> Places:
    return np.concatenate([[0], np.cumsum(np.array(sizes, dtype=np.int64))]).astype(np.int64)


def _table(rows: Sequence[tuple[float, ...]], width: int) -> Floats:
    return np.array(rows, dtype=np.float64).reshape(-1, width).T.copy()


def _joined(arrays: Sequence[Floats]) -> Floats:
    return np.concatenate(arrays) if arrays else np.zeros(0)
