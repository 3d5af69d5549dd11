"""Stored mandates: one row each, as the owner signed it. Its end is an event, the row follows."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from app.store.writer import Write
from solver.domain.event import Event, MandateRevoked
from solver.domain.ids import Address
from solver.domain.mandate import Mandate

_INSERT = (
    "INSERT INTO mandate (id, owner, subaccount, agent, body, signature, valid_to, created_ms) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_REVOKE = (
    "UPDATE mandate SET revoked_ms = coalesce(revoked_ms, ?), "
    "revoked_tx = coalesce(revoked_tx, ?) WHERE id = ? AND owner = ?"
)


class StoredMandate(NamedTuple):
    """A grant with the owner's signature. `id` is its digest, 0x and hex; times are unix ms.

    `revoked_tx` revoked it on chain; without one only the service is bound.
    """

    id: str
    mandate: Mandate
    signature: bytes
    created_ms: int
    revoked_ms: int | None = None
    revoked_tx: str | None = None

    @property
    def digest(self) -> bytes:
        """What the owner signed."""
        return bytes.fromhex(self.id[2:])


def writes_of(
    granted: Iterable[StoredMandate], events: Iterable[tuple[str, Event, int]]
) -> tuple[Write, ...]:
    """Returns the rows that new grants and the batch's revocations are.

    Anyone can call revoke with any digest: only what stands on the owner's own log ends a mandate.
    """
    ended = (
        (_REVOKE, (at_ms, event.tx_hash, event.mandate, _owner_of(log)))
        for log, event, at_ms in events
        if isinstance(event, MandateRevoked)
    )
    return (*((_INSERT, _cells_of(row)) for row in granted), *ended)


def _owner_of(log: str) -> Address:
    return log.removeprefix("account:").partition("/")[0]


def mandate_of(cells: dict[str, Any]) -> StoredMandate:
    """Returns the grant that a database row holds."""
    body: list[Any] = orjson.loads(cells["body"])
    owner, subaccount, agent, valid_from, valid_to, outcomes, assets, *numbers = body
    who = (owner, int(subaccount), agent, int(valid_from), int(valid_to))
    return StoredMandate(
        cells["id"],
        Mandate(*who, tuple(outcomes), tuple(assets), *map(int, numbers)),
        bytes.fromhex(cells["signature"]),
        cells["created_ms"],
        cells["revoked_ms"],
        cells["revoked_tx"],
    )


def _cells_of(row: StoredMandate) -> tuple[str | int, ...]:
    mandate = row.mandate
    body = [str(value) if isinstance(value, int) else value for value in mandate]
    return (
        row.id,
        mandate.owner,
        str(mandate.subaccount),
        mandate.agent,
        orjson.dumps(body).decode(),
        row.signature.hex(),
        mandate.valid_to,
        row.created_ms,
    )
