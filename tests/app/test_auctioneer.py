"""A round does what it can: one intent that cannot be served stops no other."""

import contextlib
import pathlib
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import pytest

from adapters.base import Reverted
from adapters.chains.abi import artifact
from app.auctioneer import Auctioneer
from app.bids import Bid
from app.breaker import State
from app.pipeline import Quote
from app.pipeline import plan as planned_of
from app.settlement.attest import View, attestor_for
from app.settlement.engine import Engine, engine_for
from app.settlement.flight import SettlementJob
from app.store import StoredIntent
from app.verify import address_of, sign
from solver.domain.errors import Unavailable
from solver.domain.ids import AccountId
from solver.domain.intent import OutcomeIntent, SignedIntent
from solver.domain.snapshot import Snapshot
from solver.domain.typed_data import Domain, intent_digest, uid_of
from solver.routing.certify import certify
from tests.app.api.server import DOMAIN, OWNER, Served, deployment, serving, swap
from tests.app.settlement.fake_chain import FakeChain
from tests.app.worlds import CHAIN_ID, admitted, stored


def encode_error(name: str, *args: Any) -> bytes:
    """Returns what a contract of ours reverts with."""
    errors = artifact("Settlement").interface.errors.values()
    return next(error for error in errors if error.name == name).encode(*args)


KEYS = tuple(bytes([number]) * 32 for number in (0x21, 0x22, 0x23))
OWNERS = tuple(address_of(key) for key in KEYS)


class WillingChain(FakeChain):
    """Runs every settlement it is shown, but those of an owner it refuses."""

    refused: bytes | None = None

    async def call(self, to: str, data: bytes, block: int | None = None, **_: Any) -> bytes:
        self._answer()
        if self.refused is not None and self.refused in data:
            raise Reverted("refused", encode_error("BadSignature", OWNERS[0]))
        return b""


class Choosy:
    """Solves on the spot, and fails on plans of one account as a solver process would."""

    def __init__(self) -> None:
        self.refused = ""

    async def run_on(self, snapshot: Snapshot, job: Callable[[Snapshot], Any]) -> Any:
        if self.refused and self.refused in str(job):
            raise Unavailable("no plan was found in 20 s", code="solveTimeout")
        return job(snapshot)


class Room(NamedTuple):
    served: Served
    auctioneer: Auctioneer
    engine: Engine
    pool: Choosy

    async def admit(self, place: int, **changes: Any) -> StoredIntent:
        """Stores an open intent of the place's owner, whose account can pay for it."""
        row = row_of(swap(nonce=1, owner=OWNERS[place], **changes), KEYS[place])
        await self.served.fund(10**12, AccountId(CHAIN_ID, OWNERS[place], 0))
        await self.served.services.store.record(admitted(row))
        return row

    async def round(self) -> int:
        """Runs one round at a new block."""
        board = self.served.services.board
        block = board._block
        assert block is not None
        board.set_block(block._replace(number=block.number + 1))
        return await self.auctioneer.run_once()

    def state(self, row: StoredIntent) -> str:
        found = self.served.services.store.intent(row.uid)
        assert found is not None
        return found.state

    def reason(self, row: StoredIntent) -> str | None:
        reason = self.served.services.store.reason(row.uid)
        return reason.code if reason else None


def row_of(intent: OutcomeIntent, key: bytes, scheme: str = "eip712") -> StoredIntent:
    signed = SignedIntent(intent, scheme, sign(intent_digest(intent, DOMAIN), key))
    return stored()._replace(uid=str(uid_of(intent, DOMAIN)), signed=signed)


@contextlib.asynccontextmanager
async def auctioning(
    folder: pathlib.Path, chain: FakeChain, pool: Choosy
) -> AsyncIterator[tuple[Served, Auctioneer, Engine]]:
    """Yields an auctioneer and its engine over a served application."""
    async with serving(folder) as served:
        services = served.services
        object.__setattr__(services, "chain", chain)
        object.__setattr__(services, "pool", pool)
        engine = engine_for(
            chain, services.store, services.clock, deployment(), key="51" * 32, confirmations=2
        )
        view = View(services.board.snapshot, services.store.account)
        attestor = attestor_for(view, [key.hex() for key in KEYS], Domain(CHAIN_ID, OWNER))
        yield served, Auctioneer(services, engine, attestor, {}), engine


@pytest.fixture
async def room(tmp_path: pathlib.Path) -> AsyncIterator[Room]:
    pool = Choosy()
    async with auctioning(tmp_path, WillingChain(), pool) as parts:
        yield Room(*parts, pool)


async def test_an_intent_nobody_understands_stops_no_other(room: Room):
    bad, good = await room.admit(0, outcome="nonsense"), await room.admit(1)
    assert await room.round() == 1
    assert (room.state(bad), room.state(good)) == ("open", "settling")
    assert room.reason(bad) is not None


async def test_an_intent_too_hard_to_solve_stops_no_other(room: Room):
    hard, good = await room.admit(0), await room.admit(1)
    room.pool.refused = OWNERS[0]
    assert await room.round() == 1
    assert (room.state(hard), room.state(good)) == ("open", "settling")
    assert room.reason(hard) == "solveTimeout"


async def test_what_failed_is_not_tried_at_every_block(room: Room):
    await room.admit(0)
    room.pool.refused = OWNERS[0]
    tried = 0
    for _ in range(8):
        before = dict(room.auctioneer._retry)
        await room.round()
        tried += room.auctioneer._retry != before
    assert tried == 4  # after 0, 1, 2 and 4 blocks


async def test_intents_that_nobody_can_meet_keep_no_other_from_its_turn(
    room: Room, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("app.auctioneer.BATCH_MAX", 1)
    monkeypatch.setattr("app.auctioneer.BACKOFF_BLOCKS", (1,))
    hopeless = [await room.admit(place, outcome="nonsense") for place in (0, 1)]
    assert await room.round() == 0
    good = await room.admit(2)
    assert await room.round() + await room.round() == 1
    assert room.state(good) == "settling"
    await room.round()
    assert all(room.reason(row) for row in hopeless)


async def test_new_intents_keep_none_that_failed_once_from_its_turn(
    room: Room, monkeypatch: pytest.MonkeyPatch
):
    again = await room.admit(0)
    room.pool.refused = OWNERS[0]
    assert await room.round() == 0
    room.pool.refused = ""
    monkeypatch.setattr("app.auctioneer.BATCH_MAX", 2)
    for place in (1, 2):
        await room.admit(place, outcome="nonsense")
    await room.round()
    assert room.state(again) == "settling"


async def test_an_intent_cancelled_while_it_was_attested_stops_no_other(
    room: Room, monkeypatch: pytest.MonkeyPatch
):
    gone, good = await room.admit(0), await room.admit(1)
    settle = room.engine.settle

    async def settle_late(job: SettlementJob) -> None:
        if gone.uid in job.uids:
            await room.served.services.store.move(gone.uid, "cancelled")
        await settle(job)

    monkeypatch.setattr(room.engine, "settle", settle_late)
    room.auctioneer._moving_pools = frozenset  # type: ignore[method-assign]
    assert await room.round() == 1
    assert (room.state(gone), room.state(good)) == ("cancelled", "settling")


async def test_a_pair_of_which_the_chain_refuses_one_comes_apart(
    room: Room, monkeypatch: pytest.MonkeyPatch
):
    bad, good = await room.admit(0), await room.admit(1)
    snapshot = room.served.services.board.snapshot()
    entries = room.auctioneer._due(snapshot)
    first, other = [await room.auctioneer._bid(entry, snapshot) for entry in entries]
    assert first is not None
    assert other is not None
    monkeypatch.setattr(WillingChain, "refused", bytes.fromhex(OWNERS[0][2:]))
    pair = Bid((*first.entries, *other.entries), first.plans + other.plans, (), (first, other))
    assert await room.auctioneer._settled(pair, "a1") == 1
    assert (room.state(bad), room.state(good)) == ("open", "settling")
    assert room.reason(bad) == "badSignature"


async def test_nothing_is_settled_while_halted(room: Room):
    row = await room.admit(0)
    room.served.services.breaker.move(State.HALTED, "test")
    assert await room.round() == 0
    assert room.state(row) == "open"


async def test_a_quote_for_another_scheme_is_planned_anew(room: Room):
    services = room.served.services
    row = await room.admit(0)
    snapshot = services.board.snapshot()
    quoted = await planned_of(services, row.signed.intent, "permit2", snapshot)
    quote = Quote("q1", uid_of(row.signed.intent, DOMAIN), quoted, {}, snapshot.time + 30)
    services.store.quotes.put("q1", quote, quote.expires_at)
    entry = room.auctioneer._due(snapshot)[0]._replace(quote_id="q1")
    bid = await room.auctioneer._bid(entry, snapshot)
    assert bid is not None
    assert not bid.plans[0].program.is_from_wallet


async def test_a_quote_stands_though_the_price_of_gas_has_moved(room: Room):
    services = room.served.services
    row = await room.admit(0)
    snapshot = services.board.snapshot()
    intent, scheme = row.signed.intent, row.signed.scheme
    quoted = await planned_of(services, intent, scheme, snapshot)
    quote = Quote("q1", uid_of(intent, DOMAIN), quoted, {}, snapshot.time + 30)
    services.store.quotes.put("q1", quote, quote.expires_at)
    later = snapshot._replace(gas_price=snapshot.gas_price // 100)
    for quote_id, is_as_quoted in (("q1", True), (None, False)):
        entry = room.auctioneer._due(snapshot)[0]._replace(quote_id=quote_id)
        bid = await room.auctioneer._bid(entry, later)
        assert bid is not None
        solution = bid.plans[0].solution
        assert (solution.fee == quoted.solution.fee) is is_as_quoted
        program = bid.plans[0].program
        certify(program, later, solution, services.store.account(program.account))
