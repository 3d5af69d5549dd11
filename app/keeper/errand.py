"""The keeper's transaction: one nonce at a time, replaced when it is stuck, nothing stored.

What it carries may be done by anyone at any time and a second time changes nothing, so the chain
alone remembers. The key may be in use elsewhere too: whatever waits under it gets its blocks, and
only then is its nonce taken over.
"""

import enum
from typing import Protocol

from adapters.base import Reverted
from adapters.chains.evm import Head, Receipt
from adapters.chains.rpc import Rpc
from app.keeper import telling
from app.settlement.sender import (
    CANCEL_GAS,
    FEE_WEI_MAX,
    Attempt,
    Fees,
    Sender,
    Sent,
    market_fees,
    raised_fees,
)
from solver.domain.errors import Refused
from solver.domain.ids import Address

REPLACE_BLOCKS = 3  # without inclusion: more fee for the same nonce
GAS_MARGIN_PERCENT = 130
UNFUNDED = "keeperUnfunded"


class Road(enum.Enum):
    """Whether a transaction can be sent now."""

    FREE = "free"
    BUSY = "busy"  # one is on its way and has time left
    STUCK = "stuck"  # one is on its way for too long: its nonce wants another


class SendingChain(Protocol):
    """What an errand needs of a chain. Everything raises Unavailable."""

    @property
    def rpc(self) -> Rpc: ...

    async def nonce(self, address: Address, at: str = "latest") -> int: ...

    async def balance(self, address: Address) -> int: ...

    async def receipt(self, tx_hash: str) -> Receipt | None: ...

    async def send_raw(self, raw: bytes) -> str: ...


class Errand:
    """Carries calls of one key to the chain. `is_open` while one of ours is on its way."""

    def __init__(self, chain: SendingChain, sender: Sender) -> None:
        self._chain, self._sender = chain, sender
        self._attempts: tuple[Attempt, ...] = ()  # of one nonce
        self._nonce = 0  # the next that no block has spent
        self._strange_since: int | None = None  # height at which somebody else's use was seen

    @property
    def is_open(self) -> bool:
        return bool(self._attempts)

    @property
    def address(self) -> Address:
        """The account that pays the gas."""
        return self._sender.address

    async def road(self, head: Head) -> Road:
        """Returns whether the nonce is free at `head`; what is on its way is sent once more."""
        self._nonce = await self._chain.nonce(self.address, hex(head.number))
        if self._attempts and self._attempts[0].nonce < self._nonce:
            await self._tell_end()
            self._attempts = ()
        if self._attempts:
            last = self._attempts[-1]
            said = await self._sender.send(last)  # a pool may have dropped it
            is_late = head.number - last.block >= REPLACE_BLOCKS
            return Road.STUCK if is_late or said is Sent.UNDERPRICED else Road.BUSY
        if await self._chain.nonce(self.address, "pending") <= self._nonce:
            self._strange_since = None
            return Road.FREE
        if self._strange_since is None:
            self._strange_since = head.number
        is_late = head.number - self._strange_since >= REPLACE_BLOCKS
        return Road.STUCK if is_late else Road.BUSY

    async def gas(self, to: Address, data: bytes) -> int | None:
        """Returns the gas a call gets, with room; None when the chain would refuse it now.

        As of the newest block: on top of the pool a call that is stuck there has been made already.
        """
        body = {"from": self.address, "to": to, "data": "0x" + data.hex()}
        try:
            gas = int(await self._chain.rpc.request("eth_estimateGas", body, "latest"), 16)
        except Reverted:
            return None
        return gas * GAS_MARGIN_PERCENT // 100

    async def send(self, to: Address, data: bytes, gas: int, head: Head) -> None:
        """Sends a call under the open nonce, over whatever waits there.

        Raises Refused when the key cannot pay for it, and Unavailable: the outcome is unknown then.
        """
        fees = self._fees(head)
        while fees is not None and fees.max_fee <= FEE_WEI_MAX:
            await self._require_funds(gas * fees.max_fee)
            signed = self._sender.sign(to, data, self._nonce, gas, fees)
            said = await self._offer(signed._replace(block=head.number))
            if said is not Sent.UNDERPRICED:
                return
            fees = raised_fees(fees, head.base_fee)

    async def cancel(self, head: Head) -> None:
        """Takes the nonce of a stuck call that nobody needs any more."""
        await self.send(self.address, b"", CANCEL_GAS, head)

    async def _require_funds(self, wei: int) -> None:
        balance = await self._chain.balance(self.address)
        telling.balance(balance)
        if balance < wei:
            data = {"address": self.address, "balanceWei": str(balance), "neededWei": str(wei)}
            detail = f"the keeper {self.address} has {balance} wei and needs {wei}"
            raise Refused(detail, code=UNFUNDED, data=data)

    async def _offer(self, attempt: Attempt) -> Sent:
        """Sends; the attempt counts from before it was sent, because an answer may be lost."""
        before = self._attempts
        self._attempts = (*before, attempt)
        said = await self._sender.send(attempt)
        if said is Sent.REFUSED:
            self._attempts = before
        return said

    def _fees(self, head: Head) -> Fees | None:
        if self._attempts:
            return raised_fees(self._attempts[-1].fees, head.base_fee)
        return market_fees(head.base_fee)

    async def _tell_end(self) -> None:
        for attempt in reversed(self._attempts):
            receipt = await self._chain.receipt(attempt.hash)
            if receipt is not None:
                telling.ended(receipt.tx_hash, receipt.status, receipt.gas_used)
                return
        telling.ended(self._attempts[-1].hash, None, 0)
