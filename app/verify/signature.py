"""ECDSA over secp256k1 as the contracts take it: 65 bytes, low s, v 27 or 28, a signer not zero.

Everything else is refused here as there, so that one signature has one form. What wallets wrap
around a signature is read only to say what is wrong with it. Sources: EIP-2, SEC 1, ERC-6492,
ERC-7739.
"""

from coincurve import PrivateKey, PublicKey

from solver.domain.errors import Unauthorized
from solver.domain.ids import Address
from solver.domain.typed_data import keccak

SIGNATURE_BYTES = 65
_UNDEPLOYED = bytes.fromhex("6492" * 16)  # the end of a signature by a wallet yet to be deployed
_NESTED_BYTES_MIN = 66  # two words and the length of the description
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def recover(digest: bytes, signature: bytes) -> Address:
    """Returns the address that signed `digest`. Raises Unauthorized for any other form."""
    if len(signature) != SIGNATURE_BYTES or signature[64] not in (27, 28):
        raise _bad("a signature is 65 bytes r, s, v with v 27 or 28")
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        raise _bad("the signature's s is in the upper half of the order")
    recoverable = signature[:64] + bytes((signature[64] - 27,))
    try:
        key = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except ValueError:
        raise _bad("the signature does not recover to any key") from None
    return _address(key)


def signer_of(digest: bytes, signature: bytes) -> Address | None:
    """Returns the address that signed `digest`, None when this is no key's signature."""
    try:
        return recover(digest, signature)
    except Unauthorized:
        return None


def is_undeployed(signature: bytes) -> bool:
    """True for a signature wrapped for a wallet that is not deployed yet (ERC-6492)."""
    return signature.endswith(_UNDEPLOYED)


def nested_fault(digest: bytes, signature: bytes) -> str | None:
    """Returns what is wrong with the tail of a nested signature, None when nothing is or there is
    none: signature, application's separator, contents hash, description, its length (ERC-7739)."""
    size = int.from_bytes(signature[-2:], "big")
    start = len(signature) - size - _NESTED_BYTES_MIN
    description = signature[-2 - size : -2]
    if size == 0 or start < 0 or not description.isascii() or b"(" not in description:
        return None
    if keccak(b"\x19\x01" + signature[start : start + 64]) != digest:
        return "what is nested in it is not the typed data to sign"
    if description.endswith(b")"):
        return (
            "its contentsDescription names the type first (implicit mode), but EIP-712 sorts: send "
            "every type in alphabetical order and then the name (explicit mode)"
        )
    return None


def sign(digest: bytes, key: bytes) -> bytes:
    """Returns the 65-byte signature of `digest` (RFC 6979 nonce, low s, v 27 or 28)."""
    signature = PrivateKey(key).sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes((signature[64] + 27,))


def address_of(key: bytes) -> Address:
    """Returns the address of a private key."""
    return _address(PrivateKey(key).public_key)


def _address(key: PublicKey) -> Address:
    return "0x" + keccak(key.format(compressed=False)[1:])[-20:].hex()


def _bad(detail: str) -> Unauthorized:
    return Unauthorized(detail, code="badSignature", field="signature")
