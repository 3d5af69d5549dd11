"""Each step in the open: what is stored before what, which fee replaces which, who ends how."""

import pathlib
from collections.abc import AsyncIterator

import pytest

from adapters.chains.abi import artifact
from app.settlement.flight import SettlementJob
from app.settlement.sender import FEE_WEI_MAX
from solver.domain.errors import Conflict
from tests.app.settlement.fake_chain import DEPLOYMENT, decode_raw
from tests.app.settlement.worlds import CALLDATA, DEPTH, World
from tests.app.worlds import ALICE, NOW


@pytest.fixture
async def world(tmp_path: pathlib.Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.begin()
    yield made
    await made.stop()


async def states(world: World) -> list[tuple[str, str | None]]:
    return [
        (e.body["to"], e.body["confirmations"])
        for e in await world.events()
        if e.type == "IntentStateChanged"
    ]


async def detail(world: World) -> tuple[str | None, str | None]:
    row = world.store.intent(world.uid)
    assert row is not None
    return row.code, row.detail


def error(name: str) -> bytes:
    """Revert data of a Settlement error without arguments or with zero words."""
    found = next(e for e in artifact("Settlement").interface.errors.values() if e.name == name)
    return found.selector + bytes(32 * len(found.inputs))


async def test_the_intent_walks_one_machine_and_counts_confirmations(world: World):
    await world.tick()
    for _ in range(3):
        world.chain.mine()
        await world.tick()
    assert await states(world) == [
        ("received", None),
        ("open", None),
        ("auctioning", None),
        ("solved", None),
        ("settling", "0/2"),
        ("settling", "1/2"),
        ("settled", "2/2"),
    ]


async def test_bytes_are_stored_before_they_are_sent(world: World):
    sent_without_a_row: list[bytes] = []
    accept = world.chain.send_raw

    async def watched(raw: bytes) -> str:
        rows = await world.store.rows("SELECT raw FROM tx WHERE raw = ?", (raw.hex(),))
        if not rows:
            sent_without_a_row.append(raw)
        return await accept(raw)

    world.chain.send_raw = watched  # type: ignore[method-assign]
    await world.tick()
    for _ in range(5):
        world.chain.mine(empty=True)
        await world.tick()
    assert len(world.chain.sent) == 2, "one call and one replacement"
    assert sent_without_a_row == []


async def test_a_replacement_keeps_nonce_and_call_and_pays_13_percent_more(world: World):
    await world.tick()
    world.chain.mine(3, empty=True)
    await world.tick()
    first, second = (decode_raw(raw) for raw in world.chain.sent)
    assert (first.nonce, first.data, first.to) == (second.nonce, second.data, second.to)
    assert second.max_fee == -(-first.max_fee * 113 // 100)


async def test_an_underpriced_send_is_replaced_at_the_market(world: World):
    world.chain.base_fee = 10**10
    await world.tick()
    assert not world.chain.sent, "the base fee went past the first bid"
    world.chain.mine(empty=True)
    world.chain.base_fee = 10**9
    await world.tick()
    world.chain.mine()
    assert world.chain.runs(CALLDATA) == 1


async def test_a_dropped_transaction_is_sent_again_as_it_was(world: World):
    await world.tick()
    world.chain.drop()
    world.chain.mine()
    await world.tick()
    assert list(world.chain.sent.values()) == [2]


async def test_past_the_deadline_the_nonce_goes_to_a_transfer_to_ourselves(tmp_path: pathlib.Path):
    world = World(tmp_path, deadline=NOW + 20)
    await world.begin()
    await world.tick()
    world.chain.mine(2, empty=True)
    await world.tick()
    call, cancel = (decode_raw(raw) for raw in world.chain.sent)
    assert (cancel.to, cancel.data, cancel.nonce) == (cancel.sender, b"", call.nonce)
    world.chain.mine(DEPTH)
    world.deadline = NOW - 1  # nothing is signed any more
    await world.engine.poll()
    assert world.state() == "open"
    assert await detail(world) == ("notIncluded", "the transaction was not included in time")
    assert world.chain.runs(CALLDATA) == 0
    await world.stop()


async def test_the_call_may_still_win_against_its_cancel(tmp_path: pathlib.Path):
    world = World(tmp_path, deadline=NOW + 20)
    await world.begin()
    await world.tick()
    pooled = dict(world.chain.mempool)
    world.chain.mine(2, empty=True)
    await world.tick()
    assert world.state() == "settling", "a cancel that is sent proves nothing"
    world.chain.mempool = pooled  # the pool kept the call
    world.chain.mine(DEPTH)
    await world.tick()
    assert (world.state(), world.chain.runs(CALLDATA)) == ("settled", 1)
    await world.stop()


async def test_a_call_that_would_revert_is_never_signed(world: World):
    world.chain.reverts = error("MarkMissing")
    await world.tick()
    assert world.state() == "open"
    code, words = await detail(world)
    assert code == "markMissing"
    assert words == "the chain refused: MarkMissing"
    assert await world.store.rows("SELECT * FROM tx") == []


async def test_nothing_is_signed_while_gas_costs_more_than_waiting(world: World):
    dear = world.chain.blocks[-1]
    world.chain.blocks[-1] = dear._replace(head=dear.head._replace(base_fee=FEE_WEI_MAX))
    await world.tick()
    assert world.state() == "settling"
    assert await world.store.rows("SELECT * FROM tx") == []
    for _ in range(3):
        world.chain.mine()
        await world.tick()
    assert world.state() == "settled"


async def test_a_fault_of_the_intent_itself_is_final_and_frees_its_caps(world: World):
    world.chain.reverts = error("PartialDelta")
    await world.tick()
    seen = await world.seen()
    assert (seen.state, seen.reserved) == ("failed", 0)
    ended = [e.body["detail"] for e in await world.events() if e.body.get("to") == "failed"]
    assert ended == ["the chain refused: PartialDelta(tolerance 0)"]


async def test_a_revert_opens_the_intent_only_once_it_is_final(world: World):
    await world.tick()
    world.chain.reverts = error("NetCost")
    world.chain.mine()
    await world.engine.poll()
    assert world.state() == "settling"
    world.chain.mine()
    await world.engine.poll()
    assert world.state() == "open"
    assert await detail(world) == ("netCost", "the chain refused: NetCost"), "no signed limit"


async def test_a_nonce_used_elsewhere_opens_the_intent_once_that_is_final(world: World):
    await world.tick()
    ours = decode_raw(next(iter(world.chain.sent)))
    world.chain.mempool[ours.sender, ours.nonce] = ours._replace(hash="0xforeign", data=b"x")
    world.chain.mine()
    await world.engine.poll()
    assert world.state() == "settling"
    world.chain.mine()
    await world.engine.poll()
    assert (world.state(), (await detail(world))[0]) == ("open", "nonceLost")


async def test_a_silent_chain_makes_it_unknown_with_since_when_and_only_proof_ends_that(
    world: World,
):
    await world.tick()
    await world.engine.poll()
    world.chain.is_down = True
    for _ in range(5):
        await world.engine.poll()
    assert world.state() == "unknown"
    code, words = await detail(world)
    assert (code, words) == (
        "chainUnreadable",
        "the chain cannot be read since 2026-09-21T14:13:20Z",
    )
    world.chain.is_down = False
    await world.engine.poll()
    assert world.state() == "settling"


async def test_a_reorg_is_told_and_the_same_bytes_go_out_again(world: World):
    await world.tick()
    world.chain.mine()
    await world.tick()
    world.chain.reorg(1, keep=False)
    await world.tick()
    types = [e.type for e in await world.events()]
    assert types.count("SettlementIncluded") == types.count("SettlementReorged") == 1
    assert (await states(world))[-1] == ("settling", "0/2")
    assert len(world.chain.sent) == 1, "no new bytes"


async def test_settlements_take_nonces_in_a_row_also_after_a_restart(world: World):
    await world.tick()
    await world.stop()
    await world.start()
    sender = world.engine._steps._sender
    stored = await world.engine._records.highest_nonce()
    assert (stored, await sender.next_nonce(stored)) == (0, 1)


async def test_an_intent_in_flight_is_not_settled_again(world: World):
    await world.tick()
    assert world.engine.accounts_in_flight() == {ALICE}
    with pytest.raises(Conflict):
        await world.engine.settle(world.job())
    with pytest.raises(Conflict):
        await world.engine.settle(SettlementJob("a2", ("0x00",), (ALICE,), b"", NOW))


async def test_what_died_between_auction_and_settlement_is_open_again(world: World):
    await world.store.move(world.uid, "auctioning")
    await world.stop()
    await world.start()
    assert world.state() == "open"


async def test_a_final_settlement_waits_for_the_ledger(world: World):
    await world.tick()
    world.chain.mine(DEPTH)
    await world.engine.poll()
    await world.engine.poll()
    assert world.engine.accounts_in_flight() == {ALICE}, "the fold does not know it yet"
    await world.tick()
    await world.engine.poll()
    assert world.engine.accounts_in_flight() == frozenset()
    rows = await world.store.rows("SELECT state FROM settlement")
    assert [row["state"] for row in rows] == ["posted"]
    assert DEPLOYMENT.settlement == decode_raw(next(iter(world.chain.sent))).to
