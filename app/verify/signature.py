"""ECDSA over secp256k1 as the contracts take it: 65 bytes, low s, v 27 or 28, a signer not zero.

Everything else is refused here as there, so that one signature has one form. Source: EIP-2, SEC 1.
"""

from coincurve import PrivateKey, PublicKey

from solver.domain.errors import Unauthorized
from solver.domain.ids import Address
from solver.domain.typed_data import keccak

SIGNATURE_BYTES = 65
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
