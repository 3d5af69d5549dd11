"""The ledger is the final chain: each log once, by whoever caused it, equal to the atom."""

import pathlib
from collections.abc import AsyncIterator

import pytest

from adapters.base import Reverted
from adapters.chains import events as chain
from app.settlement import reconcile
from solver.domain.errors import Broken, Unavailable
from solver.domain.event import ReservationPlaced
from solver.domain.ids import AccountId, IntentUid
from solver.domain.instrument import Instrument, Kind
from tests.app.settlement.fake_chain import HOUSE, SETTLEMENT
from tests.app.settlement.worlds import AMOUNT, World
from tests.app.worlds import ALICE, CHAIN_ID, NOW, OWNER, admitted, stored

WAD = 10**18
MAKER = AccountId(CHAIN_ID, "0x" + "b2" * 20, 7)
CALL = Instrument(1, Kind.CALL, NOW + 3600, 4000 * WAD).id
PERP = Instrument(1, Kind.PERP).id
BASE = Instrument(1, Kind.BASE).id


@pytest.fixture
async def world(tmp_path: pathlib.Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.begin()
    yield made
    await made.stop()


async def follow(world: World) -> None:
    while await world.ledger.step():
        pass


async def final(world: World, *facts: tuple[str, chain.ContractEvent]) -> None:
    """Lets somebody emit these events, buries them, and follows."""
    world.chain.emit(*facts)
    world.chain.mine()
    await follow(world)


def deposited(amount: int = AMOUNT, account: AccountId = ALICE) -> tuple[str, chain.CashMoved]:
    return HOUSE, chain.CashMoved(account.key, amount)


async def types(world: World, log: str = ALICE.log) -> list[str]:
    return [envelope.type for envelope in await world.store.events(log, 0, 1000)]


async def test_a_strangers_deposit_is_posted_at_k_confirmations_and_not_before(world: World):
    world.chain.emit(deposited())
    await follow(world)
    assert world.store.account(ALICE).cash == 0
    world.chain.mine()
    await follow(world)
    assert world.store.account(ALICE).cash == AMOUNT


async def test_a_shallow_reorg_posts_nothing_that_must_be_taken_back(world: World):
    world.chain.emit(deposited())
    await follow(world)
    world.chain.reorg(1, keep=False)
    world.chain.mine(3)
    await follow(world)
    assert "CashMoved" not in await types(world)


async def test_a_deep_reorg_stops_the_follower(world: World):
    world.chain.mine(4)
    await follow(world)
    world.chain.reorg(4)
    world.chain.mine(2)
    with pytest.raises(Broken):
        await world.ledger.step()


async def test_following_again_posts_nothing_again(world: World):
    await final(world, deposited())
    before = await types(world)
    await follow(world)
    await world.stop()
    await world.start()
    await follow(world)
    assert await types(world) == before
    assert world.store.account(ALICE).cash == AMOUNT


async def test_a_long_absence_is_caught_up_in_bounded_looks(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reconcile, "SPAN_MAX", 3)
    for _ in range(5):
        world.chain.emit(deposited())
        world.chain.mine(2)
    await follow(world)
    assert world.store.account(ALICE).cash == 5 * AMOUNT
    assert not world.ledger.broken


async def test_both_sides_of_a_trade_are_facts_of_their_own_account(world: World):
    traded = chain.Traded(ALICE.key, MAKER.key, CALL, -10 * WAD, 57 * WAD, -570_000_000)
    await final(world, (HOUSE, traded))
    alice, maker = world.store.account(ALICE), world.store.account(MAKER)
    assert (alice.cash, alice.quantity(CALL)) == (570_000_000, -10 * WAD)
    assert (maker.cash, maker.quantity(CALL)) == (-570_000_000, 10 * WAD)
    (filled,) = [e for e in await world.store.events(MAKER.log, 0, 9) if e.type == "LegFilled"]
    assert filled.body["counterparty"] == f"{OWNER}/0"
    assert not world.ledger.broken


async def test_slots_keep_the_contracts_order(world: World):
    facts = [
        (HOUSE, chain.Traded(ALICE.key, MAKER.key, instrument, quantity, WAD, 0))
        for instrument, quantity in ((CALL, 1), (PERP, 2), (CALL + 1, 3), (CALL, -1))
    ]
    await final(world, *facts, (HOUSE, chain.BaseMoved(ALICE.key, BASE, 5)))
    slots = [position.instrument for position in world.store.account(ALICE).positions]
    assert slots == [CALL + 1, PERP, BASE]
    assert not world.ledger.broken


def forget(world: World) -> None:
    """Makes the chain's views contradict what its logs said."""
    world.chain.blocks = [b._replace(logs=()) for b in world.chain.blocks]


async def test_an_account_that_differs_is_named_after_a_restart_too(world: World):
    await final(world, deposited())
    remembered = world.chain.blocks
    forget(world)
    await world.stop()
    await world.start()
    world.chain.mine()
    await follow(world)
    assert set(world.ledger.broken) == {ALICE}
    world.chain.blocks[: len(remembered)] = remembered
    world.chain.mine()
    await follow(world)
    assert not world.ledger.broken


async def test_a_comparison_that_could_not_be_made_is_made_later(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    asked = world.chain.call_many

    async def silent(*_: object) -> list[bytes | Reverted]:
        raise Unavailable("the node does not answer")

    world.chain.emit(deposited())
    world.chain.mine()
    monkeypatch.setattr(world.chain, "call_many", silent)
    with pytest.raises(Unavailable):
        await follow(world)
    assert world.store.account(ALICE).cash == AMOUNT
    monkeypatch.setattr(world.chain, "call_many", asked)
    forget(world)
    world.chain.mine()
    await follow(world)
    assert set(world.ledger.broken) == {ALICE}


async def test_an_account_touched_early_in_a_long_absence_is_compared(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    await follow(world)
    monkeypatch.setattr(reconcile, "SPAN_MAX", 3)
    world.chain.emit(deposited())
    world.chain.mine(8)
    assert await world.ledger.step()
    forget(world)
    await follow(world)
    assert set(world.ledger.broken) == {ALICE}


async def test_an_account_that_differs_from_the_chain_is_named(world: World):
    await final(world, deposited())
    forget(world)
    with pytest.raises(Broken):
        await world.ledger.verify(ALICE)
    await world.ledger._verify_all([ALICE])
    assert set(world.ledger.broken) == {ALICE}


async def test_market_facts_go_to_the_markets_log(world: World):
    await final(
        world,
        (HOUSE, chain.ExpiryFixed(1, NOW, 3_900 * WAD)),
        (HOUSE, chain.FixingRecorded(1, NOW, 2, 7_900 * WAD)),
        (HOUSE, chain.FundingMoved(1, 5, -2)),
    )
    named = await types(world, "market:1")
    assert named == ["ExpiryFixed", "FixingRecorded", "FundingMoved"]


async def test_a_cancel_on_chain_ends_the_intent_and_frees_its_caps(world: World):
    await final(world, (SETTLEMENT, chain.Cancelled(OWNER, world.row.signed.intent.nonce)))
    seen = await world.seen()
    assert (seen.state, seen.reserved) == ("cancelled", 0)


async def test_a_raised_epoch_ends_every_older_nonce_of_the_owner(world: World):
    await final(world, (SETTLEMENT, chain.EpochRaised(OWNER, 1)))
    assert (await world.seen()).state == "cancelled"
    assert world.store.account(ALICE).epoch == 1


async def test_another_owners_words_end_nothing_of_ours(world: World):
    nonce = world.row.signed.intent.nonce
    await final(
        world,
        (SETTLEMENT, chain.Cancelled(MAKER.owner, nonce)),
        (SETTLEMENT, chain.EpochRaised(MAKER.owner, 9)),
        (SETTLEMENT, chain.Settled(b"\7" * 32, OWNER, OWNER, WAD, 0, 0)),
    )
    assert world.state() == "open"


async def test_expiry_needs_a_final_block_later_than_valid_to(world: World):
    world.chain.mine(seconds=4000)
    await follow(world)
    assert world.state() == "open", "later, not yet final"
    world.chain.mine()
    await follow(world)
    seen = await world.seen()
    assert (seen.state, seen.reserved) == ("expired", 0)


async def test_a_spent_nonce_is_never_called_expired(world: World):
    world.chain.spent[OWNER, world.row.signed.intent.nonce] = 0
    world.chain.mine(seconds=4000)
    world.chain.mine()
    await follow(world)
    assert world.state() == "cancelled"


async def test_a_partial_fill_goes_on_until_the_contract_says_whole(tmp_path: pathlib.Path):
    world = World(tmp_path)
    intent = world.row.signed.intent._replace(is_partially_fillable=True)
    signed = world.row.signed._replace(intent=intent)
    await world.start()
    row = stored()._replace(signed=signed)
    held = (ALICE.log, ReservationPlaced(row.uid, 1, 0, 0), 0)
    await world.store.record(admitted(row)._replace(events=(*admitted(row).events, held)))
    digest = IntentUid.parse(row.uid).digest
    settled = chain.Settled(digest, OWNER, OWNER, WAD // 2, 0, 0)
    await final(world, (SETTLEMENT, settled))
    assert world.state() == "partiallyFilled"
    world.chain.filled[(intent.owner, intent.nonce)] = WAD
    await final(world, (SETTLEMENT, settled))
    seen = await world.seen()
    assert (seen.state, seen.reserved, seen.types.count("IntentSettled")) == ("settled", 0, 2)
    await world.stop()
