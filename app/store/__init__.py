"""Everything durable: the event log, intents, steps of settlements. One writer, one file."""

from app.store.chain import Head, verify
from app.store.events import Reason, Store
from app.store.fold import Batch
from app.store.intents import StoredIntent
from app.store.mandates import StoredMandate
from app.store.migration import migrate
from app.store.writer import Write

__all__ = [
    "Batch",
    "Head",
    "Reason",
    "Store",
    "StoredIntent",
    "StoredMandate",
    "Write",
    "migrate",
    "verify",
]
