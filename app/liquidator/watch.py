"""The liquidator: wakes protection, quotes cures, and sells at auction what nothing else saved.

The monitor tells it who is unwell; it acts at the next head, one transaction at a time, with a key
of its own. Nothing is remembered that a death would cost: who is unwell is told again, what is for
sale stands on the chain and in the log, and each call does no more than is left to do.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from adapters.base import Call, Reverted
from adapters.chains.deployment import Deployment
from adapters.chains.evm import Head
from adapters.chains.settlement import encode
from app import observe
from app.keeper.errand import UNFUNDED, Errand, Road
from app.liquidator import telling
from app.liquidator.duty import Act, Duty, Seen, Terms, duty, price_of
from app.liquidator.hearing import Hearing
from app.liquidator.look import look
from app.liquidator.mandated import SECONDS, Cures
from app.liquidator.protection import wake
from app.liquidator.quoting import chosen, proposals
from app.liquidator.reports import UNNEEDED, Attested, Reports, weighed
from app.monitor import Judged
from app.store import Store
from solver.domain.errors import Malformed, NotFound, Refused, SolventError, Unavailable
from solver.domain.health import CLOSED, HEALTHY
from solver.domain.ids import AccountId
from solver.domain.numbers import WAD
from solver.domain.snapshot import Snapshot
from solver.margin.health import Action, allowed
from solver.policies import Proposal

GAS_MAX = 8_000_000  # of one call: half of a block at most, wherever we are
SHARES = (WAD, WAD // 4, WAD // 20)  # of an account, when our own cannot carry more
SUBACCOUNT = 0  # of ours, that buys
TERMS = Terms()
OPEN = "SELECT log, type FROM event WHERE type IN (?, ?) ORDER BY position"


class LiquidatedChain(Protocol):
    """What the loop itself needs of a chain. Everything raises Unavailable."""

    async def head(self) -> Head: ...

    async def call_many(
        self, calls: Sequence[Call], block: int | None = None
    ) -> list[bytes | Reverted]: ...


class Parts(NamedTuple):
    """What the liquidator is made of; `breaker` answers its present state, `quoted_on` the snapshot
    with everybody's ladders. Without an `errand` it only wakes and quotes; `cures` asks for a cure
    under a mandate."""

    store: Store
    chain: LiquidatedChain
    deployment: Deployment
    errand: Errand | None
    reports: Reports
    breaker: Callable[[], str]
    quoted_on: Callable[[], Snapshot]
    cures: Cures | None = None


class Liquidator:
    """A watcher of health. `told` and `is_sold_out` answer at once; `run` does the work."""

    def __init__(self, parts: Parts, terms: Terms = TERMS) -> None:
        self._parts, self._terms = parts, terms
        self._unwell: dict[AccountId, Judged] = {}
        self._for_sale: set[AccountId] | None = None  # None: not yet read from the log
        self._sold_out: set[AccountId] = set()
        self._cures: dict[AccountId, Proposal] = {}
        self._curing: set[AccountId] = set()
        self._tried: set[AccountId] = set()
        self._news = asyncio.Event()
        self._hearing = Hearing(parts.chain, parts.deployment, parts.reports)

    # ---- for the monitor and the API

    def is_sold_out(self, account: AccountId) -> bool:
        """Returns whether the account's auction has come down to a price of nothing."""
        return account in self._sold_out

    def told(self, judged: Sequence[Judged], snapshot: Snapshot) -> None:
        """Takes who is unwell and who just moved."""
        for each in judged:
            if each.account.health.state in (HEALTHY, CLOSED):  # nothing is left to do for it
                self._unwell.pop(each.account.id, None)
                self._cures.pop(each.account.id, None)
            else:
                self._unwell[each.account.id] = each
        if judged:
            self._news.set()

    def quoted(self, account: AccountId) -> Proposal | None:
        """Returns the cheapest cure of an unwell account as last quoted, None where there is none
        or the book is too thin."""
        return self._cures.get(account)

    # ---- the loop

    async def run(self, poll_ms: int) -> None:
        """Task root: a step whenever health moved or a poll has passed, for ever."""
        told = ""
        errand = self._parts.errand
        if errand is not None:
            telling.started(errand.address)
        while True:
            try:
                await self.step()
                telling.able(errand is not None)
                told = ""
            except SolventError as error:
                telling.able(error.code != UNFUNDED)
                if error.code != told:
                    observe.part_failed("liquidator", error)
                told = error.code
            try:
                async with asyncio.timeout(poll_ms / 1000):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def step(self) -> Duty | None:
        """Wakes protection, quotes cures, makes at most one call; returns that.

        Raises Unavailable, or Refused when the key cannot pay.
        """
        self._news.clear()
        await wake(self._parts.store, [each.account for each in self._unwell.values()])
        await self._quote()
        await self._cure()
        if self._parts.errand is None:
            return None
        errand, head = self._parts.errand, await self._parts.chain.head()
        done = await self._sell(errand, head)
        if done is None and not errand.is_open:
            await self._hear(errand, head)
        return done

    async def _hear(self, errand: Errand, head: Head) -> None:
        """Has the signers heard while it is quiet. Raises Refused when the key cannot pay."""
        try:
            data = await self._hearing.due(head, errand.address)
        except Unavailable as error:  # silent signers stop no sale
            observe.part_failed("liquidator", error)
            return
        auction = self._parts.deployment.auction
        gas = await errand.gas(auction, data) if data is not None else None
        if data is not None and gas is not None:
            await errand.send(auction, data, gas, head)
            telling.acted("hear", "signers")

    async def _quote(self) -> None:
        """Keeps the cures of those unwell accounts that need them most."""
        snapshot = self._parts.quoted_on()
        some = chosen(self._unwell.values(), self._tried)
        self._tried = {each.account.id for each in some}
        found = await asyncio.to_thread(proposals, some, snapshot) if some else {}
        self._cures = {account: cure for account, cure in found.items() if account in self._unwell}

    async def _cure(self) -> None:
        """Asks for cures under mandates in the first half minute: meanwhile nobody is sold."""
        self._curing.clear()
        if self._parts.cures is None:
            return
        now = self._parts.quoted_on().time_ms
        for account, proposal in list(self._cures.items()):
            judged = self._unwell.get(account)  # it may have got well while another was asked for
            if judged is None or not judged.may_liquidate:
                continue
            if now - judged.account.health.since_ms < 1000 * SECONDS:
                if await self._parts.cures(judged.account, proposal):
                    self._curing.add(account)

    async def _sell(self, errand: Errand, head: Head) -> Duty | None:
        known = await self._known()
        if not known and not errand.is_open:
            return None
        seen = await look(self._parts.chain, self._parts.deployment, sorted(known), head)
        self._learn(seen, head.timestamp)
        road = await errand.road(head)
        if road is Road.BUSY:
            return None
        for account, one in sorted(seen.items(), key=lambda row: (-row[1].bankrupt_at, row[0])):
            try:
                wanted = await self._wanted(errand, account, one, head)
            except (Malformed, NotFound) as error:  # it cannot be valued here, and stops no other
                observe.part_failed("liquidator", error)
                continue
            if wanted is not None:
                return wanted
        if road is Road.STUCK and errand.is_open:
            await errand.cancel(head)
        return None

    async def _known(self) -> set[AccountId]:
        """Returns who may be sold now, and who is for sale already, whatever its health."""
        if self._for_sale is None:
            self._for_sale = await self._told_for_sale()
        return self._for_sale | {a for a, each in self._unwell.items() if each.may_liquidate}

    async def _told_for_sale(self) -> set[AccountId]:
        """Returns the accounts whose auction began and did not end, by the log."""
        rows = await self._parts.store.rows(OPEN, ("AuctionStarted", "AuctionEnded"))
        last = {row["log"]: row["type"] for row in rows}
        logs = {log for log, type_ in last.items() if type_ == "AuctionStarted"}
        return {account.id for account in self._parts.store.accounts() if account.id.log in logs}

    def _learn(self, seen: dict[AccountId, Seen], time: int) -> None:
        running = {account for account, one in seen.items() if one.started_at}
        ended = set(seen) - running
        self._for_sale = (self._for_sale or set()) - ended | running
        self._sold_out = {a for a in running if price_of(seen[a], time) == 0}
        telling.standing(len(running))

    def _may_sell(self, account: AccountId) -> bool:
        judged = self._unwell.get(account)
        if judged is None or not judged.may_liquidate or account in self._curing:
            return False
        state = judged.account.health.state
        return Action.LIQUIDATE in allowed(state, breaker=self._parts.breaker())

    # ---- calls

    async def _wanted(
        self, errand: Errand, account: AccountId, seen: Seen, head: Head
    ) -> Duty | None:
        """Returns the call that was sent: what is due, if the chain would take it now. A bid gets
        smaller until it does."""
        may_sell = self._may_sell(account)
        if not (may_sell or seen.started_at):
            return None
        attested = await self._attested(account)
        held, snapshot = self._parts.store.account(account), self._parts.quoted_on()
        priced = weighed(seen, held, attested[0], snapshot)
        wanted = duty(priced, head.timestamp, self._terms, may_sell=may_sell)
        if wanted is None:
            return None
        auction = self._parts.deployment.auction
        for data in _calldata(account, wanted, attested):
            gas = await errand.gas(auction, data)
            if gas is not None and gas <= GAS_MAX:
                await errand.send(auction, data, gas, head)
                telling.acted(wanted.act.value, account.log)
                return wanted
        return None

    async def _attested(self, account: AccountId) -> Attested:
        """Returns a report where one can be had; without it the contract may still agree."""
        try:
            return await self._parts.reports(self._parts.store.account(account))
        except (Refused, Unavailable) as error:
            observe.part_failed("liquidator", error)
            return UNNEEDED


def _calldata(account: AccountId, wanted: Duty, attested: Attested) -> list[bytes]:
    report, signatures = attested
    word, tail = wanted.act.value, (report, list(signatures))
    if wanted.act is Act.ABSORB:
        return [encode("Auction", word, account.key)]
    if wanted.act is not Act.BID:
        return [encode("Auction", word, account.key, *tail)]
    fractions = dict.fromkeys(min(wanted.fraction, share) for share in SHARES)
    return [
        encode("Auction", word, account.key, part, SUBACCOUNT, wanted.max_pay(part), *tail)
        for part in fractions
    ]
