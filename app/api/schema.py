"""The OpenAPI 3.1 document: FastAPI's, with our own bodies and one kind of error everywhere."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from app.api.mandate_models import MandateMessage, MandateTerms
from app.api.models import Problem
from app.api.problems import by_code
from app.api.risk_models import WhatifRequest
from app.errors import MEDIA_TYPE
from solver.domain.intent import SCHEMES
from solver.intents import Wanted, examples
from solver.intents.typed_json import json_schema

VERSION = "1.0.0"
_REF = "#/components/schemas/"
_UINT = {"type": "string", "pattern": "^(0|[1-9][0-9]{0,77})$"}
_HEX = {"type": "string", "pattern": "^0x([0-9a-fA-F]{2})*$"}
_UID = {"type": "string", "pattern": "^0x[0-9a-f]{112}$"}
_MANDATE_ID = {"type": "string", "pattern": "^0x[0-9a-f]{64}$"}
_ADDRESS = {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
_INTENT = {"$ref": _REF + "OutcomeIntent"}
_SCHEME = {"type": "string", "enum": list(SCHEMES)}
APP_DATA = """The JSON document whose keccak256 is intent.appData. `replaces` names the UID of an
open intent that this one takes the place of. `triggers`, `{"health": "WARNING"}` (or REDUCE_ONLY,
LIQUIDATING), makes it protection: it is `paused` (`awaitingTrigger`), its limits reserved, until
the account's health is that or worse; then it is open and stays so. Other members are the signer's
own."""
DESCRIPTION = """Signed outcomes in, hedged positions out, always solvent.

Numbers are decimal strings: JSON floats, exponents, duplicate keys and unknown fields are refused.
Fields that are signed are integers (atoms, 1e18) as in the typed data; everything else is in human
units. Times are RFC 3339 UTC. Errors are `application/problem+json` with a stable `code`.
Account data and events are public and read-only in this version; the signed bounds of an intent
are not shown before it is terminal."""


def takes(name: str) -> dict[str, Any]:
    """Returns the route options that declare a JSON body by the name of its schema."""
    body = {"content": {"application/json": {"schema": {"$ref": _REF + name}}}, "required": True}
    return {"openapi_extra": {"requestBody": body}}


def document(app: FastAPI) -> dict[str, Any]:
    """Returns the OpenAPI document of `app`, the same on every machine."""
    made = get_openapi(title="Solvent", version=VERSION, description=DESCRIPTION, routes=app.routes)
    components = made.setdefault("components", {}).setdefault("schemas", {})
    for dropped in ("HTTPValidationError", "ValidationError"):
        components.pop(dropped, None)
    components |= _bodies()
    components["Problem"] = Problem.model_json_schema(by_alias=True) | {"x-codes": by_code()}
    made["components"]["schemas"] = dict(sorted(components.items()))
    error = {"schema": {"$ref": _REF + "Problem"}}
    for path in made["paths"].values():
        for operation in path.values():
            answers = operation["responses"]
            answers.pop("422", None)
            for status, what in (("4XX", "The request is refused"), ("5XX", "Try again later")):
                answers[status] = {"description": what, "content": {MEDIA_TYPE: error}}
    quote = made["paths"].get("/v1/quotes", {}).get("post")
    if quote:
        shown = {kind: {"value": example} for kind, example in sorted(examples().items())}
        quote["requestBody"]["content"]["application/json"]["examples"] = shown
    return made


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": sorted(required),
        "additionalProperties": False,
    }


def _text(length: int, description: str) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": length, "description": description}


def _whatif() -> dict[str, Any]:
    made = WhatifRequest.model_json_schema(by_alias=True, ref_template=_REF + "{model}")
    return {**made.pop("$defs"), "WhatifRequest": made}


def _bodies() -> dict[str, Any]:
    wanted = TypeAdapter(Wanted).json_schema(by_alias=True, ref_template=_REF + "{model}")
    nested = wanted.pop("$defs", {})
    wanted["properties"]["mandate"] = _MANDATE_ID | {"description": "The mandate to quote under"}
    signed = {"validTo": _UINT, "signature": _HEX}
    return {
        **nested,
        **_whatif(),
        "OutcomeRequest": wanted,
        "OutcomeIntent": json_schema(),
        "SignedIntent": _object(
            {"intent": _INTENT, "scheme": _SCHEME, "signature": _HEX},
            {
                "appData": _text(8192, APP_DATA),
                "clientOrderId": _text(64, "Your own id, unique per owner"),
                "quoteId": _text(64, "The quote this came from"),
                "mandate": _MANDATE_ID | {"description": "The mandate that the agent signed under"},
            },
        ),
        "MandateTerms": MandateTerms.model_json_schema(by_alias=True),
        "SignedMandate": _object(
            {"mandate": MandateMessage.model_json_schema(by_alias=True), "signature": _HEX}
        ),
        "IntentToHash": _object({"intent": _INTENT}, {"scheme": _SCHEME, "signature": _HEX}),
        "Cancel": _object(signed),
        "CancelMany": _object(
            signed | {"owner": _ADDRESS},
            {"uids": {"type": "array", "items": _UID, "maxItems": 100}, "epoch": _UINT},
        ),
    }
