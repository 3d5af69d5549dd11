"""Options drawn for the pricing benches, and how alternatives are timed against each other."""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.pricing.kernels import PARALLEL

Floats = NDArray[np.float64]
Run = Callable[[], object]


class Options(NamedTuple):
    """Columns: forward 500 to 5,000, tenors of two days to a year, 20 to 150 % volatility, rates to
    8 %, strikes within two and a half deviations."""

    forward: Floats
    strike: Floats
    years: Floats
    vol: Floats
    is_call: NDArray[np.bool_]
    discount: Floats

    def first(self, count: int) -> "Options":
        """Returns the first of them."""
        some = slice(count)
        F, K, T, vol, is_call, D = self
        return Options(F[some], K[some], T[some], vol[some], is_call[some], D[some])


def drawn(count: int, seed: int, *, is_out: bool = False) -> Options:
    """Returns options from a seed; `is_out` for calls above the forward and puts below."""
    draw = np.random.default_rng(seed)
    forward, years = draw.uniform(500, 5_000, count), draw.uniform(2 / 365, 1, count)
    vol, rate = draw.uniform(0.2, 1.5, count), draw.uniform(0, 0.08, count)
    strike = forward * np.exp(draw.uniform(-2.5, 2.5, count) * vol * np.sqrt(years))
    is_call = strike > forward if is_out else draw.random(count) < 0.5
    return Options(forward, strike, years, vol, is_call, np.exp(-rate * years))


def best(runs: dict[str, tuple[Run, int]], rounds: int) -> dict[str, float]:
    """Returns the best nanoseconds an option of each run, in rounds in which all take turns: of
    processor time, and of the clock for what runs on several cores. A run comes with how many
    options it prices."""
    found = dict.fromkeys(runs, math.inf)
    for _ in range(rounds):
        for name, (run, count) in runs.items():
            clock = time.perf_counter if name == PARALLEL else time.process_time
            start = clock()
            run()
            found[name] = min(found[name], (clock() - start) / count * 1e9)
    return found


def tell(found: dict[str, float], count: int, goals: dict[str, int]) -> str:
    """Prints the table and our best engine's ratio to each peer of `goals`; returns that engine."""
    ours = min((name for name in found if name not in goals), key=lambda name: found[name])
    for name, nanoseconds in found.items():
        whole = f"{nanoseconds * count / 1e9:.3f} s" + " (extrapolated)" * (name in goals)
        print(f"  {name:<16}{1e3 / nanoseconds:8.3f} M/s   {count:,} options in {whole}")
    for peer, goal in goals.items():
        print(f"  {ours} over {peer}: {found[peer] / found[ours]:.1f} times (goal {goal})")
    return ours
