"""Stored intents as values: one row, its form in the database, and how an event moves it.

The state machine is `solver.domain.event.NEXT`; a move that is not in it is a defect of ours and
raises Broken, a move from a state that is no longer the present one lost a race and is a Conflict.
"""

from typing import Any, NamedTuple

import orjson

from solver.domain.errors import Broken, Conflict
from solver.domain.event import NEXT, TERMINAL, IntentStateChanged
from solver.domain.intent import Leg, Limits, OutcomeIntent, SignedIntent

HOLDS_NONCE_STATES = frozenset(NEXT) - TERMINAL - {"cancelling"} | {"settled"}
COLUMNS = (
    "uid", "owner", "subaccount", "outcome", "nonce_key", "scheme", "signature", "body", "app_data",
    "client_order_id", "quote_id", "state", "code", "detail", "auction_id", "tx_hash",
    "confirmations", "created_ms", "updated_ms", "valid_to",
)  # fmt: skip
MOVED = (
    "state", "code", "detail", "auction_id", "tx_hash", "confirmations", "updated_ms", "nonce_key",
)  # fmt: skip
Cell = str | int | None


class StoredIntent(NamedTuple):
    """A signed intent and where it stands. Times are unix milliseconds."""

    uid: str
    signed: SignedIntent
    app_data: str
    created_ms: int
    client_order_id: str | None = None
    quote_id: str | None = None
    state: str = "received"
    code: str | None = None
    detail: str | None = None
    auction_id: str | None = None
    tx_hash: str | None = None
    confirmations: str | None = None
    updated_ms: int = 0

    @property
    def is_terminal(self) -> bool:
        return self.state in TERMINAL

    @property
    def nonce_key(self) -> str | None:
        """What is unique while this intent holds its nonce; None once it let go."""
        intent = self.signed.intent
        return f"{intent.owner}:{intent.nonce}" if self.state in HOLDS_NONCE_STATES else None


def moved(row: StoredIntent, event: IntentStateChanged, at_ms: int) -> StoredIntent:
    """Returns the row after `event`. Raises Conflict on a lost race, Broken on an illegal move."""
    if event.from_state != row.state:
        raise Conflict(
            f"the intent is {row.state}, not {event.from_state}",
            code="stateMoved",
            data={"uid": row.uid, "state": row.state},
        )
    same = event.to_state == row.state == "settling"  # confirmations n/K count on
    if not same and event.to_state not in NEXT[row.state]:
        raise Broken(f"{row.uid}: {row.state} -> {event.to_state} is not a legal move")
    return row._replace(
        state=event.to_state,
        code=event.code,
        detail=event.detail,
        auction_id=event.auction_id or row.auction_id,
        tx_hash=event.tx_hash or row.tx_hash,
        confirmations=event.confirmations,
        updated_ms=at_ms,
    )


def begun(row: StoredIntent, event: IntentStateChanged, at_ms: int) -> StoredIntent:
    """Returns a new row after its first event. Raises Broken unless it starts as received."""
    if (event.from_state, event.to_state) != (None, "received"):
        raise Broken(f"{row.uid} does not begin as received")
    return row._replace(state="received", updated_ms=at_ms)


def cells_of(row: StoredIntent) -> tuple[Cell, ...]:
    """Returns the database row, in the order of COLUMNS."""
    intent = row.signed.intent
    return (
        row.uid,
        intent.owner,
        str(intent.subaccount),
        intent.outcome,
        row.nonce_key,
        row.signed.scheme,
        row.signed.signature.hex(),
        encode_intent(intent),
        row.app_data,
        row.client_order_id,
        row.quote_id,
        row.state,
        row.code,
        row.detail,
        row.auction_id,
        row.tx_hash,
        row.confirmations,
        row.created_ms,
        row.updated_ms,
        intent.valid_to,
    )


def moved_cells_of(row: StoredIntent) -> tuple[Cell, ...]:
    """Returns the uid and the columns of MOVED."""
    return (row.uid, *(getattr(row, column) for column in MOVED))


def row_of(cells: dict[str, Any]) -> StoredIntent:
    """Inverse of `cells_of`."""
    signature = bytes.fromhex(cells["signature"])
    signed = SignedIntent(decode_intent(cells["body"]), cells["scheme"], signature)
    names = StoredIntent._fields
    return StoredIntent(signed=signed, **{n: cells[n] for n in names if n != "signed"})


def encode_intent(intent: OutcomeIntent) -> str:
    """Returns the intent as a JSON array in field order, integers as decimal strings."""
    legs = [[*leg[:4], *map(str, leg[4:])] for leg in intent.legs]
    limits = [intent.limits[0], *map(str, intent.limits[1:])]
    cells = [
        intent.owner,
        str(intent.subaccount),
        intent.receiver,
        intent.outcome,
        legs,
        limits,
        intent.is_partially_fillable,
        str(intent.valid_from),
        str(intent.valid_to),
        str(intent.nonce),
        intent.app_data.hex(),
    ]
    return orjson.dumps(cells).decode()


def decode_intent(text: str) -> OutcomeIntent:
    """Inverse of `encode_intent`."""
    owner, subaccount, receiver, outcome, legs, limits, partial, *rest = orjson.loads(text)
    valid_from, valid_to, nonce, app_data = rest
    return OutcomeIntent(
        owner,
        int(subaccount),
        receiver,
        outcome,
        tuple(Leg(*leg[:4], *map(int, leg[4:])) for leg in legs),
        Limits(limits[0], *map(int, limits[1:])),
        partial,
        int(valid_from),
        int(valid_to),
        int(nonce),
        bytes.fromhex(app_data),
    )
