"""Claim: implied volatilities at 10 times QuantLib-Python and 90 times vollib, to 1e-12.

A million out-of-the-money options, discounted; ours inverts all, the peers loop over a subset, and
what all would take them is extrapolated. Speed is measured on prices made in doubles; accuracy on
prices of mpmath at 50 digits rounded to doubles, everywhere from a day to a year and out to where
vega is 1e-8 of the forward, beside the peers' on the same prices.

    python bench/implied.py [options]
"""

import importlib.util
import math
import pathlib
import sys
import warnings
from functools import partial

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from bench.reference.options import Options, Run, best, drawn, tell
from bench.reference.peers.options import quantlib_implied, vollib_implied
from solver.pricing.kernels import (
    COMPILED,
    NUMPY,
    PARALLEL,
    black_prices,
    implied_volatilities,
)
from tests.solver.pricing.kernels.exact import exact_greeks

ROUNDS, SEED, CHECKED = 5, 2, 2_000
GOALS = {"QuantLib-Python": 10, "vollib": 90}
PEERS = {"QuantLib-Python": (quantlib_implied, 20_000), "vollib": (vollib_implied, 3_000)}
VEGA_MIN = 1e-8  # of the forward


def wide(count: int) -> tuple[Options, np.ndarray]:
    """Returns options from the money to where vega ends, undiscounted, with their exact prices."""
    draw = np.random.default_rng(SEED)
    rows: list[tuple[float, float, float, float, bool, float]] = []
    prices: list[float] = []
    while len(rows) < count:
        forward, years = draw.uniform(10, 5_000), 10 ** draw.uniform(-2.5, 0.3)
        vol = 10 ** draw.uniform(-2, 0.5)
        strike = forward * math.exp(draw.uniform(-6, 6) * vol * math.sqrt(years))
        row = (forward, strike, years, vol, strike > forward, 1.0)
        exact = exact_greeks(*row)
        if exact["vega"] > VEGA_MIN * forward:
            rows.append(row)
            prices.append(float(exact["price"]))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Options(*columns), np.array(prices)


def accuracy(engines: list[str]) -> None:
    """Prints the worst and median relative error of each, on the same exact prices."""
    options, prices = wide(CHECKED)
    found = {
        engine: implied_volatilities(prices, *options[:3], options.is_call, engine=engine).vol
        for engine in engines
    }
    for name, (loop, _) in PEERS.items():
        try:
            found[name] = np.array(loop(options, prices)())
        except RuntimeError as error:  # QuantLib refuses what it does not bracket
            print(f"  {name} stops at one of them: {str(error)[:70]}")
    print(f"  relative error of {CHECKED:,} exact prices with vega above {VEGA_MIN:.0e} F:")
    for name, vols in found.items():
        off = np.abs(vols / options.vol - 1)
        print(f"    {name:<16} worst {off.max():.1e}, median {np.median(off):.1e}")


def main(count: int) -> None:
    """Measures and tells."""
    warnings.simplefilter("ignore")
    options = drawn(count, SEED, is_out=True)
    prices = black_prices(*options[:5], discount=options.discount)
    has_numba = importlib.util.find_spec("numba") is not None
    engines = [NUMPY, COMPILED, PARALLEL] if has_numba else [NUMPY]
    runs: dict[str, tuple[Run, int]] = {}
    for engine in engines:
        columns = (prices, *options[:3], options.is_call)
        run = partial(implied_volatilities, *columns, discount=options.discount, engine=engine)
        run()  # compiled before it is timed
        runs[engine] = (run, count)
    for name, (loop, some) in PEERS.items():
        runs[name] = (loop(options.first(some), prices[:some]), some)
    print(f"implied volatilities of {count:,} options, best of {ROUNDS} rounds")
    tell(best(runs, ROUNDS), count, GOALS)
    accuracy(engines)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
