"""Settlements as durable steps: stored, signed, sent, included, final; once, whatever dies between.

Every step is stored before its effect, every effect may safely happen twice, and a settlement has
one nonce for life: whatever is signed for it competes for that nonce, so at most one is mined. The
head is read before receipts, so that no old receipt meets a newer head.
"""

import asyncio
import secrets

from adapters.chains.deployment import Deployment
from adapters.chains.evm import Head
from app import observe
from app.clock import Clock
from app.settlement import crash
from app.settlement.flight import ENDED, FINAL, INCLUDED, PLANNED, SIGNED, Flight
from app.settlement.flight import SettlementJob as SettlementJob
from app.settlement.records import Records
from app.settlement.sender import Sender
from app.settlement.steps import SettlingChain, Steps
from app.store import Store
from solver.domain.calendar import rfc3339
from solver.domain.errors import Conflict, Unavailable
from solver.domain.ids import AccountId

UNREADABLE_POLLS = 3  # failed looks at the chain before an intent is called unknown
POLL_MS = 200
READY = frozenset({"open", "auctioning", "solved", "partiallyFilled"})
DETOURS = ("unknown", "paused", "cancelling")  # states no intent passes on its way to settling


class Engine:
    """The flights of one sender. `resume` once at start, then `run` for as long as we live."""

    def __init__(
        self, chain: SettlingChain, records: Records, steps: Steps, confirmations: int
    ) -> None:
        self._chain, self._records, self._steps = chain, records, steps
        self._depth = confirmations
        self._moving = asyncio.Lock()
        self._failures = 0
        self._head: Head | None = None

    def accounts_in_flight(self) -> frozenset[AccountId]:
        """Returns the accounts whose last settlement is not in the ledger yet."""
        return frozenset(a for f in self._steps.flights.values() for a in f.job.accounts)

    async def settle(self, job: SettlementJob) -> None:
        """Takes over a won auction; returns once it is stored and sent (or refused).

        Raises Conflict, with nothing stored, when an intent has moved on meanwhile. A chain that
        does not answer raises nothing: `run` goes on with it.
        """
        id_ = f"{job.auction_id}-{secrets.token_hex(4)}"
        reasons = {"auction_id": job.auction_id, "confirmations": f"0/{self._depth}"}
        for uid in job.uids:
            state = self._records.intent(uid).state
            if state not in READY:
                raise Conflict(f"{uid} is {state}", code="stateMoved", data={"uid": uid})
        moves = [
            move
            for uid in job.uids
            for move in self._records.moves(uid, "settling", reasons, DETOURS)
        ]
        flight = await self._records.create(Flight(id_, job), moves)
        self._steps.flights[id_] = flight
        crash.point("planned")
        try:
            await self.step(await self._chain.head(), id_)
        except (Conflict, Unavailable):
            self._head = None

    async def resume(self) -> None:
        """Takes up every unfinished flight, and opens what died between auction and settlement."""
        self._steps.flights = {f.id: f for f in await self._records.unfinished()}
        busy = {uid for f in self._steps.flights.values() for uid in f.job.uids}
        for row in self._records.store.live_intents():
            if row.state in ("auctioning", "solved") and row.uid not in busy:
                await self._records.store.move(row.uid, "open", code="restarted")

    async def run(self, poll_ms: int = POLL_MS) -> None:
        """Task root: moves every flight on at each head; a silent chain makes intents unknown."""
        while True:
            await self.poll()
            await asyncio.sleep(poll_ms / 1000)

    async def poll(self) -> None:
        """Looks at the chain once and does what is due."""
        try:
            head = await self._chain.head()
            if head != self._head or self._failures or self._is_waiting():
                await self.step(head)
            self._head, self._failures = head, 0
        except Conflict:
            self._head = None  # the follower was first: the next look sees what it wrote
        except Unavailable as error:
            self._failures += 1
            if self._failures == UNREADABLE_POLLS:
                observe.part_failed("settlement", error)
                await self._mark_unknown()

    async def step(self, head: Head, only: str | None = None) -> None:
        """Moves all flights (or one) as far as they go at `head`. Raises Unavailable."""
        async with self._moving:
            for id_ in [only] if only else list(self._steps.flights):
                await self._fly(id_, head)
            await self._mark_known()

    async def _fly(self, id_: str, head: Head) -> None:
        flights = self._steps.flights
        before: Flight | None = None
        while id_ in flights and (before is None or flights[id_].state != before.state):
            before = flights[id_]
            if (await self._steps.advance(before, head)).state in ENDED:
                del flights[id_]

    # ---- unknown, with since when

    def _is_waiting(self) -> bool:
        return any(f.state in (PLANNED, SIGNED, FINAL) for f in self._steps.flights.values())

    async def _mark_unknown(self) -> None:
        since = rfc3339(self._head.timestamp) if self._head else "the start"
        detail = f"the chain cannot be read since {since}"
        reasons = {"code": "chainUnreadable", "detail": detail}
        for flight in self._steps.flights.values():
            for uid in flight.job.uids:
                if self._records.intent(uid).state == "settling":
                    await self._records.move(uid, "unknown", reasons)

    async def _mark_known(self) -> None:
        for flight in self._steps.flights.values():
            seen = 1 if flight.state == INCLUDED else self._depth if flight.state == FINAL else 0
            reasons = {"confirmations": f"{seen}/{self._depth}"}
            for uid in flight.job.uids:
                row = self._records.store.intent(uid)
                if row is not None and row.state == "unknown":
                    await self._records.move(uid, "settling", reasons)


def engine_for(
    chain: SettlingChain,
    store: Store,
    clock: Clock,
    deployment: Deployment,
    *,
    key: str,
    confirmations: int,
) -> Engine:
    """Returns an engine that settles through `deployment` with the solver's private key."""
    sender = Sender(chain, deployment.chain_id, key)
    records = Records(store, clock, deployment.chain_id, sender.address)
    steps = Steps(chain, records, sender, deployment.settlement, confirmations)
    return Engine(chain, records, steps, confirmations)
