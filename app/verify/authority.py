"""Who signed, by which scheme: a key, a contract wallet, a Permit2 witness, the chain's own record.

What is refused here the contracts refuse too; here it is before anyone pays gas, and it says why.
"""

from typing import Any, Protocol

from adapters.base import Reverted
from app.verify.signature import recover
from solver.domain.errors import Unauthorized
from solver.domain.ids import Address, IntentUid
from solver.domain.intent import SignedIntent
from solver.domain.typed_data import Domain, keccak, permit2_digest

_IS_VALID = bytes.fromhex("1626ba7e")  # isValidSignature(bytes32,bytes), also its answer (ERC-1271)
_PRESIGNED = keccak(b"presigned(address,bytes32)")[:4]


class Chainside(Protocol):
    """What authority is judged with; `app.services.Services` is one."""

    @property
    def chain(self) -> Any: ...
    @property
    def deployment(self) -> Any: ...
    @property
    def domain(self) -> Domain: ...


async def authorise(world: Chainside, signed: SignedIntent, uid: IntentUid) -> None:
    """Raises Unauthorized unless the owner signed, by the scheme the intent comes with."""
    match signed.scheme:
        case "eip712":
            _by_key(signed, uid.digest)
        case "permit2":
            _by_key(signed, permit2_digest(signed.intent, world.domain, world.deployment.permit2))
        case "eip1271":
            await _by_contract(world, signed, uid.digest)
        case "presign":
            await _by_record(world, signed, uid.digest)
        case _:
            detail = "this version admits eip712, permit2, eip1271 and presign"
            raise Unauthorized(detail, code="schemeNotOpen", field="scheme")


async def is_signed_by(world: Chainside, owner: Address, digest: bytes, signature: bytes) -> bool:
    """True for a signature of the owner's key; else its contract is asked (ERC-1271)."""
    try:
        if recover(digest, signature) == owner:
            return True
    except Unauthorized:
        pass
    return await _is_valid(world, owner, digest, signature)


def _by_key(signed: SignedIntent, digest: bytes) -> None:
    if recover(digest, signed.signature) != signed.intent.owner:
        raise _bad()


async def _by_contract(world: Chainside, signed: SignedIntent, digest: bytes) -> None:
    if not await _is_valid(world, signed.intent.owner, digest, signed.signature):
        raise _bad()


async def _by_record(world: Chainside, signed: SignedIntent, digest: bytes) -> None:
    """The owner called presign(digest) on the contract."""
    words = bytes(12) + bytes.fromhex(signed.intent.owner[2:]) + digest
    answer = await _asked(world, world.domain.verifying_contract, _PRESIGNED + words)
    if int.from_bytes(answer, "big") != 1:
        raise _bad()


async def _is_valid(world: Chainside, owner: Address, digest: bytes, signature: bytes) -> bool:
    length = len(signature).to_bytes(32, "big")
    padded = signature + bytes(-len(signature) % 32)
    call = _IS_VALID + digest + (64).to_bytes(32, "big") + length + padded
    answer = await _asked(world, owner, call)
    return answer[:4] == _IS_VALID


async def _asked(world: Chainside, to: Address, data: bytes) -> bytes:
    try:
        answer: bytes = await world.chain.call(to, data)
    except Reverted:
        return bytes(32)
    return answer if len(answer) == 32 else bytes(32)


def _bad() -> Unauthorized:
    return Unauthorized("the signature is not the owner's", code="badSignature", field="signature")
