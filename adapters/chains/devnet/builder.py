"""Transactions of the set-up: many at once, mined in one block, every one of them must succeed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from adapters.base import Call, Reverted
from adapters.chains.abi import Artifact, artifact
from adapters.chains.events import decode_error
from adapters.chains.evm import EvmChain, Receipt, receipt_of
from solver.domain.errors import Broken, SolventError
from solver.domain.ids import Address
from solver.domain.typed_data import keccak

GAS_PER_TX = 9_000_000
BLOCK_GAS = 1_000_000_000  # while building; the served chain gets BLOCK_GAS_SERVED
BLOCK_GAS_SERVED = 36_000_000


class Tx(NamedTuple):
    """One transaction to send. `to` None creates a contract. Value is wei, sender None the own."""

    to: Address | None
    data: bytes
    value: int = 0
    sender: Address | None = None


class Builder:
    """Sends from the unlocked accounts of a chain that mines on demand."""

    def __init__(self, chain: EvmChain, sender: Address) -> None:
        self.chain = chain
        self.sender = sender
        self.libraries: dict[str, Address] = {}

    async def prepare(self) -> None:
        """Stops mining by itself and opens the block gas for the set-up."""
        await self.chain.rpc.request("evm_setAutomine", False)
        await self.chain.rpc.request("evm_setBlockGasLimit", hex(BLOCK_GAS))

    async def mine(self, at: int | None = None) -> None:
        """Mines one block, at unix time `at` when given."""
        if at is not None:
            await self.chain.rpc.request("evm_setNextBlockTimestamp", at)
        await self.chain.rpc.request("evm_mine", is_read=False)

    async def send(self, txs: Sequence[Tx], at: int | None = None) -> list[Receipt]:
        """Mines all in one block, in order per sender. Raises Broken when one of them fails."""
        senders = {tx.sender or self.sender for tx in txs}
        nonces = {sender: await self.chain.nonce(sender) for sender in sorted(senders)}
        requests: list[tuple[str, list[Any]]] = []
        for tx in txs:
            sender = tx.sender or self.sender
            requests.append(("eth_sendTransaction", [_body(tx, sender, nonces[sender])]))
            nonces[sender] += 1
        hashes = await self.chain.rpc.batch(requests, is_read=False)
        for answer in hashes:
            if isinstance(answer, SolventError):
                raise answer
        await self.mine(at)
        found = await self.chain.rpc.batch([("eth_getTransactionReceipt", [h]) for h in hashes])
        for index, receipt in enumerate(found):
            if not isinstance(receipt, dict) or int(receipt["status"], 16) != 1:
                why = await self._why(txs[index])
                raise Broken(f"set-up transaction {index} of {len(txs)} failed: {why}")
        return [receipt_of(receipt) for receipt in found]

    async def create(self, codes: Sequence[bytes]) -> list[Address]:
        """Deploys creation codes; returns their addresses in order."""
        first = await self.chain.nonce(self.sender)
        await self.send([Tx(None, code) for code in codes])
        return [contract_address(self.sender, first + index) for index in range(len(codes))]

    async def deploy(self, which: str | Artifact, *args: Any) -> Address:
        """Deploys one contract, one of ours by name, its libraries first. Raises Broken."""
        contract = artifact(which) if isinstance(which, str) else which
        for library in sorted(contract.libraries - self.libraries.keys()):
            self.libraries[library] = await self.deploy(library)
        (address,) = await self.create([contract.creation(*args, libraries=self.libraries)])
        return address

    async def read(self, to: Address, contract: Artifact, function: str, *args: Any) -> Any:
        """Returns the only output of a view."""
        view = contract.interface.functions[function]
        return view.one(await self.chain.call(to, view.encode(*args)))

    async def read_many(self, calls: Sequence[Call]) -> list[bytes]:
        """Returns the raw answers. Raises the first Reverted."""
        answers = []
        for answer in await self.chain.call_many(calls):
            if isinstance(answer, Reverted):
                raise answer
            answers.append(answer)
        return answers

    async def _why(self, tx: Tx) -> str:
        what = f"{tx.to or 'creation'} {tx.data[:4].hex()}"
        body = {"from": tx.sender or self.sender, "data": "0x" + tx.data.hex()}
        if tx.to is not None:
            body["to"] = tx.to
        try:
            await self.chain.rpc.request("eth_call", body, "latest")
        except Reverted as error:
            name, args = decode_error(error.raw)
            return f"{what}: {name or error.detail} {args}"
        return f"{what}: passes when asked again"


def contract_address(sender: Address, nonce: int) -> Address:
    """Returns where a creation with this nonce lands: keccak(rlp([sender, nonce]))[12:]."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    item = number if len(number) == 1 and nonce < 0x80 else bytes([0x80 + len(number)]) + number
    body = b"\x94" + bytes.fromhex(sender[2:]) + item
    return "0x" + keccak(bytes([0xC0 + len(body)]) + body)[12:].hex()


def _body(tx: Tx, sender: Address, nonce: int) -> dict[str, str]:
    body = {
        "from": sender,
        "data": "0x" + tx.data.hex(),
        "value": hex(tx.value),
        "nonce": hex(nonce),
        "gas": hex(GAS_PER_TX),
    }
    return body if tx.to is None else body | {"to": tx.to}
