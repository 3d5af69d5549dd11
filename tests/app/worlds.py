"""Small worlds for tests of the service: a store on disk, signed intents, a clock that is told."""

import contextlib
import pathlib
from collections.abc import AsyncIterator
from typing import Any

from app.bus import Bus
from app.clock import ManualClock
from app.config import Settings
from app.store import Batch, Store, StoredIntent
from solver.domain.account import Account, Reservation
from solver.domain.event import (
    Event,
    IntentStateChanged,
    ReservationPlaced,
    ReservationReleased,
)
from solver.domain.ids import ZERO_ADDRESS, AccountId
from solver.domain.intent import Leg, Limits, OutcomeIntent, SignedIntent
from solver.domain.typed_data import Domain, uid_of

CHAIN_ID = 31338
NOW = 1_790_000_000
DOMAIN = Domain(CHAIN_ID, "0x" + "5e" * 20)
PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3"
OWNER = "0x" + "a1" * 20
USDC = "0x" + "0c" * 20
ALICE = AccountId(CHAIN_ID, OWNER, 0)


def intent(nonce: int = 1, owner: str = OWNER, **changes: object) -> OutcomeIntent:
    """A deposit of 1 USDC unless told otherwise."""
    base = OutcomeIntent(
        owner=owner,
        subaccount=0,
        receiver=ZERO_ADDRESS,
        outcome="deposit",
        legs=(Leg("collateral", USDC, "deposit", quantity_min=10**6, quantity_max=10**6),),
        limits=Limits(USDC),
        is_partially_fillable=False,
        valid_from=0,
        valid_to=NOW + 3600,
        nonce=nonce,
        app_data=bytes(32),
    )
    return base._replace(**changes)  # type: ignore[arg-type]


def stored(nonce: int = 1, **columns: object) -> StoredIntent:
    signed = SignedIntent(intent(nonce), "eip712", b"\1" * 65)
    row = StoredIntent(str(uid_of(signed.intent, DOMAIN)), signed, "", NOW * 1000)
    return row._replace(**columns)  # type: ignore[arg-type]


def admitted(row: StoredIntent) -> Batch:
    """The batch that admits a row: received, then open."""
    log = AccountId(CHAIN_ID, row.signed.intent.owner, row.signed.intent.subaccount).log
    events = (
        (log, IntentStateChanged(row.uid, None, "received"), NOW * 1000),
        (log, IntentStateChanged(row.uid, "received", "open"), NOW * 1000),
    )
    return Batch(events, intents=(row,))


def counting(account: Account, event: Event) -> Account:
    """A fold that only counts: cash is the number of events seen."""
    return account._replace(cash=account.cash + 1)


def holding(account: Account, event: Event) -> Account:
    """A fold that knows reservations only."""
    if isinstance(event, ReservationPlaced):
        return account._replace(reservations=(*account.reservations, Reservation(*event)))
    if isinstance(event, ReservationReleased):
        kept = tuple(held for held in account.reservations if held.uid != event.uid)
        return account._replace(reservations=kept)
    return account


@contextlib.asynccontextmanager
async def open_store(
    folder: pathlib.Path, bus: Bus | None = None, **options: Any
) -> AsyncIterator[Store]:
    """Yields a store in `folder`, closed at the end."""
    settings = Settings(database_url=f"sqlite:///{folder / 'solvent.db'}", chain_id=CHAIN_ID)
    store = await Store.open(settings, bus or Bus(), ManualClock(NOW), **options)
    try:
        yield store
    finally:
        await store.close()
