"""A market falls on the chain, and what fails is sold, paid by the fund, or paid by who won it.

Every state is seen on the account's stream and on the chain, and nothing is lost on the way: cash
and quantities over all accounts are what they were, to the atom, by the chain and by the ledger.
"""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from adapters.chains.devnet import dev_keys
from adapters.chains.settlement import decode, encode, read_positions, view
from app.demo.client import Json
from app.liquidator.winners import Deficit, deficit_of
from app.local import Stack, ready
from solver.domain.account import Account
from solver.domain.event import event_of
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import WAD, parse_decimal
from solver.domain.report import NO_REPORT
from solver.ledger import fold
from tests.e2e.held import World, until, world_at

pytestmark = pytest.mark.asyncio(loop_scope="module")
AS_OF = 1_795_946_400  # 2026-11-29T10:00:00Z
PERP = Instrument(1, Kind.PERP).id
USD = 10**6
FALL_SECONDS = 720  # until the slowest of the three sources has followed
SICK, RICH = 5, 6  # subaccounts of alice: small enough for the fund, and not


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world_at(AS_OF, tmp_path_factory.mktemp("liquidation")) as found:
        yield found


class Sums(NamedTuple):
    """Cash atoms and quantities by instrument over all accounts, by the chain."""

    cash: int
    quantities: dict[int, int]


# ---- what is done to the world


def account_of(world: World, role: str, subaccount: int = 0) -> AccountId:
    return AccountId(world.running.deployment.chain_id, dev_keys()[role].address, subaccount)


async def sent(world: World, sender: str, to: str, data: bytes) -> None:
    body = {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": hex(5_000_000)}
    tx = await world.chain.rpc.request("eth_sendTransaction", body, is_read=False)
    receipt = await until(lambda: world.chain.receipt(tx), bool)
    assert receipt.status, tx


async def deposited(world: World, account: AccountId, atoms: int) -> None:
    usdc = world.running.deployment.usdc
    data = encode("Clearinghouse", "deposit", usdc, atoms, account.subaccount, account.owner)
    await sent(world, account.owner, world.house, data)


async def traded(world: World, a: AccountId, b: AccountId, contracts: int) -> None:
    """The first buys perps of the second at the mark, as a settlement clears it."""
    settlement, rpc = world.running.deployment.settlement, world.chain.rpc
    price = await world.read("mark", 1)
    await rpc.request("anvil_setBalance", settlement, hex(10**19), is_read=False)
    await rpc.request("anvil_impersonateAccount", settlement, is_read=False)
    trade = (a.key, b.key, PERP, contracts * WAD // 10, price, 255, 255)
    data = encode("Clearinghouse", "clear", [trade], [], [], NO_REPORT, [])
    await sent(world, settlement, world.house, data)


async def fallen(world: World, dollars: int, seconds: int = FALL_SECONDS) -> None:
    """The market is at a price, and every source has followed."""
    async with world.blocks:
        now = (await world.chain.head()).timestamp
        await world.running.devnet.travel_to(now + seconds, {"ETH": dollars * WAD})


async def waited(world: World, minutes: int) -> None:
    """Time passes at the price that is."""
    async with world.blocks:
        now = (await world.chain.head()).timestamp
        await world.running.devnet.travel_to(now + 60 * minutes)


# ---- what is seen of it


async def shown(world: World, account: AccountId) -> Json:
    return await world.alice.get(f"/v1/accounts/{account.owner}/{account.subaccount}")


async def told(world: World, log: str) -> list[Json]:
    """Returns all events of a log."""
    return list((await world.alice.get("/v1/events", log=log, limit="1000"))["events"])


async def auction(world: World, function: str, *args: Any) -> Any:
    call = view("Auction", world.running.deployment.auction, function, *args)
    return decode("Auction", function, await world.chain.call(*call))


async def deficit(world: World, id_: int) -> Deficit | None:
    head = await world.chain.head()
    return await deficit_of(world.chain, world.running.deployment.auction, id_, head.number)


def everybody(world: World) -> list[AccountId]:
    roles = ("maker", "solver", "bob", "liquidator")
    fund = AccountId(world.running.deployment.chain_id, world.house, 0)
    mine_ = [account_of(world, "alice", number) for number in (0, SICK, RICH)]
    return [*(account_of(world, role) for role in roles), *mine_, fund]


async def sums(world: World) -> Sums:
    """Returns what everybody has together, at one block."""
    block, everyone = (await world.chain.head()).number, everybody(world)
    calls = [view("Clearinghouse", world.house, "cashOf", a.key) for a in everyone]
    calls += [view("Clearinghouse", world.house, "positions", a.key) for a in everyone]
    answers = [raw for raw in await world.chain.call_many(calls, block) if isinstance(raw, bytes)]
    assert len(answers) == len(calls)
    cash = [decode("Clearinghouse", "cashOf", raw) for raw in answers[: len(everyone)]]
    quantities: Counter[int] = Counter()
    for raw in answers[len(everyone) :]:
        for instrument, quantity in read_positions(raw):
            quantities[instrument] += quantity
    return Sums(sum(cash), {key: total for key, total in quantities.items() if total})


async def folded(world: World, account: AccountId) -> Account:
    """Returns the account by its log alone."""
    events = [event_of(row["type"], row["body"]) for row in await told(world, account.log)]
    return fold(Account(account), events)


async def assert_conserved(world: World, before: Sums, deposits: int = 0) -> None:
    """By the chain, and by a fold of every log that equals it."""
    now = await sums(world)
    assert now.cash == before.cash + deposits
    assert now.quantities == before.quantities
    for account in everybody(world):
        by_log = await folded(world, account)
        assert by_log.cash == await world.read("cashOf", account.key), account.log


async def assert_folds_to(world: World, account: AccountId, was: Json) -> None:
    """What a process that is gone has shown is what the log says up to there, hash and all."""
    head, log = was["head"], await told(world, account.log)
    rows = [row for row in log if int(row["seq"]) <= int(head["seq"])]
    assert [row["hash"] for row in rows[-1:]] == [head["hash"]][: len(rows)]
    now = fold(Account(account), [event_of(row["type"], row["body"]) for row in rows])
    held = {position["instrument"]: position["quantity"] for position in was["positions"]}
    assert (now.cash, now.health.state) == (parse_decimal(was["cash"], 6), was["health"]["state"])
    assert now.quantity(PERP) == parse_decimal(held.get("ETH-PERP", "0"))


def steps(events: list[Json]) -> list[str]:
    """Returns the states in the order they came, each change once."""
    moves = [e["body"] for e in events if e["type"] == "HealthChanged"]
    return [move["to"] for move in moves if move["to"] != move["from"]]


def words(events: list[Json]) -> list[str]:
    sale = ("AuctionStarted", "SliceSold", "AuctionBankrupted", "AuctionEnded", "DebtAbsorbed")
    return [event["type"] for event in events if event["type"] in sale]


# ---- the story


async def test_a_shock_leads_through_every_state_and_the_auction_back_to_health(
    world: World,
) -> None:
    sick, maker = account_of(world, "alice", SICK), account_of(world, "maker")
    await deposited(world, sick, 2_000 * USD)
    await traded(world, sick, maker, 48)
    await until(lambda: shown(world, sick), lambda account: account["positions"])
    before = await sums(world)
    async with world.alice.listening(sick.log) as heard:
        events: list[Json] = []
        for dollars, state in ((3_555, "WARNING"), (3_500, "REDUCE_ONLY"), (3_375, "LIQUIDATING")):
            await fallen(world, dollars)
            events += await heard(_moves_to(state))
            assert await world.read("isFrozen", sick.key) is False or state == "LIQUIDATING"
        events += await heard(lambda event: event["type"] == "AuctionStarted")
        assert await world.read("isFrozen", sick.key)
        assert (await auction(world, "saleOf", sick.key))[0]
        await waited(world, 1)  # the price falls until somebody takes it
        events += await heard(lambda event: event["type"] == "AuctionEnded")
        assert not await world.read("isFrozen", sick.key)
        assert not (await auction(world, "saleOf", sick.key))[0]
        await assert_conserved(world, before)
        await deposited(world, sick, 1_000 * USD)  # the auction restores maintenance, no more
        events += await heard(_moves_to("HEALTHY"))
    sold = words(events)
    assert (sold[0], set(sold[1:-1]), sold[-1]) == ("AuctionStarted", {"SliceSold"}, "AuctionEnded")
    assert list(dict.fromkeys(steps(events)))[:3] == ["WARNING", "REDUCE_ONLY", "LIQUIDATING"]
    assert steps(events)[-1] == "HEALTHY"
    ours = await folded(world, account_of(world, "liquidator"))
    assert 0 < ours.quantity(PERP) < 48 * WAD // 10
    await assert_conserved(world, before, 1_000 * USD)


async def test_a_crash_that_takes_everything_is_paid_by_the_fund(world: World) -> None:
    sick, fund = account_of(world, "alice", SICK), everybody(world)[-1]
    before, funds = await sums(world), await world.read("cashOf", fund.key)
    async with world.alice.listening(sick.log) as heard:
        await fallen(world, 1_900)
        events = await heard(lambda event: event["type"] == "AuctionBankrupted")
        await waited(world, 2)  # others may want it for what the fund pays
        events += await heard(_moves_to("CLOSED"))
    assert "BANKRUPT" in steps(events)
    assert words(events)[0] == "AuctionStarted"
    assert "AuctionBankrupted" in words(events)
    assert await world.read("cashOf", sick.key) == 0
    assert await world.read("cashOf", fund.key) < funds
    await assert_conserved(world, before)


async def test_what_the_fund_lacks_is_paid_by_who_won_it_whoever_dies_meanwhile(
    world: World,
) -> None:
    rich, bob, maker = (account_of(world, *who) for who in (("alice", RICH), ("bob",), ("maker",)))
    await deposited(world, rich, 1_000_000 * USD)
    await deposited(world, bob, 500_000 * USD)
    for winner, size in ((bob, 9_000), (maker, 16_000)):
        await traded(world, rich, winner, size)
    await until(lambda: shown(world, rich), lambda account: account["positions"])
    before = await sums(world)
    await fallen(world, 1_290)
    await until(lambda: auction(world, "saleOf", rich.key), lambda sale: sale[1])  # bankrupt
    before_death = {account: await shown(world, account) for account in everybody(world)}
    await _killed(world.running)
    for account, was in before_death.items():
        await assert_folds_to(world, account, was)
    await waited(world, 2)
    owed: Deficit = await until(lambda: deficit(world, 1), bool)
    assert owed.left > 0
    assert await world.read("isFrozen", rich.key)
    await until(lambda: shown(world, rich), lambda account: account["cash"].startswith("-"))
    async with world.alice.listening(rich.log) as heard:
        await fallen(world, 1_290, 3_700)  # an hour in public
        events = await heard(_moves_to("CLOSED"))
    raised = await deficit(world, 1)
    assert raised is not None
    assert (raised.amount, raised.left) == (owed.amount, 0)
    assert "AuctionEnded" in words(events)
    assert not await world.read("isFrozen", rich.key)
    assert await world.read("cashOf", rich.key) == 0
    pages = [event["body"] for event in await told(world, "deficit:1")]
    assert [page["raised"] for page in pages][-1] == str(owed.amount)
    await assert_conserved(world, before)


def _moves_to(state: str) -> Any:
    return lambda event: event["type"] == "HealthChanged" and event["body"]["to"] == state


async def _killed(running: Stack) -> None:
    """SIGKILL, and a new process that has only the log and the chain."""
    assert running.api.process is not None
    running.api.process.kill()
    await running.api.process.wait()
    await running.api.start()
    await ready(running.api_url, running.api)
