"""Time as the service knows it: the local chain head's, so that service and chain never disagree.

`time()` is the head's own timestamp and judges what is signed. `time_ms()` counts on from it with
the machine's monotonic clock, for the order and latency of events; it never runs backwards.
"""

import time
from collections.abc import Callable
from typing import Protocol

from solver.domain.calendar import rfc3339


class Clock(Protocol):
    """The promise of time."""

    def time(self) -> int:
        """Returns unix seconds of the chain head."""

    def time_ms(self) -> int:
        """Returns unix milliseconds, never less than before."""


class ChainClock:
    """Follows the chain head; whoever reads heads calls `advance`."""

    def __init__(self, timestamp: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._timestamp = timestamp
        self._read_at = monotonic()
        self._last_ms = timestamp * 1000

    def advance(self, timestamp: int) -> None:
        """Takes the timestamp of a newly read head; an older one (a reorg) moves `time` only."""
        if timestamp != self._timestamp:
            self._timestamp, self._read_at = timestamp, self._monotonic()

    def time(self) -> int:
        return self._timestamp

    def time_ms(self) -> int:
        elapsed_ms = int((self._monotonic() - self._read_at) * 1000)
        self._last_ms = max(self._last_ms, self._timestamp * 1000 + elapsed_ms)
        return self._last_ms


class ManualClock:
    """Time that moves only when it is told to: what tests and replays run on."""

    def __init__(self, timestamp: int) -> None:
        self._ms = timestamp * 1000

    def advance_ms(self, milliseconds: int) -> None:
        """Moves time forward."""
        assert milliseconds >= 0, "time does not run backwards"
        self._ms += milliseconds

    def time(self) -> int:
        return self._ms // 1000

    def time_ms(self) -> int:
        return self._ms


def rfc3339_ms(milliseconds: int) -> str:
    """Returns unix milliseconds as RFC 3339 UTC with three decimal places."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{rfc3339(seconds)[:-1]}.{rest:03d}Z"
