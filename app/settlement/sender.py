"""One key, one nonce stream: signs, re-signs with more fee, sends the same bytes again and again.

Whoever calls stores the signed bytes before they are sent. Sending is idempotent by content, so a
lost answer costs nothing: the same bytes go out once more.
"""

import enum
from typing import NamedTuple, Protocol

from eth_account import Account
from eth_account.signers.local import LocalAccount

from adapters.base import AlreadyKnown, NonceTooLow, Reverted, Underpriced
from solver.domain.errors import Refused
from solver.domain.ids import Address, ChainId
from solver.domain.numbers import div_up

TIP_WEI = 10**9
BASE_FEE_HEADROOM = 2  # the base fee may double (6 full blocks) before a replacement is needed
REPLACE_PERCENT = 113  # nodes ask for 112.5 % or more of both fees
FEE_WEI_MAX = 10**12  # 1000 gwei: above, waiting is cheaper
CANCEL_GAS = 22_000


class Fees(NamedTuple):
    """EIP-1559, wei per gas."""

    max_fee: int
    tip: int


class Attempt(NamedTuple):
    """One signed transaction of a nonce. `block` is the head's height when it was signed."""

    nonce: int
    raw: bytes
    hash: str
    fees: Fees
    gas: int
    is_cancel: bool
    block: int


class Sent(enum.Enum):
    """What the node said."""

    ACCEPTED = "accepted"  # it holds these bytes now
    NONCE_SPENT = "nonceSpent"  # something with this nonce is mined: look at receipts
    UNDERPRICED = "underpriced"  # only more fee helps
    REFUSED = "refused"  # told why; tried again at the next head


class SendingChain(Protocol):
    """What a sender needs of a chain. Everything raises Unavailable."""

    async def nonce(self, address: Address, at: str = "latest") -> int: ...

    async def send_raw(self, raw: bytes) -> str: ...


class Sender:
    """Signs for one key on one chain. `next_nonce` is advanced by whoever stored the bytes."""

    def __init__(self, chain: SendingChain, chain_id: ChainId, key: str) -> None:
        self._chain = chain
        self._chain_id = chain_id
        self._account: LocalAccount = Account.from_key(key)
        self.address: Address = self._account.address.lower()
        self._next: int | None = None

    async def next_nonce(self, stored: int | None) -> int:
        """Returns the first nonce neither stored nor known to the node as used or pending.

        `stored` is the highest nonce ever stored for this key; None when there is none.
        """
        if self._next is None:
            pending = await self._chain.nonce(self.address, "pending")
            self._next = max(pending, -1 if stored is None else stored + 1)
        return self._next

    def took(self, nonce: int) -> None:
        """Tells that bytes with this nonce are stored: it is never given out again."""
        self._next = nonce + 1

    def sign(self, to: Address, data: bytes, nonce: int, gas: int, fees: Fees) -> Attempt:
        """Returns the signed call; equal arguments give equal bytes (RFC 6979)."""
        signed = self._account.sign_transaction(
            {
                "type": 2,
                "chainId": self._chain_id,
                "nonce": nonce,
                "to": bytes.fromhex(to[2:]),
                "value": 0,
                "data": data,
                "gas": gas,
                "maxFeePerGas": fees.max_fee,
                "maxPriorityFeePerGas": fees.tip,
            }
        )
        hash_ = "0x" + bytes(signed.hash).hex()
        return Attempt(nonce, bytes(signed.raw_transaction), hash_, fees, gas, False, 0)

    def sign_cancel(self, nonce: int, fees: Fees) -> Attempt:
        """Returns a transfer of nothing to ourselves: what spends a nonce without effect."""
        cancel = self.sign(self.address, b"", nonce, CANCEL_GAS, fees)
        return cancel._replace(is_cancel=True)

    async def send(self, attempt: Attempt) -> Sent:
        """Sends stored bytes. Raises Unavailable: the outcome is unknown, sending again is safe."""
        try:
            await self._chain.send_raw(attempt.raw)
        except AlreadyKnown:
            return Sent.ACCEPTED
        except NonceTooLow:
            return Sent.NONCE_SPENT
        except Underpriced:
            return Sent.UNDERPRICED
        except (Refused, Reverted):  # some nodes run what they are sent
            return Sent.REFUSED
        return Sent.ACCEPTED


def market_fees(base_fee: int) -> Fees:
    """Returns what a first attempt bids over a base fee in wei."""
    return Fees(BASE_FEE_HEADROOM * base_fee + TIP_WEI, TIP_WEI)


def raised_fees(old: Fees, base_fee: int) -> Fees | None:
    """Returns fees that replace `old`: +13 % or the market's, None above FEE_WEI_MAX."""
    market = market_fees(base_fee)
    raised = Fees(
        max(div_up(old.max_fee * REPLACE_PERCENT, 100), market.max_fee),
        max(div_up(old.tip * REPLACE_PERCENT, 100), market.tip),
    )
    return raised if raised.max_fee <= FEE_WEI_MAX else None
