"""The published way to route: cvxpy, two variables for each pool and a geometric mean each.

The shape of cfmm-routing-code (`arbitrage.py`, arXiv 2204.05238), with Clarabel as the solver.
"""

import time
import warnings
from typing import Any

import cvxpy
import numpy as np

from bench.reference.peers.clarabel import Solved
from solver.routing.kernel.graph import Task

cp: Any = cvxpy  # typed only in part


def solved(task: Task) -> Solved:
    """Returns cvxpy's answer to a task of two-token pools; model and compile count as build."""
    began = time.perf_counter()
    problem = _problem(task)
    problem.get_problem_data(cp.CLARABEL)
    built = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            problem.solve(solver=cp.CLARABEL, max_threads=1)
        status, objective = str(problem.status), float(problem.value)
    except cp.SolverError:
        status, objective = "SolverError", float("nan")
    return Solved(objective, status, built - began, time.perf_counter() - built)


def _problem(task: Task) -> Any:
    pairs, tokens = task.graph.pairs, task.graph.tokens
    paid = [cp.Variable(2, nonneg=True) for _ in pairs.a]
    got = [cp.Variable(2, nonneg=True) for _ in pairs.a]
    kept_rules, net = [], []
    for i, (a, b, reserve_a, reserve_b, kept, weight) in enumerate(zip(*pairs, strict=True)):
        local = np.zeros((tokens, 2))
        local[a, 0] = local[b, 1] = 1.0
        net.append(local @ (got[i] - paid[i]))
        before = np.array([reserve_a, reserve_b])
        after = before + kept * paid[i] - got[i]
        share = np.array([weight, 1 - weight])
        powers = None if weight == 0.5 else np.round(share * 10).astype(int)
        level = float(np.exp(share @ np.log(before)))
        kept_rules.append(cp.geo_mean(after, p=powers) >= level)
    balance = cp.sum(net) + task.supply
    return cp.Problem(cp.Maximize(task.floor @ balance), [balance >= 0, *kept_rules])
