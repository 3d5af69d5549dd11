"""Batches to clear, and what others do with them: tatonnement, the netting LP, Devanur's program.

The orders are SPEEDEX's shape (arXiv 2111.02719): limits scattered around one price vector, amounts
lognormal, a few tokens in most pairs. Peers see the same arrays of floats and no more.
"""

import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
import scipy.sparse
from numpy.typing import NDArray

from solver.domain.market import ConstantProductPool
from solver.routing.clearing.loops import compiled
from solver.routing.clearing.orders import Book, Orders

Floats = NDArray[np.float64]
ATOMS = 10**12  # of a unit of value, at price 1
LOOKS_MAX = 4_000  # evaluations of the tatonnement


class Batch(NamedTuple):
    """Tokens, orders and pools."""

    tokens: tuple[str, ...]
    orders: Orders
    pools: tuple[ConstantProductPool, ...]


def batch(
    tokens: int,
    count: int,
    seed: int,
    *,
    pools: int = 0,
    is_partial: bool = True,
    scatter: float = 0.01,
) -> Batch:
    """Returns a seeded batch; every seed another market."""
    rng = np.random.default_rng(seed)
    worth = np.exp(rng.normal(0, 2, tokens))
    drawn = rng.zipf(1.6, 2 * count) % tokens
    sell, buy = drawn[:count].astype(np.int64), rng.permutation(drawn[count:]).astype(np.int64)
    other = (sell + 1 + rng.integers(0, tokens - 1, count)) % tokens
    buy = np.where(sell == buy, other, buy)
    value = np.exp(rng.normal(np.log(5e3), 1.5, count))
    ratio = worth[sell] / worth[buy] * np.exp(rng.normal(0, scatter, count))
    amounts = [int(amount) + 1 for amount in value / worth[sell] * ATOMS]
    leasts = [max(1, int(a * r)) for a, r in zip(amounts, ratio.tolist(), strict=True)]
    names = tuple(f"0x{place + 1:040x}" for place in range(tokens))
    orders = Orders(sell, buy, amounts, leasts, np.full(count, is_partial))
    return Batch(names, orders, _pools(rng, names, worth, pools))


def _pools(
    rng: np.random.Generator, names: Sequence[str], worth: Floats, count: int
) -> tuple[ConstantProductPool, ...]:
    made = []
    for place in range(count):
        first, second = rng.choice(len(names), 2, replace=False)
        value = np.exp(rng.normal(np.log(1e6), 1.5))
        moved = np.exp(rng.normal(0, 0.001))
        reserves = value / worth[first] * moved * ATOMS, value / worth[second] * ATOMS
        address = f"0x{10**6 + place:040x}"
        pair = names[first], names[second]
        made.append(
            ConstantProductPool(
                "pool",
                address,
                *pair,
                int(reserves[0]),
                int(reserves[1]),
                fee_ppm=3_000,
                gas=90_000,
            )
        )
    return tuple(made)


def nudged(orders: Orders, seed: int) -> Orders:
    """Returns the orders with every limit a little moved: nothing of a solve can be kept."""
    rng = np.random.default_rng(seed)
    factors = np.exp(rng.normal(0, 1e-4, len(orders.leasts))).tolist()
    leasts = [max(1, int(a * f)) for a, f in zip(orders.leasts, factors, strict=True)]
    return orders._replace(leasts=leasts)


def tatonnement(book: Book, tokens: int, width: float, goal: float) -> tuple[Floats, int, float]:
    """Returns (log prices, evaluations, residual) of SPEEDEX's shape: each price moves with its
    token's excess, the step grows while it helps and halves when it does not.
    """
    columns = (book.pair_sell, book.pair_buy, book.first, book.limit, book.sums, book.moments)
    respond = compiled()
    prices, step, sold, slope = np.zeros(tokens), 0.05, *np.zeros((2, tokens, tokens))

    def look(at: Floats) -> tuple[Floats, Floats, float]:
        sold[:], slope[:] = 0.0, 0.0
        respond(columns, at, width, sold, slope)
        excess, volume = sold.sum(0) - sold.sum(1), sold.sum(0) + sold.sum(1)
        return excess, volume, float(np.abs(excess).sum() / max(sold.sum(), 1e-300))

    excess, volume, residual = look(prices)
    count = 1
    while residual > goal and step > 1e-12 and count < LOOKS_MAX:
        count += 1
        move = np.clip(step * excess / np.maximum(volume, volume.mean() * 0.01), -0.1, 0.1)
        found = look(prices + move)
        if found[2] < residual * 1.0001:
            prices, (excess, volume, residual) = prices + move, found
            step = min(step * 1.15, 2)
        else:
            step *= 0.5
    return prices, count, residual


def netting_lp(book: Book, tokens: int) -> Any:
    """Returns HiGHS's answer to the greatest surplus at the limits, with no uniform price."""
    pair = np.repeat(np.arange(book.pair_sell.size), np.diff(book.first))
    sell, buy, count = book.pair_sell[pair], book.pair_buy[pair], book.limit.size
    need = book.value * np.exp(book.limit)
    entries = np.concatenate((need, -book.value))
    place = np.concatenate((buy, sell)), np.concatenate((np.arange(count),) * 2)
    rows = scipy.sparse.csr_matrix((entries, place), shape=(tokens, count))
    scale = float(book.value.mean())
    return scipy.optimize.linprog(
        -(book.value - need) / scale,
        A_ub=rows / scale,
        b_ub=np.zeros(tokens),
        bounds=(0, 1),
        method="highs",
    )


def devanur(book: Book, tokens: int) -> tuple[Floats | None, str, float]:
    """Returns (log prices, status, seconds in the solver) of the convex program of Devanur, Garg
    and Vegh for linear Arrow-Debreu markets, as gramseyer/cvx_price_computation writes it.
    """
    cvxpy: Any = importlib.import_module("cvxpy")  # slow to import, and only wanted here
    pair = np.repeat(np.arange(book.pair_sell.size), np.diff(book.first))
    sell, buy, count = book.pair_sell[pair], book.pair_buy[pair], book.limit.size
    value, limit = book.value / book.value.mean(), np.exp(book.limit)
    price, least = cvxpy.Variable(tokens, pos=True), cvxpy.Variable(count, pos=True)
    kept, sold = cvxpy.Variable(count, nonneg=True), cvxpy.Variable(count, nonneg=True)
    ones, places = np.ones(count), np.arange(count)
    out = scipy.sparse.csr_matrix((ones, (sell, places)), shape=(tokens, count))
    into = scipy.sparse.csr_matrix((ones, (buy, places)), shape=(tokens, count))
    held = np.bincount(sell, value, tokens)
    rows = [
        kept + sold == cvxpy.multiply(value, price[sell]),
        out @ kept + into @ sold == cvxpy.multiply(held, price),
        least <= price[sell],
        least <= cvxpy.multiply(limit, price[buy]),
        cvxpy.sum(price) == tokens,
    ]
    goal = value @ cvxpy.rel_entr(price[sell], least) + sold @ np.log(limit)
    problem = cvxpy.Problem(cvxpy.Minimize(goal), rows)
    try:
        problem.solve(solver=cvxpy.CLARABEL)
    except cvxpy.error.SolverError:
        return None, "SolverError", 0.0
    seconds = float(problem.solver_stats.solve_time or 0.0)
    logs = np.log(price.value) if price.value is not None else None
    return logs, str(problem.status), seconds
