"""What each state of a flight does next; one step stored, then its effect, then the next step.

Head before receipts, bytes before sending, and one nonce for all attempts of a flight.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from adapters.base import Reverted
from adapters.chains.evm import Head, Receipt
from app.settlement import crash
from app.settlement.flight import (
    BROADCAST,
    CANCELLED,
    FINAL,
    INCLUDED,
    LOST,
    PLANNED,
    POSTED,
    REFUSED,
    REVERTED,
    SIGNED,
    Flight,
    Included,
    SettlementJob,
)
from app.settlement.records import Dated, Records, is_settling
from app.settlement.sender import (
    FEE_WEI_MAX,
    Attempt,
    Fees,
    Sender,
    Sent,
    market_fees,
    raised_fees,
)
from app.settlement.verdict import Verdict, verdict_of
from solver.domain.event import SettlementIncluded, SettlementReorged
from solver.domain.ids import Address, IntentUid

REPLACE_BLOCKS = 3  # without inclusion: the same call with more fee
GAS_MARGIN_PERCENT = 130
NOT_INCLUDED = Verdict("open", "notIncluded", "the transaction was not included in time")
NONCE_LOST = Verdict("open", "nonceLost", "another transaction used the nonce")


class SettlingChain(Protocol):
    """What the engine needs of a chain. Everything raises Unavailable."""

    async def head(self) -> Head: ...

    async def block(self, number: int | None) -> Head | None: ...

    async def call(
        self, to: Address, data: bytes, block: int | None = None, *, from_: Address | None = None
    ) -> bytes: ...

    async def estimate_gas(self, to: Address, data: bytes, from_: Address) -> int: ...

    async def nonce(self, address: Address, at: str = "latest") -> int: ...

    async def send_raw(self, raw: bytes) -> str: ...

    async def receipt(self, tx_hash: str) -> Receipt | None: ...


class Steps:
    """The flights of one sender and how each moves on. `flights` holds what is stored, no more."""

    def __init__(
        self,
        chain: SettlingChain,
        records: Records,
        sender: Sender,
        settlement: Address,
        confirmations: int,
    ) -> None:
        self._chain, self._records, self._sender = chain, records, sender
        self._settlement, self._depth = settlement, confirmations
        self._signing = asyncio.Lock()
        self.flights: dict[str, Flight] = {}

    async def advance(self, flight: Flight, head: Head) -> Flight:
        """Returns the flight after the one thing that is due at `head`. Raises Unavailable."""
        if flight.state == PLANNED:
            return await self._sign(flight, head)
        if flight.state == SIGNED:
            return await self._broadcast(flight)
        if flight.state == BROADCAST:
            return await self._look(flight, head)
        if flight.state == INCLUDED:
            return await self._confirm(flight, head)
        return await self._close(flight)

    # ---- planned -> signed -> broadcast

    async def _sign(self, flight: Flight, head: Head) -> Flight:
        job = flight.job
        if head.timestamp >= job.deadline:
            return await self._end(flight, REFUSED, NOT_INCLUDED)
        fees = market_fees(head.base_fee)
        if fees.max_fee > FEE_WEI_MAX:
            return flight
        try:
            gas = await self._chain.estimate_gas(
                self._settlement, job.calldata, self._sender.address
            )
        except Reverted as reverted:
            return await self._end(flight, REFUSED, verdict_of(reverted.raw, _owners(job)))
        gas = gas * GAS_MARGIN_PERCENT // 100
        crash.point("signing")
        async with self._signing:
            nonce = await self._sender.next_nonce(await self._records.highest_nonce())
            signed = self._sender.sign(self._settlement, job.calldata, nonce, gas, fees)
            attempt = signed._replace(block=head.number)
            flight = flight._replace(state=SIGNED, attempts=(attempt,))
            flight = await self._save(flight, attempt=attempt)
            self._sender.took(nonce)
        crash.point("signed")
        return flight

    async def _broadcast(self, flight: Flight) -> Flight:
        await self._sender.send(flight.attempts[-1])
        crash.point("sent")
        flight = await self._save(flight._replace(state=BROADCAST))
        crash.point("broadcast")
        return flight

    # ---- broadcast -> included

    async def _look(self, flight: Flight, head: Head) -> Flight:
        is_spent = await self._is_nonce_final(flight, head)
        receipt = await self._receipt(flight)
        if receipt is not None:
            return await self._include(flight, receipt)
        if is_spent:
            return await self._end(flight, LOST, NONCE_LOST)
        last = flight.attempts[-1]
        is_late = head.timestamp >= flight.job.deadline
        if is_late and not flight.is_cancelling:
            return await self._replace(flight, head, is_cancel=True)
        if head.number - last.block >= REPLACE_BLOCKS:
            return await self._replace(flight, head, is_cancel=flight.is_cancelling)
        if await self._sender.send(last) is Sent.UNDERPRICED:
            return await self._replace(flight, head, is_cancel=flight.is_cancelling)
        return flight

    async def _replace(self, flight: Flight, head: Head, *, is_cancel: bool) -> Flight:
        """Signs the same nonce again with more fee: the call as it was, or a cancelling one."""
        last = flight.attempts[-1]
        fees = raised_fees(last.fees, head.base_fee)
        if fees is None:
            await self._sender.send(last)
            return flight
        attempt = self._signed_again(flight, fees, is_cancel)._replace(block=head.number)
        flight = flight._replace(attempts=(*flight.attempts, attempt))
        flight = await self._save(flight, attempt=attempt)
        crash.point("replacing")
        await self._sender.send(attempt)
        crash.point("replaced")
        return flight

    def _signed_again(self, flight: Flight, fees: Fees, is_cancel: bool) -> Attempt:
        first = flight.attempts[0]
        if is_cancel:
            return self._sender.sign_cancel(first.nonce, fees)
        data = flight.job.calldata
        return self._sender.sign(self._settlement, data, first.nonce, first.gas, fees)

    async def _include(self, flight: Flight, receipt: Receipt) -> Flight:
        where = Included(receipt.tx_hash, receipt.block_number, receipt.block_hash, receipt.status)
        events: list[Dated] = []
        if receipt.status and not flight.attempt(receipt.tx_hash).is_cancel:
            for uid, account in zip(flight.job.uids, flight.job.accounts, strict=True):
                if not is_settling(self._records.intent(uid)):
                    continue  # the ledger was quicker: it is final and told already
                seen = SettlementIncluded(
                    uid, receipt.tx_hash, receipt.block_number, receipt.block_hash
                )
                reasons = {"tx_hash": receipt.tx_hash, "confirmations": f"1/{self._depth}"}
                events += self._records.dated(account, seen)
                events += self._records.counted(uid, reasons)
        flight = await self._save(flight._replace(state=INCLUDED, included=where), events)
        crash.point("included")
        return flight

    # ---- included -> final

    async def _confirm(self, flight: Flight, head: Head) -> Flight:
        assert flight.included is not None, "an included flight knows where"
        where = flight.included
        receipt = await self._receipt(flight)
        if receipt is None or (receipt.tx_hash, receipt.block_hash) != where[:1] + where[2:3]:
            return await self._reorged(flight, where)
        if head.number - where.block_number + 1 < self._depth:
            return flight
        block = await self._chain.block(where.block_number)
        if block is None or block.hash != where.block_hash:
            return flight  # the next look finds the receipt gone or elsewhere
        if flight.attempt(where.tx_hash).is_cancel:
            return await self._end(flight, CANCELLED, NOT_INCLUDED)
        if not where.succeeded:
            return await self._end(flight, REVERTED, await self._reason(flight, where))
        flight = await self._save(flight._replace(state=FINAL))
        crash.point("final")
        return flight

    async def _reorged(self, flight: Flight, where: Included) -> Flight:
        events: list[Dated] = []
        for uid, account in zip(flight.job.uids, flight.job.accounts, strict=True):
            gone = SettlementReorged(uid, where.tx_hash, where.block_hash)
            events += self._records.dated(account, gone)
            events += self._records.counted(uid, {"confirmations": f"0/{self._depth}"})
        flight = await self._save(flight._replace(state=BROADCAST, included=None), events)
        crash.point("reorged")
        return flight

    async def _close(self, flight: Flight) -> Flight:
        """The ledger is the reconciler's: a flight ends when its intents have moved on."""
        if any(is_settling(self._records.store.intent(uid)) for uid in flight.job.uids):
            return flight
        flight = await self._save(flight._replace(state=POSTED))
        crash.point("closed")
        return flight

    async def _end(self, flight: Flight, state: str, verdict: Verdict) -> Flight:
        """Ends a flight that moved nothing; its intents are open again, or failed for good."""
        tx_hash = flight.included.tx_hash if flight.included else None
        reasons = {"code": verdict.code, "detail": verdict.detail, "tx_hash": tx_hash}
        moves = [
            move
            for uid in flight.job.uids
            if is_settling(self._records.store.intent(uid))
            for move in self._records.moves(uid, verdict.to_state, reasons)
        ]
        flight = await self._save(flight._replace(state=state), moves)
        crash.point("released")
        return flight

    # ---- looks at the chain

    async def _receipt(self, flight: Flight) -> Receipt | None:
        for attempt in reversed(flight.attempts):
            receipt = await self._chain.receipt(attempt.hash)
            if receipt is not None:
                return receipt
        return None

    async def _is_nonce_final(self, flight: Flight, head: Head) -> bool:
        """Returns True when a block that cannot change any more has spent the flight's nonce."""
        final = head.number - self._depth + 1
        if final < 0 or flight.nonce is None:
            return False
        return await self._chain.nonce(self._sender.address, hex(final)) > flight.nonce

    async def _reason(self, flight: Flight, where: Included) -> Verdict:
        owners, data = _owners(flight.job), flight.job.calldata
        try:
            await self._chain.call(
                self._settlement, data, where.block_number, from_=self._sender.address
            )
        except Reverted as reverted:
            return verdict_of(reverted.raw, owners)
        return verdict_of(b"", owners)

    async def _save(
        self, flight: Flight, events: Sequence[Dated] = (), attempt: Attempt | None = None
    ) -> Flight:
        """Stores a step; from here on the flight is what was stored, whatever happens next."""
        saved = await self._records.save(flight, events, attempt)
        self.flights[flight.id] = saved
        return saved


def _owners(job: SettlementJob) -> tuple[Address, ...]:
    return tuple(IntentUid.parse(uid).owner for uid in job.uids)
