"""Claim: greeks of a million options at 100 times QuantLib-Python and 300 times vollib.

Black-76 with discounting: ours are price, delta, gamma, vega, theta, rho, vanna and volga of all
options; the peers loop over a subset for the price and the first five greeks (vollib and QuantLib's
calculator have no others), and what all would take them is extrapolated. Accuracy is against mpmath
at 50 digits.

    python bench/greeks.py [options]
"""

import importlib.util
import pathlib
import sys
import warnings
from functools import partial

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from bench.reference.options import Options, Run, best, drawn, tell
from bench.reference.peers.options import quantlib_greeks, vollib_greeks
from solver.pricing.kernels import COMPILED, NUMPY, PARALLEL, BlackGreeks, black_greeks
from tests.solver.pricing.kernels.exact import exact_greeks

ROUNDS, SEED, CHECKED = 5, 1, 300
GOALS = {"QuantLib-Python": 100, "vollib": 300}
PEERS = {"QuantLib-Python": (quantlib_greeks, 20_000), "vollib": (vollib_greeks, 2_000)}


def accuracy(options: Options, found: BlackGreeks) -> None:
    """Prints the worst relative error of each greek against 50 digits."""
    worst = dict.fromkeys(BlackGreeks._fields, 0.0)
    for i, row in enumerate(zip(*(c.tolist() for c in options.first(CHECKED)), strict=True)):
        for name, value in exact_greeks(*row).items():
            off = abs(float(getattr(found, name)[i] - value) / float(value))
            worst[name] = max(worst[name], off)
    each = ", ".join(f"{name} {off:.0e}" for name, off in worst.items())
    print(f"  worst relative error of {CHECKED} options: {each}")


def main(count: int) -> None:
    """Measures and tells."""
    warnings.simplefilter("ignore")
    options = drawn(count, SEED)
    out = np.empty((8, count))
    has_numba = importlib.util.find_spec("numba") is not None
    runs: dict[str, tuple[Run, int]] = {}
    for engine in (NUMPY, COMPILED, PARALLEL) if has_numba else (NUMPY,):
        run = partial(black_greeks, *options[:5], discount=options.discount, engine=engine, out=out)
        run()  # compiled before it is timed
        runs[engine] = (run, count)
    for name, (loop, some) in PEERS.items():
        runs[name] = (loop(options.first(some)), some)
    print(f"price and greeks of {count:,} options, best of {ROUNDS} rounds")
    ours = tell(best(runs, ROUNDS), count, GOALS)
    accuracy(options, black_greeks(*options[:5], discount=options.discount, engine=ours))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
