"""The kernel against independent solvers of the same market: cvxpy with Clarabel, and HiGHS."""

import warnings
from typing import Any

import cvxpy as typed_in_part
import numpy as np
import pytest

from bench.reference.families import hub, mix, paper, pure_books, wide
from bench.reference.hostile import ties
from bench.reference.peers import linear
from solver.routing.kernel import solve

cvxpy: Any = typed_in_part
AGREEMENT = 1e-8
EXACT = 1e-12
TIGHT = {"tol_gap_abs": 1e-13, "tol_gap_rel": 1e-13, "tol_feas": 1e-13}


def conic(task):
    """Returns the optimum by cvxpy: pairs as power cones, segments of ranges as second-order cones.

    Written anew for this test: amounts in units of what each pool holds, a geometric mean's power
    cone for every pair, a rotated cone for every segment, one share for every book level.
    """
    graph, size = task.graph, float(task.supply.sum()) or 1000.0
    balance = task.supply / size
    rules: list[Any] = []
    for kind, curve in ((graph.pairs, _pairs), (graph.ranges, _ranges)):
        if kind.a.size:
            net, more = curve(kind, size, graph.tokens)
            balance, rules = balance + net, rules + more
    books = graph.books
    if books.price.size:
        book = np.repeat(np.arange(books.a.size), np.diff(books.first))
        share = cvxpy.Variable(books.price.size, nonneg=True)
        sign = np.where(books.is_ask, 1.0, -1.0) * books.size / size
        into = np.zeros((graph.tokens, book.size))
        into[books.a[book], np.arange(book.size)] = sign
        into[books.b[book], np.arange(book.size)] = -sign * books.price
        balance, rules = balance + into @ share, [*rules, share <= 1]
    problem = cvxpy.Problem(cvxpy.Maximize(task.floor @ balance), [*rules, balance >= 0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        problem.solve(solver=cvxpy.CLARABEL, max_threads=1, **TIGHT)
    return problem.value * size


def _pairs(pairs, size, tokens):
    n = pairs.a.size
    paid, got = cvxpy.Variable((2, n), nonneg=True), cvxpy.Variable((2, n), nonneg=True)
    after = 1 + cvxpy.multiply(np.stack([pairs.kept] * 2), paid) - got
    held = np.stack([pairs.reserve_a, pairs.reserve_b]) / size
    ones = np.ones(n)
    net = _scattered(cvxpy.multiply(held, got - paid), pairs.a, pairs.b, tokens)
    return net, [cvxpy.PowCone3D(after[0], after[1], cvxpy.Constant(ones), pairs.weight)]


def _ranges(ranges, size, tokens):
    """A segment's virtual reserves are L/root and L*root; what is real of them can leave."""
    live = ranges.liquidity > 0
    pool = np.repeat(np.arange(ranges.a.size), np.diff(ranges.first))[live]
    low, high = ranges.low[live], ranges.high[live]
    at = np.clip(ranges.root[pool], low, high)
    depth = ranges.liquidity[live] / size
    n = pool.size
    paid, got = cvxpy.Variable((2, n), nonneg=True), cvxpy.Variable((2, n), nonneg=True)
    after = 1 + cvxpy.multiply(np.stack([ranges.kept[pool]] * 2), paid) - got
    cone = cvxpy.SOC(
        after[0] + after[1], cvxpy.vstack([2 * np.ones(n), after[0] - after[1]]), axis=0
    )
    net = cvxpy.multiply(np.stack([depth / at, depth * at]), got - paid)
    rules = [cone, after[0] >= at / high, after[1] >= low / at]
    return _scattered(net, ranges.a[pool], ranges.b[pool], tokens), rules


def _scattered(net, a, b, tokens):
    places = np.arange(a.size)
    of_a, of_b = np.zeros((tokens, a.size)), np.zeros((tokens, a.size))
    of_a[a, places], of_b[b, places] = 1.0, 1.0
    return of_a @ net[0] + of_b @ net[1]


SMALL = {
    "paper": lambda seed: paper(12, seed),
    "wide": lambda seed: wide(16, 2, seed),
    "hub": lambda seed: hub(20, seed, trade=1e7),
    "ranges": lambda seed: mix((6, 4, 0), 6, seed + 3, trade=1e7),
    "all kinds": lambda seed: mix((8, 3, 2), 4, seed, trade=3e6, weighted=0.2),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", SMALL)
def test_the_conic_optimum_is_reached_and_not_exceeded(family, seed):
    task = SMALL[family](seed)
    answer, best = solve(task, is_compiled=False), conic(task)
    assert abs(answer.primal - best) <= AGREEMENT * best
    assert answer.primal <= answer.value * (1 + EXACT)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", [(3, 5, 1e4), (12, 10, 3e5), (40, 25, 1e6)])
def test_books_are_filled_as_the_linear_program_fills_them(shape, seed):
    books, levels, trade = shape
    task = pure_books(books, levels, seed, trade=trade)
    answer, best = solve(task, is_compiled=False), linear.solved(task)
    assert abs(answer.primal - best.objective) <= EXACT * best.objective


@pytest.mark.parametrize("seed", range(10))
def test_books_that_tie_are_filled_as_the_linear_program_fills_them(seed):
    task = ties(np.random.default_rng(seed))
    answer, best = solve(task, is_compiled=False), linear.solved(task)
    assert abs(answer.primal - best.objective) <= EXACT * max(best.objective, 1.0)
