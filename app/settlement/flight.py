"""One settlement on its way to the chain, as a value: what is stored is what is known."""

from typing import NamedTuple

from app.settlement.sender import Attempt
from solver.domain.ids import AccountId, Address

PLANNED = "planned"  # stored, nothing signed
SIGNED = "signed"  # bytes stored under a nonce, maybe sent
BROADCAST = "broadcast"  # a node has had the bytes
INCLUDED = "included"  # a receipt exists, fewer than K confirmations
FINAL = "final"  # K confirmations; waits for the ledger
POSTED = "posted"  # the ledger has it: nothing left to do
REVERTED = "reverted"  # final, and without effect
CANCELLED = "cancelled"  # the nonce went to a transfer to ourselves, final
LOST = "lost"  # the nonce went to somebody else's use of the key, final
REFUSED = "refused"  # never signed
ENDED = frozenset({POSTED, REVERTED, CANCELLED, LOST, REFUSED})
ON_CHAIN = frozenset({BROADCAST, INCLUDED})  # as far as we know


class Moved(NamedTuple):
    """Tokens a plan moves for one intent: atoms, positive = in. `place` is the owner's wallet, the
    account's collateral, or another receiver.
    """

    token: Address
    amount: int
    place: str  # wallet | collateral | receiver


class Proven(NamedTuple):
    """What the certificate of a whole settlement said when it was sent: atoms, and the gap."""

    value: int
    bound: int
    gap_ppm: int


class SettlementJob(NamedTuple):
    """What the auction decided: calldata for Settlement, one uid and account per item.

    `moved` is what each item moves, in the order of uids: kept so that whoever asks what an intent
    paid and got, and how good that was, is told from the same row that settled it.

    After `deadline` (unix seconds) the transaction must not be included any more: the earliest
    validTo of its intents or of its report.
    """

    auction_id: str
    uids: tuple[str, ...]
    accounts: tuple[AccountId, ...]
    calldata: bytes
    deadline: int
    moved: tuple[tuple[Moved, ...], ...] = ()
    proven: Proven | None = None


class Included(NamedTuple):
    """Where a receipt was seen."""

    tx_hash: str
    block_number: int
    block_hash: str
    succeeded: bool


class Flight(NamedTuple):
    """A settlement and every transaction signed for it, all of one nonce; `steps` stored so far."""

    id: str
    job: SettlementJob
    state: str = PLANNED
    steps: int = 0
    attempts: tuple[Attempt, ...] = ()
    included: Included | None = None

    @property
    def nonce(self) -> int | None:
        """The nonce all attempts share; None before the first."""
        return self.attempts[0].nonce if self.attempts else None

    @property
    def is_cancelling(self) -> bool:
        """True once a cancelling transfer is signed."""
        return any(attempt.is_cancel for attempt in self.attempts)

    def attempt(self, tx_hash: str) -> Attempt:
        """Returns the attempt with that hash."""
        return next(a for a in self.attempts if a.hash == tx_hash)
