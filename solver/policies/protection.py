"""Protection that the owner signed beforehand: an intent that waits for the account's health.

The document whose hash is signed as appData says `"triggers": {"health": "WARNING"}`. The intent is
as good as any other, but it sleeps until the account is in that state or a worse one: a deposit
from the wallet, a hedge, a swap of collateral. Once awake it stays awake.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from solver.domain.errors import Malformed
from solver.domain.health import LIQUIDATING, RANK, REDUCE_ONLY, WARNING, Health

AWAITING = "awaitingTrigger"  # the code of an intent that sleeps
STATES = (WARNING, REDUCE_ONLY, LIQUIDATING)
FIELD = "appData.triggers"


class Trigger(NamedTuple):
    """The state of health that wakes an intent; a worse one does too."""

    health: str


def trigger_of(document: Mapping[str, Any]) -> Trigger | None:
    """Returns what the intent waits for, None for one that does not. Raises Malformed."""
    if "triggers" not in document:
        return None
    triggers = document["triggers"]
    if not isinstance(triggers, dict) or list(triggers) != ["health"]:
        detail = 'triggers are {"health": state}, and nothing else'
        raise Malformed(detail, field=FIELD)
    health = triggers["health"]
    if health not in STATES:
        detail = f"an intent can wait for {', '.join(STATES)}"
        raise Malformed(detail, field=f"{FIELD}.health")
    return Trigger(health)


def is_due(trigger: Trigger, health: Health) -> bool:
    """Returns whether an account in that health wakes the intent."""
    return RANK[health.state] >= RANK[trigger.health]
