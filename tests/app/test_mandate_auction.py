"""In the auction a mandate's day is a limit like any other: what it does not carry waits for it."""

import pathlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from adapters.base import Call, Reverted
from adapters.chains.abi import artifact
from adapters.chains.settlement import Mandated, encode_mandated
from app.store import StoredIntent
from app.verify import address_of, sign
from app.verify.mandate import used_by
from solver.domain.calendar import DAY
from solver.domain.ids import ZERO_ADDRESS
from solver.domain.intent import SignedIntent
from solver.domain.mandate import REVOKED, Mandate
from solver.domain.typed_data import intent_digest, mandate_digest, uid_of
from tests.app.api.server import (
    DOMAIN,
    KEY,
    OWNER,
    USDC,
    WETH,
    swap,
)
from tests.app.settlement.test_mandates import scope_exceeded
from tests.app.test_auctioneer import Choosy, Room, WillingChain, auctioning
from tests.app.worlds import NOW, admitted, stored

AGENT_KEY = b"\x13" * 32
MANDATE = Mandate(
    owner=OWNER,
    subaccount=0,
    agent=address_of(AGENT_KEY),
    valid_from=0,
    valid_to=NOW + 3 * DAY,
    outcomes=("swap",),
    assets=(WETH.address, USDC.address),
    notional_per_day=150 * 10**6,
    loss_per_day=50 * 10**6,
    max_slippage_bps=100,
    max_margin_used=2**256 - 1,
    min_health=0,
    nonce=9 << 8,
)


class MeterChain(WillingChain):
    """Runs every settlement, and meters what a test lays down."""

    word = 0
    refusal = b""

    async def call(self, to: str, data: bytes, block: int | None = None, **_: Any) -> bytes:
        if self.refusal:
            raise Reverted("refused", self.refusal)
        return b""

    async def call_many(
        self, calls: Sequence[Call], block: int | None = None
    ) -> list[bytes | Reverted]:
        functions = artifact("Settlement").interface.functions
        metered, views = functions["metered"].selector, ("epoch", "isNonceUsed", "filled")
        zero = {functions[name].selector for name in views}
        if not all(call.data[:4] in {metered} | zero for call in calls):
            return await super().call_many(calls, block)
        words = [self.word if call.data[:4] == metered else 0 for call in calls]
        return [word.to_bytes(32, "big") for word in words]


class Agent(Room):
    """A room whose one intent comes under a mandate."""

    async def bring(self, mandate: Mandate = MANDATE, nonce: int = 1) -> StoredIntent:
        """Stores an open intent of the agent's that sells 100 USDC."""
        base = swap(nonce=nonce, receiver=ZERO_ADDRESS, valid_to=NOW + 2 * DAY)
        intent = base._replace(limits=base.limits._replace(max_slippage_bps=100))
        by_owner = sign(mandate_digest(mandate, DOMAIN), KEY)
        by_agent = sign(intent_digest(intent, DOMAIN), AGENT_KEY)
        signature = encode_mandated(Mandated(mandate, by_owner, by_agent))
        signed = SignedIntent(intent, "mandate", signature)
        row = stored()._replace(uid=str(uid_of(intent, DOMAIN)), signed=signed)
        await self.served.fund(10**12)
        await self.served.services.store.record(admitted(row))
        return row

    def meter(self, notional: int, loss: int = 0, day: int = NOW // DAY) -> None:
        self.chain.word = day << 224 | notional << 112 | loss

    @property
    def chain(self) -> Any:
        return self.served.services.chain

    def later(self, seconds: int) -> None:
        """Lets the chain's time pass, prices and all."""
        self.served.clock.advance_ms(seconds * 1000)
        board = self.served.services.board
        assert board._block is not None
        board.set_block(board._block._replace(timestamp=board._block.timestamp + seconds))


@pytest.fixture
async def agent(tmp_path: pathlib.Path) -> AsyncIterator[Agent]:
    pool = Choosy()
    async with auctioning(tmp_path, MeterChain(), pool) as parts:
        yield Agent(*parts, pool)


async def test_what_the_day_carries_is_settled(agent: Agent) -> None:
    row = await agent.bring()
    agent.meter(50 * 10**6)
    assert await agent.round() == 1
    assert agent.state(row) == "settling"


@pytest.mark.parametrize(("notional", "loss"), [(50 * 10**6 + 1, 0), (0, 50 * 10**6)])
async def test_what_it_does_not_carry_waits_for_the_next_day_and_is_not_planned_meanwhile(
    agent: Agent, notional: int, loss: int
) -> None:
    row = await agent.bring()
    agent.meter(notional, loss)
    assert await agent.round() == 0
    assert (agent.state(row), agent.reason(row)) == ("open", "scopeExceeded")
    before = dict(agent.auctioneer._retry)
    for _ in range(70):  # more blocks than any back-off
        await agent.round()
    assert agent.auctioneer._retry == before
    agent.later(DAY - NOW % DAY)
    assert await agent.round() == 1
    assert agent.state(row) == "settling"


async def test_the_dry_runs_word_counts_like_our_own(agent: Agent) -> None:
    row = await agent.bring()
    agent.chain.refusal = scope_exceeded(b"lossPerDay")
    assert await agent.round() == 0
    assert (agent.state(row), agent.reason(row)) == ("open", "scopeExceeded")
    (retry,) = agent.auctioneer._retry.values()
    assert retry.time == NOW - NOW % DAY + DAY
    reason = agent.served.services.store.reason(row.uid)
    assert reason is not None
    assert reason.data["rule"] == "lossPerDay"


async def test_a_mandate_that_ended_meanwhile_settles_nothing(agent: Agent) -> None:
    row = await agent.bring(MANDATE._replace(valid_to=NOW + 60))
    agent.later(61)
    assert await agent.round() == 0
    assert (agent.state(row), agent.reason(row)) == ("open", "scopeExceeded")


async def test_a_mandate_revoked_at_the_chains_head_settles_nothing(agent: Agent) -> None:
    row = await agent.bring()
    agent.chain.word = REVOKED
    assert await agent.round() == 0
    assert (agent.state(row), agent.reason(row)) == ("open", "scopeExceeded")


async def test_a_plan_uses_what_it_sells_and_what_it_loses(agent: Agent) -> None:
    await agent.bring()
    snapshot = agent.served.services.board.snapshot()
    entry = agent.auctioneer._due(snapshot)[0]
    bid = await agent.auctioneer._bid(entry, snapshot)
    assert bid is not None
    plan = bid.plans[0]
    used = used_by(plan.program, plan.solution, snapshot)
    assert used.notional == 100 * 10**6
    got = plan.solution.outs[0].amount * 4000 // 10**12
    assert abs(used.loss - (100 * 10**6 - got)) <= 1
