"""What must hold at a solution, for every kind of edge alone and for fixed costs."""

import itertools

import numpy as np
import pytest

from bench.reference.families import hub, mix
from bench.reference.hostile import hostile
from solver.domain.errors import Unconverged
from solver.routing.kernel import Books, Pairs, Ranges, Stables, graph_of, solve, task_of
from solver.routing.kernel.graph import CLOSED, ONLY_B_IN

A, B = np.array([0]), np.array([1])


def one(*numbers: float) -> list[np.ndarray]:
    return [np.array([number], dtype=np.float64) for number in numbers]


def sold(graph, amount: float):
    """Returns the solution of selling token 0 for token 1."""
    return solve(task_of(graph, np.array([amount, 0.0]), np.array([0.0, 1.0])), is_compiled=False)


@pytest.mark.parametrize("weight", [0.5, 0.8, 0.2])
@pytest.mark.parametrize("amount", [1e-9, 1.0, 1e3])
def test_one_pair_gives_what_its_curve_gives(weight: float, amount: float) -> None:
    answer = sold(graph_of(2, Pairs(A, B, *one(2.0, 3.0, 0.997, weight))), amount)
    out = -3.0 * np.expm1(-weight / (1 - weight) * np.log1p(0.997 * amount / 2.0))
    assert answer.primal == pytest.approx(out, rel=1e-9)
    assert answer.value == pytest.approx(out, rel=1e-9)


def test_ranges_give_what_their_segments_give_across_a_gap() -> None:
    first, low, high = np.array([0, 3]), np.array([0.8, 0.9, 0.95]), np.array([0.9, 0.95, 1.1])
    depth, current = np.array([50.0, 0.0, 80.0]), np.array([2])
    kept, root = one(0.99, 1.0)
    ranges = Ranges(A, B, kept, root, first, low, high, depth, current)
    near, amount = 80.0 * (1 / 0.95 - 1.0), 6.0
    reached = 1 / (1 / 0.9 + (amount * 0.99 - near) / 50.0)
    out = 80.0 * (1.0 - 0.95) + 50.0 * (0.9 - reached)
    assert sold(graph_of(2, ranges=ranges), amount).primal == pytest.approx(out, rel=1e-9)


@pytest.mark.parametrize("amount", [1e-7, 30.0, 900.0])
def test_a_stableswap_stays_on_its_curve(amount: float) -> None:
    shift, kept_in, kept_out = -1700.0, 0.999, 0.9996
    stables = Stables(A, B, *one(1000.0, 900.0, 1.0, 1.1, shift, kept_in, kept_out))
    paid = amount * kept_in
    got = sold(graph_of(2, stables=stables), amount).primal / kept_out * 1.1
    x, y = 1000.0, 990.0
    before, after = x * y * (x + y + shift), (x + paid) * (y - got) * (x + paid + y - got + shift)
    assert after == pytest.approx(before, rel=1e-9)


def test_a_book_fills_level_by_level_and_the_last_in_part() -> None:
    price, size = np.array([1.0, 0.9, 0.8, 1.1]), np.array([2.0, 3.0, 4.0, 5.0])
    books = Books(A, B, np.array([0, 4]), price, size, price > 1.0)
    answer = sold(graph_of(2, books=books), 4.0)
    assert answer.primal == pytest.approx(2.0 + 0.9 * 2.0, rel=1e-13)
    assert answer.value == pytest.approx(answer.primal, rel=1e-12)
    assert answer.prices[0] == pytest.approx(0.9, rel=1e-9)


def test_more_than_a_book_takes_is_left_over_and_worth_nothing() -> None:
    price, size = one(1.0, 2.0)
    books = Books(A, B, np.array([0, 1]), price, size, np.array([False]))
    answer = sold(graph_of(2, books=books), 5.0)
    assert answer.primal == pytest.approx(2.0, rel=1e-12)
    assert answer.prices[0] < 1e-8


def test_at_a_solution_the_flows_balance_and_prices_meet_every_margin() -> None:
    task = mix((30, 10, 5), 8, 3)
    answer = solve(task, is_compiled=False)
    kinds = task.graph[1:]
    a, b = (np.concatenate([getattr(kind, end) for kind in kinds]) for end in "ab")
    left = task.supply.copy()
    np.add.at(left, a, answer.flow_a)
    np.add.at(left, b, answer.flow_b)
    worth = answer.prices * left
    assert np.abs(worth[1:]).sum() <= 1e-9 * answer.value
    pairs, count = task.graph.pairs, task.graph.pairs.a.size
    after_a = pairs.reserve_a - answer.flow_a[:count] * np.where(
        answer.flow_a[:count] < 0, pairs.kept, 1.0
    )
    after_b = pairs.reserve_b - answer.flow_b[:count] * np.where(
        answer.flow_b[:count] < 0, pairs.kept, 1.0
    )
    margin = pairs.weight * after_b / ((1 - pairs.weight) * after_a)
    price = answer.prices[pairs.a] / answer.prices[pairs.b]
    paid_a, paid_b = answer.flow_a[:count] < 0, answer.flow_b[:count] < 0
    assert np.allclose((margin * pairs.kept)[paid_a], price[paid_a], rtol=1e-9)
    assert np.allclose((margin / pairs.kept)[paid_b], price[paid_b], rtol=1e-9)
    idle = ~paid_a & ~paid_b
    assert np.all(price[idle] >= (margin * pairs.kept)[idle] * (1 - 1e-12))
    assert np.all(price[idle] <= (margin / pairs.kept)[idle] * (1 + 1e-12))


def test_a_way_that_is_shut_is_not_used() -> None:
    pairs = Pairs(np.array([0, 0]), np.array([1, 1]), *np.ones((2, 2)), *np.full((2, 2), 0.5))
    pairs = pairs._replace(kept=np.full(2, 0.99))
    task = task_of(graph_of(2, pairs), np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    for shut in (ONLY_B_IN, CLOSED):
        answer = solve(task._replace(way=np.array([0, shut], np.int8)), is_compiled=False)
        assert answer.flow_a[1] == answer.flow_b[1] == 0.0
        assert answer.primal == pytest.approx(0.99 / 1.99, rel=1e-9)


def test_gates_bound_every_choice_of_pools_and_open_where_gain_exceeds_cost() -> None:
    task = hub(6, 2, trade=2e5)
    cost = np.full(task.cost.size, 40.0)
    gated = solve(task._replace(cost=cost, softness=0.4), is_compiled=False)
    best = -np.inf
    for opened in itertools.product([False, True], repeat=cost.size):
        way = np.where(opened, 0, CLOSED).astype(np.int8)
        plan = solve(task._replace(way=way), is_compiled=False)
        best = max(best, plan.primal - cost[np.abs(plan.flow_a) > 0].sum())
    assert best <= gated.value * (1 + 1e-9)
    assert gated.value <= best + cost.sum()
    assert np.all((gated.gates >= 0) & (gated.gates <= 1))


def test_a_start_near_the_solution_saves_steps_and_changes_nothing() -> None:
    task = hub(60, 5)
    cold = solve(task, is_compiled=False)
    warm = solve(task, cold.prices, is_compiled=False)
    assert warm.iterations <= 1 < cold.iterations
    assert warm.value == pytest.approx(cold.value, rel=1e-12)


def test_numbers_that_are_none_end_in_a_typed_error() -> None:
    pairs = Pairs(A, B, *one(np.nan, 1.0, 0.99, 0.5))
    task = task_of(graph_of(2, pairs), np.array([np.nan, 0.0]), np.array([0.0, 1.0]))
    with pytest.raises(Unconverged):
        solve(task, is_compiled=False)


def test_flows_far_greater_than_their_gain_are_mended_and_lack_nothing() -> None:
    _, task = hostile(1_010_645)  # 51,098 turn around for a gain of 0.63
    answer = solve(task, is_compiled=False)
    left = task.supply.astype(np.longdouble)
    for kind_end, flow in (("a", answer.flow_a), ("b", answer.flow_b)):
        np.add.at(left, np.concatenate([getattr(k, kind_end) for k in task.graph[1:]]), flow)
    assert left.min() >= 0
    assert answer.primal == pytest.approx(answer.value, rel=1e-8)
