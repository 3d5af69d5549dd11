"""The compiled engine gives what the numpy engine gives. The only file of tests that compiles."""

import numpy as np
import pytest

from bench.reference.families import hub, mix, paper, pure_books, wide
from bench.reference.hostile import FAMILIES, hostile
from solver.routing.kernel import Stables, graph_of, solve, task_of

SAME = 2e-9  # of the value: what the residuals of two solves may differ by
TASKS = {
    "hub": hub(120, 1),
    "paper": paper(400, 1),
    "dense": wide(400, 1.0, 1),
    "wide": wide(2_000, 4.0, 1),
    "mix": mix((40, 20, 10), 12, 1),
    "books": pure_books(12, 8, 1),
}


@pytest.mark.parametrize("name", TASKS)
def test_both_engines_agree(name: str) -> None:
    one, other = (solve(TASKS[name], is_compiled=is_compiled) for is_compiled in (False, True))
    assert one.value == pytest.approx(other.value, rel=1e-10)
    assert one.primal == pytest.approx(other.primal, rel=SAME)
    assert np.abs(one.flow_a - other.flow_a).max() <= 1e-6 * np.abs(one.flow_a).max()


def test_both_engines_agree_on_hostile_markets() -> None:
    for seed in range(4 * len(FAMILIES)):
        name, task = hostile(seed)
        one, other = (solve(task, is_compiled=is_compiled) for is_compiled in (False, True))
        nothing = 1e-9 * float(task.supply.sum()) if one.value < 1e-6 * task.supply.sum() else 1e-9
        assert one.value == pytest.approx(other.value, rel=SAME, abs=nothing), (name, seed)


def test_both_engines_agree_on_stableswaps_and_gates() -> None:
    rng = np.random.default_rng(4)
    a, b = np.array([0, 1, 2, 0]), np.array([1, 2, 0, 2])
    x, y = rng.uniform(500, 2000, (2, 4))
    ones = np.ones(4)
    stables = Stables(a, b, x, y, ones, ones, -0.97 * (x + y), ones, ones * 0.9996)
    task = task_of(graph_of(3, stables=stables), np.array([50.0, 0, 0]), np.array([0, 0, 1.0]))
    for gated in (task, task._replace(cost=ones * 0.01, softness=0.001)):
        one, other = (solve(gated, is_compiled=is_compiled) for is_compiled in (False, True))
        assert one.value == pytest.approx(other.value, rel=1e-9)
        assert np.allclose(one.gates, other.gates, atol=1e-5)
        assert np.allclose(one.prices, other.prices, rtol=1e-7)
