"""The one source of ledger events: our contracts' logs in final blocks, each posted exactly once.

A block's events, its cursor and the keys of its logs are one commit. Nothing younger than K
confirmations is posted, so a shallow reorg needs no correction; a deep one stops the follower.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from adapters.base import Call, Reverted
from adapters.chains.deployment import Deployment
from adapters.chains.evm import Head, Log
from adapters.chains.settlement import decode, read_positions, view
from app import observe
from app.settlement import crash
from app.settlement.fate import Fates
from app.settlement.postings import Book, Fact, facts_of, postings_of
from app.store import Batch, Store, StoredIntent, Write
from solver.domain.errors import Broken, Conflict, Unavailable
from solver.domain.event import Event
from solver.domain.ids import AccountId, Address

NAME = "ledger"  # of the cursor
SPAN_MAX = 500  # blocks in one look
POLL_MS = 200
KEYS = ("a", "b", "account", "source", "to", "bidder")  # fields that name an account
VIEWS = ("cashOf", "positions")  # of the Clearinghouse: what an account is


class FollowedChain(Protocol):
    """What the follower needs of a chain. Everything raises Unavailable."""

    async def head(self) -> Head: ...

    async def block(self, number: int | None) -> Head | None: ...

    async def logs(
        self, addresses: Sequence[Address], from_block: int, to_block: int | None = None
    ) -> tuple[Log, ...]: ...

    async def call_many(
        self, calls: Sequence[Call], block: int | None = None
    ) -> list[bytes | Reverted]: ...


class Cursor(NamedTuple):
    """The last block that is posted in full."""

    number: int
    hash: str


class Reconciler:
    """Follows the chain K blocks behind its head. `broken` holds accounts that differ from it."""

    def __init__(
        self, chain: FollowedChain, store: Store, deployment: Deployment, confirmations: int
    ) -> None:
        self._chain, self._store, self._deployment = chain, store, deployment
        self._depth = confirmations
        self._fates = Fates(chain, store, deployment.settlement, confirmations)
        self._cursor: Cursor | None = None
        self._unverified: set[AccountId] | None = None  # since when they were last compared
        self.broken: dict[AccountId, str] = {}

    @property
    def block(self) -> int | None:
        """Height of the last block posted in this process; None before the first look."""
        return self._cursor.number if self._cursor else None

    async def run(self, poll_ms: int = POLL_MS) -> None:
        """Task root: posts every final block. Raises Broken on a reorg deeper than K."""
        told = ""
        while True:
            try:
                while await self.step():
                    told = ""
            except (Unavailable, Conflict) as error:  # nothing was posted: the blocks come again
                if error.detail != told:
                    observe.part_failed("ledger", error)
                told = error.detail
            await asyncio.sleep(poll_ms / 1000)

    async def step(self) -> bool:
        """Posts what is final and not posted yet; returns whether there was anything to post.

        Raises Unavailable, Conflict (an intent moved meanwhile: step again), Broken (deep reorg).
        """
        head = await self._chain.head()
        cursor = await self._start()
        final = head.number - self._depth + 1
        if final <= cursor.number:
            return False
        last = min(final, cursor.number + SPAN_MAX)
        blocks = await self._read(cursor, last)
        if blocks is None:
            return False  # the chain moved while it was read
        if self._unverified is None:  # an earlier life may have died between posting and comparing
            self._unverified = {account.id for account in self._store.accounts()}
        for header, logs in blocks:
            self._unverified |= await self._post(header, logs)
        await self._fates.expire(blocks[-1][0])
        if last == final:
            await self._verify_all(self._unverified | set(self.broken))
            self._unverified.clear()
        return True

    async def verify(self, account: AccountId) -> None:
        """Raises Broken unless the folded account equals the chain's at the cursor, to the atom."""
        (difference,) = await self._differences([account])
        if difference is not None:
            raise difference

    async def _differences(self, accounts: Sequence[AccountId]) -> list[Broken | None]:
        house, block = self._deployment.clearinghouse, (await self._start()).number
        calls = [view("Clearinghouse", house, n, a.key) for a in accounts for n in VIEWS]
        answers = [_answer(a) for a in await self._chain.call_many(calls, block)]
        pairs = zip(answers[::2], answers[1::2], strict=True)
        return [
            self._difference(account, decode("Clearinghouse", VIEWS[0], cash), slots)
            for account, (cash, slots) in zip(accounts, pairs, strict=True)
        ]

    def _difference(self, account: AccountId, cash: int, slots: bytes) -> Broken | None:
        folded, on_chain = self._store.account(account), (cash, read_positions(slots))
        if (folded.cash, folded.positions) == on_chain:
            return None
        data = {"ledger": str((folded.cash, folded.positions)), "chain": str(on_chain)}
        block = self._cursor.number if self._cursor else None
        return Broken(f"{account.log} differs from the chain at block {block}", data=data)

    async def _start(self) -> Cursor:
        if self._cursor is None:
            sql = "SELECT block_number, block_hash FROM cursor WHERE name = ?"
            rows = await self._store.rows(sql, (NAME,))
            if rows:
                self._cursor = Cursor(rows[0]["block_number"], rows[0]["block_hash"])
            else:
                before = self._deployment.start_block - 1
                block = await self._chain.block(before) if before >= 0 else None
                self._cursor = Cursor(before, block.hash if block else "")
        return self._cursor

    async def _read(self, cursor: Cursor, last: int) -> list[tuple[Head, tuple[Log, ...]]] | None:
        """Returns the blocks with logs, and the last one; None when the chain moved meanwhile."""
        first = await self._chain.block(cursor.number + 1)
        if first is None:
            return None
        if cursor.hash and first.parent != cursor.hash:
            raise Broken(
                f"block {cursor.number} was posted and is no longer canonical",
                code="deepReorg",
                data={"block": str(cursor.number), "posted": cursor.hash, "now": first.parent},
            )
        deployment = self._deployment
        addresses = (deployment.settlement, deployment.clearinghouse, deployment.auction)
        logs = await self._chain.logs(addresses, cursor.number + 1, last)
        blocks: list[tuple[Head, tuple[Log, ...]]] = []
        for number in sorted({log.block_number for log in logs} | {last}):
            header = await self._chain.block(number)
            here = tuple(log for log in logs if log.block_number == number)
            if header is None or any(log.block_hash != header.hash for log in here):
                return None
            blocks.append((header, here))
        again = await self._chain.block(first.number)
        return blocks if again == first else None

    async def _post(self, header: Head, logs: Sequence[Log]) -> set[AccountId]:
        facts = facts_of(logs)
        book = await self._book(facts)
        at_ms = header.timestamp * 1000
        postings = postings_of(facts, book)
        moves = await self._fates.moves(facts, book, header.number)
        events: list[tuple[str, Event, int]] = [(log, e, at_ms) for log, e in postings]
        events += [(log, e, at_ms) for log, e in moves]
        if moves:
            crash.point("posting")
        await self._store.record(Batch(tuple(events), (*_posted(facts, header), _at(header))))
        if moves:
            crash.point("posted")
        self._cursor = Cursor(header.number, header.hash)
        names = {log for log, _ in postings}
        return {a for owned in book.accounts.values() for a in owned if a.log in names}

    async def _book(self, facts: Iterable[Fact]) -> Book:
        """Looks up what the facts speak of: intents by digest, accounts by owner and by key."""
        chain_id = self._deployment.chain_id
        intents: dict[bytes, StoredIntent] = {}
        accounts: dict[str, set[AccountId]] = {}
        for row in self._store.live_intents():
            account = self._store.account_id(row)
            accounts.setdefault(account.owner, set()).add(account)
        for known in self._store.accounts():
            accounts.setdefault(known.id.owner, set()).add(known.id)
        for event, _, _ in facts:
            for key in (getattr(event, name, None) for name in KEYS):
                if isinstance(key, bytes):
                    account = AccountId.from_key(chain_id, key)
                    accounts.setdefault(account.owner, set()).add(account)
            digest = getattr(event, "digest", None)
            if isinstance(digest, bytes) and (row_ := await self._intent(digest)) is not None:
                intents[digest] = row_
        sorted_accounts = {owner: tuple(sorted(owned)) for owner, owned in accounts.items()}
        return Book(chain_id, intents, sorted_accounts)

    async def _intent(self, digest: bytes) -> StoredIntent | None:
        prefix = "0x" + digest.hex()
        sql = "SELECT uid FROM intent WHERE uid >= ? AND uid < ?"
        rows = await self._store.rows(sql, (prefix, prefix + "g"))
        return self._store.intent(rows[0]["uid"]) if rows else None

    async def _verify_all(self, accounts: Iterable[AccountId]) -> None:
        ordered = sorted(accounts)
        for account, difference in zip(ordered, await self._differences(ordered), strict=True):
            if difference is None:
                self.broken.pop(account, None)
                continue
            if account not in self.broken:
                observe.part_failed("ledger", difference)
            self.broken[account] = difference.detail


def _posted(facts: Iterable[Fact], header: Head) -> tuple[Write, ...]:
    sql = "INSERT INTO posted (tx_hash, log_index, block_number) VALUES (?, ?, ?)"
    return tuple((sql, (fact.tx_hash, fact.log_index, header.number)) for fact in facts)


def _at(header: Head) -> Write:
    sql = "INSERT INTO cursor (name, block_number, block_hash, log_index) VALUES (?, ?, ?, 0) "
    sql += "ON CONFLICT (name) DO UPDATE SET block_number = excluded.block_number, "
    return sql + "block_hash = excluded.block_hash", (NAME, header.number, header.hash)


def _answer(answer: bytes | Reverted) -> bytes:
    if isinstance(answer, Reverted):
        raise Broken("a view of the Clearinghouse reverted", data=answer.data)
    return answer
