"""Claims: the routing kernel is 600 times as fast as a hand-built conic model, and so on below.

Everything in one process on one thread, ours and the peer's turns alternating over instances that
differ from turn to turn; medians of the ratios. Times are the process's own CPU time: on an idle
machine that is the time on the wall, and on a busy one it does not favour whoever is short. Cold is
one call on arrays never seen before: the token graph's order (topology), the start and the solve.
Warm starts from the answer to a market of which 1 % of the pools have moved since; topology is
found anew all the same. Our instances of a turn are solved back to back; with other work between
two solves the smallest ones take up to a quarter longer. Compiling is apart.

    python bench/routing.py [hub] [published] [ticks] [books] [scale] [descent]
"""

import gc
import os
import pathlib
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = os.environ[
    "RAYON_NUM_THREADS"
] = "1"
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import numpy as np

from bench.reference.certificate import dual, judged
from bench.reference.families import fresh, hub, mix, moved, paper, pure_books, wide
from bench.reference.peers import clarabel, lbfgs, linear, published
from solver.routing.kernel import Answer, Task, solve

COLD_GOAL_MS, SIZE_MAX, EXPONENT_GOAL = 50.0, 100_000, 1.06
GAP_MAX, EXACT = 1e-8, 1e-12
SOLVED = ("Solved", "AlmostSolved", "optimal")
COPIES, EDGES = 15, 200_000  # of ours in one turn, and edges in them at most


class Ours(NamedTuple):
    """Median seconds of a cold and of a warm solve, and the answer."""

    cold: float
    warm: float
    answer: Answer


class Turn(NamedTuple):
    """One instance: seconds of ours and of the peer's, and what both say."""

    cold: float
    warm: float
    peer: float
    objective: float  # the peer's
    status: str
    answer: Answer
    gap: float  # ours, proved by an independent judge


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Returns (seconds, answer) with the collector out of the way."""
    gc.disable()
    began = time.process_time()
    answer = call()
    seconds = time.process_time() - began
    gc.enable()
    return seconds, answer


def cold_and_warm(task: Task) -> Ours:
    """Returns our times over some perturbed instances each, and the answer to the task."""
    copies = min(COPIES, max(3, EDGES // task.way.size))
    answer = solve(fresh(task), is_compiled=True)
    instances = [moved(task, seed) for seed in range(2 * copies)]
    warm = [timed(partial(solve, t, answer.prices, is_compiled=True))[0] for t in instances[::2]]
    cold = [timed(partial(solve, t, is_compiled=True))[0] for t in instances[1::2]]
    return Ours(statistics.median(cold), statistics.median(warm), answer)


def turns(
    make: Callable[[int], Task], peer: Callable[[Task], clarabel.Solved], count: int
) -> list[Turn]:
    """Returns `count` turns, each on an instance of its own."""
    out = []
    for seed in range(count):
        task = make(seed)
        cold, warm, answer = cold_and_warm(task)
        seconds, theirs = timed(partial(peer, fresh(task)))
        gap = judged(task, answer).gap()
        out.append(Turn(cold, warm, seconds, theirs.objective, theirs.status, answer, gap))
    return out


def versus(title: str, goal: float, done: Sequence[Turn], closeness: float = GAP_MAX) -> None:
    """Prints the table of one claim against a peer that solves the whole problem."""
    print(f"\n{title}: goal {goal:,.0f} times")
    print("  turn  ours cold   ours warm        peer   cold ratio  warm ratio  peer's objective")
    for number, turn in enumerate(done):
        off = (turn.objective - turn.answer.primal) / turn.answer.primal
        beyond = (
            " (above our proved bound)"
            if turn.objective > turn.answer.value * (1 + GAP_MAX)
            else ""
        )
        print(
            f"  {number:>4}  {turn.cold * 1e3:7.3f} ms  {turn.warm * 1e3:7.3f} ms "
            f"{turn.peer * 1e3:8.1f} ms  {turn.peer / turn.cold:10,.0f}  "
            f"{turn.peer / turn.warm:10,.0f}  {turn.status} {off:+.1e}{beyond}; "
            f"ours residual {turn.answer.residual:.0e}, proved gap {turn.gap:.0e}"
        )
    fair = [turn for turn in done if turn.status.startswith(SOLVED)]
    if not fair:
        print("  the peer solved none")
        return
    cold = statistics.median(turn.peer / turn.cold for turn in fair)
    warm = statistics.median(turn.peer / turn.warm for turn in fair)
    told(
        f"median of the {len(fair)} of {len(done)} turns the peer solved: cold {cold:,.0f} times, "
        f"warm {warm:,.0f} times",
        cold >= goal,
    )
    told(
        f"worst proved gap of ours {max(t.gap for t in done):.1e}",
        all(turn.gap <= GAP_MAX for turn in done),
    )
    below = max(
        (min(t.objective, t.answer.value) - t.answer.primal) / t.answer.primal for t in fair
    )
    told(f"ours below the peer's by at most {max(below, 0.0):.1e}", below <= closeness)


def told(what: str, is_met: bool) -> None:
    """Prints a line with its verdict."""
    print(f"  {'met   ' if is_met else 'MISSED'}  {what}", flush=True)


def against_clarabel() -> None:
    """1,000 pools of a hub-and-spoke market, a fifth of them weighted."""
    done = turns(lambda seed: hub(1000, seed), clarabel.solved, 9)
    versus("hub, 1,000 pools, against normalised hand-built Clarabel", 600, done)


def against_published() -> None:
    """1,000 pools of the published arbitrage instance."""
    done = turns(lambda seed: paper(1000, seed), published.solved, 3)
    versus("paper, 1,000 pools, against the published cvxpy model", 25_000, done)


def against_clarabel_with_ticks() -> None:
    """50 constant-product and 50 concentrated pools of 40 ticks."""
    done = turns(lambda seed: mix((50, 50, 0), 40, seed), clarabel.solved, 7)
    versus("50 constant product + 50 concentrated x 40 ticks, against Clarabel", 4_000, done)


def against_linear_program() -> None:
    """1,000 books of 100 levels a side."""
    done = turns(lambda seed: pure_books(1000, 100, seed), linear.solved, 3)
    versus("200,000 book levels, against the full linear program by HiGHS", 150, done, EXACT)
    apart = max(abs(turn.objective / turn.answer.primal - 1) for turn in done)
    told(f"primal equal to the program's within {apart:.1e} (goal {EXACT:.0e})", apart <= EXACT)


def scaling() -> None:
    """How the time of a cold solve grows with the market."""
    print("\nscaling, hub, cold")
    sizes, seconds = [100, 1_000, 10_000, SIZE_MAX], []
    for size in sizes:
        rounds = [cold_and_warm(hub(size, seed)) for seed in range(3)]
        cold = statistics.median(each.cold for each in rounds)
        warm = statistics.median(each.warm for each in rounds)
        gap = max(judged(hub(size, s), each.answer).gap() for s, each in enumerate(rounds))
        steps = max(each.answer.iterations for each in rounds)
        seconds.append(cold)
        print(
            f"  {size:>7,} pools  cold {cold * 1e3:8.3f} ms  warm {warm * 1e3:8.3f} ms  "
            f"{cold / size * 1e9:6.0f} ns a pool  steps {steps}  proved gap {gap:.0e}"
        )
    exponent = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
    told(f"exponent {exponent:.3f} (goal {EXPONENT_GOAL})", exponent <= EXPONENT_GOAL)
    told(
        f"{SIZE_MAX:,} pools cold in {seconds[-1] * 1e3:.1f} ms (goal {COLD_GOAL_MS:.0f})",
        seconds[-1] * 1e3 <= COLD_GOAL_MS,
    )


FAMILIES: list[tuple[str, Callable[[int], Task], int]] = [
    ("hub 50", lambda seed: hub(50, seed), 5),
    ("hub 1,000", lambda seed: hub(1000, seed), 5),
    ("hub 10,000", lambda seed: hub(10_000, seed), 3),
    ("paper 1,000", lambda seed: paper(1000, seed), 5),
    ("paper 10,000", lambda seed: paper(10_000, seed), 3),
    ("paper 100,000", lambda seed: paper(100_000, seed), 2),
    *(
        (f"wide x{factor} {size:,}", lambda seed, s=size, f=factor: wide(s, f, seed), count)
        for factor in (1, 2, 4)
        for size, count in ((1_000, 5), (10_000, 3), (100_000, 2))
    ),
    ("50 + 50 x 40 ticks", lambda seed: mix((50, 50, 0), 40, seed), 5),
    ("200 + 100 + 50 books", lambda seed: mix((200, 100, 50), 40, seed), 3),
    ("30 books of 100", lambda seed: pure_books(30, 50, seed, trade=1e6), 5),
]


def against_descent() -> None:
    """Every family against first-order descent on the same dual."""
    print("\nL-BFGS-B with CFMMRouter's settings on the same dual: never slower")
    print(
        "  family                   ours cold    ours warm         peer   ratio  "
        "of its looks alone  peer above our bound, status"
    )
    slower = []
    for name, make, count in FAMILIES:
        lbfgs.solved(make(0))  # compiled, or loaded
        rounds = []
        for seed in range(count):
            ours = cold_and_warm(make(seed))
            rounds.append((ours, lbfgs.solved(fresh(make(seed)))))
        off = max(
            float(dual(make(seed), theirs.prices)) / ours.answer.value - 1
            for seed, (ours, theirs) in enumerate(rounds)
        )
        cold, warm, peer = (
            statistics.median(times) * 1e3
            for times in zip(*((o.cold, o.warm, t.seconds) for o, t in rounds), strict=True)
        )
        ratio = statistics.median(theirs.seconds / ours.cold for ours, theirs in rounds)
        looks = statistics.median(theirs.looking_seconds / ours.cold for ours, theirs in rounds)
        print(
            f"  {name:<22} {cold:9.3f} ms {warm:9.3f} ms {peer:9.2f} ms {ratio:7,.1f}  "
            f"{looks:18,.1f}  {off:+.0e} {rounds[-1][1].status}",
            flush=True,
        )
        slower += [name] if ratio < 1 else []
    told(f"never slower{': slower in ' + ', '.join(slower) if slower else ''}", not slower)


PARTS = {
    "hub": against_clarabel,
    "published": against_published,
    "ticks": against_clarabel_with_ticks,
    "books": against_linear_program,
    "scale": scaling,
    "descent": against_descent,
}


def main() -> None:
    """Prints one table for each claim."""
    seconds, _ = timed(lambda: solve(mix((20, 5, 2), 4), is_compiled=True))
    print(f"compiling, or loading what was compiled before: {seconds:.1f} s, not counted below")
    print(
        "cold = one call on unseen arrays, topology included; warm = 1 % of the pools moved since"
    )
    print("all times are CPU times of this process, on one thread")
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
