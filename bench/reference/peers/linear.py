"""The full linear program over every level of every book, by HiGHS: exact where all is linear."""

import time

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog

from bench.reference.peers.clarabel import Solved, book_columns
from solver.routing.kernel.graph import Task

TOLERANCE = 1e-10


def solved(task: Task) -> Solved:
    """Returns HiGHS's optimum of a task of books alone."""
    began = time.perf_counter()
    trade = float(task.supply.sum()) or 1.0
    rows, columns, values = book_columns(task.graph.books, trade)
    shape = (task.graph.tokens, task.graph.books.price.size)
    taken = sp.coo_matrix((values, (rows, columns)), shape=shape).tocsr()
    cost = taken.T @ task.floor
    built = time.perf_counter()
    answer = linprog(
        cost,
        A_ub=taken,
        b_ub=task.supply / trade,
        bounds=(0, 1),
        method="highs",
        options={
            "primal_feasibility_tolerance": TOLERANCE,
            "dual_feasibility_tolerance": TOLERANCE,
        },
    )
    ended = time.perf_counter()
    fun = np.nan if answer.fun is None else answer.fun
    objective = -float(fun) * trade + float(task.floor @ task.supply)
    status = "optimal" if answer.status == 0 else str(answer.message)
    return Solved(objective, status, built - began, ended - built)
