"""Reads what an expiry needs, all of it at one block: positions, fixed prices, the feeds' rounds.

The feed is the one that the contract's own parameters name at that block, not the deployment's.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from adapters.base import Call, Reverted
from adapters.chains.abi import Function, artifact, function
from adapters.chains.deployment import Deployment
from adapters.chains.evm import Head
from adapters.chains.settlement import decode, read_positions, view
from app.keeper.duty import Seen, Series, begun_series, due_at
from app.keeper.rounds import Round, first_round
from solver.domain.errors import Broken, Unavailable
from solver.domain.ids import Address
from solver.domain.instrument import FIXINGS

ROUND_OUTPUTS = ("uint80", "int256", "uint256", "uint256", "uint80")
LATEST = function("latestRoundData()", ROUND_OUTPUTS)
ROUND = function("getRoundData(uint80)", ROUND_OUTPUTS)
FEED_FIELD = 2  # of contracts/src/types/Market: base, baseDecimals, feed, ..
ANSWER_MAX, TIME_MAX = 2**128 - 1, 2**40 - 1  # beyond them a round prices nothing


class ReadChain(Protocol):
    """What looking needs of a chain. Raises Unavailable."""

    async def call_many(
        self, calls: list[Call], block: int | None = None
    ) -> list[bytes | Reverted]: ...


class Feed(NamedTuple):
    """A market's feed: the id of its newest round and when that was written."""

    address: Address
    newest: int
    time: int


class Look(NamedTuple):
    """One block's state, and where the rounds are."""

    seen: Seen
    feeds: dict[int, Feed]


async def look(
    chain: ReadChain, deployment: Deployment, accounts: Iterable[bytes], head: Head
) -> Look:
    """Returns what is left of expired options, and of fixings, at `head`. Raises Unavailable or
    Broken."""
    begun = await _held(chain, deployment, sorted(accounts), head)
    series = sorted({one for found in begun.values() for one in found})
    recorded, means = await _fixings(chain, deployment, [s for s in series if s.is_asian], head)
    european = [one for one in series if not one.is_asian]
    prices = await _prices(chain, deployment, european, head) | means
    due = {s for s in series if s in prices or due_at(s, recorded) <= head.timestamp}
    held = {account: found & due for account, found in begun.items() if found & due}
    markets = sorted({one.market for one in due if one not in prices})
    feeds = await _feeds(chain, deployment, markets, head)
    newest = {market: feed.time for market, feed in feeds.items()}
    return Look(Seen(head.timestamp, held, prices, newest, recorded), feeds)


async def round_in_force(chain: ReadChain, feed: Feed, time: int, head: Head) -> int | None:
    """Returns the last round at or before a unix time that another follows; None when there is
    none."""

    async def read(number: int) -> Round | None:
        if number >= 1 << 80:
            return None
        (raw,) = await chain.call_many([Call(feed.address, ROUND.encode(number))], head.number)
        return None if isinstance(raw, Reverted) else _round(ROUND, raw)

    return await first_round(read, feed.newest, time)


async def _held(
    chain: ReadChain, deployment: Deployment, accounts: list[bytes], head: Head
) -> dict[bytes, frozenset[Series]]:
    house = deployment.clearinghouse
    calls = [view("Clearinghouse", house, "positions", account) for account in accounts]
    answers = await chain.call_many(calls, head.number)
    found = {
        account: begun_series(read_positions(_answer(answer)), head.timestamp)
        for account, answer in zip(accounts, answers, strict=True)
    }
    return {account: series for account, series in found.items() if series}


async def _prices(
    chain: ReadChain, deployment: Deployment, series: list[Series], head: Head
) -> dict[Series, int]:
    house = deployment.clearinghouse
    calls = [view("Clearinghouse", house, "expiryPrice", s.market, s.expiry) for s in series]
    answers = await chain.call_many(calls, head.number)
    found = {
        one: decode("Clearinghouse", "expiryPrice", _answer(answer))
        for one, answer in zip(series, answers, strict=True)
    }
    return {one: price for one, price in found.items() if price}


async def _fixings(
    chain: ReadChain, deployment: Deployment, series: list[Series], head: Head
) -> tuple[dict[Series, int], dict[Series, int]]:
    """Returns how many fixings each Asian series has, and the mean, 1e18, of those with all."""
    house = deployment.clearinghouse
    calls = [view("Clearinghouse", house, "fixings", s.market, s.expiry) for s in series]
    answers = await chain.call_many(calls, head.number)
    fixings = artifact("Clearinghouse").interface.functions["fixings"]
    known = {s: fixings.decode(_answer(raw)) for s, raw in zip(series, answers, strict=True)}
    means = {s: total // FIXINGS for s, (done, total) in known.items() if done == FIXINGS}
    return {s: done for s, (done, _) in known.items()}, means


async def _feeds(
    chain: ReadChain, deployment: Deployment, markets: list[int], head: Head
) -> dict[int, Feed]:
    calls = [view("Params", deployment.params, "market", market) for market in markets]
    answers = await chain.call_many(calls, head.number)
    addresses = [decode("Params", "market", _answer(answer))[FEED_FIELD] for answer in answers]
    latest = await chain.call_many([Call(a, LATEST.encode()) for a in addresses], head.number)
    return {
        market: _feed(address.lower(), raw)
        for market, address, raw in zip(markets, addresses, latest, strict=True)
    }


def _feed(address: Address, raw: bytes | Reverted) -> Feed:
    """Returns the feed; one that has no round to speak of has none after any expiry."""
    if isinstance(raw, Reverted) or (newest := _round(LATEST, raw)) is None:
        return Feed(address, 0, 0)
    return Feed(address, _fields(LATEST, raw)[0], newest.time)


def _round(read: Function, raw: bytes) -> Round | None:
    """Returns a round as the contract takes it: None when it prices nothing."""
    _, answer, _, time, _ = _fields(read, raw)
    is_good = 0 < answer <= ANSWER_MAX and 0 < time <= TIME_MAX
    return Round(answer, time) if is_good else None


def _fields(read: Function, raw: bytes) -> tuple[Any, ...]:
    try:
        return read.decode(raw)
    except Broken:
        return (0, 0, 0, 0, 0)  # no code, or not a feed


def _answer(answer: bytes | Reverted) -> bytes:
    if isinstance(answer, Reverted):
        raise Unavailable("a view of our contracts reverted", data=answer.data)
    return answer
