"""Admission: may this signed intent come in? Answered from memory, without solving anything.

signature -> window, epoch, shape -> health -> nonce -> caps reserved. What it returns is the one
batch that makes the intent open; the store refuses it if the world moved in between.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from app.board import Board
from app.store.fold import Batch
from app.store.intents import StoredIntent
from app.verify.app_data import app_data_of
from app.verify.authority import authorise, is_signed_by, require_signed
from app.verify.dust import require_worth
from app.verify.funding import Wallets, require_funded
from app.verify.mandate import World as MandateWorld
from app.verify.mandate import agent_of, require_mandate
from app.verify.reservation import reservation
from app.verify.standing import require_standing
from solver.domain.account import Account
from solver.domain.errors import Conflict, Expired, Malformed, SolventError, Unauthorized
from solver.domain.event import Event, IntentStateChanged, ReservationReleased
from solver.domain.ids import ZERO_ADDRESS, AccountId, Address, IntentUid
from solver.domain.intent import OutcomeIntent, SignedIntent
from solver.domain.program import Program
from solver.domain.snapshot import Snapshot
from solver.domain.typed_data import (
    cancel_all_digest,
    cancel_digest,
)
from solver.intents import compile_intent
from solver.policies.protection import AWAITING, is_due

REPLACEABLE = frozenset({"received", "open", "paused", "partiallyFilled"})
UIDS_MAX = 100
CANCEL_SECONDS_MAX = 600  # a signed cancel is good for ten minutes at most

Dated = tuple[str, Event, int]


class Admission(NamedTuple):
    """What comes with a signed intent and is not signed itself (app_data is, by its hash)."""

    app_data: str = ""
    client_order_id: str | None = None
    quote_id: str | None = None
    mandate: str | None = None  # the id of the one it is under, where the signature is the agent's


class CancelRequest(NamedTuple):
    """A signed wish to stop. `epoch` set: everything below it, which `uids` then lists."""

    owner: Address
    uids: tuple[str, ...]
    valid_to: int
    signature: bytes
    epoch: int | None = None


class World(MandateWorld, Protocol):
    """What admission looks at; `app.services.Services` is one."""

    @property
    def board(self) -> Board: ...
    @property
    def wallets(self) -> Wallets: ...


async def verify(world: World, signed: SignedIntent, uid: IntentUid, admission: Admission) -> Batch:
    """Returns the batch that admits the intent.

    Raises Malformed, Unauthorized, Expired, Refused, InsufficientFunds, Infeasible or Conflict.
    """
    intent = signed.intent
    asked = app_data_of(intent, admission.app_data)
    if intent.valid_to <= world.clock.time():
        raise Expired("validTo has passed", code="tooLate", field="intent.validTo")
    if intent.receiver != ZERO_ADDRESS and intent.receiver in world.deployment.contracts:
        detail = "tokens paid to a contract of ours would be lost"
        raise Malformed(detail, code="receiverIsOurs", field="intent.receiver")
    if signed.scheme == "mandate":
        await require_mandate(world, signed, uid)
    else:
        await authorise(world, signed, uid)
    snapshot = world.board.snapshot()
    account_id = AccountId(world.domain.chain_id, intent.owner, intent.subaccount)
    program = _compiled(signed, world.store.account_ahead(account_id), snapshot)
    await require_funded(world, intent, signed.scheme)
    account = world.store.account_ahead(account_id)  # anew: the chain may have let us wait
    require_standing(signed, program, account, snapshot)
    at_ms = world.clock.time_ms()
    log = account.id.log
    released, account = _replaced(world, intent, account, asked.replaces)
    name = str(uid)
    events: list[Event] = [*released, IntentStateChanged(name, None, "received")]
    held = reservation(name, signed, account, snapshot, program)
    if held is not None:
        events.append(held)
    events.append(IntentStateChanged(name, "received", "open"))
    if asked.trigger is not None and not is_due(asked.trigger, account.health):
        detail = f"it opens when the account is in {asked.trigger.health} or worse"
        events.append(IntentStateChanged(name, "open", "paused", AWAITING, detail))
    row = StoredIntent(
        uid=name,
        signed=signed,
        app_data=admission.app_data,
        created_ms=at_ms,
        client_order_id=admission.client_order_id,
        quote_id=admission.quote_id,
    )
    return Batch(tuple((log, event, at_ms) for event in events), intents=(row,))


async def verify_cancel(world: World, request: CancelRequest) -> str:
    """Returns why the intents end: cancelledByOwner, or cancelledByAgent for what one agent signed
    under mandates. Raises Malformed, Expired or Unauthorized unless the cancel was signed just now:
    by key, or as a contract wallet (ERC-1271), which is asked only when no key of it signed.
    """
    now = world.clock.time()
    if request.valid_to <= now:
        raise Expired("validTo has passed", code="tooLate", field="validTo")
    if request.valid_to > now + CANCEL_SECONDS_MAX:
        detail = f"a cancel is signed for at most {CANCEL_SECONDS_MAX} seconds"
        raise Malformed(detail, field="validTo")
    uids = tuple(IntentUid.parse(uid, "uids") for uid in request.uids)
    if any(uid.owner != request.owner for uid in uids):
        detail = "every uid must be of the owner who signs"
        raise Unauthorized(detail, code="badSignature", field="uids")
    if request.epoch is None:
        if not 0 < len(uids) <= UIDS_MAX:
            raise Malformed(f"name 1 to {UIDS_MAX} intents", field="uids")
        digest = cancel_digest(request.owner, uids, request.valid_to, world.domain)
    else:
        digest = cancel_all_digest(request.owner, request.epoch, request.valid_to, world.domain)
    agent = agent_of(map(world.store.intent, request.uids)) if request.epoch is None else None
    try:
        await require_signed(world, request.owner, digest, request.signature)
    except Unauthorized:
        if agent is None or not await is_signed_by(world, agent, digest, request.signature):
            raise
        return "cancelledByAgent"
    return "cancelledByOwner"


def _compiled(signed: SignedIntent, account: Account, snapshot: Snapshot) -> Program:
    """Returns what is asked; raises what is wrong with the words, with the field as this endpoint
    calls it."""
    try:
        program = compile_intent(signed.intent, account, snapshot, signed.scheme)
        require_worth(signed.intent, snapshot)
        return program
    except SolventError as error:
        if error.field is not None and error.field != "scheme":
            error.field = f"intent.{error.field}"
        raise


def _replaced(
    world: World, intent: OutcomeIntent, account: Account, replaces: str | None
) -> tuple[Sequence[Event], Account]:
    """Returns the events that end the replaced intent, and the account without its reservation."""
    if replaces is None:
        return (), account
    old = world.store.intent(replaces)
    if old is None or old.signed.intent.owner != intent.owner:
        raise Conflict("there is no such intent of yours", field="appData.replaces")
    if old.signed.intent.nonce != intent.nonce:
        raise Malformed("a replacement carries the same nonce", field="intent.nonce")
    if old.state not in REPLACEABLE:
        detail = f"the intent to replace is {old.state}"
        raise Conflict(detail, code="tooLateToReplace", field="appData.replaces")
    if old.signed.intent.subaccount != intent.subaccount:
        raise Malformed("a replacement is of the same subaccount", field="intent.subaccount")
    events: list[Event] = [IntentStateChanged(replaces, old.state, "cancelled", "replaced")]
    kept = tuple(held for held in account.reservations if held.uid != replaces)
    if kept != account.reservations:
        events.append(ReservationReleased(replaces))
    return events, account._replace(reservations=kept)
