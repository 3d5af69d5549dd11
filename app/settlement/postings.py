"""The chain's words become the ledger's: pure, one final block at a time, nothing left out.

Both sides of a trade are facts of their own account; a market's facts go to the market's log.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from adapters.chains import events as chain
from adapters.chains.events import ContractEvent
from adapters.chains.evm import Log
from app.store import StoredIntent
from solver.domain.event import (
    AuctionBankrupted,
    AuctionEnded,
    AuctionStarted,
    BaseMoved,
    CashMoved,
    DebtAbsorbed,
    Deleveraged,
    EpochRaised,
    Event,
    ExpiryFixed,
    FixingRecorded,
    FundingMoved,
    IntentSettled,
    LegFilled,
    MandateRevoked,
    OptionExpired,
    PortfolioEntered,
    PositionSeized,
    SliceSold,
)
from solver.domain.ids import AccountId, ChainId

Posting = tuple[str, Event]  # (log, event)


class Fact(NamedTuple):
    """A decoded log of one of our contracts, with where it stands."""

    event: ContractEvent
    tx_hash: str
    log_index: int


class Book(NamedTuple):
    """What is known beside the logs: our intents by digest, accounts by owner."""

    chain_id: ChainId
    intents: Mapping[bytes, StoredIntent]
    accounts: Mapping[str, tuple[AccountId, ...]]

    def account(self, key: bytes) -> AccountId:
        """Returns the account of a contract's bytes32."""
        return AccountId.from_key(self.chain_id, key)


def facts_of(logs: Iterable[Log]) -> tuple[Fact, ...]:
    """Returns what the logs say, in chain order; logs that are not ours to post are left out."""
    decoded = ((chain.decode_log(log), log) for log in logs)
    return tuple(Fact(e, log.tx_hash, log.log_index) for e, log in decoded if e is not None)


def postings_of(facts: Iterable[Fact], book: Book) -> tuple[Posting, ...]:
    """Returns the ledger events of one block's facts, in chain order."""
    ordered = tuple(facts)
    uids = _uids(ordered, book)
    return tuple(posting for fact in ordered for posting in _postings(fact, book, uids))


def _uids(facts: Iterable[Fact], book: Book) -> dict[tuple[str, AccountId], str]:
    """An account has at most one intent in a transaction, so (transaction, account) names it."""
    found: dict[tuple[str, AccountId], str] = {}
    for event, tx_hash, _ in facts:
        row = book.intents.get(event.digest) if isinstance(event, chain.Settled) else None
        if row is not None:
            intent = row.signed.intent
            found[tx_hash, AccountId(book.chain_id, intent.owner, intent.subaccount)] = row.uid
    return found


def _postings(
    fact: Fact, book: Book, uids: Mapping[tuple[str, AccountId], str]
) -> Iterable[Posting]:
    event, tx_hash, index = fact
    match event:
        case chain.Traded():
            a, b = book.account(event.a), book.account(event.b)
            yield a.log, _filled(fact, event, uids.get((tx_hash, a)), b, 1)
            yield b.log, _filled(fact, event, uids.get((tx_hash, b)), a, -1)
        case chain.CashMoved():
            yield book.account(event.account).log, CashMoved(event.amount, tx_hash, index)
        case chain.BaseMoved():
            moved = BaseMoved(event.instrument, event.quantity, tx_hash, index)
            yield book.account(event.account).log, moved
        case chain.PortfolioEntered():
            yield book.account(event.account).log, PortfolioEntered(tx_hash, index)
        case chain.ExpirySettled():
            ended = OptionExpired(
                event.instrument, event.quantity, event.price, event.cash, tx_hash, index
            )
            yield book.account(event.account).log, ended
        case chain.EpochRaised():
            for account in book.accounts.get(event.owner, ()):
                yield account.log, EpochRaised(event.epoch, tx_hash, index)
        case chain.MandateRevoked():
            for account in book.accounts.get(event.owner, ()):
                yield account.log, MandateRevoked("0x" + event.digest.hex(), tx_hash)
        case chain.Settled():
            row = book.intents.get(event.digest)
            if row is not None:
                yield _settled(fact, event, row, book)
        case chain.Seized():
            yield from _seized(fact, event, book)
        case chain.Deleveraged():
            root = "0x" + event.root.hex()
            page = Deleveraged(event.id, root, *event[2:], tx_hash, index)
            yield f"deficit:{event.id}", page
        case (
            chain.AuctionStarted()
            | chain.Bid()
            | chain.Bankrupted()
            | chain.AuctionEnded()
            | chain.Absorbed()
        ):
            yield book.account(event.account).log, _sale(fact, event, book)
        case chain.ExpiryFixed():
            fixed = ExpiryFixed(event.market, event.expiry, event.price, tx_hash, index)
            yield f"market:{event.market}", fixed
        case chain.FixingRecorded():
            recorded = FixingRecorded(
                event.market, event.expiry, event.done, event.total, tx_hash, index
            )
            yield f"market:{event.market}", recorded
        case chain.FundingMoved():
            funding = FundingMoved(
                event.market, event.funding_index, event.hourly_rate, tx_hash, index
            )
            yield f"market:{event.market}", funding


def _filled(
    fact: Fact, event: chain.Traded, uid: str | None, other: AccountId, sign: int
) -> LegFilled:
    return LegFilled(
        uid,
        event.instrument,
        sign * event.quantity,
        event.price,
        -sign * event.cash,
        f"{other.owner}/{other.subaccount}",
        fact.tx_hash,
        fact.log_index,
    )


def _seized(fact: Fact, event: chain.Seized, book: Book) -> Iterable[Posting]:
    source, to = book.account(event.source), book.account(event.to)
    for account, other, sign in ((source, to, -1), (to, source, 1)):
        name = f"{other.owner}/{other.subaccount}"
        quantity = sign * event.quantity
        seized = PositionSeized(event.instrument, quantity, name, fact.tx_hash, fact.log_index)
        yield account.log, seized


def _sale(fact: Fact, event: chain.AuctionEvent, book: Book) -> Event:
    """What the auction says of the account it is about. The money it moves speaks for itself."""
    at = (fact.tx_hash, fact.log_index)
    match event:
        case chain.AuctionStarted():
            return AuctionStarted(event.starter, *event[4:], *at)
        case chain.Bid():
            bidder = book.account(event.bidder)
            return SliceSold(f"{bidder.owner}/{bidder.subaccount}", *event[2:], *at)
        case chain.Bankrupted():
            return AuctionBankrupted(*event[1:], *at)
        case chain.AuctionEnded():
            return AuctionEnded(*event[1:], *at)
        case chain.Absorbed():
            return DebtAbsorbed(*event[1:], *at)


def _settled(fact: Fact, event: chain.Settled, row: StoredIntent, book: Book) -> Posting:
    intent = row.signed.intent
    account = AccountId(book.chain_id, intent.owner, intent.subaccount)
    settled = IntentSettled(
        row.uid,
        event.solver,
        event.fraction,
        event.net_cost,
        event.fee,
        fact.tx_hash,
        fact.log_index,
    )
    return account.log, settled
