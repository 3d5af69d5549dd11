"""A chain in memory that keeps EvmChain's promises: mempool, fees, reorgs, lost answers.

Settlement runs whatever calldata it is given and has no replay guard of its own: running one call
twice is seen. Logs and views are encoded with the contracts' real ABI.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from eth_abi.abi import encode
from eth_account import Account as Key
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from adapters.base import AlreadyKnown, Call, NonceTooLow, Reverted, Underpriced
from adapters.chains.abi import Function, artifact
from adapters.chains.deployment import Deployment, MarketInfo
from adapters.chains.events import BaseMoved, CashMoved, ContractEvent, Traded, decode_log
from adapters.chains.evm import Head, Log, Receipt
from solver.domain.errors import Unavailable
from solver.domain.instrument import Token
from solver.domain.typed_data import keccak
from tests.app.worlds import CHAIN_ID, DOMAIN, NOW, USDC

SETTLEMENT, HOUSE = DOMAIN.verifying_contract, "0x" + "c4" * 20
ZERO = "0x" + "00" * 20
WETH = Token("0x" + "0e" * 20, "WETH", 18)
ETH = MarketInfo(1, "ETH", WETH, ZERO, ZERO, "", ZERO, Token(USDC, "USDC", 6))
DEPLOYMENT = Deployment(
    CHAIN_ID, SETTLEMENT, HOUSE, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, WETH.address, USDC,
    (WETH, Token(USDC, "USDC", 6)), ZERO, ZERO, (), (ETH,), 1,
)  # fmt: skip
BLOCK_SECONDS = 12


class Tx(NamedTuple):
    hash: str
    sender: str
    nonce: int
    to: str
    data: bytes
    max_fee: int
    raw: bytes


class Block(NamedTuple):
    head: Head
    txs: tuple[Tx, ...] = ()
    statuses: tuple[bool, ...] = ()
    logs: tuple[Log, ...] = ()


class FakeChain:
    """`scripts` maps calldata to the contract events it emits; unknown calldata reverts."""

    def __init__(self) -> None:
        self.scripts: dict[bytes, list[tuple[str, ContractEvent]]] = {}
        self.mempool: dict[tuple[str, int], Tx] = {}
        self.spent: dict[tuple[str, int], int] = {}  # (owner, nonce) -> height it was spent at
        self.filled: dict[tuple[str, int], int] = {}
        self.is_down = False
        self.lose_sends = 0  # time-outs before the node has the bytes
        self.lose_answers = 0  # time-outs after it has taken them
        self.reverts: bytes | None = None  # what every settlement call reverts with
        self.base_fee = 10**9
        self.sent: Counter[bytes] = Counter()
        self._salt = 0
        self.blocks = [Block(Head(0, self._hash(), "0x" + "00" * 32, NOW - 12, self.base_fee))]
        self.mine()

    # ---- what a test does to it

    def mine(self, count: int = 1, seconds: int = BLOCK_SECONDS, empty: bool = False) -> None:
        """Adds blocks; the first takes what the pool holds in nonce order, unless `empty`."""
        for _ in range(count):
            taken = [] if empty else self._take()
            parent = self.blocks[-1].head
            number = parent.number + 1
            head = Head(number, self._hash(), parent.hash, parent.timestamp + seconds, 10**9)
            self.blocks.append(self._execute(head, taken))

    def emit(self, *facts: tuple[str, ContractEvent]) -> None:
        """Adds a block in which somebody else's transaction emits these events."""
        self.mine(empty=True)
        block = self.blocks[-1]
        logs = [
            _log(block.head, _tx_hash(f"{block.head.hash}other"), index, address, event)
            for index, (address, event) in enumerate(facts)
        ]
        self.blocks[-1] = block._replace(logs=tuple(logs))

    def reorg(self, depth: int, keep: bool = True) -> None:
        """Replaces the newest blocks by empty ones; their transactions wait again, or are gone."""
        dropped, self.blocks = self.blocks[-depth:], self.blocks[:-depth]
        for tx in (tx for block in dropped for tx in block.txs):
            if keep:
                self.mempool[tx.sender, tx.nonce] = tx
        self.mine(depth, empty=True)

    def drop(self) -> None:
        """Forgets every waiting transaction."""
        self.mempool.clear()

    def runs(self, calldata: bytes) -> int:
        """Returns how often the canonical chain ran a settlement call with success."""
        return sum(
            tx.data == calldata and status
            for block in self.blocks
            for tx, status in zip(block.txs, block.statuses, strict=True)
        )

    # ---- EvmChain's promises

    async def head(self) -> Head:
        self._answer()
        return self.blocks[-1].head

    async def block(self, number: int | None) -> Head | None:
        self._answer()
        if number is None:
            return self.blocks[-1].head
        return self.blocks[number].head if 0 <= number < len(self.blocks) else None

    async def call(
        self, to: str, data: bytes, block: int | None = None, *, from_: str | None = None
    ) -> bytes:
        self._answer()
        if self.reverts is not None or data not in self.scripts:
            raise Reverted("refused", self.reverts or b"")
        return b""

    async def call_many(
        self, calls: Sequence[Call], block: int | None = None
    ) -> list[bytes | Reverted]:
        self._answer()
        height = self.blocks[-1].head.number if block is None else block
        return [self._view(call.data, height) for call in calls]

    async def estimate_gas(self, to: str, data: bytes, from_: str) -> int:
        await self.call(to, data, from_=from_)
        return 300_000

    async def nonce(self, address: str, at: str = "latest") -> int:
        self._answer()
        blocks = self.blocks[: int(at, 16) + 1] if at.startswith("0x") else self.blocks
        used = sum(tx.sender == address for block in blocks for tx in block.txs)
        while at == "pending" and (address, used) in self.mempool:
            used += 1
        return used

    async def send_raw(self, raw: bytes) -> str:
        self._answer()
        if self.lose_sends:
            self.lose_sends -= 1
            raise Unavailable("the request timed out")
        tx = decode_raw(raw)
        self._accept(tx)
        self.sent[raw] += 1
        if self.lose_answers:
            self.lose_answers -= 1
            raise Unavailable("the answer timed out")
        return tx.hash

    async def receipt(self, tx_hash: str) -> Receipt | None:
        self._answer()
        for block in self.blocks:
            for tx, status in zip(block.txs, block.statuses, strict=True):
                if tx.hash == tx_hash:
                    head = block.head
                    return Receipt(tx_hash, head.number, head.hash, status, 1, 1, ())
        return None

    async def logs(
        self, addresses: Sequence[str], from_block: int, to_block: int | None = None
    ) -> tuple[Log, ...]:
        self._answer()
        last = self.blocks[-1].head.number if to_block is None else to_block
        blocks = self.blocks[from_block : last + 1]
        return tuple(log for b in blocks for log in b.logs if log.address in addresses)

    # ---- inside

    def _view(self, data: bytes, height: int) -> bytes:
        functions = {f.selector: f for f in _functions()}
        function = functions[data[:4]]
        args = tuple(function.decode_args(data).values())
        if function.name == "isNonceUsed":
            return encode(["bool"], [self.spent.get(args, height + 1) <= height])
        if function.name == "filled":
            return encode(["uint256"], [self.filled.get(args, 0)])
        cash, slots = self._account(args[0], height)
        if function.name == "cashOf":
            return encode(["int256"], [cash])
        words = [instrument << 96 | quantity & (2**96 - 1) for instrument, quantity in slots]
        return encode(["uint256[]"], [words])

    def _account(self, key: bytes, height: int) -> tuple[int, list[tuple[int, int]]]:
        """The Clearinghouse's own bookkeeping, swap and pop included."""
        cash, slots = 0, dict[int, int]()
        for log in (log for block in self.blocks[: height + 1] for log in block.logs):
            event = decode_log(log)
            if isinstance(event, CashMoved) and event.account == key:
                cash += event.amount
            if isinstance(event, Traded) and key in (event.a, event.b):
                sign = 1 if event.a == key else -1
                cash -= sign * event.cash
                slots = _moved(slots, event.instrument, sign * event.quantity)
            if isinstance(event, BaseMoved) and event.account == key:
                slots = _moved(slots, event.instrument, event.quantity)
        return cash, list(slots.items())

    def _answer(self) -> None:
        if self.is_down:
            raise Unavailable("the node does not answer")

    def _accept(self, tx: Tx) -> None:
        mined = sum(t.sender == tx.sender for block in self.blocks for t in block.txs)
        if tx.nonce < mined:
            raise NonceTooLow("nonce too low")
        old = self.mempool.get((tx.sender, tx.nonce))
        if old is not None and old.hash == tx.hash:
            raise AlreadyKnown("already known")
        if tx.max_fee < self.base_fee or (old and tx.max_fee * 1000 < old.max_fee * 1125):
            raise Underpriced("replacement transaction underpriced")
        self.mempool[tx.sender, tx.nonce] = tx

    def _take(self) -> list[Tx]:
        taken: list[Tx] = []
        for sender in sorted({sender for sender, _ in self.mempool}):
            nonce = sum(t.sender == sender for block in self.blocks for t in block.txs)
            while (tx := self.mempool.get((sender, nonce))) and tx.max_fee >= self.base_fee:
                taken.append(self.mempool.pop((sender, nonce)))
                nonce += 1
        return taken

    def _execute(self, head: Head, txs: Sequence[Tx]) -> Block:
        logs: list[Log] = []
        statuses: list[bool] = []
        for tx in txs:
            is_ours = tx.to == SETTLEMENT
            statuses.append(not is_ours or (self.reverts is None and tx.data in self.scripts))
            for address, event in self.scripts.get(tx.data, ()) if is_ours and statuses[-1] else ():
                logs.append(_log(head, tx.hash, len(logs), address, event))
        return Block(head, tuple(txs), tuple(statuses), tuple(logs))

    def _hash(self) -> str:
        self._salt += 1
        return _tx_hash(f"block {self._salt}")


def _functions() -> list[Function]:
    names = {"Settlement": ("isNonceUsed", "filled"), "Clearinghouse": ("cashOf", "positions")}
    return [artifact(c).interface.functions[name] for c, found in names.items() for name in found]


def _moved(slots: dict[int, int], instrument: int, quantity: int) -> dict[int, int]:
    held = slots.get(instrument, 0) + quantity
    if held:
        return slots | {instrument: held}
    items = list(slots.items())
    place = [i for i, _ in items].index(instrument)
    items[place] = items[-1]
    return dict(items[:-1])


def decode_raw(raw: bytes) -> Tx:
    """Returns what a signed EIP-1559 transaction says."""
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    sender = Key.recover_transaction(HexBytes(raw)).lower()
    to = "0x" + bytes(fields["to"]).hex()
    data, fee = bytes(fields["data"]), int(fields["maxFeePerGas"])
    return Tx("0x" + keccak(raw).hex(), sender, int(fields["nonce"]), to, data, fee, raw)


def _tx_hash(text: str) -> str:
    return "0x" + keccak(text.encode()).hex()


def _log(head: Head, tx_hash: str, index: int, address: str, event: ContractEvent) -> Log:
    name = type(event).__name__
    contract = "Settlement" if address == SETTLEMENT else "Clearinghouse"
    abi = next(e for e in artifact(contract).interface.events.values() if e.name == name)
    values = list(zip(abi.inputs, event, strict=True))
    indexed = [encode([kind], [value]) for (_, kind, is_topic), value in values if is_topic]
    plain = [(kind, value) for (_, kind, is_topic), value in values if not is_topic]
    data = encode([kind for kind, _ in plain], [value for _, value in plain])
    topics = (abi.topic, *("0x" + word.hex() for word in indexed))
    return Log(address, topics, data, head.number, head.hash, tx_hash, index)
