"""A grant is durable with its event, and its end is the event's, whoever records it."""

import asyncio
import pathlib

import pytest

from app.store import Batch, Store, StoredMandate
from solver.domain.errors import Conflict
from solver.domain.event import MandateGranted, MandateRevoked
from solver.domain.typed_data import mandate_digest
from tests.app.worlds import ALICE, NOW, OWNER, open_store
from tests.solver.domain.test_mandate import DOMAIN, MANDATE

TX = "0x" + "ab" * 32


def row_of(nonce: int = 1) -> StoredMandate:
    mandate = MANDATE._replace(owner=OWNER, nonce=nonce, valid_to=NOW + 100)
    digest = "0x" + mandate_digest(mandate, DOMAIN).hex()
    return StoredMandate(digest, mandate, b"\1" * 65, NOW * 1000)


async def grant(store: Store, row: StoredMandate) -> None:
    event = MandateGranted(row.id, row.mandate.agent, row.mandate.valid_to)
    await store.record(Batch(((ALICE.log, event, NOW * 1000),), mandates=(row,)))


async def revoke(store: Store, row: StoredMandate, tx_hash: str | None, at_ms: int) -> None:
    await store.record(Batch(((ALICE.log, MandateRevoked(row.id, tx_hash), at_ms),)))


async def test_a_grant_survives_a_restart_as_it_was_signed(tmp_path: pathlib.Path) -> None:
    row = row_of()
    async with open_store(tmp_path) as store:
        assert store.mandate(row.id) is None
        await grant(store, row)
        assert store.mandate(row.id) == row
    async with open_store(tmp_path) as again:
        assert again.mandate(row.id) == row
        assert (await again.events(ALICE.log, 0, 9))[0].body["mandate"] == row.id


async def test_the_same_grant_twice_at_once_is_stored_once(tmp_path: pathlib.Path) -> None:
    row = row_of()
    async with open_store(tmp_path) as store:
        both = await asyncio.gather(grant(store, row), grant(store, row), return_exceptions=True)
        assert [type(answer) for answer in both] == [type(None), Conflict]
        with pytest.raises(Conflict, match="stored already"):
            await grant(store, row)
        assert store.head(ALICE.log).seq == 1


async def test_the_first_end_stays_and_the_chains_proof_is_added(tmp_path: pathlib.Path) -> None:
    row, other = row_of(1), row_of(2)
    async with open_store(tmp_path) as store:
        await grant(store, row)
        await grant(store, other)
        assert store.mandates_live(OWNER, NOW) == 2
        await revoke(store, row, None, 5)
        await revoke(store, row, TX, 9)
        assert store.mandate(row.id) == row._replace(revoked_ms=5, revoked_tx=TX)
        assert store.mandate(other.id) == other
        assert (store.mandates_live(OWNER, NOW), store.mandates_live(OWNER, NOW + 101)) == (1, 0)


async def test_pages_are_newest_first(tmp_path: pathlib.Path) -> None:
    rows = [row_of(nonce) for nonce in range(5)]
    async with open_store(tmp_path) as store:
        for row in rows:
            await grant(store, row)
        first = await store.mandates(OWNER, None, 3)
        assert [row.mandate.nonce for row in first.mandates] == [4, 3, 2]
        rest = await store.mandates(OWNER, first.cursor, 3)
        assert ([row.mandate.nonce for row in rest.mandates], rest.cursor) == ([1, 0], None)
