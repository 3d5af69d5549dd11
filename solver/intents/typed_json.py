"""The wire form of a signed intent: the wallet's own message, camelCase, integers as strings.

Strict because the bytes are hashed: a JSON number, an unknown or missing field, a value that does
not fit its Solidity type or a list without end is refused with the field. `to_json` is its inverse.
"""

import re
from collections.abc import Mapping
from typing import Any

from solver.domain.errors import Malformed
from solver.domain.ids import address
from solver.domain.intent import LEGS_MAX, Leg, Limits, OutcomeIntent
from solver.domain.typed_data import INTENT_FIELDS, LEG_FIELDS, LIMITS_FIELDS, Fields, message

TEXT_MAX = 32
PATTERNS = {
    "address": "^0x[0-9a-fA-F]{40}$",
    "bytes32": "^0x[0-9a-fA-F]{64}$",
    "string": f"^[!-~]{{0,{TEXT_MAX}}}$",
    "uint": "^(0|[1-9][0-9]{0,77})$",
    "int": "^-?(0|[1-9][0-9]{0,76})$",
}
_COMPILED = {name: re.compile(pattern[1:-1]) for name, pattern in PATTERNS.items()}


def to_json(intent: OutcomeIntent) -> dict[str, Any]:
    """Returns the wire form: exactly the message of the EIP-712 document."""
    return message(intent)


def parse_intent(body: object) -> OutcomeIntent:
    """Returns the intent a wire form means. Raises Malformed with the field's path."""
    values = _struct(body, INTENT_FIELDS, "intent")
    legs = values["legs"]
    if not isinstance(legs, list) or not 0 < len(legs) <= LEGS_MAX:
        raise Malformed(f"a list of 1 to {LEGS_MAX} legs", field="intent.legs")
    values["legs"] = tuple(
        Leg(*_struct(leg, LEG_FIELDS, f"intent.legs.{index}").values())
        for index, leg in enumerate(legs)
    )
    values["limits"] = Limits(*_struct(values["limits"], LIMITS_FIELDS, "intent.limits").values())
    return OutcomeIntent(*values.values())


def json_schema() -> dict[str, Any]:
    """Returns the JSON Schema (2020-12) of the wire form, for OpenAPI."""
    leg, limits = _object_schema(LEG_FIELDS, {}), _object_schema(LIMITS_FIELDS, {})
    legs = {"type": "array", "items": leg, "minItems": 1, "maxItems": LEGS_MAX}
    return _object_schema(INTENT_FIELDS, {"legs": legs, "limits": limits})


def _struct(body: object, fields: Fields, path: str) -> dict[str, Any]:
    """Returns the parsed members in the order of the type; nested structs stay as they came."""
    if not isinstance(body, Mapping):
        raise Malformed("must be an object", field=path)
    names = {name for name, _ in fields}
    for name in body:
        if name not in names:
            raise Malformed("is not a field of this type", field=f"{path}.{str(name)[:64]}")
    out = {}
    for name, kind in fields:
        if name not in body:
            raise Malformed("is missing", field=f"{path}.{name}")
        out[name] = _value(body[name], kind, f"{path}.{name}")
    return out


def _value(value: object, kind: str, path: str) -> Any:
    if kind[0].isupper():  # Leg[] and Limits
        return value
    if kind == "bool":
        if not isinstance(value, bool):
            raise Malformed("must be true or false", field=path)
        return value
    family = kind.rstrip("0123456789") if "int" in kind else kind
    if not isinstance(value, str) or not _COMPILED[family].fullmatch(value):
        raise Malformed(f"must be a string that is a {kind}", field=path)
    if family == "address":
        return address(value, path)
    if family == "bytes32":
        return bytes.fromhex(value[2:])
    return value if family == "string" else _integer(value, kind, path)


def _integer(text: str, kind: str, path: str) -> int:
    number, bits = int(text), int(kind.lstrip("uint"))
    least, most = (0, 2**bits) if kind.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    if not least <= number < most or text == "-0":
        raise Malformed(f"does not fit a {kind}", field=path)
    return number


def _object_schema(fields: Fields, nested: dict[str, Any]) -> dict[str, Any]:
    def schema(name: str, kind: str) -> Any:
        if name in nested:
            return nested[name]
        if kind == "bool":
            return {"type": "boolean"}
        family = kind.rstrip("0123456789") if "int" in kind else kind
        return {"type": "string", "pattern": PATTERNS[family], "description": kind}

    return {
        "type": "object",
        "properties": {name: schema(name, kind) for name, kind in fields},
        "required": [name for name, _ in fields],
        "additionalProperties": False,
    }
