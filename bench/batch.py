"""Claim: a million intents over 50 tokens get one price vector in 10 ms once they are sorted.

Sizes 10 to 1,000,000 over 10 and 50 tokens, thin books and pools included, each repeat on limits
moved a little. Ours: the sort, the prices at log width 1e-4 (for thin books there is no width: the
exact kink at once), the exact kink, and the whole clearing in atoms, checked independently: every
atom conserved, nobody below the limit, one price vector. Peers, in the same process and thread:
Devanur's convex program (cvxpy, Clarabel), the netting LP without a uniform price (HiGHS), and
tatonnement in SPEEDEX's shape on the same compiled running sums. Times are the process's own CPU
time: on an idle machine that is the time on the wall.

    python bench/batch.py [repeats]
"""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import pathlib
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import numpy as np

from bench.reference.batches import Batch, batch, devanur, netting_lp, nudged, tatonnement
from solver.routing.batch import clear
from solver.routing.clearing.check import check_clearing
from solver.routing.clearing.curves import NO_CURVES, curves, quoted
from solver.routing.clearing.marginal import WHOLE_MAX, kink
from solver.routing.clearing.orders import Clearing, Orders, book
from solver.routing.clearing.ramps import ramped

SIZES = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
WIDTH = 1e-4
PRICES_MS_MAX = 10.0
WITH_POOLS = ((10, 10, 10), (50, 100, 100), (50, 1_000, 1_000), (50, 20_000, 10_000))
LP_SIZES, DEVANUR_SIZE = (10_000, 100_000), 1_000


class Row(NamedTuple):
    """Milliseconds, medians over the repeats."""

    sort: float
    prices: float
    exact: float
    residual: float


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Returns (milliseconds, what the work returns)."""
    began = time.process_time()
    result = work()
    return (time.process_time() - began) * 1000, result


def priced(given: Batch, repeats: int) -> Row:
    """Returns how long sorting and pricing take."""
    rows = [_priced(given, nudged(given.orders, repeat)) for repeat in range(repeats)]
    sort, prices, exact, residual = zip(*rows, strict=True)
    middle = statistics.median
    return Row(middle(sort), middle(prices), middle(exact), max(residual))


def _priced(given: Batch, orders: Orders) -> Row:
    tokens, start = len(given.tokens), np.zeros(len(given.tokens))
    places = {token: place for place, token in enumerate(given.tokens)}
    sort, sorted_ = timed(partial(book, tokens, orders, quoted(given.pools, places)))
    pieces = curves(given.pools, places, sorted_.units) if given.pools else NO_CURVES
    exact, found = timed(partial(kink, sorted_, pieces, start))
    if len(orders.amounts) <= WHOLE_MAX:
        return Row(sort, exact, exact, found.residual)
    prices, near = timed(partial(ramped, sorted_, pieces, start, narrowest=WIDTH))
    return Row(sort, prices, exact, max(found.residual, near.residual))


def cleared(given: Batch) -> tuple[float, Clearing]:
    """Returns how long the clearing in atoms took, and the clearing, checked."""
    took, found = timed(lambda: clear(given.tokens, given.orders, given.pools))
    check_clearing(given.tokens, given.orders, given.pools, found)
    return took, found


def verdict(is_met: bool) -> str:
    """Returns the word for it."""
    return "met" if is_met else "MISSED"


def line(given: Batch, repeats: int) -> Row:
    """Prints one line of sizes and returns the times."""
    row, (took, found) = priced(given, repeats), cleared(given)
    served = sum(amount > 0 for amount in found.filled)
    traded = sum(
        amount * found.prices[sell]
        for amount, sell in zip(found.filled, given.orders.sell.tolist(), strict=True)
    )
    left = sum(a * p for a, p in zip(found.left, found.prices, strict=True)) / (traded or 1)
    print(
        f"{len(given.tokens):>3} tokens {len(given.orders.amounts):>9,} intents "
        f"{len(given.pools):>6,} pools | sort {row.sort:8.2f}  prices {row.prices:7.2f}  exact "
        f"{row.exact:8.2f}  in atoms {took:9.1f} ms | residual {row.residual:.0e}, "
        f"{served:,} served, {len(found.swaps)} swaps, left {left:.0e} of the value",
        flush=True,
    )
    return row


def peers(given: Batch, row: Row, repeats: int) -> None:
    """Prints what the others take for the same orders."""
    tokens, count = len(given.tokens), len(given.orders.amounts)
    said = []
    for repeat in range(repeats):
        sorted_ = book(tokens, nudged(given.orders, 100 + repeat))
        took, (_, looks, residual) = timed(partial(tatonnement, sorted_, tokens, WIDTH, 1e-9))
        said.append((took, looks, residual))
    took, looks, residual = sorted(said)[len(said) // 2]
    mine = row.prices
    text = f"tatonnement {took:.1f} ms, {looks} looks, residual {residual:.0e}: {took / mine:.1f}x"
    sorted_ = book(tokens, given.orders)
    if count in LP_SIZES:
        took, answer = timed(lambda: netting_lp(sorted_, tokens))
        text += f" | netting LP {took:.0f} ms, status {answer.status}: {took / mine:.0f}x"
    if count == DEVANUR_SIZE:
        took, (logs, status, inner) = timed(lambda: devanur(sorted_, tokens))
        apart = "no prices"
        if logs is not None:
            own = kink(sorted_, NO_CURVES, np.zeros(tokens)).prices
            off = logs - own
            apart = f"median price apart {np.median(np.abs(off - np.median(off))):.0e}"
        text += f" | Devanur {took:.0f} ms ({inner * 1000:.0f} inside), {status}, {apart}: "
        text += f"{took / mine:.0f}x"
    print(f"{'':>14}{text}", flush=True)


def main(repeats: int) -> None:
    """Prints every line and the verdicts."""
    began, worst, residuals = time.process_time(), 0.0, []
    warm = batch(10, 20_000, 0)
    priced(warm, 1)
    for tokens in (10, 50):
        for count in SIZES:
            given = batch(tokens, count, 1)
            row = line(given, repeats)
            residuals.append(row.residual)
            worst = max(worst, row.prices) if count == SIZES[-1] else worst
            peers(given, row, 1 if count >= 10**6 else min(repeats, 3))
    for tokens, count, pools in WITH_POOLS:
        residuals.append(line(batch(tokens, count, 1, pools=pools), min(repeats, 3)).residual)
    failed = thin(100)
    print(f"prices of a million intents: {worst:.1f} ms, {verdict(worst <= PRICES_MS_MAX)}")
    print(f"residual of every size <= 1e-9: {verdict(max(residuals) <= 1e-9)}")
    thin_books = f"{failed} with an order left out or none served"
    print(f"thin books of 100, 100 and 25 seeds: {thin_books}, {verdict(failed == 0)}")
    print("every atom conserved, no limit broken, one price vector: met, or this had stopped")
    print(f"{time.process_time() - began:.0f} s")


def thin(seeds: int) -> int:
    """Returns how many thin books were served without an order that its prices suit, or not at all;
    each is checked.
    """
    failed = 0
    for tokens, count in ((10, 100), (50, 100), (50, 1_000)):
        for seed in range(seeds if count < 1_000 else seeds // 4):
            _, found = cleared(batch(tokens, count, 1_000 + seed))
            failed += bool(found.dropped) or not any(found.filled)
    return failed


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
