"""Named places where the process may die, so that a test can kill it at each of them.

Without SOLVENT_CRASH_AT every point is a dictionary look-up. `SOLVENT_CRASH_AT=sent` kills this
process with SIGKILL the first time it passes there, `sent:3` the third time.
"""

import os
import signal
from collections.abc import Callable

POINTS = (
    "planned",  # job stored, nothing signed
    "signing",  # gas and fee known, nonce not yet taken
    "signed",  # bytes stored, not sent
    "sent",  # sent, not yet recorded as sent
    "broadcast",  # recorded as sent
    "replacing",  # replacement stored, not sent
    "replaced",  # replacement sent
    "included",  # receipt recorded, provisional
    "reorged",  # the receipt's block went away, recorded
    "final",  # K confirmations recorded
    "released",  # the intents of a failed settlement are open again
    "posting",  # final logs read, nothing recorded
    "posted",  # ledger events and cursor recorded
    "closed",  # engine has seen that the ledger is posted
)


class Trap:
    """One armed point: runs `action` the `times`-th time the point is passed."""

    def __init__(self, name: str, times: int, action: Callable[[], None]) -> None:
        assert name in POINTS, f"{name} is not a crash point"
        self.name, self.left, self.action = name, times, action

    def passes(self, name: str) -> None:
        """Counts a pass and acts when it is the one."""
        if name == self.name:
            self.left -= 1
            if self.left == 0:
                self.action()


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _from_environment() -> Trap | None:
    name, _, times = os.environ.get("SOLVENT_CRASH_AT", "").partition(":")
    return Trap(name, int(times or "1"), _kill) if name else None


_trap = _from_environment()


def point(name: str) -> None:
    """Does nothing unless this point is armed."""
    if _trap is not None:
        _trap.passes(name)


def arm(trap: Trap | None) -> None:
    """Arms one trap, or disarms with None: for tests in this process."""
    global _trap
    _trap = trap
