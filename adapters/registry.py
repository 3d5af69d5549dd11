"""Finds venues and oracles by their files, and reads them all from one block in a few trips."""

import functools
import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import cast

from adapters import oracles as oracle_files
from adapters import venues as venue_files
from adapters.base import Call, Oracle, PricedMarket, PriceSample, Reverted, StepValue, Venue
from adapters.chains.evm import EvmChain
from solver.domain.errors import Broken, NotFound
from solver.domain.ids import Address, VenueId
from solver.domain.market import Pool
from solver.domain.route import Swap

ROUNDS_MAX = 8  # a venue that still asks after so many answers will never stop


@functools.cache
def discover() -> dict[VenueId, Venue]:
    """Returns slug -> venue. Raises Broken when a file's slug is not its name."""
    return {slug: cast(Venue, module) for slug, module in _files(venue_files).items()}


@functools.cache
def discover_oracles() -> dict[str, Oracle]:
    """Returns slug -> oracle. Raises Broken when a file's slug is not its name."""
    return {slug: cast(Oracle, module) for slug, module in _files(oracle_files).items()}


def venue(slug: VenueId) -> Venue:
    """Returns the venue with that slug. Raises NotFound."""
    found = discover().get(slug)
    if found is None:
        raise NotFound(f"no venue {slug[:40]!r}")
    return found


def encode_step(swap: Swap, recipient: Address) -> StepValue:
    """Returns the step its venue makes of a swap: what `plan_of` needs."""
    return venue(swap.venue).encode(swap, recipient)


class PoolReader:
    """Keeps what it read of a list of pools, so that a new block costs a few words per pool."""

    def __init__(self, chain: EvmChain, pools: Sequence[tuple[VenueId, Address]]) -> None:
        self._chain = chain
        self._pools = [(venue(slug), pool) for slug, pool in pools]
        self._answers: dict[Call, bytes] = {}
        self._block: int | None = None

    def forget(self) -> None:
        """Drops everything read: after a reorganisation nothing of it need be true."""
        self._answers, self._block = {}, None

    async def read(self, block: int) -> tuple[Pool, ...]:
        """Returns all pools as of one block, in order. Raises Unavailable, or Broken."""
        if self._block is not None and block < self._block:
            self.forget()
        await self._drop_changed(block)
        for _ in range(ROUNDS_MAX):
            missing = [
                call for found, pool in self._pools for call in found.calls(pool, self._answers)
            ]
            if not missing:
                self._block = block
                return tuple(found.parse(pool, self._answers) for found, pool in self._pools)
            self._answers |= await _ask(self._chain, missing, block)
        raise Broken("a venue goes on asking after everything was answered")

    async def _drop_changed(self, block: int) -> None:
        stale = {call for found, pool in self._pools for call in found.hot(pool)}
        moved = await self._reshaped(block)
        self._answers = {
            call: answer
            for call, answer in self._answers.items()
            if call not in stale and call.to not in moved
        }

    async def _reshaped(self, block: int) -> set[Address]:
        """Returns the pools whose liquidity was moved since the last read."""
        topics = {topic for found, _ in self._pools for topic in found.reshaped()}
        watched = [pool for found, pool in self._pools if found.reshaped()]
        if self._block is None or block == self._block or not watched:
            return set()
        logs = await self._chain.logs(watched, self._block + 1, block, [tuple(topics)])
        return {log.address for log in logs}


async def read_prices(
    chain: EvmChain, markets: Iterable[PricedMarket], block: int | None = None
) -> dict[str, tuple[PriceSample, ...]]:
    """Returns what every source says of every underlying, by symbol, in one round trip."""
    markets, oracles = tuple(markets), tuple(discover_oracles().values())
    wanted = [call for market in markets for oracle in oracles for call in oracle.calls(market)]
    answers = await _ask(chain, wanted, block)
    return {
        market.symbol: tuple(
            sample for oracle in oracles if (sample := oracle.parse(market, answers)) is not None
        )
        for market in markets
    }


async def _ask(chain: EvmChain, calls: Iterable[Call], block: int | None) -> dict[Call, bytes]:
    """Returns the answers; empty bytes for a call that reverts."""
    wanted = tuple(dict.fromkeys(calls))
    found = await chain.call_many(wanted, block)
    return {
        call: b"" if isinstance(answer, Reverted) else answer
        for call, answer in zip(wanted, found, strict=True)
    }


def _files(package: ModuleType) -> dict[str, ModuleType]:
    found: dict[str, ModuleType] = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        if getattr(module, "slug", None) != info.name:
            raise Broken(f"{module.__name__} must have slug {info.name!r}, its file's name")
        found[info.name] = module
    return found
