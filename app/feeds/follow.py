"""Follows chain heads and writes what each says to the board, all of it read at one block.

The price of a market is the feed's that the contracts judge with, so that margin here equals margin
there to the atom; the other sources guard it: they make its state and its confidence. While the
chain does not answer the board serves nothing: an old price is not passed off as the present one.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, NamedTuple

from adapters.base import Call, PriceSample, Reverted
from adapters.chains.deployment import Deployment, MarketInfo
from adapters.chains.evm import EvmChain, Head
from adapters.chains.settlement import decode, view
from adapters.registry import PoolReader, read_prices
from app import observe
from app.board import Block, Board, Price
from app.clock import ChainClock
from app.feeds.judge import Asked, Judge, weights_of
from app.feeds.listing import ASIAN_WEEKS, WEEKS, asian_strikes, expiries_at, strikes_around
from app.feeds.peg import settlement_price
from app.notice import put_in_force
from app.parameters import BUILT_IN, Parameters
from solver.domain.calendar import DAY
from solver.domain.errors import Unavailable
from solver.domain.instrument import FIXINGS, fixing_times
from solver.domain.numbers import WAD
from solver.domain.risk import Fixing

POLL_MS = 200
UNREADABLE_POLLS = 3  # failed looks before the board stops serving
TIP_WEI = 10**9
STRIKES_MAX = 64
EXPIRED_DAYS = 60  # how far back fixed prices of expiries are looked for


class Views(NamedTuple):
    """One market on the Clearinghouse: the mark None while the feed is stale."""

    mark: int | None
    funding_index: int
    fixed: tuple[tuple[int, int], ...]  # (expiry, price 1e18)
    fixings: tuple[Fixing, ...]  # of Asian series that have begun to average


class Feeds:
    """The only writer of chain state to the board and of time to the clock."""

    def __init__(
        self,
        chain: EvmChain,
        board: Board,
        clock: ChainClock,
        deployment: Deployment,
        parameters: Parameters = BUILT_IN,
    ) -> None:
        self._chain, self._board, self._clock = chain, board, clock
        self._deployment, self._parameters = deployment, parameters
        self._pools = PoolReader(chain, deployment.pools)
        self._head: Head | None = None
        self._is_whole = False  # all of the head is on the board
        self._is_noticed = False  # since when the parameters are in force is known
        self._failures = 0
        self._judges = {m.market: Judge(m) for m in deployment.markets}
        self._settlement = WAD  # dollars per settlement token; 0 while its own feed does not answer
        self._strikes: dict[int, frozenset[int]] = {}
        self._asians: dict[int, frozenset[int]] = {}
        self._fixed: dict[int, dict[int, int]] = {}
        self._fixings: dict[int, dict[int, Fixing]] = {}  # market -> expiry -> what is recorded

    async def run(self, poll_ms: int = POLL_MS) -> None:
        """Task root: a look every `poll_ms`; records what fails and goes on."""
        while True:
            await self.poll()
            await asyncio.sleep(poll_ms / 1000)

    async def poll(self) -> None:
        """Looks once; after three failures in a row the board says that the chain is unreadable."""
        try:
            await self.step()
            self._failures = 0
        except Unavailable as error:
            self._failures += 1
            if self._failures == UNREADABLE_POLLS:
                observe.part_failed("feeds", error)
                self._board.set_unreadable()

    async def step(self) -> bool:
        """Brings the board to the head; False when it is there already. Raises Unavailable."""
        head = await self._chain.head()
        if head == self._head and self._is_whole and self._board.unreadable_since is None:
            return False
        if await self._is_reorg(head):
            self._forget()
        self._head, self._is_whole = head, False
        pools = await self._pools.read(head.number)
        samples = await read_prices(self._chain, self._deployment.markets, head.number)
        views = await self._views(head)
        if not self._is_noticed:
            self._parameters = put_in_force(self._parameters, head.timestamp)
            self._is_noticed = True
        self._clock.advance(head.timestamp)
        self._board.set_pools(pools)
        await self._read_peg(head)
        for market in self._deployment.markets:
            self._show(market, head, views[market.market], samples.get(market.symbol, ()))
        gas_price = head.base_fee + TIP_WEI
        self._board.set_block(Block(head.number, head.timestamp, gas_price))
        self._is_whole = True
        return True

    def _forget(self) -> None:
        """What another chain said is read again; the board keeps it until it has been."""
        self._pools.forget()
        self._fixed.clear()
        self._fixings.clear()
        for judge in self._judges.values():
            judge.forget()

    async def _read_peg(self, head: Head) -> None:
        """Margin keeps the last price of the settlement token; a feed gone silent is in doubt."""
        found = await settlement_price(self._chain, self._deployment, head.number, head.timestamp)
        self._settlement = found or 0
        if found is not None:
            self._board.set_settlement_price(found)

    async def _is_reorg(self, head: Head) -> bool:
        if self._head is None or head.parent == self._head.hash:
            return False
        known = await self._chain.block(self._head.number)
        return known is None or known.hash != self._head.hash

    def _show(
        self, market: MarketInfo, head: Head, views: Views, samples: Iterable[PriceSample]
    ) -> None:
        price = self._price(market, head, views, samples)
        self._board.set_prices([price])
        hour_ago = self._judges[market.market].hour_ago(head.timestamp)
        risk = self._parameters.in_force(market.symbol, head.timestamp, price.price, hour_ago)
        self._board.set_risk(market.market, risk)
        self._board.set_funding(market.market, views.funding_index)
        fixed = self._fixed.setdefault(market.market, {})
        fixed.update(views.fixed)
        fixings = self._fixings.setdefault(market.market, {})
        fixings.update((fixing.expiry, fixing) for fixing in views.fixings)
        self._board.set_fixed(market.market, fixed, fixings.values())
        if price.price and not self._board.recorded_expiries(market.market):
            expiries = expiries_at(head.timestamp)
            listed = _grown(self._strikes, market.market, strikes_around(price.price))
            self._board.set_listing(market.market, expiries, listed)
            listed = _grown(self._asians, market.market, asian_strikes(price.price))
            means = self._recordable(market.market, expiries[:WEEKS], head.timestamp)
            self._board.set_asians(market.market, means[:ASIAN_WEEKS], listed)

    def _price(
        self, market: MarketInfo, head: Head, views: Views, samples: Iterable[PriceSample]
    ) -> Price:
        guarded = self._board.guarded(market.market)
        weights = weights_of(market, self._board.pools, guarded)
        asked = Asked(head.timestamp, views.mark, weights, self._settlement)
        return self._judges[market.market].price(asked, samples)

    async def _views(self, head: Head) -> dict[int, Views]:
        """Reads mark, funding index and newly fixed expiries of every market in one batch."""
        house = self._deployment.clearinghouse
        asked: list[tuple[int, str, int]] = []
        calls: list[Call] = []
        for market in self._deployment.markets:
            number = market.market
            wanted = [("mark", 0), ("fundingIndex", 0)]
            wanted += [("expiryPrice", expiry) for expiry in self._unfixed(number, head.timestamp)]
            wanted += [("fixings", expiry) for expiry in self._averaging(number, head.timestamp)]
            for name, expiry in wanted:
                args = (number, expiry) if expiry else (number,)
                asked.append((number, name, expiry))
                calls.append(view("Clearinghouse", house, name, *args))
        answers = await self._chain.call_many(calls, head.number)
        found = {
            key: None if isinstance(answer, Reverted) else decode("Clearinghouse", key[1], answer)
            for key, answer in zip(asked, answers, strict=True)
        }
        return {m.market: _views_of(m.market, found) for m in self._deployment.markets}

    def _unfixed(self, market: int, time: int) -> list[int]:
        """Returns the past expiries whose price is not known to be fixed."""
        past = {e for days in range(0, EXPIRED_DAYS, 7) for e in expiries_at(time - days * DAY)}
        past.update(self._board.recorded_expiries(market))
        fixed = self._fixed.get(market, {})
        return sorted(e for e in past if e <= time and e not in fixed)

    def _recordable(self, market: int, expiries: tuple[int, ...], time: int) -> tuple[int, ...]:
        """Returns the expiries whose Asian options lack no fixing but one that has just come due:
        with more, what the chain takes for the mean is not what it will be."""
        done = self._fixings.get(market, {})
        due = {e: sum(at <= time for at in fixing_times(e)) for e in expiries}
        return tuple(e for e in expiries if due[e] - (done[e].fixed if e in done else 0) <= 1)

    def _averaging(self, market: int, time: int) -> list[int]:
        """Returns the expiries whose Asian options have begun to average and not done so in full,
        as far as is known."""
        weeks = (expiries_at(time - days * DAY) for days in range(0, EXPIRED_DAYS, 7))
        done = self._fixings.get(market, {})
        begun = {e for week in weeks for e in week if fixing_times(e)[0] <= time}
        return sorted(e for e in begun if e not in done or done[e].fixed < FIXINGS)


def _grown(
    known: dict[int, frozenset[int]], market: int, strikes: Iterable[int]
) -> tuple[int, ...]:
    """Returns what a market has listed with `strikes` added, as long as that is not too much."""
    old = known.get(market, frozenset())
    strikes = old | frozenset(strikes)
    known[market] = strikes if len(strikes) <= STRIKES_MAX else old
    return tuple(sorted(known[market]))


def _views_of(market: int, found: dict[tuple[int, str, int], Any]) -> Views:
    fixed = tuple(
        (expiry, price)
        for (number, name, expiry), price in found.items()
        if number == market and name == "expiryPrice" and price
    )
    fixings = tuple(
        Fixing(expiry, *answer)
        for (number, name, expiry), answer in found.items()
        if number == market and name == "fixings" and answer and answer[0]
    )
    return Views(found[market, "mark", 0], found[market, "fundingIndex", 0] or 0, fixed, fixings)
