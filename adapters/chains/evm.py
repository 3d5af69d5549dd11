"""An EVM chain as values: heads, logs, receipts; reads in batches, sends with typed outcomes."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from adapters.base import Call
from adapters.base import Reverted as Reverted
from adapters.chains.rpc import Request, Rpc
from adapters.http import TIMEOUT_S
from solver.domain.errors import SolventError, Unavailable
from solver.domain.ids import Address, ChainId


class Head(NamedTuple):
    """A block's header. Timestamp is unix seconds, base fee is wei."""

    number: int
    hash: str
    parent: str
    timestamp: int
    base_fee: int


class Log(NamedTuple):
    """One event as the chain keeps it; lower-case hex, `data` as bytes."""

    address: Address
    topics: tuple[str, ...]
    data: bytes
    block_number: int
    block_hash: str
    tx_hash: str
    log_index: int


class Receipt(NamedTuple):
    """What became of a transaction. `status` False = reverted; gas price is wei."""

    tx_hash: str
    block_number: int
    block_hash: str
    status: bool
    gas_used: int
    effective_gas_price: int
    logs: tuple[Log, ...]


class Transaction(NamedTuple):
    """A transaction the node knows; block None = pending."""

    hash: str
    sender: Address
    to: Address | None
    nonce: int
    data: bytes
    block_number: int | None
    block_hash: str | None


class Overrides(NamedTuple):
    """State and block of a call as if: geth's shapes, e.g. block={"time": hex(t)}."""

    state: Mapping[Address, Mapping[str, Any]] = {}
    block: Mapping[str, str] = {}


class EvmChain:
    """One chain through one node. Everything raises Unavailable when the node does not answer."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self.rpc = Rpc(url, timeout_s)

    async def __aenter__(self) -> "EvmChain":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self.rpc.close()

    # ---- blocks

    async def chain_id(self) -> ChainId:
        """Returns EIP-155's number."""
        return int(await self.rpc.request("eth_chainId"), 16)

    async def head(self) -> Head:
        """Returns the newest block."""
        head = await self.block(None)
        if head is None:
            raise Unavailable("the node has no block yet")
        return head

    async def block(self, number: int | None) -> Head | None:
        """Returns the canonical block at a height, None when there is none; None asks the head."""
        found = await self.rpc.request("eth_getBlockByNumber", tag(number), False)
        return head_of(found) if found else None

    # ---- reads

    async def call(
        self,
        to: Address,
        data: bytes,
        block: int | None = None,
        *,
        from_: Address | None = None,
        overrides: Overrides | None = None,
    ) -> bytes:
        """Returns what the call returns. Raises Reverted with the raw data."""
        _, params = call_request(Call(to, data), block, from_)
        if overrides is not None:
            params += [dict(overrides.state), dict(overrides.block)]
        return from_hex(await self.rpc.request("eth_call", *params))

    async def call_many(
        self, calls: Sequence[Call | tuple[Address, bytes]], block: int | None = None
    ) -> list[bytes | Reverted]:
        """Returns one answer per call; a revert is an answer, any other refusal is raised."""
        requests = [call_request(Call(*call), block) for call in calls]
        answers: list[bytes | Reverted] = []
        for answer in await self.rpc.batch(requests):
            if isinstance(answer, SolventError) and not isinstance(answer, Reverted):
                raise answer
            answers.append(answer if isinstance(answer, Reverted) else from_hex(answer))
        return answers

    async def estimate_gas(self, to: Address, data: bytes, from_: Address) -> int:
        """Returns gas units. Raises Reverted."""
        call, _ = call_request(Call(to, data), None, from_)[1]
        return int(await self.rpc.request("eth_estimateGas", call), 16)

    async def nonce(self, address: Address, at: str = "latest") -> int:
        """Returns how many transactions of `address` are in `at` (latest or pending)."""
        return int(await self.rpc.request("eth_getTransactionCount", address, at), 16)

    async def balance(self, address: Address) -> int:
        """Returns wei."""
        return int(await self.rpc.request("eth_getBalance", address, "latest"), 16)

    async def code(self, address: Address) -> bytes:
        """Returns the runtime code, empty for an account without one."""
        return from_hex(await self.rpc.request("eth_getCode", address, "latest"))

    async def gas_price(self) -> int:
        """Returns what the node asks for inclusion now, wei per gas."""
        return int(await self.rpc.request("eth_gasPrice"), 16)

    async def logs(
        self,
        addresses: Sequence[Address],
        from_block: int,
        to_block: int | None = None,
        topics: Sequence[str | Sequence[str] | None] | None = None,
    ) -> tuple[Log, ...]:
        """Returns the logs of both blocks and all between, in chain order."""
        wanted: dict[str, Any] = {
            "address": list(addresses),
            "fromBlock": hex(from_block),
            "toBlock": tag(to_block),
        }
        if topics is not None:
            wanted["topics"] = [list(t) if isinstance(t, tuple) else t for t in topics]
        found = map(log_of, await self.rpc.request("eth_getLogs", wanted))
        return tuple(sorted(found, key=lambda log: (log.block_number, log.log_index)))

    # ---- transactions

    async def send_raw(self, raw: bytes) -> str:
        """Returns the transaction hash; sends once, never again by itself.

        Raises AlreadyKnown, NonceTooLow, Underpriced, InsufficientFunds, RpcRefused: it is not (or
        no longer) in the pool by this call; Unavailable: the outcome is unknown.
        """
        sent = await self.rpc.request("eth_sendRawTransaction", "0x" + raw.hex(), is_read=False)
        return str(sent)

    async def receipt(self, tx_hash: str) -> Receipt | None:
        """Returns the receipt when a canonical block holds the transaction."""
        found = await self.rpc.request("eth_getTransactionReceipt", tx_hash)
        return receipt_of(found) if found and found.get("blockHash") else None

    async def transaction(self, tx_hash: str) -> Transaction | None:
        """Returns the transaction when the node knows it, mined or pending."""
        found = await self.rpc.request("eth_getTransactionByHash", tx_hash)
        return transaction_of(found) if found else None


def tag(number: int | None) -> str:
    """Returns a height as the RPC writes it; None is the head."""
    return "latest" if number is None else hex(number)


def from_hex(text: str) -> bytes:
    """Returns the bytes of 0x-prefixed hex."""
    return bytes.fromhex(text[2:])


def call_request(call: Call, block: int | None, from_: Address | None = None) -> Request:
    """Returns the eth_call of a Call."""
    body = {"to": call.to, "data": "0x" + call.data.hex()}
    if from_ is not None:
        body["from"] = from_
    return "eth_call", [body, tag(block)]


def head_of(block: Mapping[str, Any]) -> Head:
    """Returns the header in a node's block."""
    return Head(
        int(block["number"], 16),
        block["hash"],
        block["parentHash"],
        int(block["timestamp"], 16),
        int(block.get("baseFeePerGas") or "0x0", 16),
    )


def log_of(log: Mapping[str, Any]) -> Log:
    """Returns a node's log."""
    return Log(
        log["address"].lower(),
        tuple(topic.lower() for topic in log["topics"]),
        from_hex(log["data"]),
        int(log["blockNumber"], 16),
        log["blockHash"],
        log["transactionHash"],
        int(log["logIndex"], 16),
    )


def receipt_of(receipt: Mapping[str, Any]) -> Receipt:
    """Returns a node's receipt."""
    return Receipt(
        receipt["transactionHash"],
        int(receipt["blockNumber"], 16),
        receipt["blockHash"],
        int(receipt["status"], 16) == 1,
        int(receipt["gasUsed"], 16),
        int(receipt["effectiveGasPrice"], 16),
        tuple(log_of(log) for log in receipt["logs"]),
    )


def transaction_of(found: Mapping[str, Any]) -> Transaction:
    """Returns a node's transaction."""
    number, to = found.get("blockNumber"), found.get("to")
    return Transaction(
        found["hash"],
        found["from"].lower(),
        to.lower() if to else None,
        int(found["nonce"], 16),
        from_hex(found["input"]),
        int(number, 16) if number else None,
        found.get("blockHash"),
    )
