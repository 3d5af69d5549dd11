"""The kill switch: ACTIVE takes everything, REDUCING what lowers risk, HALTED only what exits.

Consulted by admission and by the auction, so that no new risk passes either door. Cancels never ask
it: getting out is always allowed.
"""

import enum

from app import observe
from solver.domain.errors import Refused
from solver.domain.intent import OutcomeIntent

_EXITS = frozenset({"deposit", "withdraw"})
_REDUCES = frozenset({"closePerp", "closeOption", "closeAll", "reduceRisk"})


class State(enum.Enum):
    """What may pass."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


class Breaker:
    """One service's switch. Tightening is for anyone; lifting is the operator's."""

    def __init__(self) -> None:
        self.state = State.ACTIVE
        self.reason = ""

    def move(self, state: State, reason: str) -> None:
        """Sets the state and says why."""
        self.state, self.reason = state, reason
        observe.breaker_moved(state.value, reason)

    def admit(self, intent: OutcomeIntent) -> None:
        """Raises Refused when the intent may not come in now."""
        if self.state is State.ACTIVE or intent.outcome in _EXITS:
            return
        is_reducing = intent.outcome in _REDUCES and intent.limits.max_margin_used == 0
        if self.state is State.REDUCING and is_reducing:
            return
        detail = f"trading is {self.state.value}: {self.reason}"
        raise Refused(detail, code=self.state.value, data={"state": self.state.value})

    def may_settle(self) -> bool:
        """Returns whether the auction may send anything to the chain."""
        return self.state is not State.HALTED
