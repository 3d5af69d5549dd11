"""Identities: accounts, intents, venues. All are values; none is looked up anywhere."""

import re
from typing import NamedTuple

from sha3 import keccak_256

from solver.domain.errors import Malformed

ChainId = int
VenueId = str
Address = str  # 0x and 40 lower-case hex digits, everywhere inside; checksums only at the edge

ZERO_ADDRESS: Address = "0x" + "00" * 20
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
UID_BYTES = 56


def address(text: str, field: str | None = None) -> Address:
    """Returns the canonical (lower-case) form. Raises Malformed; `wrongChecksum` where the letters'
    cases are mixed otherwise than EIP-55 mixes them: a digit is not what was meant."""
    if not _ADDRESS.fullmatch(text):
        raise Malformed(f"{text[:80]!r} is not an address", field=field)
    lower, digits = text.lower(), text[2:]
    if digits not in (lower[2:], digits.upper()) and text != checksummed(lower):
        detail = "the address does not have its EIP-55 checksum: look at its digits again"
        raise Malformed(detail, code="wrongChecksum", field=field)
    return lower


def checksummed(lower: Address) -> str:
    """Returns the address with the cases of its letters by EIP-55."""
    digits = lower[2:]
    signs = keccak_256(digits.encode()).hexdigest()
    cased = (d.upper() if sign > "7" else d for d, sign in zip(digits, signs, strict=False))
    return "0x" + "".join(cased)


class AccountId(NamedTuple):
    """(chain, owner, subaccount): one pot of collateral and positions."""

    chain_id: ChainId
    owner: Address
    subaccount: int

    @property
    def key(self) -> bytes:
        """The contract's bytes32: owner(160) | subaccount(64), left-padded."""
        return (int(self.owner, 16) << 64 | self.subaccount).to_bytes(32, "big")

    @property
    def log(self) -> str:
        """Name of the account's event log and stream channel."""
        return f"account:{self.owner}/{self.subaccount}"

    @classmethod
    def from_key(cls, chain_id: ChainId, key: bytes) -> "AccountId":
        """Inverse of `key`."""
        number = int.from_bytes(key, "big")
        return cls(chain_id, f"0x{number >> 64:040x}", number & (2**64 - 1))


class IntentUid(NamedTuple):
    """digest(32) | owner(20) | validTo(4): identity, replay key and idempotency key."""

    digest: bytes
    owner: Address
    valid_to: int

    def __str__(self) -> str:
        return "0x" + self.digest.hex() + self.owner[2:] + f"{self.valid_to:08x}"

    @classmethod
    def parse(cls, text: str, field: str = "uid") -> "IntentUid":
        """Returns the parts of a 56-byte hex UID. Raises Malformed with the field."""
        if not re.fullmatch(rf"0x[0-9a-f]{{{2 * UID_BYTES}}}", text):
            raise Malformed("an intent UID is 0x and 112 lower-case hex digits", field=field)
        raw = bytes.fromhex(text[2:])
        return cls(raw[:32], "0x" + raw[32:52].hex(), int.from_bytes(raw[52:], "big"))
