"""The kill switch: ACTIVE takes everything, REDUCING what lowers risk, HALTED only what exits.

Consulted by admission and by the auction, so that no new risk passes either door. Cancels never ask
it: getting out is always allowed. The operator moves it; what the service finds out by itself holds
it as long as that lasts, and the tightest of all counts.
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
        self._moved = (State.ACTIVE, "")
        self._held: dict[str, tuple[State, str]] = {}

    @property
    def state(self) -> State:
        """The tightest state that the operator or anything found asks for."""
        return self._tightest()[0]

    @property
    def reason(self) -> str:
        """Why it is not ACTIVE."""
        return self._tightest()[1]

    @property
    def triggers(self) -> tuple[str, ...]:
        """The names of what holds it now."""
        return tuple(self._held)

    def move(self, state: State, reason: str) -> None:
        """Sets the operator's state and says why."""
        self._moved = (state, reason)
        observe.breaker_moved(state.value, reason)

    def hold(self, trigger: str, state: State, reason: str) -> None:
        """Tightens to `state` at least until the trigger is released; told when it changes."""
        before, self._held[trigger] = self._held.get(trigger), (state, reason)
        if before is None or before[0] is not state:
            observe.breaker_moved(state.value, f"{trigger}: {reason}")

    def release(self, trigger: str) -> None:
        """What the trigger found is over; the operator's state stays."""
        if self._held.pop(trigger, None) is not None:
            observe.breaker_moved(self.state.value, f"{trigger} is over")

    def admit(self, intent: OutcomeIntent) -> None:
        """Raises Refused when the intent may not come in now."""
        state, reason = self._tightest()
        if state is State.ACTIVE or intent.outcome in _EXITS:
            return
        is_reducing = intent.outcome in _REDUCES and intent.limits.max_margin_used == 0
        if state is State.REDUCING and is_reducing:
            return
        detail = f"trading is {state.value}: {reason}"
        raise Refused(detail, code=state.value, data={"state": state.value})

    def may_settle(self) -> bool:
        """Returns whether the auction may send anything to the chain."""
        return self.state is not State.HALTED

    def _tightest(self) -> tuple[State, str]:
        order = list(State)
        return max((self._moved, *self._held.values()), key=lambda held: order.index(held[0]))
