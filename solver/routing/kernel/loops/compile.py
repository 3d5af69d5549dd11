"""The kernel compiled by numba, on first use: the same algorithm with loops in place of vectors.

numba keeps compiled code on disk by the file a function is in. The loops call one another across
files, so a digest of them all is what decides whether that code is still theirs.
"""

import functools
from types import FunctionType
from typing import Any

from solver.pricing.kernels.sources import functions_of, stamp_of
from solver.routing.kernel import newton, reach
from solver.routing.kernel.loops import curves, elimination, gate, ladders, look, ordering, run

MODULES = (ordering, elimination, gate, curves, ladders, look, reach, newton, run)
# The outermost functions, each called from one place. All they call would be optimised again with
# each of them: they are joined to one function before, which takes a quarter less to compile.
JOINED = (run.solved, newton.converge, newton.balance, newton.descend)


@functools.cache
def compiled_run() -> Any:
    """Returns `run.run` compiled. Raises ImportError where numba is not installed."""
    import numba

    sources = [function for module in MODULES for function in functions_of(module)]
    known: dict[str, Any] = {}
    for function in sources:
        names = {**function.__globals__, **known}
        twin = FunctionType(function.__code__, names, function.__name__)
        twin.__qualname__ = function.__qualname__
        options: dict[str, Any] = {"error_model": "numpy"}
        if function is run.run:
            options["cache"] = True
        elif function in JOINED:
            options["inline"] = "always"
        else:  # called by compiled code alone; who makes no arrays needs not count who holds them
            options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
            options["_nrt"] = "np" in function.__code__.co_names
        known[function.__name__] = numba.njit(**options)(twin)
    for compiled in known.values():
        compiled.py_func.__globals__.update(known)
    known["run"]._cache._cache_file._source_stamp = stamp_of(sources)
    return known["run"]
