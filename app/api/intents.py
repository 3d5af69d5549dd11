"""Submit, read, list and cancel signed intents; the stateless signing help."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from app import observe, pipeline
from app.api.body import (
    hex_of,
    json_answer,
    known_fields,
    mandate_id_of,
    number_of,
    read_object,
    services_of,
    text_of,
)
from app.api.models import Accepted, Cancelled, Digest, IntentPage, IntentView
from app.api.schema import takes
from app.clock import rfc3339_ms
from app.services import Services
from app.settlement.records import settled_by
from app.store import StoredIntent
from app.verify import Admission, CancelRequest, signer_of
from solver.domain.calendar import rfc3339
from solver.domain.errors import Malformed, NotFound, SolventError
from solver.domain.event import STATES
from solver.domain.ids import IntentUid, address
from solver.domain.intent import SCHEMES, SignedIntent
from solver.domain.typed_data import (
    INTENT_TYPE,
    intent_digest,
    intent_hash,
    permit2_digest,
    separator,
    uid_of,
)
from solver.intents.typed_json import parse_intent, to_json

SIGNATURE_BYTES_MAX = 8_192  # contract wallets and mandates need more than 65
APP_DATA_MAX, NAME_MAX = 8_192, 64
router = APIRouter(tags=["intents"])
Uid = Annotated[str, Path(pattern="^0x[0-9a-f]{112}$", description="56 bytes, hex")]


@router.post("/v1/intents", status_code=202, response_model=Accepted, **takes("SignedIntent"))
async def submit(request: Request) -> Response:
    """Submit a signed intent. 202: stored durably and open. 200: it was stored already.

    `intent` is the message of the typed data, exactly. Nothing is solved here; follow the intent on
    the stream or read it by its UID. Another body under the same nonce is a 409, unless its
    appData names the stored UID in `replaces`.

    A contract wallet sends scheme eip1271, or permit2 for tokens of its own; it is asked by
    isValidSignature with 150,000 gas, as on chain (`walletTooCostly` tells how much it took). One
    that nests signatures (ERC-7739) describes the contents in explicit mode: every type in
    alphabetical order, then the name. It must be deployed: a signature wrapped for later deployment
    (ERC-6492) of an owner without code is refused as `walletNotDeployed`. An account with delegated
    code (EIP-7702) signs by its key, or by its code; permit2 takes the code only.

    Under scheme mandate the signature is the agent's and `mandate` the id of the stored grant; or,
    without `mandate`, it is abi.encode(Mandate, owner's signature, agent's signature).

    `badSignature` comes with `expectedDigest`, `expectedSigner`, `recovered` and `scheme`.
    """
    body = await read_object(request)
    try:
        signed, admission = submission_of(body)
        accepted = await pipeline.submit(services_of(request), signed, admission)
    except SolventError as error:
        observe.intent_refused(error.code)
        raise
    uid = str(accepted.uid)
    observe.intent_accepted(signed.intent.outcome, is_new=accepted.is_new)
    answer = {"uid": uid, "state": accepted.state}
    return json_answer(answer, 202 if accepted.is_new else 200)


def submission_of(body: dict[str, Any]) -> tuple[SignedIntent, Admission]:
    """Returns what a body submits. Raises Malformed with the field."""
    optional = {"appData", "clientOrderId", "quoteId", "mandate"}
    known_fields(body, {"intent", "scheme", "signature"}, optional)
    signature = hex_of(body, "signature", SIGNATURE_BYTES_MAX)
    signed = SignedIntent(parse_intent(body["intent"]), _scheme(body), signature)
    admission = Admission(
        app_data=text_of(body, "appData", APP_DATA_MAX) or "",
        client_order_id=text_of(body, "clientOrderId", NAME_MAX),
        quote_id=text_of(body, "quoteId", NAME_MAX),
        mandate=mandate_id_of(body),
    )
    return signed, admission


def _scheme(body: dict[str, Any]) -> str:
    scheme = body.get("scheme")
    if scheme not in SCHEMES:
        raise Malformed(f"schemes are {', '.join(SCHEMES)}", field="scheme")
    return str(scheme)


@router.post("/v1/intents/digest", response_model=Digest, **takes("IntentToHash"))
async def digest(request: Request) -> Response:
    """Hash an intent and, with a signature, recover its signer. Stateless; nothing is stored.

    `digest` is what the schemes eip712, eip1271 and presign are about, `permit2Digest` what permit2
    is; with `scheme` permit2 the signature is held against the latter. `recovered` is null for what
    is no key's signature, as a contract wallet's; no wallet is asked here.
    """
    body = await read_object(request)
    known_fields(body, {"intent"}, {"signature", "scheme"})
    services, intent = services_of(request), parse_intent(body["intent"])
    domain, permit2 = services.domain, services.deployment.permit2
    plain, by_permit2 = (
        intent_digest(intent, domain),
        permit2_digest(intent, domain, permit2),
    )
    recovered = None
    if "signature" in body:
        is_permit2 = "scheme" in body and _scheme(body) == "permit2"
        signed = by_permit2 if is_permit2 else plain
        recovered = signer_of(signed, hex_of(body, "signature", SIGNATURE_BYTES_MAX))
    return json_answer(
        {
            "typeHash": "0x" + INTENT_TYPE.hex(),
            "structHash": "0x" + intent_hash(intent).hex(),
            "domainSeparator": "0x" + separator(domain).hex(),
            "digest": "0x" + plain.hex(),
            "permit2Digest": "0x" + by_permit2.hex(),
            "uid": str(uid_of(intent, domain)),
            "recovered": recovered,
        }
    )


@router.get("/v1/intents/{uid}", response_model=IntentView)
async def read(request: Request, uid: Uid) -> Response:
    """Read one intent. The signed bounds are shown once it is terminal: until then they are known
    to its owner and to solvers only."""
    services = services_of(request)
    row = services.store.intent(uid)
    if row is None:
        raise NotFound("there is no intent with this uid", field="uid")
    moved, proven = await settled_by(services.store, row, services.deployment.chain_id)
    shown: dict[str, Any] = {
        "moved": [{"token": m.token, "atoms": str(m.amount), "place": m.place} for m in moved]
    }
    if proven is not None:
        value, bound, gap = map(str, proven)
        shown["certificate"] = {"value": value, "bound": bound, "gapPpm": gap}
    return json_answer(view(row, services) | shown)


@router.get("/v1/intents", response_model=IntentPage)
async def page(
    request: Request,
    owner: Annotated[str, Query(pattern="^0x[0-9a-fA-F]{40}$")],
    state: Annotated[list[str] | None, Query(max_length=len(STATES))] = None,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """List an owner's intents, newest first. `state` may be repeated."""
    services = services_of(request)
    unknown = [name for name in state or () if name not in STATES]
    if unknown:
        raise Malformed(f"states are {', '.join(STATES)}", field="state")
    found = await services.store.intents(address(owner, "owner"), tuple(state or ()), cursor, limit)
    rows = [view(row, services) for row in found.intents]
    return json_answer({"intents": rows, "cursor": found.cursor})


@router.delete("/v1/intents/{uid}", response_model=Cancelled, **takes("Cancel"))
async def cancel_one(request: Request, uid: Uid) -> Response:
    """Cancel one intent by a signed CancelIntents(owner, [uid], validTo). Binds the service only;
    `cancel(nonce)` on the contract is the proof."""
    body = await read_object(request)
    known_fields(body, {"validTo", "signature"}, set())
    owner = IntentUid.parse(uid).owner
    valid_to = number_of(body, "validTo", 32)
    signature = hex_of(body, "signature", SIGNATURE_BYTES_MAX)
    return await _cancel(request, CancelRequest(owner, (uid,), valid_to, signature))


@router.post("/v1/intents/cancel", response_model=Cancelled, **takes("CancelMany"))
async def cancel_many(request: Request) -> Response:
    """Cancel several intents by a signed CancelIntents, or with `epoch` every one whose nonce is
    below it by a signed CancelAll(owner, epoch, validTo)."""
    body = await read_object(request)
    known_fields(body, {"owner", "validTo", "signature"}, {"uids", "epoch"})
    owner = address(text_of(body, "owner", 42) or "", "owner")
    valid_to = number_of(body, "validTo", 32)
    signature = hex_of(body, "signature", SIGNATURE_BYTES_MAX)
    if "epoch" in body:
        if "uids" in body:
            raise Malformed("give uids or epoch, not both", field="uids")
        epoch = number_of(body, "epoch", 64)
        uids = tuple(
            row.uid
            for row in services_of(request).store.live_intents()
            if row.signed.intent.owner == owner and row.signed.intent.nonce >> 192 < epoch
        )
        return await _cancel(request, CancelRequest(owner, uids, valid_to, signature, epoch))
    named = body.get("uids")
    if not isinstance(named, list) or not all(isinstance(uid, str) for uid in named):
        raise Malformed("must be a list of uids", field="uids")
    return await _cancel(request, CancelRequest(owner, tuple(named), valid_to, signature))


async def _cancel(request: Request, wish: CancelRequest) -> Response:
    ended = await pipeline.cancel(services_of(request), wish)
    return json_answer({"intents": [{"uid": uid, "state": state} for uid, state in ended]})


def view(row: StoredIntent, services: Services) -> dict[str, Any]:
    """Returns a stored intent as anyone may see it."""
    intent, reason = row.signed.intent, services.store.reason(row.uid)
    return {
        "uid": row.uid,
        "owner": intent.owner,
        "subaccount": str(intent.subaccount),
        "outcome": intent.outcome,
        "scheme": row.signed.scheme,
        "state": row.state,
        "code": row.code,
        "detail": row.detail,
        "reason": {"code": reason.code, "at": rfc3339_ms(reason.at_ms)} if reason else None,
        "auctionId": row.auction_id,
        "txHash": row.tx_hash,
        "confirmations": row.confirmations,
        "clientOrderId": row.client_order_id,
        "quoteId": row.quote_id,
        "validTo": rfc3339(intent.valid_to),
        "createdAt": rfc3339_ms(row.created_ms),
        "updatedAt": rfc3339_ms(row.updated_ms),
        "intent": to_json(intent) if row.is_terminal else None,
        "moved": [],
        "certificate": None,
    }
