"""What compiled code was compiled from, so that it is used again only while that is the same.

numba keeps compiled code on disk by the file a function is in; ours call one another across files.
"""

import hashlib
from collections.abc import Iterable
from types import FunctionType, ModuleType
from typing import Any


def functions_of(module: ModuleType) -> list[FunctionType]:
    """Returns the functions that a module defines, in order."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    ]


def stamp_of(functions: Iterable[FunctionType]) -> str:
    """Returns a digest of what functions are compiled from: code and the numbers it refers to."""
    text = b"".join(repr(_content(function)).encode() for function in functions)
    return hashlib.sha256(text).hexdigest()


def _content(function: FunctionType) -> tuple[Any, ...]:
    code = function.__code__
    numbers = [function.__globals__.get(name) for name in code.co_names]
    return (
        code.co_code,
        code.co_names,
        [n for n in numbers if isinstance(n, int | float)],
        [constant for constant in code.co_consts if isinstance(constant, int | float | str)],
    )
