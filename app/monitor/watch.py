"""The monitor: at every snapshot every account that holds anything is judged, and its log says so.

Only what changed is judged again: an account at a snapshot is judged once. A judgement is recorded
through the one door before anybody acts on it, and acting is by state, not by change, so that a
death between any two lines costs one look. Protection and liquidator listen; they never wait here.
"""

import asyncio
import operator
import time as machine
from collections import Counter, deque
from collections.abc import Callable, Container, Iterable, Mapping, Sequence, Sized
from typing import NamedTuple, Protocol

from app import observe
from app.board import Board
from app.breaker import Breaker
from app.monitor import telling
from app.monitor.orders import Stood, enforce, orders_of
from app.monitor.screen import NEAR, screened
from app.monitor.triggers import Seen, Triggers
from app.polling import repeat
from app.store import Batch, Store
from solver.domain.account import Account
from solver.domain.errors import SolventError
from solver.domain.event import Event, HealthChanged
from solver.domain.health import CLOSED, HEALTHY, RANK
from solver.domain.ids import AccountId
from solver.domain.snapshot import Snapshot
from solver.margin.health import HALT, Facts, judgement, may_liquidate
from solver.margin.health.facts import facts, risk_view

PAGE = 500  # accounts glanced over between two turns of the event loop
SLICE_SECONDS = 0.002  # of judging between two turns of the event loop: intake waits no longer


class Judged(NamedTuple):
    """An account after a judgement: as it stands now, what the snapshot says of it, and the event
    if its health moved."""

    account: Account
    facts: Facts
    event: HealthChanged | None

    @property
    def may_liquidate(self) -> bool:
        """Whether the engine may act on it at this very snapshot."""
        return may_liquidate(self.account.health, self.facts)


class Watcher(Protocol):
    """Whoever acts on health. Both are answered at once: a watcher has a task of its own."""

    def is_sold_out(self, account: AccountId) -> bool:
        """Returns whether the account's auction has come down to a price of nothing."""

    def told(self, judged: Sequence[Judged], snapshot: Snapshot) -> None:
        """Takes every account that is not simply well, and every one whose health just moved."""


class Broken(Container[AccountId], Sized, Protocol):
    """The accounts whose ledger is not the chain's."""


class Monitor:
    """Judges snapshots as they come. Remembers only what it has judged; the log has the rest."""

    def __init__(
        self,
        store: Store,
        board: Board,
        breaker: Breaker,
        broken: Broken,
        watchers: Iterable[Watcher] = (),
        *,
        fund: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._store, self._board, self._broken = store, board, broken
        self._triggers = Triggers(breaker)
        self._watchers = tuple(watchers)
        self._fund = fund
        self._last: dict[AccountId, tuple[Account, str, Facts | None]] = {}  # what, where, why
        self._unvalued: dict[AccountId, str] = {}  # why
        self._stood: Stood = {}
        self._snapshot: Snapshot | None = None
        self._done: tuple[list[Account], int, Snapshot] | None = None  # all of it is judged

    async def run(self, poll_ms: int) -> None:
        """Task root: judges what is new, for ever; what fails is told and tried again."""
        await repeat("monitor", self.step, poll_ms)

    async def step(self) -> int:
        """Judges every account that changed, or all at a new snapshot; returns how many.

        Raises Unavailable while the chain cannot be read or nothing can be written.
        """
        begun = machine.monotonic()
        snapshot = self._present()
        accounts, broken = self._store.accounts(), len(self._broken)
        judged: list[Judged] = []
        looked = 0
        if not self._is_done(accounts, broken, snapshot):
            self._done = None
            due = await self._due(accounts, snapshot)
            self._triggers.ledger((), broken, snapshot.time)
            well = await asyncio.to_thread(screened, due, snapshot) if due else {}
            while due:
                some, fine = await self._judge(due, snapshot, well)
                judged += some
                looked += len(some) + fine
                await asyncio.sleep(0)
            self._done = None if self._unvalued else (accounts, broken, snapshot)
        await self._act(judged, snapshot, machine.monotonic() - begun, looked)
        return looked

    def _is_done(self, accounts: list[Account], broken: int, snapshot: Snapshot) -> bool:
        """Whether nothing is another than at the last look: accounts are values."""
        if self._done is None or self._done[1] != broken or self._done[2] is not snapshot:
            return False
        known = self._done[0]
        return len(accounts) == len(known) and all(map(operator.is_, accounts, known))

    async def _due(self, accounts: list[Account], snapshot: Snapshot) -> deque[Account]:
        """Returns who is to be judged, whoever is unwell already first."""
        digest = snapshot.hash.hex()
        urgent: list[Account] = []
        others: deque[Account] = deque()
        for first in range(0, len(accounts), PAGE):
            page = accounts[first : first + PAGE]
            self._triggers.count(page)
            for held in page:
                if not _is_watched(held) or held.id in self._broken:
                    self._last.pop(held.id, None)
                    continue
                account = self._store.account_ahead(held.id)
                if not self._is_judged(account, digest):
                    (urgent if _is_urgent(account) else others).append(account)
            await asyncio.sleep(0)
        urgent.sort(key=lambda a: (RANK[a.health.state], a.health.breaches))
        others.extendleft(urgent)
        return others

    def _present(self) -> Snapshot:
        """Returns the newest view of risk: the same object while its content is the same."""
        new = risk_view(self._board.market_state())
        if self._snapshot is None or new != self._snapshot:
            self._snapshot = new
        return self._snapshot

    async def _judge(
        self, due: deque[Account], snapshot: Snapshot, well: Mapping[AccountId, Account]
    ) -> tuple[list[Judged], int]:
        """Takes from `due` as many as a slice of time lets; returns those judged anew, and how many
        more were seen to be well at a glance. Between reading an account and recording there is no
        wait."""
        digest, ends = snapshot.hash.hex(), machine.monotonic() + SLICE_SECONDS
        found: list[tuple[Account, Facts, HealthChanged | None]] = []
        fine, is_late = 0, False
        while due and not is_late:
            account = self._store.account_ahead(due.popleft().id)
            is_late = machine.monotonic() >= ends
            if self._is_judged(account, digest):
                continue
            if well.get(account.id) is account:
                self._last[account.id] = (account, digest, None)
                fine += 1
                continue
            seen = self._facts(account, snapshot)
            if seen is not None:
                found.append((account, seen, judgement(account.health, seen)))
        events: list[tuple[str, Event, int]] = [
            (account.id.log, event, snapshot.time_ms) for account, _, event in found if event
        ]
        if events:
            await self._store.record(Batch(tuple(events)))
        return [self._judged(*row, digest) for row in found], fine

    def _is_judged(self, account: Account, digest: str) -> bool:
        last = self._last.get(account.id)
        return last is not None and last[0] is account and last[1] == digest

    def _facts(self, account: Account, snapshot: Snapshot) -> Facts | None:
        """Returns what the snapshot says; None, told once, where an account cannot be valued: it
        keeps its health and stops no other."""
        is_sold_out = any(watcher.is_sold_out(account.id) for watcher in self._watchers)
        try:
            seen = facts(account, snapshot, account.engine, is_sold_out=is_sold_out)
        except SolventError as error:
            if self._unvalued.get(account.id) != error.detail:
                observe.part_failed("monitor", error)
            self._unvalued[account.id] = error.detail
            return None
        self._unvalued.pop(account.id, None)
        return seen

    def _judged(
        self, before: Account, seen: Facts, event: HealthChanged | None, digest: str
    ) -> Judged:
        account = before
        if event is not None:
            account = self._store.account_ahead(before.id)
            telling.changed(before.id.log, event)
        is_same = account._replace(health=before.health) == before
        if is_same:  # else it moved while this was written: the next look judges it again
            self._last[before.id] = (account, digest, seen)
        return Judged(account, seen, event)

    def _guard(self, seen: Sequence[Seen], snapshot: Snapshot) -> None:
        """Tells the board what a false price of a market could take: the maintenance of accounts
        that a fall or rise of some 5 % would end, so that no cheap average votes on it."""
        unit = 10 ** (18 - snapshot.settlement_token.decimals)
        guarded = dict.fromkeys((u.market for u in snapshot.underlyings), 0)
        for _, found in seen:
            if found.oracle != HALT and found.equity < NEAR * found.maintenance:
                for market, _ in found.prices:
                    guarded[market] += found.maintenance * unit
        for market, value in guarded.items():
            self._board.set_guarded(market, value)

    async def _act(
        self, judged: Sequence[Judged], snapshot: Snapshot, seconds: float, looked: int
    ) -> None:
        """Ends orders that may not stay, and tells whoever listens."""
        seen = [Seen(account, found) for account, _, found in self._last.values() if found]
        self._triggers.look(seen, len(self._last), self._fund(), snapshot.time_ms)
        self._guard(seen, snapshot)
        unwell = [account for account, _ in seen if account.health.state != HEALTHY]
        orders = orders_of(self._store) if unwell else {}
        live = {row.uid for account in unwell for row in orders.get(account.id, ())}
        self._stood = {uid: where for uid, where in self._stood.items() if uid in live}
        for account in unwell:
            await enforce(self._store, orders, account, snapshot, self._stood)
        told = [each for each in judged if each.event or each.account.health.state != HEALTHY]
        for watcher in self._watchers:
            watcher.told(told, snapshot)
        states = Counter(account.health.state for account in unwell)
        states[HEALTHY] = len(self._last) - len(unwell)
        telling.looked(looked, seconds, states)


def _is_watched(account: Account) -> bool:
    health = account.health
    is_asleep = health.state == HEALTHY or (health.state == CLOSED and not health.is_funded)
    return bool(account.positions) or account.cash < 0 or not is_asleep


def _is_urgent(account: Account) -> bool:
    return account.health.state != HEALTHY or account.health.breaches > 0
