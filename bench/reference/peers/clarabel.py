"""Clarabel as an expert feeds it: no modelling layer, every pool normalised to its own reserves.

Flows are fractions of a pool's reserves, balances fractions of the trade; without that Clarabel
gives up or answers wrongly on real markets. Half-and-half pools and each segment of a concentrated
pool are second-order cones, other weights power cones, book levels plain bounds.
"""

import time
from typing import Any, NamedTuple

import clarabel
import numpy as np
import scipy.sparse as sp

from solver.routing.kernel.graph import Books, Pairs, Ranges, Task

Array = Any
TOLERANCE = 1e-8


class Solved(NamedTuple):
    """A peer's answer: objective in value units, its own word for how it ended, seconds spent."""

    objective: float
    status: str
    build_seconds: float
    solve_seconds: float


class _Venues(NamedTuple):
    """Constant-function edges: (1 + kept*d - l) of both sides in a cone, optionally bounded."""

    a: Array
    b: Array
    worth_a: Array  # reserves over the trade
    worth_b: Array
    kept: Array
    weight: Array
    least_a: Array  # what must stay of each reserve, as a fraction of it
    least_b: Array


class _Rows(NamedTuple):
    matrix: Array
    right: Array
    cones: list[Any]


def solved(task: Task, *, size: float | None = None, tolerance: float = TOLERANCE) -> Solved:
    """Returns Clarabel's answer; `size` is the trade's value, for tasks that sell nothing."""
    began = time.perf_counter()
    trade = size or float(task.supply.sum())
    venues = _venues(task, trade)
    count, levels = venues.a.size, task.graph.books.price.size
    balance = sp.hstack([_balance(venues, task.graph.tokens), _book_balance(task, trade)]).tocsr()
    variables = 4 * count + levels
    lowest = -sp.eye(variables, format="csr")
    most = sp.eye(variables, format="csr")[4 * count :]
    bounded, room = _range_bounds(venues, variables)
    second, power = _cones(venues, variables)
    blocks = [balance, lowest, most, bounded, second.matrix, power.matrix]
    given = [task.supply / trade, np.zeros(variables), np.ones(levels), room]
    matrix = sp.vstack(blocks).tocsc()
    linear = task.graph.tokens + variables + levels + room.size
    cones = [clarabel.NonnegativeConeT(linear), *second.cones, *power.cones]
    cost = balance.T @ task.floor
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.max_threads = False, 1
    settings.tol_gap_rel = settings.tol_gap_abs = settings.tol_feas = tolerance
    right = np.concatenate([*given, second.right, power.right])
    built = time.perf_counter()
    nothing = sp.csc_matrix((variables, variables))
    answer = clarabel.DefaultSolver(nothing, cost, matrix, right, cones, settings).solve()
    ended = time.perf_counter()
    objective = -answer.obj_val * trade + float(task.floor @ task.supply)
    return Solved(objective, str(answer.status), built - began, ended - built)


def _venues(task: Task, trade: float) -> _Venues:
    pairs, ranges = task.graph.pairs, task.graph.ranges
    parts = [_of_pairs(pairs, trade), _of_ranges(ranges, trade)]
    return _Venues(*(np.concatenate(both) for both in zip(*parts, strict=True)))


def _of_pairs(pairs: Pairs, trade: float) -> _Venues:
    free = np.zeros(pairs.a.size)
    worth = pairs.reserve_a / trade, pairs.reserve_b / trade
    return _Venues(pairs.a, pairs.b, *worth, pairs.kept, pairs.weight, free, free)


def _of_ranges(ranges: Ranges, trade: float) -> _Venues:
    """Each segment is a constant product pool with virtual reserves, bounded by its ticks."""
    live = ranges.liquidity > 0
    pool = np.repeat(np.arange(ranges.a.size), np.diff(ranges.first))[live]
    low, high, depth = ranges.low[live], ranges.high[live], ranges.liquidity[live] / trade
    at = np.clip(ranges.root[pool], low, high)
    half, kept = np.full(pool.size, 0.5), ranges.kept[pool]
    ends = ranges.a[pool], ranges.b[pool]
    return _Venues(*ends, depth / at, depth * at, kept, half, at / high, low / at)


def _balance(venues: _Venues, tokens: int) -> Array:
    """Variables: what goes in of a, in of b, comes out of a, comes out of b."""
    count, place = venues.a.size, np.arange(venues.a.size)
    values = np.concatenate([venues.worth_a, venues.worth_b, -venues.worth_a, -venues.worth_b])
    rows = np.concatenate([venues.a, venues.b, venues.a, venues.b])
    columns = np.concatenate([place + k * count for k in range(4)])
    return sp.coo_matrix((values, (rows, columns)), shape=(tokens, 4 * count))


def _book_balance(task: Task, trade: float) -> Array:
    """One variable for each level: the share of it that is taken."""
    rows, columns, values = book_columns(task.graph.books, trade)
    levels = task.graph.books.price.size
    return sp.coo_matrix((values, (rows, columns)), shape=(task.graph.tokens, levels))


def book_columns(books: Books, trade: float) -> tuple[Array, Array, Array]:
    """Returns (token, level, what a whole level costs of the token) as rows of a sparse matrix."""
    book = np.repeat(np.arange(books.a.size), np.diff(books.first))
    side = np.where(books.is_ask, 1.0, -1.0)
    of_a, of_b = -side * books.size / trade, side * books.size * books.price / trade
    level = np.arange(books.price.size)
    rows = np.concatenate([books.a[book], books.b[book]])
    return rows, np.concatenate([level, level]), np.concatenate([of_a, of_b])


def _range_bounds(venues: _Venues, variables: int) -> tuple[Array, Array]:
    """out - kept*in <= 1 - least, of both tokens, where a segment ends."""
    count = venues.a.size
    which = np.flatnonzero(venues.least_a > 0)
    row, n = np.arange(which.size), which.size
    kept = venues.kept[which]
    ones = np.ones(n)
    values = np.concatenate([-kept, ones, -kept, ones])
    rows = np.concatenate([row, row, n + row, n + row])
    columns = np.concatenate([which, 2 * count + which, count + which, 3 * count + which])
    room = np.concatenate([1 - venues.least_a[which], 1 - venues.least_b[which]])
    return sp.coo_matrix((values, (rows, columns)), shape=(2 * n, variables)), room


def _cones(venues: _Venues, variables: int) -> tuple[_Rows, _Rows]:
    count, half = venues.a.size, venues.weight == 0.5
    which = np.flatnonzero(half)
    kept, ones, row = venues.kept[which], np.ones(which.size), 3 * np.arange(which.size)
    values = np.concatenate([-kept, -kept, ones, ones, -kept, kept, ones, -ones])
    rows = np.concatenate([row] * 4 + [row + 2] * 4)
    columns = np.concatenate([which + k * count for k in (0, 1, 2, 3, 0, 1, 2, 3)])
    shape = (3 * which.size, variables)
    second = _Rows(
        sp.coo_matrix((values, (rows, columns)), shape=shape),
        np.tile([2.0, 2.0, 0.0], which.size),
        [clarabel.SecondOrderConeT(3)] * which.size,
    )
    which = np.flatnonzero(~half)
    kept, ones, row = venues.kept[which], np.ones(which.size), 3 * np.arange(which.size)
    values = np.concatenate([-kept, ones, -kept, ones])
    rows = np.concatenate([row, row, row + 1, row + 1])
    columns = np.concatenate([which + k * count for k in (0, 2, 1, 3)])
    shape = (3 * which.size, variables)
    power = _Rows(
        sp.coo_matrix((values, (rows, columns)), shape=shape),
        np.ones(3 * which.size),
        [clarabel.PowerConeT(float(weight)) for weight in venues.weight[which]],
    )
    return second, power
