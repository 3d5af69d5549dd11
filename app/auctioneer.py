"""Batches open intents on a short clock, asks makers for firm quotes, hands winners to settlement.

One round: due → plan on indicative ladders → firm quotes → plan again → net opposites → certify →
attest → dry run on the chain → settle. An intent that cannot be met stays open and says why.
"""

import asyncio
import itertools
from collections.abc import Container, Sequence
from functools import partial
from typing import NamedTuple

from adapters import registry
from adapters.base import Reverted
from adapters.chains.settlement import ItemValue, PlanValue, decode_error, encode_settle, plan_of
from app import observe
from app.bids import Bid, Entry, deadline, firm_ladders, moved
from app.pipeline import Plan, plan, standing
from app.services import Services
from app.settlement.attest import Attestor
from app.settlement.engine import Engine
from app.settlement.flight import Proven, SettlementJob
from app.verify.mandate import mandated_of, require_carried
from solver.auction import batches, net
from solver.domain.errors import Conflict, Infeasible, SolventError
from solver.domain.ids import AccountId, Address
from solver.domain.intent import SignedQuote
from solver.domain.mandate import BUDGET_RULES, ScopeExceeded, next_day, require_covered
from solver.domain.route import Fill
from solver.domain.snapshot import Snapshot
from solver.routing.certify import certify_batch

FIRM_QUOTE_MS = 400  # how long makers may think
BACKOFF_BLOCKS = (1, 2, 4, 8, 16, 32)  # an intent nobody can meet is tried ever more rarely
BATCH_MAX = 8


class Retry(NamedTuple):
    """When an intent that failed is tried again: not before this block, nor this unix second."""

    failures: int = 0
    block: int = 0
    time: int = 0


class Auctioneer:
    """Runs rounds. Remembers only how often an intent failed; a restart forgets that gladly."""

    def __init__(
        self, services: Services, engine: Engine, attestor: Attestor, broken: Container[AccountId]
    ) -> None:
        self.services = services
        self.broken = broken  # accounts whose ledger is not the chain's: nothing is done for them
        self.engine = engine
        self.attestor = attestor
        self._numbers = itertools.count(1)
        self._retry: dict[str, Retry] = {}  # by uid
        self._moving: dict[str, frozenset[Address]] = {}  # uid -> pools it is about to change
        self._last_block = -1

    async def run(self) -> None:
        """Task root: one round per tick until cancelled. What fails is told and tried again."""
        while True:
            try:
                await self.run_once()
            except SolventError as error:
                observe.round_failed(error)
            await asyncio.sleep(self.services.settings.auction_ms / 1000)

    async def run_once(self) -> int:
        """Returns how many intents were handed to settlement. One batch a block: opposites meet."""
        snapshot = self.services.board.snapshot()
        if snapshot.block_number == self._last_block:
            return 0
        self._last_block = snapshot.block_number
        entries = self._due(snapshot)
        if not entries or not self.services.breaker.may_settle():
            return 0
        auction_id = f"a{snapshot.block_number}-{next(self._numbers)}"
        bids = [bid for entry in entries if (bid := await self._bid(entry, snapshot))]
        netted = await self._netted(bids, snapshot)
        return sum([await self._settled(bid, auction_id) for bid in netted])

    # ---- who is due

    def _due(self, snapshot: Snapshot) -> list[Entry]:
        """Open, inside its time window, not backing off, and nothing of its account in flight.

        By turns one that never failed and one that did, which has rested longest: however many
        there are that nobody can meet, old or new, they keep no other from its turn.
        """
        busy = set(self.engine.accounts_in_flight())
        due: list[Entry] = []
        rows = self.services.store.open_intents()
        self._retry = {row.uid: self._retry[row.uid] for row in rows if row.uid in self._retry}
        again = [row for row in rows if row.uid in self._retry]
        again.sort(key=lambda row: self._retry[row.uid].block)
        new = [row for row in rows if row.uid not in self._retry]
        turns = itertools.chain.from_iterable(itertools.zip_longest(new, again))
        for row in (row for row in turns if row is not None):
            intent = row.signed.intent
            account = AccountId(snapshot.chain_id, intent.owner, intent.subaccount)
            retry = self._retry.get(row.uid, Retry())
            in_window = intent.valid_from <= snapshot.time < intent.valid_to
            is_free = account not in busy and account not in self.broken
            is_rested = retry.block <= snapshot.block_number and retry.time <= snapshot.time
            if in_window and is_free and is_rested:
                busy.add(account)
                due.append(Entry(row.uid, account, row.signed, row.quote_id))
                if len(due) == BATCH_MAX:
                    break
        return due

    def _not_now(self, entries: Sequence[Entry], error: SolventError, snapshot: Snapshot) -> None:
        """Says why nothing was done for these intents; each is tried again, ever more rarely."""
        if not isinstance(
            error, Infeasible | ScopeExceeded
        ):  # an answer is for the owner, a failure for us too
            observe.round_failed(error)
        for uid in (entry.uid for entry in entries):
            self.services.store.explain(uid, error)
            failures = self._retry.get(uid, Retry()).failures
            wait = BACKOFF_BLOCKS[min(failures, len(BACKOFF_BLOCKS) - 1)]
            # A mandate's day is used up whatever the next block brings; of two, nobody knows whose.
            is_tomorrows = len(entries) == 1 and error.data.get("rule") in BUDGET_RULES
            until = next_day(snapshot.time) if is_tomorrows else 0
            self._retry[uid] = Retry(failures + 1, snapshot.block_number + wait, until)

    def _moving_pools(self) -> frozenset[Address]:
        """Returns the pools of settlements that are sent and not seen in a block yet: what we know
        of them is about to be old, so no other plan stands on it."""
        for uid in list(self._moving):
            row = self.services.store.intent(uid)
            if row is None or row.state != "settling" or not _is_unseen(row.confirmations):
                del self._moving[uid]
        return frozenset().union(*self._moving.values())

    # ---- what can be done for it

    async def _bid(self, entry: Entry, snapshot: Snapshot) -> Bid | None:
        """Returns what can be done for one intent; whatever is wrong with it stays its own."""
        intent, scheme = entry.signed.intent, entry.signed.scheme
        try:
            mandate = mandated_of(entry.signed.signature).mandate if scheme == "mandate" else None
            if mandate is not None:  # its time may have run out since admission
                require_covered(mandate, intent, snapshot.time)
            planned = standing(self.services, entry.signed, entry.quote_id, snapshot)
            planned = planned or await plan(self.services, intent, scheme, snapshot)
            if mandate is not None:
                parts = planned.program, planned.solution, planned.snapshot
                await require_carried(self.services, mandate, *parts)
            quotes: tuple[SignedQuote, ...] = ()
            if planned.solution.fills:
                quotes = await self._firm(planned.solution.fills)
                firm = snapshot._replace(ladders=firm_ladders(quotes, snapshot))
                planned = await plan(self.services, intent, scheme, firm)
            return Bid((entry,), (planned,), quotes)
        except SolventError as error:
            self._not_now((entry,), error, snapshot)
            return None

    async def _firm(self, fills: Sequence[Fill]) -> tuple[SignedQuote, ...]:
        """Asks for every fill at once; a maker sees size and side, never the user's limit."""
        totals: dict[int, int] = {}
        for fill in fills:
            totals[fill.instrument] = totals.get(fill.instrument, 0) + fill.quantity
        answers = await asyncio.gather(
            *(
                self.services.rfq.request(
                    instrument, quantity, self.services.solver_address, FIRM_QUOTE_MS
                )
                for instrument, quantity in totals.items()
            )
        )
        return tuple(quote for answer in answers for quote in answer)

    async def _netted(self, bids: list[Bid], snapshot: Snapshot) -> list[Bid]:
        """Joins token intents that go round into one settlement where that serves each better: all
        that can, or else two at a time."""
        joined: dict[int, Bid] = {}
        for group in batches([bid.plans[0].program for bid in bids]):
            pairs = itertools.combinations(group, 2) if len(group) > 2 else ()
            for places in (group, *pairs):
                if joined.keys().isdisjoint(places):
                    both = await self._net([bids[place] for place in places], snapshot)
                    joined |= dict.fromkeys(places, both) if both is not None else {}
        found = {id(each): each for each in (joined.get(p, bid) for p, bid in enumerate(bids))}
        return list(found.values())

    async def _net(self, bids: Sequence[Bid], snapshot: Snapshot) -> Bid | None:
        plans = [bid.plans[0] for bid in bids]
        programs, alone = [p.program for p in plans], [p.solution for p in plans]
        try:
            job = partial(net, programs, alone=alone)
            solutions = await self.services.pool.run_on(snapshot, job)
        except SolventError:
            return None  # each still settles by itself
        if solutions is None:
            return None
        rows = zip(plans, solutions, strict=True)
        netted = tuple(planned._replace(solution=solution) for planned, solution in rows)
        return Bid(tuple(bid.entries[0] for bid in bids), netted, (), tuple(bids))

    # ---- do it

    async def _settled(self, bid: Bid, auction_id: str) -> int:
        """Returns how many intents went to settlement; a bid that fails takes no other with it, and
        a pair of which one would be refused comes apart: the other settles alone."""
        if bid.pools & self._moving_pools() or not self.services.breaker.may_settle():
            return 0
        try:
            return await self._settle(bid, auction_id)
        except SolventError as error:
            if bid.apart:
                return sum([await self._settled(each, auction_id) for each in bid.apart])
            if not isinstance(error, Conflict):  # cancelled or replaced while it was planned
                self._not_now(bid.entries, error, bid.plans[0].snapshot)
            return 0

    async def _settle(self, bid: Bid, auction_id: str) -> int:
        services = self.services
        programs = [planned.program for planned in bid.plans]
        solutions = [planned.solution for planned in bid.plans]
        accounts = [services.store.account(program.account) for program in programs]
        certify_batch(programs, bid.plans[0].snapshot, solutions, accounts)
        report, signatures = await self.attestor.report_for(bid.plans)
        items = [
            ItemValue(entry.signed, self._planned(planned, bid.quotes))
            for entry, planned in zip(bid.entries, bid.plans, strict=True)
        ]
        calldata = encode_settle(items, report, signatures)
        settlement = services.deployment.settlement
        try:
            await services.chain.call(settlement, calldata, from_=services.solver_address)
        except Reverted as reverted:
            raise _refusal(reverted) from None
        job = SettlementJob(
            auction_id=auction_id,
            uids=tuple(entry.uid for entry in bid.entries),
            accounts=tuple(entry.account for entry in bid.entries),
            calldata=calldata,
            deadline=deadline(bid, report),
            moved=tuple(moved(planned) for planned in bid.plans),
            proven=Proven(*solutions[0].certificate[:3]),
        )
        self._moving |= dict.fromkeys(job.uids, bid.pools)
        await self.engine.settle(job)
        return len(bid.entries)

    def _planned(self, planned: Plan, quotes: tuple[SignedQuote, ...]) -> PlanValue:
        router, step = self.services.deployment.router, registry.encode_step
        return plan_of(planned.solution, quotes, step, router=router)


def _refusal(reverted: Reverted) -> Infeasible:
    """Returns why the chain would refuse: nothing was sent."""
    name, arguments = decode_error(reverted.raw)
    told = {key: str(value) for key, value in arguments.items()}
    detail = f"the chain would refuse: {name} {told or ''}".rstrip()
    return Infeasible(detail, code=name[:1].lower() + name[1:] or "reverted", data=told)


def _is_unseen(confirmations: str | None) -> bool:
    return confirmations is None or confirmations.startswith("0/")
