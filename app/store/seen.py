"""Answers "certainly new" without asking the disk: a Bloom filter over identities that were stored.

Almost every submission is new, and a look-up that finds nothing costs as much as one that does. Its
only error is to say "maybe" of something new, which costs the look-up it would have saved.
"""

BITS = 2**24  # 2 MiB; at a million entries 1 in 200 new ones is looked up in vain
_MASK = BITS - 1
_SHIFTS = (0, 20, 40)


class Seen:
    """Every text ever added, and a few that were not."""

    def __init__(self) -> None:
        self._bits = bytearray(BITS // 8)

    def add(self, text: str) -> None:
        """Remembers a text for good."""
        number = hash(text)
        for shift in _SHIFTS:
            place = number >> shift & _MASK
            self._bits[place >> 3] |= 1 << (place & 7)

    def __contains__(self, text: str) -> bool:
        number = hash(text)
        return all(
            self._bits[place >> 3] >> (place & 7) & 1
            for place in (number >> shift & _MASK for shift in _SHIFTS)
        )
