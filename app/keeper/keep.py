"""The keeper: fixes expiry prices that nobody chooses, and pays options out. Anyone may run one.

One look at a block, one transaction, the next block. It has its own key and no right of its own; a
race that is lost is work that is done. What stands between two looks is only on the chain.
"""

import asyncio
from collections.abc import Callable, Container, Sequence
from typing import NamedTuple, Protocol

from eth_abi.abi import encode as abi_encode

from adapters.base import Call, Reverted, selector
from adapters.chains.deployment import Deployment
from adapters.chains.evm import Head
from adapters.chains.settlement import decode_error, view
from app import observe
from app.keeper import telling
from app.keeper.duty import (
    WINDOW_SECONDS,
    Duties,
    Seen,
    Series,
    due_at,
    duties,
    needs_fallback,
)
from app.keeper.errand import UNFUNDED, Errand, Road
from app.keeper.holders import Holders
from app.keeper.look import Look, look, round_in_force
from solver.domain.errors import SolventError
from solver.domain.ids import Address

FIXES_MAX = 4  # in one transaction; each sums at most 128 rounds, about a million gas
ACCOUNTS_MAX = 40
GAS_MAX = 8_000_000  # of one transaction: half of a block at most, wherever we are
AGGREGATE = selector("aggregate3((address,bool,bytes)[])")
NOBODY = Look(Seen(0, {}, {}, {}), {})


class KeptChain(Protocol):
    """What the loop itself needs of a chain. Everything raises Unavailable."""

    async def head(self) -> Head: ...

    async def call_many(
        self, calls: Sequence[Call | tuple[Address, bytes]], block: int | None = None
    ) -> list[bytes | Reverted]: ...


class Work(NamedTuple):
    """Calls for one transaction."""

    calls: tuple[Call, ...] = ()
    fixes: int = 0


class Keeper:
    """Steps once per head. `urgent` names accounts that are paid first."""

    def __init__(
        self,
        chain: KeptChain,
        deployment: Deployment,
        errand: Errand,
        holders: Holders,
        urgent: Callable[[], Container[bytes]] = frozenset,
    ) -> None:
        self._chain, self._deployment = chain, deployment
        self._errand, self._holders, self._urgent = errand, holders, urgent
        self._head: Head | None = None
        self._starts: dict[tuple[Series, int, Address], int] = {}
        self._told: dict[Series, str] = {}

    async def run(self, poll_ms: int) -> None:
        """Task root: a step at every new head for ever; what fails is told and tried again."""
        told = ""
        telling.started(self._errand.address)
        while True:
            try:
                await self.poll()
                telling.able(True)
                told = ""
            except SolventError as error:
                telling.able(error.code != UNFUNDED)
                if error.code != told:
                    observe.part_failed("keeper", error)
                told = error.code
            await asyncio.sleep(poll_ms / 1000)

    async def poll(self) -> None:
        """Steps when the head has moved. Raises SolventError; the same head is tried again."""
        head = await self._chain.head()
        if head != self._head:
            await self.step(head)
            self._head = head

    async def step(self, head: Head) -> bool:
        """Does what is due at `head`; returns whether nothing is left to do or to wait for.

        Raises Unavailable, or Refused when the key cannot pay.
        """
        named = await self._holders.at(head)
        if not named and not self._errand.is_open:
            self._tell((), NOBODY.seen)
            return True
        found = await look(self._chain, self._deployment, named, head) if named else NOBODY
        self._holders.learn(named, found.seen.held, head)
        road = await self._errand.road(head)
        if road is not Road.BUSY:
            work = await self._work(duties(found.seen, self._urgent()), found, head)
            if work.calls:
                await self._send(work, head)
            elif road is Road.STUCK and self._errand.is_open:
                await self._errand.cancel(head)
        return not (found.seen.held or self._errand.is_open)

    # ---- what to send

    async def _work(self, due: Duties, found: Look, head: Head) -> Work:
        """Prices first: then every account is paid once for all its expired series."""
        fixes, refused = await self._fixes(due.fix, found, head)
        reasons = dict.fromkeys(due.waiting, "noClosingRound") | refused
        self._tell(tuple(reasons.items()), found.seen)
        if fixes:
            return Work(tuple(fixes), len(fixes))
        return Work(await self._payments(due.settle))

    async def _payments(self, accounts: Sequence[bytes]) -> tuple[Call, ...]:
        """Returns the first calls that would pass: one that cannot holds nobody else up."""
        house = self._deployment.clearinghouse
        for first in range(0, len(accounts), ACCOUNTS_MAX):
            some = accounts[first : first + ACCOUNTS_MAX]
            calls = [view("Clearinghouse", house, "settleExpired", account) for account in some]
            answers = await self._chain.call_many(calls)
            good = [c for c, a in zip(calls, answers, strict=True) if not isinstance(a, Reverted)]
            if good:
                return tuple(good)
        return ()

    async def _fixes(
        self, series: Sequence[Series], found: Look, head: Head
    ) -> tuple[list[Call], dict[Series, str]]:
        """Returns the calls that would pass now, and why the others would not."""
        calls: list[Call] = []
        reasons: dict[Series, str] = {}
        for one in series:
            call = await self._fix(one, found, head)
            if call is None:
                reasons[one] = "noOpeningRound"
                continue
            (answer,) = await self._chain.call_many([call])
            if isinstance(answer, Reverted):
                name, _ = decode_error(answer.raw)
                if name != "AlreadyFixed":
                    reasons[one] = name or "reverted"
                self._starts.clear()
            elif len(calls) < FIXES_MAX:
                calls.append(call)
        return calls, reasons

    async def _fix(self, series: Series, found: Look, head: Head) -> Call | None:
        """Returns the call that fixes an expiry, or records a fixing: the latter without a round
        takes the price that k of n stated for its time, once there is one."""
        feed, time = found.feeds[series.market], due_at(series, found.seen.recorded)
        start = time if series.is_asian else time - WINDOW_SECONDS
        key = (series, start, feed.address)
        if key not in self._starts:
            round_ = await round_in_force(self._chain, feed, start, head)
            if round_ is None and not series.is_asian:
                return None
            self._starts[key] = round_ or 0
        name = "recordFixing" if series.is_asian else "fixExpiry"
        args = (series.market, series.expiry, self._starts[key])
        return view("Clearinghouse", self._deployment.clearinghouse, name, *args)

    async def _send(self, work: Work, head: Head) -> None:
        calls = work.calls
        while calls:
            to, data = _together(calls, self._deployment.multicall)
            gas = await self._errand.gas(to, data)
            if gas is not None and (gas <= GAS_MAX or len(calls) == 1):
                await self._errand.send(to, data, gas, head)
                telling.sent(min(work.fixes, len(calls)), 0 if work.fixes else len(calls))
                return
            calls = calls[: len(calls) // 2]

    # ---- what cannot be done

    def _tell(self, reasons: Sequence[tuple[Series, str]], seen: Seen) -> None:
        """Says each reason once, and the second time when a day has passed."""
        due = {one: due_at(one, seen.recorded) for one, _ in reasons}
        overdue = {one for one in due if needs_fallback(due[one], seen.time)}
        for one, reason in reasons:
            word = "fallback" if one in overdue else reason
            if self._told.get(one) == word:
                continue
            if one in overdue:
                telling.needs_fallback(one.market, due[one])
            else:
                telling.waits(one.market, due[one], reason)
            self._told[one] = word
        names = {one for one, _ in reasons}
        self._told = {one: word for one, word in self._told.items() if one in names}
        telling.waiting(names, overdue)


def _together(calls: Sequence[Call], multicall: Address) -> Call:
    """Returns one call that makes all of them, or none."""
    if len(calls) == 1:
        return calls[0]
    rows = [(call.to, False, call.data) for call in calls]
    return Call(multicall, AGGREGATE + abi_encode(["(address,bool,bytes)[]"], [rows]))
