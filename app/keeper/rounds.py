"""Finds the round that an expiry's mean begins with: the one `fixExpiry` accepts, nobody is asked.

Chainlink numbers rounds phase(16) | round(64): from 1 within a phase, time never running back, and
on into the next phase where the next number is empty (contracts/src/libraries/Expiries.sol).
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

PHASE_BITS = 64
PHASES_MAX = 64  # looked through, newest first
UNPRICED_MAX = 32  # rounds without a price in a row that are stepped over


class Round(NamedTuple):
    """One round of a feed: its answer in the feed's own unit, unix seconds it was written at."""

    answer: int
    time: int


Read = Callable[[int], Awaitable[Round | None]]  # None where there is no round that prices


async def first_round(read: Read, newest: int, start: int) -> int | None:
    """Returns the id of the last round at or before `start` (unix seconds) that another follows.

    `newest` is the feed's newest id. None when the feed does not reach back so far, has not gone
    beyond `start`, or broke off there. Takes about 2 log2(rounds) reads a phase.
    """
    phase, last = divmod(newest, 1 << PHASE_BITS)
    for older in range(phase, max(phase - PHASES_MAX, -1), -1):
        if older != phase:
            last = await _count(read, older)
        found = await _within(read, older, last, start)
        if found is not None:
            return found
    return None


async def _within(read: Read, phase: int, last: int, start: int) -> int | None:
    """Returns the id in one phase of `last` rounds."""
    after = last + 1  # the least number known to be after the start, or past the end
    while True:
        low = 0
        while after - low > 1:
            middle = (low + after) // 2
            round_ = await read(_id(phase, middle))
            if round_ is not None and round_.time > start:
                after = middle
            else:
                low = middle
        number, round_ = await _priced(read, phase, low)
        if round_ is None:
            return None
        if round_.time <= start:
            return _id(phase, number) if await _goes_on(read, phase, number, start) else None
        after = number  # unpriced rounds had hidden this one


async def _priced(read: Read, phase: int, number: int) -> tuple[int, Round | None]:
    """Returns the newest round at or below a number that has a price."""
    for lower in range(number, max(number - UNPRICED_MAX, 0), -1):
        round_ = await read(_id(phase, lower))
        if round_ is not None:
            return lower, round_
    return 0, None


async def _goes_on(read: Read, phase: int, number: int, start: int) -> bool:
    """True when what the contract takes for the next round is after the start."""
    following = await read(_id(phase, number + 1)) or await read(_id(phase + 1, 1))
    return following is not None and following.time > start


async def _count(read: Read, phase: int) -> int:
    """Returns how many rounds a phase has: doubling, then halving."""
    low, high = 0, 1
    while await read(_id(phase, high)) is not None:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if await read(_id(phase, middle)) is not None:
            low = middle
        else:
            high = middle
    return low


def _id(phase: int, number: int) -> int:
    return phase << PHASE_BITS | number
