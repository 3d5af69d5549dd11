"""What final blocks prove about intents: settled, cancelled, expired. Nothing else ends one.

Expiry needs two facts at once: a final block later than validTo, and the nonce unspent in it.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from adapters.base import Call, Reverted
from adapters.chains import events as chain
from adapters.chains.evm import Head
from adapters.chains.settlement import decode, decode_mandated, view
from app.settlement.moves import Reasons, walk
from app.settlement.postings import Book, Fact, Posting
from app.store import Batch, Store, StoredIntent
from solver.domain.errors import Unavailable
from solver.domain.event import Event, ReservationReleased
from solver.domain.ids import Address
from solver.domain.numbers import WAD
from solver.domain.typed_data import Domain, mandate_digest

EPOCH_SHIFT = 192  # nonce = epoch(64) | lane(184) | counter(8)


class ViewedChain(Protocol):
    """What proof needs of a chain. Raises Unavailable."""

    async def call_many(
        self, calls: Sequence[Call], block: int | None = None
    ) -> list[bytes | Reverted]: ...


class Fates:
    """Ends intents on proof."""

    def __init__(
        self, chain: ViewedChain, store: Store, settlement: Address, confirmations: int
    ) -> None:
        self._chain, self._store, self._settlement = chain, store, settlement
        self._told = f"{confirmations}/{confirmations}"

    async def moves(self, facts: Iterable[Fact], book: Book, block: int) -> list[Posting]:
        """Returns the moves that one final block's facts prove, releases included."""
        out: list[Posting] = []
        done: set[str] = set()
        for event, tx_hash, _ in facts:
            reasons = {"tx_hash": tx_hash, "confirmations": self._told}
            for row, state, code in await self._proved(event, book, block):
                if row.uid not in done and not row.is_terminal:
                    done.add(row.uid)
                    out += self._walk(row, state, reasons | {"code": code})
        return out

    async def expire(self, header: Head) -> None:
        """Ends every intent whose validTo a final block has passed: nothing can settle it now."""
        late = [r for r in self._store.live_intents() if _valid_to(r) < header.timestamp]
        if not late:
            return
        nonces = [(r.signed.intent.owner, r.signed.intent.nonce) for r in late]
        calls = [view("Settlement", self._settlement, "isNonceUsed", *n) for n in nonces]
        answers = await self._chain.call_many(calls, header.number)
        events: list[tuple[str, Event, int]] = []
        for row, answer in zip(late, answers, strict=True):
            is_spent = decode("Settlement", "isNonceUsed", _read(answer))
            state, code = ("cancelled", "nonceUsed") if is_spent else ("expired", "validToPassed")
            detail = f"block {header.number} is final and later than validTo"
            for log, event in self._walk(row, state, {"code": code, "detail": detail}):
                events.append((log, event, header.timestamp * 1000))
        await self._store.record(Batch(tuple(events)))

    async def _proved(
        self, event: chain.ContractEvent, book: Book, block: int
    ) -> list[tuple[StoredIntent, str, str | None]]:
        """Returns (intent, new state, code) of everything one contract event decides."""
        match event:
            case chain.Settled():
                row = book.intents.get(event.digest)
                return [(row, await self._filled(row, block), None)] if row else []
            case chain.Cancelled():
                return [
                    (row, "cancelled", "cancelledOnChain")
                    for row in self._store.live_intents()
                    if row.signed.intent.owner == event.owner
                    and row.signed.intent.nonce == event.nonce
                ]
            case chain.EpochRaised():
                return [
                    (row, "cancelled", "epochRaised")
                    for row in self._store.live_intents()
                    if row.signed.intent.owner == event.owner
                    and row.signed.intent.nonce >> EPOCH_SHIFT < event.epoch
                ]
            case chain.MandateRevoked():
                domain = Domain(book.chain_id, self._settlement)
                return [
                    (row, "cancelled", "mandateRevoked")
                    for row in self._store.live_intents()
                    if row.signed.scheme == "mandate"
                    and row.signed.intent.owner == event.owner
                    and _mandate_of(row, domain) == event.digest
                ]
            case _:
                return []

    async def _filled(self, row: StoredIntent, block: int) -> str:
        intent = row.signed.intent
        if not intent.is_partially_fillable:
            return "settled"
        call = view("Settlement", self._settlement, "filled", intent.owner, intent.nonce)
        (answer,) = await self._chain.call_many([call], block)
        done = decode("Settlement", "filled", _read(answer))
        return "settled" if done >= WAD else "partiallyFilled"

    def _walk(self, row: StoredIntent, state: str, reasons: Reasons) -> list[Posting]:
        account = self._store.account_id(row)
        held = {reservation.uid for reservation in self._store.account(account).reservations}
        avoid = ("cancelling",) if state in ("settled", "partiallyFilled") else ()
        events = walk(row.uid, row.state, state, reasons, avoid)
        kept = [e for e in events if not isinstance(e, ReservationReleased) or row.uid in held]
        return [(account.log, event) for event in kept]


def _mandate_of(row: StoredIntent, domain: Domain) -> bytes:
    return mandate_digest(decode_mandated(row.signed.signature).mandate, domain)


def _valid_to(row: StoredIntent) -> int:
    return row.signed.intent.valid_to


def _read(answer: bytes | Reverted) -> bytes:
    if isinstance(answer, Reverted):
        raise Unavailable("a view of Settlement reverted", data=answer.data)
    return answer
