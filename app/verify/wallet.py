"""Asks a contract wallet whether it accepts a signature, exactly as the chain will ask it.

The code of SignatureProbe is laid over the contract that asks on chain, so the wallet sees that
caller and the same 150,000 gas; one bounded word comes back, however much the wallet returns.
"""

from typing import Any, NamedTuple, Protocol

from adapters.base import Reverted
from adapters.chains.abi import artifact
from adapters.chains.evm import Overrides
from adapters.chains.settlement import decode, encode
from solver.domain.ids import Address
from solver.domain.typed_data import Domain


class Chainside(Protocol):
    """What a signature is judged with; `app.services.Services` is one."""

    @property
    def chain(self) -> Any: ...
    @property
    def deployment(self) -> Any: ...
    @property
    def domain(self) -> Domain: ...


class Opinion(NamedTuple):
    """A wallet's answer. `gas_used` is what accepting takes, 0 for a wallet that does not accept
    with far more than `gas_limit` either."""

    has_code: bool
    is_accepted: bool = False
    gas_used: int = 0
    gas_limit: int = 0


async def opinion(
    world: Chainside, asker: Address, owner: Address, digest: bytes, signature: bytes
) -> Opinion:
    """Returns what the owner's code says when `asker` asks (ERC-1271). Raises Unavailable."""
    overrides = Overrides({asker: {"code": artifact("SignatureProbe").runtime}})
    question = encode("SignatureProbe", "ask", owner, digest, signature)
    try:
        answer = await world.chain.call(asker, question, overrides=overrides)
    except Reverted:  # the node's own limit of a call ended both questions
        return Opinion(has_code=True)
    return Opinion(*decode("SignatureProbe", "ask", answer))
