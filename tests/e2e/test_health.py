"""A price falls on the chain: an account goes through its states, and the stream tells each."""

import itertools
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from adapters.chains.settlement import encode
from app.demo.client import Heard, Json
from app.local import ready
from solver.domain.account import Account
from solver.domain.errors import Unavailable
from solver.domain.event import event_of
from solver.domain.ids import AccountId
from solver.domain.numbers import WAD
from solver.ledger import fold
from tests.e2e.held import SUBACCOUNT, World, until, world_at

pytestmark = pytest.mark.asyncio(loop_scope="module")
AS_OF = 1_795_514_400  # 2026-11-24T10:00:00Z
FUND_USDC, SIZE = 2_000 * 10**6, "4.8"  # 11.5 % of equity on 3,600: initial 10 %, maintenance 6.5 %
TWAP_SECONDS = 720  # until the slowest of the three sources has followed


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world_at(AS_OF, tmp_path_factory.mktemp("health"), SOLVENT_KEEPER_MS="0") as found:
        yield found


async def _fall(world: World, dollars: int) -> None:
    """The market is at a price, and every source has followed."""
    async with world.blocks:
        now = (await world.chain.head()).timestamp
        await world.running.devnet.travel_to(now + TWAP_SECONDS, {"ETH": dollars * WAD})


async def _told(heard: Heard, state: str) -> list[Json]:
    """Returns the judgements on the stream up to the one that leads to a state."""
    events = await heard(lambda e: e["type"] == "HealthChanged" and e["body"]["to"] == state)
    return [event["body"] for event in events if event["type"] == "HealthChanged"]


async def _bought(world: World, size: str) -> None:
    request = {"outcome": "openPerp", "instrument": "ETH-PERP", "side": "buy", "size": size}
    terms = {"subaccount": str(SUBACCOUNT), "slippageBps": "200", "maxFee": "5"}
    done = await world.alice.follow(await world.alice.quote(request, terms))
    assert done.intent["state"] == "settled", done.intent


async def _refused(world: World) -> str:
    """Returns why the account may not buy more."""
    with pytest.raises(Unavailable) as caught:
        await _bought(world, "0.1")
    return caught.value.detail


async def test_a_shock_leads_through_every_state_on_the_stream(world: World) -> None:
    holder, usdc = world.alice.holder, world.running.deployment.usdc
    data = encode("Clearinghouse", "deposit", usdc, FUND_USDC, SUBACCOUNT, holder.address)
    body = {"from": holder.address, "to": world.house, "data": "0x" + data.hex()}
    sent = body | {"gas": hex(900_000)}
    await world.chain.rpc.request("eth_sendTransaction", sent, is_read=False)
    await until(world.show, lambda account: account["cash"] == "2000")
    await _bought(world, SIZE)
    assert (await until(world.show, lambda account: account["positions"]))["health"] == {
        "state": "HEALTHY",
        "since": None,
        "breaches": 0,
    }
    told: list[Json] = []
    async with world.alice.listening(world.account("alice").log) as heard:
        for dollars, state in ((3_555, "WARNING"), (3_500, "REDUCE_ONLY"), (3_375, "LIQUIDATING")):
            await _fall(world, dollars)
            told += await _told(heard, state)
            if state == "REDUCE_ONLY":
                assert "reduceOnly" in await _refused(world)
    assert "liquidating" in await _refused(world)
    states = [row["to"] for row in told]
    assert list(dict.fromkeys(states)) == ["WARNING", "REDUCE_ONLY", "LIQUIDATING"]
    breach, last = told[-2:]
    assert (breach["breaches"], last["breaches"]) == ("1", "2")
    assert breach["snapshot"] != last["snapshot"]
    assert int(last["equity"]) < int(last["maintenance"]) < int(last["initial"])
    assert all(after["from"] == before["to"] for before, after in itertools.pairwise(told))


async def test_the_log_alone_says_where_the_account_stands(world: World) -> None:
    """Killed and started again: the fold of the events is what the service goes on with."""
    api = world.running.api
    assert api.process is not None
    api.process.kill()
    await api.process.wait()
    await api.start()
    await ready(world.running.api_url, api)
    shown = await world.show()
    log = world.account("alice").log
    page = await world.alice.get("/v1/events", log=log, limit="1000")
    told = [e for e in page["events"] if int(e["seq"]) <= int(shown["head"]["seq"])]
    assert told[-1]["hash"] == shown["head"]["hash"]
    events = [event_of(e["type"], e["body"]) for e in told]
    folded = fold(Account(AccountId(*world.account("alice"))), events)
    assert folded.health.state == shown["health"]["state"] != "HEALTHY"
    assert folded.cash == round(float(shown["cash"]) * 10**6)
