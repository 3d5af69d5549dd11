"""The formulas over whole arrays as plain loops, compiled by numba on first use.

numba keeps compiled code on disk by the file a function is in. The loops call formulas of other
files, so a digest of them all is what decides whether that code is still theirs.
"""

import functools
import hashlib
from collections.abc import Callable
from math import sqrt
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solver.pricing.kernels import formula, inverse
from solver.pricing.kernels.formula import discounted, greeks, value
from solver.pricing.kernels.inverse import volatility

Floats = NDArray[np.float64]
prange = range  # numba's own, where compiled: shared among the cores if asked for


def price_loop(columns: Floats, out: Floats) -> None:
    """Sets `out` to the values discounted: rows are forward, strike, years, vol, discount, sign."""
    for i in prange(out.size):
        deviation = columns[3, i] * sqrt(columns[2, i])
        undiscounted = value(columns[0, i], columns[1, i], deviation, columns[5, i])
        out[i] = columns[4, i] * undiscounted


def greeks_loop(columns: Floats, out: Floats) -> None:
    """Sets the eight rows of `out` to the greeks of `formula` of the same rows."""
    for i in prange(out.shape[1]):
        F, K, T = columns[0, i], columns[1, i], columns[2, i]
        found = discounted(greeks(F, K, T, columns[3, i], columns[5, i]), columns[4, i], T)
        out[0, i], out[1, i], out[2, i], out[3, i] = found[0], found[1], found[2], found[3]
        out[4, i], out[5, i], out[6, i], out[7, i] = found[4], found[5], found[6], found[7]


def implied_loop(columns: Floats, out: Floats) -> None:
    """Sets `out` to `inverse.volatility`: rows: price, forward, strike, years, discount, sign."""
    for i in prange(out.size):
        price = columns[0, i] / columns[4, i]
        out[i] = volatility(price, columns[1, i], columns[2, i], columns[3, i], columns[5, i])


@functools.cache
def compiled(name: str, *, is_parallel: bool = False) -> Callable[[Floats, Floats], None]:
    """Returns the loop of that name compiled. Raises ImportError where numba is not installed."""
    import numba

    loop: FunctionType = globals()[name]
    names = {**globals(), **_formulas(), "prange": numba.prange if is_parallel else range}
    twin = FunctionType(loop.__code__, names, loop.__name__ + "_parallel" * is_parallel)
    twin.__qualname__ = twin.__name__
    options = {**OPTIONS, "parallel": is_parallel, "cache": True, "nogil": True}
    made: Any = numba.njit(**options)(twin)
    made._cache._cache_file._source_stamp = _stamp()
    out: Callable[[Floats, Floats], None] = made
    return out


@functools.cache
def _formulas() -> dict[str, Any]:
    """Returns the scalar functions compiled, each seeing the others."""
    import numba

    options = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}
    known: dict[str, Any] = {}
    for function in FORMULAS:
        twin = FunctionType(function.__code__, {**function.__globals__}, function.__name__)
        known[function.__name__] = numba.njit(**options)(twin)
    for each in known.values():
        each.py_func.__globals__.update(known)
    return known


def _functions(module: ModuleType) -> list[FunctionType]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    ]


def _stamp() -> str:
    """Returns a digest of what the loops are compiled from: code and the numbers it refers to."""
    loops: list[Any] = [price_loop, greeks_loop, implied_loop]
    text = repr([_content(function) for function in (*FORMULAS, *loops)])
    return hashlib.sha256(text.encode()).hexdigest()


def _content(function: FunctionType) -> tuple[Any, ...]:
    code = function.__code__
    numbers = [function.__globals__.get(name) for name in code.co_names]
    return (
        code.co_code,
        code.co_names,
        [n for n in numbers if isinstance(n, int | float)],
        [constant for constant in code.co_consts if isinstance(constant, int | float | str)],
    )


FORMULAS = (*_functions(formula), *_functions(inverse))
# A product and a sum may be one rounding: a tenth faster, and nearer to the truth.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract"}}
