"""Grants to agents' keys: draft one to sign, store it, read where it stands, take it back."""

import re
import secrets
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from adapters.chains.settlement import encode
from app import pipeline
from app.api import show
from app.api.body import hex_of, json_answer, known_fields, number_of, read_object, services_of
from app.api.mandate_models import (
    MandateDetail,
    MandateDraft,
    MandateMessage,
    MandatePage,
    MandateRevocation,
    MandateTerms,
)
from app.api.schema import takes
from app.clock import rfc3339_ms
from app.services import Services
from app.store import StoredMandate
from app.verify.mandate import RevokeRequest, Standing, id_of, standings, stored
from solver.domain.calendar import rfc3339
from solver.domain.errors import Malformed
from solver.domain.ids import Address, address
from solver.domain.intent import NO_MARGIN_LIMIT
from solver.domain.mandate import REVOKED, Mandate, left_today, next_day, used_today
from solver.domain.mandate_document import mandate_document, mandate_message, revoke_document
from solver.domain.numbers import BPS
from solver.domain.snapshot import Snapshot
from solver.intents import KINDS
from solver.intents.base import decimal
from solver.intents.wire import VALID_SECONDS_MAX, Wire

SIGNATURE_BYTES_MAX = 8_192  # contract wallets need more than 65
REVOKE_SECONDS = 300  # how long the revocation that is shown may be used
OWNERS_OWN = frozenset({"deposit", "withdraw"})  # they move money in or out: never an agent's
router = APIRouter(prefix="/v1/mandates", tags=["mandates"])
MandateId = Annotated[
    str, Path(alias="id", pattern="^0x[0-9a-f]{64}$", description="The mandate's digest")
]
Json = dict[str, Any]
W = TypeVar("W", bound=Wire)


@router.post("/draft", response_model=MandateDraft, **takes("MandateTerms"))
async def draft(request: Request) -> Response:
    """Turn human terms into the concrete mandate and the typed data that its owner signs. A session
    key is a mandate to a key of one's own. Stateless; nothing is stored."""
    terms = _parsed(MandateTerms, await read_object(request), "")
    services = services_of(request)
    mandate = _drafted(terms, services.board.snapshot())
    if terms.nonce is None:
        (standing,) = await standings(services, (mandate,))
        mandate = mandate._replace(nonce=standing.epoch << 192 | secrets.randbits(184) << 8)
    answer = {
        "id": id_of(mandate, services.domain),
        "mandate": mandate_message(mandate),
        "typedData": mandate_document(mandate, services.domain),
    }
    return json_answer(answer)


@router.post("", status_code=201, response_model=MandateDetail, **takes("SignedMandate"))
async def grant(request: Request) -> Response:
    """Store a mandate that its owner signed, by key or as a contract wallet (ERC-1271). 201: stored
    durably. 200: it was stored already. Its id is the digest that was signed."""
    body = await read_object(request)
    known_fields(body, {"mandate", "signature"}, set())
    message = _parsed(MandateMessage, body["mandate"], "mandate.")
    signature = hex_of(body, "signature", SIGNATURE_BYTES_MAX)
    services = services_of(request)
    row, is_new = await pipeline.grant(services, message.mandate(), signature)
    return json_answer(await _detail(row, services), 201 if is_new else 200)


@router.get("/{id}", response_model=MandateDetail)
async def read(request: Request, mandate_id: MandateId) -> Response:
    """Read one mandate: its terms, where it stands, what its day has used by the chain's meter."""
    services = services_of(request)
    return json_answer(await _detail(stored(services.store, mandate_id), services))


@router.get("", response_model=MandatePage)
async def page(
    request: Request,
    owner: Annotated[str, Query(pattern="^0x[0-9a-fA-F]{40}$")],
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Response:
    """List an owner's mandates, newest first."""
    services = services_of(request)
    found = await services.store.mandates(address(owner, "owner"), cursor, limit)
    said = await standings(services, [row.mandate for row in found.mandates])
    rows = [view(*pair, services) for pair in zip(found.mandates, said, strict=True)]
    return json_answer({"mandates": rows, "cursor": found.cursor})


@router.delete("/{id}", response_model=MandateRevocation, **takes("Cancel"))
async def revoke(request: Request, mandate_id: MandateId) -> Response:
    """Revoke by a signed RevokeMandate(owner, mandate, validTo). It binds this service at once and
    cancels what is open under it; `onChain` is the call that binds every solver."""
    body = await read_object(request)
    known_fields(body, {"validTo", "signature"}, set())
    signature = hex_of(body, "signature", SIGNATURE_BYTES_MAX)
    wish = RevokeRequest(mandate_id, number_of(body, "validTo", 32), signature)
    services = services_of(request)
    row, ended = await pipeline.revoke(services, wish)
    answer = {
        "id": row.id,
        "state": "revoked",
        "intents": [{"uid": uid, "state": state} for uid, state in ended],
        "onChain": _on_chain(row, services),
    }
    return json_answer(answer)


def view(row: StoredMandate, standing: Standing, services: Services) -> Json:
    """Returns a stored mandate in the words of the API."""
    mandate, now = row.mandate, services.clock.time()
    token = services.deployment.settlement_token
    used, left = used_today(standing.word, now), left_today(mandate, standing.word, now)
    return {
        "id": row.id,
        "owner": mandate.owner,
        "subaccount": str(mandate.subaccount),
        "agent": mandate.agent,
        "state": state_of(row, standing, now),
        "mandate": mandate_message(mandate),
        "today": {
            "notionalUsed": show.amount(used.notional, token),
            "notionalLeft": show.amount(left.notional, token),
            "lossUsed": show.amount(used.loss, token),
            "lossLeft": show.amount(left.loss, token),
            "resetsAt": rfc3339(next_day(now)),
        },
        "validFrom": rfc3339(mandate.valid_from),
        "validTo": rfc3339(mandate.valid_to),
        "createdAt": rfc3339_ms(row.created_ms),
        "revokedAt": rfc3339_ms(row.revoked_ms) if row.revoked_ms is not None else None,
        "revokedTx": row.revoked_tx,
    }


def state_of(row: StoredMandate, standing: Standing, now: int) -> str:
    """Returns where a mandate stands at the unix second `now`."""
    mandate = row.mandate
    if row.revoked_ms is not None or standing.word == REVOKED:
        return "revoked"
    if now > mandate.valid_to:
        return "expired"
    if mandate.nonce >> 192 != standing.epoch:
        return "epochStale"
    if standing.is_spent:
        return "nonceSpent"
    return "active" if mandate.valid_from <= now else "notYetValid"


async def _detail(row: StoredMandate, services: Services) -> Json:
    (standing,) = await standings(services, (row.mandate,))
    until, owner = services.clock.time() + REVOKE_SECONDS, row.mandate.owner
    document = revoke_document(owner, row.digest, until, services.domain)
    revocation = {"typedData": document, "onChain": _on_chain(row, services)}
    return view(row, standing, services) | {"revocation": revocation}


def _on_chain(row: StoredMandate, services: Services) -> Json:
    call = encode("Settlement", "revoke", row.digest)
    return {"to": services.domain.verifying_contract, "data": "0x" + call.hex()}


def _parsed(kind: type[W], body: object, prefix: str) -> W:
    """Returns the typed body. Raises Malformed naming the first field that is wrong."""
    if not isinstance(body, Mapping):
        raise Malformed("must be an object", field=prefix.rstrip("."))
    try:
        return kind.model_validate(dict(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        code = first["type"] if first["type"] == "wrongChecksum" else None
        raise Malformed(first["msg"][:200], code=code, field=f"{prefix}{place}"[:200]) from None


def _drafted(terms: MandateTerms, snapshot: Snapshot) -> Mandate:
    """Returns what the terms mean, with nonce 0 where they name none. Raises Malformed."""
    places, now = snapshot.settlement_token.decimals, snapshot.time
    if terms.slippage_bps > BPS:
        raise Malformed(f"is at most {BPS}", field="slippageBps")
    if not 0 < terms.valid_for_seconds <= VALID_SECONDS_MAX:
        raise Malformed(f"is 1 to {VALID_SECONDS_MAX}", field="validForSeconds")
    begins = max(now, terms.valid_from or 0)
    if begins + terms.valid_for_seconds >= 2**32:
        raise Malformed("ends after the year 2106", field="validForSeconds")
    margin = terms.max_margin_used
    return Mandate(
        owner=terms.owner,
        subaccount=terms.subaccount,
        agent=terms.agent,
        valid_from=terms.valid_from or 0,
        valid_to=begins + terms.valid_for_seconds,
        outcomes=_outcomes(terms.outcomes),
        assets=_assets(terms.assets, snapshot),
        notional_per_day=decimal(terms.notional_per_day, places, "notionalPerDay"),
        loss_per_day=decimal(terms.loss_per_day, places, "lossPerDay"),
        max_slippage_bps=terms.slippage_bps,
        max_margin_used=(
            NO_MARGIN_LIMIT if margin is None else decimal(margin, places, "maxMarginUsed")
        ),
        min_health=decimal(terms.min_health or "0", 18, "minHealth"),
        nonce=terms.nonce or 0,
    )


def _outcomes(words: list[str]) -> tuple[str, ...]:
    grantable = sorted(set(KINDS) - OWNERS_OWN)
    for index, word in enumerate(words):
        if word not in grantable:
            detail = f"outcomes that can be granted are {', '.join(grantable)}"
            raise Malformed(detail, field=f"outcomes.{index}")
    return tuple(dict.fromkeys(words))


def _assets(names: list[str], snapshot: Snapshot) -> tuple[Address, ...]:
    """Returns addresses: a token's own, an underlying's base."""
    known = {u.symbol: u.base.address for u in snapshot.underlyings}
    known |= {token.symbol: token.address for token in snapshot.tokens}
    addresses = set(known.values())
    found: dict[Address, None] = {}
    for index, name in enumerate(names):
        is_address = re.fullmatch(r"0x[0-9a-fA-F]{40}", name)
        asset = address(name) if is_address else known.get(name)
        if asset not in addresses:
            detail = f"assets here are {', '.join(sorted(known))}"
            raise Malformed(detail, field=f"assets.{index}")
        assert asset is not None
        found[asset] = None
    return tuple(found)
