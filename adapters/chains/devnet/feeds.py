"""Prices of the local chain: a real Chainlink aggregator and Pyth, pushed by one account alone."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from eth_abi.abi import encode

from adapters.base import Call, Reverted
from adapters.chains.deployment import MarketInfo
from adapters.chains.devnet.builder import Builder, Tx
from adapters.chains.devnet.keys import dev_keys
from adapters.chains.devnet.packages import package
from adapters.chains.devnet.tokens import PRICE_WAD
from adapters.chains.evm import EvmChain
from solver.domain.errors import Broken, SolventError
from solver.domain.ids import ZERO_ADDRESS, Address
from solver.domain.numbers import BPS

FEED_DECIMALS, FEED_ANSWER_MAX = 8, 2**95 - 1
ROUND_TIMEOUT_S = 120
PYTH_VALID_S, PYTH_FEE_WEI, PYTH_EXPONENT = 60, 1, -8
PYTH_CONFIDENCE_BPS = 3
WAD_PER_FEED_UNIT = 10**10
HISTORY_MINUTES = 46  # rounds before as-of: an expiry averages thirty minutes
PUSH_SECONDS = 20
REPORTER = "deployer"  # idle once all is deployed: the keeper's nonces are the keeper's own
PUSH_GAS = 500_000
_PRICE = "(int64,uint64,int32,uint256)"
PYTH_UPDATE = f"(bytes32,{_PRICE},{_PRICE})"


class FeedPlan(NamedTuple):
    """One underlying of the local chain. `base` is a token's symbol, pyth_id Pyth's own."""

    market: int
    symbol: str
    base: str
    pyth_id: str


FEEDS = (
    FeedPlan(
        1, "ETH", "WETH", "0xff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace"
    ),
    FeedPlan(
        2, "BTC", "WBTC", "0xe62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43"
    ),
)


class Sources(NamedTuple):
    """Where prices are pushed to: one aggregator per entry of FEEDS, one Pyth for all."""

    aggregators: tuple[Address, ...]
    pyth: Address


async def deploy_feeds(builder: Builder) -> Sources:
    """Deploys the sources; REPORTER is who alone may report."""
    flux, reporter = package("FluxAggregator"), dev_keys()[REPORTER].address
    codes = [
        flux.creation(
            ZERO_ADDRESS,  # no LINK: reports are not paid
            0,
            ROUND_TIMEOUT_S,
            ZERO_ADDRESS,
            1,
            FEED_ANSWER_MAX,
            FEED_DECIMALS,
            f"{plan.symbol} / USD",
        )
        for plan in FEEDS
    ]
    codes.append(package("MockPyth").creation(PYTH_VALID_S, PYTH_FEE_WEI))
    *aggregators, pyth = await builder.create(codes)
    report = flux.interface.functions["changeOracles"].encode([], [reporter], [reporter], 1, 1, 0)
    await builder.send([Tx(address, report) for address in aggregators])
    return Sources(tuple(aggregators), pyth)


def sources_of(markets: Sequence[MarketInfo]) -> Sources:
    """Returns the sources of a deployment's markets, which are those of FEEDS in order."""
    return Sources(tuple(market.feed for market in markets), markets[0].pyth)


def price_at(symbol: str, minute: int, about: Mapping[str, int] | None = None) -> int:
    """Returns the local chain's price of an underlying, 1e18: its price in `about`, by default its
    first, and up to five basis points beside it from minute to minute, so that averages are not
    trivial; minute 0 is exact."""
    base = next(plan.base for plan in FEEDS if plan.symbol == symbol)
    middle = (about or {}).get(symbol, PRICE_WAD[base])
    return middle * (BPS + (minute * 7 + 5) % 11 - 5) // BPS


async def push_prices(
    chain: EvmChain, sources: Sources, prices: Mapping[str, int], time: int | None = None
) -> list[str]:
    """Sends one round per aggregator and one Pyth update from the reporter; returns the hashes.

    Prices are 1e18 by the underlying's symbol; `time` is Pyth's publish time, by default the
    head's. Does not wait for inclusion. Raises Unavailable, or what the node says.
    """
    time = (await chain.head()).timestamp if time is None else time
    reporter = dev_keys()[REPORTER].address
    nonce = await chain.nonce(reporter, "pending")
    latest = package("FluxAggregator").interface.functions["latestRound"]
    rounds = await chain.call_many([Call(a, latest.encode()) for a in sources.aggregators])
    numbers = [latest.one(raw) for raw in rounds if not isinstance(raw, Reverted)]
    if len(numbers) != len(rounds):
        raise Broken("an aggregator of the local chain does not answer")
    txs = _txs(sources, [number + 1 for number in numbers], prices, time)
    requests = [
        ("eth_sendTransaction", [_body(tx, reporter, nonce + i)]) for i, tx in enumerate(txs)
    ]
    answers = await chain.rpc.batch(requests, is_read=False)
    for answer in answers:
        if isinstance(answer, SolventError):
            raise answer
    return answers


async def write_history(
    chain: EvmChain,
    builder: Builder,
    sources: Sources,
    as_of: int,
    about: Mapping[str, int] | None = None,
) -> None:
    """Mines one block a minute up to `as_of`, each with a round of every source, all about the
    prices in `about` (1e18 by symbol)."""
    for minute in range(HISTORY_MINUTES, -1, -1):
        time = as_of - 60 * minute
        await push_prices(chain, sources, prices_at(minute, about), time)
        await builder.mine(time)


def prices_at(minute: int, about: Mapping[str, int] | None = None) -> dict[str, int]:
    """Returns `price_at` of every underlying."""
    return {plan.symbol: price_at(plan.symbol, minute, about) for plan in FEEDS}


def _txs(sources: Sources, rounds: Sequence[int], prices: Mapping[str, int], time: int) -> list[Tx]:
    submit = package("FluxAggregator").interface.functions["submit"]
    update = package("MockPyth").interface.functions["updatePriceFeeds"]
    answers = [prices[plan.symbol] // WAD_PER_FEED_UNIT for plan in FEEDS]
    txs = [
        Tx(address, submit.encode(number, answer))
        for address, number, answer in zip(sources.aggregators, rounds, answers, strict=True)
    ]
    updates = [
        _pyth_update(plan, answer, time) for plan, answer in zip(FEEDS, answers, strict=True)
    ]
    return [*txs, Tx(sources.pyth, update.encode(updates), PYTH_FEE_WEI * len(updates))]


def _pyth_update(plan: FeedPlan, answer: int, time: int) -> bytes:
    price = (answer, answer * PYTH_CONFIDENCE_BPS // BPS, PYTH_EXPONENT, time)
    body = (bytes.fromhex(plan.pyth_id[2:]), price, price)
    return bytes(encode([PYTH_UPDATE], [body]))


def _body(tx: Tx, sender: Address, nonce: int) -> dict[str, str]:
    return {
        "from": sender,
        "to": tx.to or ZERO_ADDRESS,
        "data": "0x" + tx.data.hex(),
        "value": hex(tx.value),
        "nonce": hex(nonce),
        "gas": hex(PUSH_GAS),
    }
