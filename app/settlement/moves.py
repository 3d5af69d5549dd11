"""Moves of an intent as events: every step on the way is a legal one, so no history has a hole."""

from collections import deque
from collections.abc import Iterable, Mapping

from solver.domain.errors import Conflict
from solver.domain.event import NEXT, TERMINAL, Event, IntentStateChanged, ReservationReleased

Reasons = Mapping[str, str | None]


def path(start: str, end: str, avoid: Iterable[str] = ()) -> tuple[str, ...]:
    """Returns the fewest legal states from after `start` to `end`. Raises Conflict if none."""
    barred = frozenset(avoid) - {end}
    queue: deque[tuple[str, ...]] = deque([(start,)])
    seen = {start}
    while queue:
        states = queue.popleft()
        for state in sorted(NEXT[states[-1]] - seen - barred):
            if state == end:
                return (*states[1:], end)
            if state not in TERMINAL:
                seen.add(state)
                queue.append((*states, state))
    raise Conflict(f"no intent goes from {start} to {end}", code="stateMoved")


def walk(
    uid: str, start: str, end: str, reasons: Reasons | None = None, avoid: Iterable[str] = ()
) -> tuple[Event, ...]:
    """Returns the events that bring an intent from `start` to `end`; none when it is there.

    `reasons` are code, detail, auction_id, tx_hash and confirmations of the last move. A terminal
    end frees the reservation.
    """
    if start == end:
        return ()
    events: list[Event] = []
    for state in path(start, end, avoid):
        told = (reasons or {}) if state == end else {}
        events.append(IntentStateChanged(uid, start, state, **told))
        start = state
    if end in TERMINAL:
        events.append(ReservationReleased(uid))
    return tuple(events)
