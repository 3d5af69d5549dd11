"""An account's positions as the contract packs and hashes them: what attestations are bound to."""

from collections.abc import Iterable

from solver.domain.account import Account, Position
from solver.domain.typed_data import keccak


def slots_of(positions: Iterable[Position]) -> tuple[int, ...]:
    """Returns the storage words instrument(160) | quantity int96, in list order."""
    return tuple(p.instrument << 96 | p.quantity & (2**96 - 1) for p in positions)


def positions_of(slots: Iterable[int]) -> tuple[Position, ...]:
    """Inverse of `slots_of`."""
    return tuple(Position(slot >> 96, _signed(slot & (2**96 - 1))) for slot in slots)


def positions_hash(account: Account) -> bytes:
    """Returns keccak of the packed slots in list order, cash left out."""
    return keccak(b"".join(slot.to_bytes(32, "big") for slot in slots_of(account.positions)))


def _signed(number: int) -> int:
    return number - 2**96 if number >> 95 else number
