"""What the chain says of a mandate: its end ends what is open, its budget only waits."""

import pathlib
from collections.abc import AsyncIterator

import pytest
from eth_abi.abi import encode

from adapters.chains import events as chain
from adapters.chains.abi import artifact
from adapters.chains.settlement import Mandated, encode_mandated
from app.settlement.verdict import verdict_of
from app.store import Batch, StoredIntent, StoredMandate
from solver.domain.event import MandateGranted
from solver.domain.ids import AccountId
from solver.domain.intent import SignedIntent
from solver.domain.mandate import Mandate
from solver.domain.typed_data import Domain, mandate_digest, uid_of
from tests.app.settlement.fake_chain import DEPLOYMENT, HOUSE, SETTLEMENT
from tests.app.settlement.worlds import World
from tests.app.worlds import ALICE, CHAIN_ID, NOW, OWNER, admitted, intent, stored
from tests.solver.domain.test_mandate import MANDATE

HERE = Domain(CHAIN_ID, DEPLOYMENT.settlement)


@pytest.fixture
async def world(tmp_path: pathlib.Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.begin()
    yield made
    await made.stop()


def mandate(nonce: int) -> Mandate:
    return MANDATE._replace(owner=OWNER, subaccount=0, nonce=nonce, valid_to=NOW + 999)


async def grant(world: World, granted: Mandate) -> str:
    mandate_id = "0x" + mandate_digest(granted, HERE).hex()
    row = StoredMandate(mandate_id, granted, b"\1" * 65, NOW * 1000)
    event = MandateGranted(mandate_id, granted.agent, granted.valid_to)
    await world.store.record(Batch(((ALICE.log, event, NOW * 1000),), mandates=(row,)))
    return mandate_id


async def trade(world: World, granted: Mandate, nonce: int) -> StoredIntent:
    """Stores an open intent of the agent's."""
    signature = encode_mandated(Mandated(granted, b"o" * 65, b"a" * 65))
    signed = SignedIntent(intent(nonce), "mandate", signature)
    row = stored()._replace(uid=str(uid_of(signed.intent, HERE)), signed=signed)
    await world.store.record(admitted(row))
    return row


async def test_a_revocation_on_chain_is_told_and_ends_what_is_open(world: World) -> None:
    ended, kept = mandate(1), mandate(2)
    ids = [await grant(world, ended), await grant(world, kept)]
    mine, other = await trade(world, ended, 71), await trade(world, kept, 72)
    digest = bytes.fromhex(ids[0][2:])
    world.chain.emit((SETTLEMENT, chain.MandateRevoked(OWNER, digest)))
    world.chain.mine()
    while await world.ledger.step():
        pass
    rows = [world.store.mandate(mandate_id) for mandate_id in ids]
    assert rows[0] is not None
    assert rows[0].revoked_ms is not None
    assert rows[0].revoked_tx is not None
    assert rows[1] is not None
    assert rows[1].revoked_ms is None
    states = [world.store.intent(row.uid) for row in (mine, other, world.row)]
    assert [(row.state, row.code) for row in states if row] == [
        ("cancelled", "mandateRevoked"),
        ("open", None),
        ("open", None),
    ]
    (told,) = [e for e in await world.events() if e.type == "MandateRevoked"]
    assert told.body == {"mandate": ids[0], "txHash": rows[0].revoked_tx}


async def test_a_strangers_revocation_of_the_same_digest_ends_nothing(world: World) -> None:
    mandate_id = await grant(world, mandate(1))
    mine = await trade(world, mandate(1), 71)
    stranger = AccountId(CHAIN_ID, "0x" + "99" * 20, 0)  # with an account here, so it is told
    revoked = chain.MandateRevoked(stranger.owner, bytes.fromhex(mandate_id[2:]))
    world.chain.emit((HOUSE, chain.CashMoved(stranger.key, 5)), (SETTLEMENT, revoked))
    world.chain.mine()
    while await world.ledger.step():
        pass
    row, found = world.store.intent(mine.uid), world.store.mandate(mandate_id)
    assert row is not None
    assert found is not None
    assert (row.state, found.revoked_ms) == ("open", None)
    assert "MandateRevoked" in [e.type for e in await world.store.events(stranger.log, 0, 9)]


def scope_exceeded(rule: bytes) -> bytes:
    """Returns the contract's revert data."""
    errors = artifact("Settlement").interface.errors.values()
    error = next(error for error in errors if error.name == "ScopeExceeded")
    return error.selector + encode(error.inputs, [rule, 2, 1])


@pytest.mark.parametrize("rule", [b"notionalPerDay", b"lossPerDay", b"validFrom"])
def test_what_tomorrow_may_carry_is_open_again(rule: bytes) -> None:
    verdict = verdict_of(scope_exceeded(rule), (OWNER,))
    assert (verdict.to_state, verdict.code) == ("open", "scopeExceeded")


@pytest.mark.parametrize("rule", [b"revoked", b"assets", b"validTo", b"receiver"])
def test_what_the_mandate_never_covers_has_failed(rule: bytes) -> None:
    verdict = verdict_of(scope_exceeded(rule), (OWNER,))
    assert verdict.to_state == "failed"
    assert f"rule {rule.decode()}" in verdict.detail
