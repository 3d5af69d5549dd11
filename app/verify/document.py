"""Strict JSON: what two parsers could read differently is refused before anything is understood.

Refused: duplicate keys, floats, exponents, NaN, integers beyond 2**53, nesting deeper than 10, lone
surrogates, anything but UTF-8. Amounts are decimal strings; JSON integers are for small counts.
"""

import json
import re
from typing import Any

from solver.domain.errors import Malformed

DEPTH_MAX = 10
INTEGER_MAX = 2**53 - 1
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_OPENING = (b"{", b"[")


def parse_document(raw: bytes, field: str | None = None) -> Any:
    """Returns the value of a JSON text. Raises Malformed `invalidJson` saying what is refused;
    `field` is where the text came from, if it is not the body itself."""
    try:
        return _parsed(raw)
    except Malformed as error:
        error.field = field
        raise


def _parsed(raw: bytes) -> Any:
    _check_depth(raw)
    try:
        text = raw.decode("utf-8")
        value = _DECODER.decode(text)
        if "\\u" in text:  # an escape can write half a surrogate pair, which no UTF-8 text holds
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError:
        raise _refused("the text is not UTF-8 throughout") from None
    except ValueError:
        raise _refused("the text is not JSON") from None
    return value


def _check_depth(raw: bytes) -> None:
    if raw.count(b"{") + raw.count(b"[") <= DEPTH_MAX:
        return
    depth = 0
    for match in _BRACKETS.finditer(raw):
        word = match[0]
        if word in _OPENING:
            depth += 1
            if depth > DEPTH_MAX:
                raise _refused(f"nested deeper than {DEPTH_MAX}")
        elif len(word) == 1:
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise _refused("a key is given twice")
    return out


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > INTEGER_MAX:
        raise _refused("an integer beyond 2^53 is not exact in JSON: send a decimal string")
    return int(digits)


def _fraction(_: str) -> float:
    raise _refused("numbers with a point or an exponent are not exact: send a decimal string")


def _constant(_: str) -> float:
    raise _refused("NaN and Infinity are not JSON")


def _refused(detail: str) -> Malformed:
    return Malformed(detail, code="invalidJson")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_constant,
)
