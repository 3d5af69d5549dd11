"""The local chain with options held past expiry: what tests of the keeper do to it and ask it."""

import itertools

from adapters.base import Call
from adapters.chains.devnet.packages import package
from adapters.chains.events import decode_log, topics
from adapters.chains.settlement import decode, encode, read_positions, view
from app.keeper import Keeper, TradedHolders
from app.keeper.errand import Errand
from app.settlement.sender import Sender
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import WAD
from solver.domain.report import NO_REPORT
from tests.devnet_fixture import AS_OF

EXPIRY = AS_OF - AS_OF % 86_400 + 3 * 86_400 + 8 * 3_600
CALL = Instrument(1, Kind.CALL, EXPIRY, 3_500 * WAD).id
PUT = Instrument(1, Kind.PUT, EXPIRY, 3_800 * WAD).id
AVERAGED = EXPIRY + 5 * 86_400  # its seven fixings begin after the chain's history does
ASIANS = tuple(
    Instrument(1, kind, AVERAGED, strike * WAD).id
    for kind, strike in ((Kind.ASIAN_CALL, 3_500), (Kind.ASIAN_PUT, 3_800))
)
QUANTITY = 1_234_567_890_123_456_789  # no payoff of it is whole atoms


def keeper_of(devnet, role: str = "keeper") -> Keeper:
    sender = Sender(devnet.chain, devnet.deployment.chain_id, devnet.keys[role].secret.hex())
    holders = TradedHolders(devnet.chain, devnet.deployment, 2)
    return Keeper(devnet.chain, devnet.deployment, Errand(devnet.chain, sender), holders)


def account_of(devnet, role: str) -> bytes:
    return AccountId(devnet.deployment.chain_id, devnet.keys[role].address, 0).key


async def trade(devnet, instrument: int, price: int) -> None:
    """The maker sells an option to the solver, as a settlement would."""
    deployment, rpc = devnet.deployment, devnet.chain.rpc
    parties = (account_of(devnet, "solver"), account_of(devnet, "maker"))
    trade = (*parties, instrument, QUANTITY, price, 255, 255)
    data = encode("Clearinghouse", "clear", [trade], [], [], NO_REPORT, [])
    body = {"from": deployment.settlement, "to": deployment.clearinghouse, "gas": hex(3_000_000)}
    await rpc.request("anvil_setBalance", deployment.settlement, hex(10**19), is_read=False)
    await rpc.request("anvil_impersonateAccount", deployment.settlement, is_read=False)
    sent = await rpc.request("eth_sendTransaction", body | {"data": "0x" + data.hex()})
    await rpc.request("evm_mine", is_read=False)
    receipt = await devnet.chain.receipt(sent)
    assert receipt is not None
    assert receipt.status


async def traded(devnet) -> None:
    await trade(devnet, CALL, 150 * WAD)
    await trade(devnet, PUT, 210 * WAD)


async def house_says(devnet, function: str, *args):
    call = view("Clearinghouse", devnet.deployment.clearinghouse, function, *args)
    return decode("Clearinghouse", function, await devnet.chain.call(*call))


async def options_of(devnet, role: str) -> set[int]:
    call = view(
        "Clearinghouse", devnet.deployment.clearinghouse, "positions", account_of(devnet, role)
    )
    return {p.instrument for p in read_positions(await devnet.chain.call(*call))}


async def kept(devnet, keeper: Keeper, steps: int = 12) -> int:
    """Returns how many steps it took until nothing was left."""
    for step in range(steps):
        if await keeper.step(await devnet.chain.head()):
            return step
        await devnet.chain.rpc.request("evm_mine", is_read=False)
    raise AssertionError("the keeper never ended")


async def events_of(devnet, *names: str) -> list:
    logs = await devnet.chain.logs(
        [devnet.deployment.clearinghouse],
        devnet.deployment.start_block,
        topics=[topics(*names)],
    )
    return [decode_log(log) for log in logs]


async def pool_of(devnet) -> list[str]:
    """Hashes of the transactions that wait for a block."""
    pool = await devnet.chain.rpc.request("txpool_content")
    return [tx["hash"] for nonces in pool["pending"].values() for tx in nonces.values()]


async def newest_round(devnet, feed: str) -> int:
    latest = package("FluxAggregator").interface.functions["latestRound"]
    return int(latest.one(await devnet.chain.call(feed, latest.encode())))


async def round_of(devnet, feed: str, number: int | None = None) -> tuple[int, ...]:
    """A round of a feed, by default its newest: (id, answer, .., time written at, ..)."""
    read = package("FluxAggregator").interface.functions["getRoundData"]
    if number is None:
        number = await newest_round(devnet, feed)
    return tuple(read.decode(await devnet.chain.call(feed, read.encode(number))))


async def in_force(devnet, feed: str, time: int) -> int:
    """The price, 1e18, of the last round at or before a time."""
    number = await newest_round(devnet, feed)
    while (found := await round_of(devnet, feed, number))[3] > time:
        number -= 1
    return found[1] * 10**10


async def mean_of(devnet, market: int) -> int:
    """The mean of the feed over the window, from every round the feed ever had."""
    feed = devnet.deployment.markets[market - 1].feed
    read = package("FluxAggregator").interface.functions["getRoundData"]
    asked = [Call(feed, read.encode(i)) for i in range(1, await newest_round(devnet, feed) + 1)]
    rounds = [read.decode(raw) for raw in await devnet.chain.call_many(asked)]
    ends = [(r[3], r[1]) for r in rounds] + [(EXPIRY, 0)]
    total = sum(
        answer * max(min(end, EXPIRY) - max(begin, EXPIRY - 1800), 0)
        for (begin, answer), (end, _) in itertools.pairwise(ends)
        if begin < EXPIRY
    )
    return int(total * 10**10 // 1800)


def rising(time: int) -> int:
    return 3_600 * WAD + max(time - EXPIRY + 1800, 0) * 108 * WAD // 1800
