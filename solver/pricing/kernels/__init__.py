"""Black-76 over arrays: values, greeks and implied volatilities of millions of options.

Arrays broadcast against each other. The engine is numpy; COMPILED is numba on one core and PARALLEL
on all of them, where the extra `fast` is installed: the same formulas up to the last bits, so what
is hashed or compared to the bit names one engine and stays with it. Scalars are `black` and
`implied`, of the same formulas.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solver.domain.errors import Malformed
from solver.pricing.kernels import loops, roots, vectors
from solver.pricing.kernels.formula import DEVIATION_MAX, INPUT_MAX
from solver.pricing.kernels.inverse import ABOVE, BELOW, OK, SENSELESS

__all__ = [
    "ABOVE", "BELOW", "COMPILED", "NUMPY", "OK", "PARALLEL", "SENSELESS", "BlackGreeks", "Implied",
    "black_greeks", "black_prices", "implied_volatilities", "spot_greeks",
]  # fmt: skip

Floats = NDArray[np.float64]

Shape = tuple[int, ...]

ENGINES = NUMPY, COMPILED, PARALLEL = "numpy", "compiled", "parallel"
PIECE = 16_384
DOMAIN = f"Black-76 takes inputs from 0 to {INPUT_MAX:.0e}"


class BlackGreeks(NamedTuple):
    """One array each: discounted price, delta and gamma per forward, vega and volga (vega's own
    slope) per 1.0 of vol, theta per year at the rate that the discount implies, rho per 1.0 of that
    rate with the forward unmoved, vanna per forward and 1.0 of vol."""

    price: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    rho: Floats
    vanna: Floats
    volga: Floats


class Implied(NamedTuple):
    """Volatilities, none of them NaN, and why one is not there: OK, BELOW the intrinsic value
    (vol 0), at or ABOVE what the option can be worth (vol where Black-76 is worth it all), or
    SENSELESS where no volatility changes the value (vol 0)."""

    vol: Floats
    refused: NDArray[np.int8]


def black_prices(
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    vol: ArrayLike,
    is_call: ArrayLike,
    *,
    discount: ArrayLike = 1.0,
    engine: str = NUMPY,
) -> Floats:
    """Returns discounted values in the inputs' own shape, with the limits of `black`.

    Raises Malformed when any input is negative, not finite or above INPUT_MAX; ImportError when
    the engine is not installed.
    """
    shape, inputs = _flat((forward, strike, years, vol, discount), is_call)
    out = np.empty(math.prod(shape))
    _run("price_loop", vectors.prices, inputs, out, engine)
    return out.reshape(shape)


def black_greeks(
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    vol: ArrayLike,
    is_call: ArrayLike,
    *,
    discount: ArrayLike = 1.0,
    engine: str = NUMPY,
    out: Floats | None = None,
) -> BlackGreeks:
    """Returns values and greeks in the inputs' own shape; `out`, eight rows of as many options, is
    written to where it is given, which spares new memory. Raises as `black_prices`."""
    shape, inputs = _flat((forward, strike, years, vol, discount), is_call)
    wanted = (len(BlackGreeks._fields), math.prod(shape))
    out = np.empty(wanted) if out is None else out
    if out.shape != wanted or out.dtype != np.float64 or not out.flags.c_contiguous:
        raise Malformed(f"greeks are written to {wanted} floats in order", field="out")
    _run("greeks_loop", vectors.greeks, inputs, out, engine)
    return BlackGreeks(*(row.reshape(shape) for row in out))


def spot_greeks(
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    vol: ArrayLike,
    is_call: ArrayLike,
    *,
    rate: float = 0.0,
    dividend: float = 0.0,
    engine: str = NUMPY,
) -> BlackGreeks:
    """Returns Black-Scholes-Merton with a dividend yield: delta, gamma and vanna per spot, theta
    with the spot unmoved, rho per 1.0 of `rate`. Source: R. Merton, Bell J. Economics 4 (1973).
    """
    S, T = np.asarray(spot, dtype=np.float64), np.asarray(years, dtype=np.float64)
    growth, discount = np.exp((rate - dividend) * T), np.exp(-rate * T)
    found = black_greeks(S * growth, strike, T, vol, is_call, discount=discount, engine=engine)
    held = S * growth * found.delta  # of the forward: what drifts with the rates
    return BlackGreeks(
        price=found.price,
        delta=found.delta * growth,
        gamma=found.gamma * growth * growth,
        vega=found.vega,
        theta=found.theta - (rate - dividend) * held,
        rho=found.rho + T * held,
        vanna=found.vanna * growth,
        volga=found.volga,
    )


def implied_volatilities(
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    is_call: ArrayLike,
    *,
    discount: ArrayLike = 1.0,
    engine: str = NUMPY,
) -> Implied:
    """Returns the volatilities that give the discounted prices, or why there is none.

    Raises Malformed when an input is negative, not finite or above INPUT_MAX, or a discount is 0.
    """
    shape, inputs = _flat((price, forward, strike, years, discount), is_call)
    if not np.all(inputs[4] > 0):
        raise Malformed("a discount of 0 leaves nothing to learn from", field="discount")
    found = np.empty(math.prod(shape))
    _run("implied_loop", roots.volatilities, inputs, found, engine)
    refused = np.where(found < 0, -found, OK).astype(np.int8)
    if refused.any():
        root = np.sqrt(np.where(inputs[3] > 0, inputs[3], 1.0))
        limit = np.where(refused == ABOVE, DEVIATION_MAX / root, 0.0)
        found = np.where(refused == OK, found, limit)
    return Implied(found.reshape(shape), refused.reshape(shape))


def _flat(floats: tuple[ArrayLike, ...], is_call: ArrayLike) -> tuple[Shape, list[Any]]:
    """Returns the common shape, and each input flat or without a dimension, the right last."""
    given: list[Any] = [np.asarray(x, dtype=np.float64) for x in floats]
    given.append(np.asarray(is_call, dtype=bool))
    shape = np.broadcast_shapes(*(x.shape for x in given))
    return shape, [np.broadcast_to(x, shape).reshape(-1) if x.ndim else x for x in given]


def _run(name: str, by_numpy: Any, inputs: list[Any], out: Floats, engine: str) -> None:
    """Looks at the inputs and works, piece by piece: what lies between stays in the processor's
    cache. The last row of a piece is the sign of a right."""
    if engine not in ENGINES:
        raise Malformed(f"engines are {', '.join(ENGINES)}", field="engine")
    loop = None if engine == NUMPY else loops.compiled(name, is_parallel=engine == PARALLEL)
    count = out.shape[-1]
    columns = np.empty((len(inputs), min(PIECE, count)))
    for start in range(0, count, PIECE):
        piece = slice(start, min(start + PIECE, count))
        if piece.stop - start < columns.shape[1]:
            columns = np.empty((len(inputs), piece.stop - start))
        for row, x in enumerate(inputs):
            columns[row] = x[piece] if x.ndim else x
        if not (columns.min() >= 0 and columns.max() <= INPUT_MAX):  # False for NaN
            raise Malformed(DOMAIN)
        columns[-1] *= 2.0
        columns[-1] -= 1.0
        if loop is None:
            by_numpy(columns, out[..., piece])
        else:
            loop(columns, out, start)
