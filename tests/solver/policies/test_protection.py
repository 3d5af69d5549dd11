"""A trigger is one word about health, and a worse state wakes as well."""

import pytest

from solver.domain.errors import Malformed
from solver.domain.health import (
    BANKRUPT,
    CLOSED,
    HEALTHY,
    LIQUIDATING,
    REDUCE_ONLY,
    WARNING,
    Health,
)
from solver.policies.protection import Trigger, is_due, trigger_of


def test_a_document_without_triggers_waits_for_nothing():
    assert trigger_of({"replaces": None, "note": "mine"}) is None


@pytest.mark.parametrize("state", [WARNING, REDUCE_ONLY, LIQUIDATING])
def test_a_state_to_wait_for_is_read(state):
    assert trigger_of({"triggers": {"health": state}}) == Trigger(state)


@pytest.mark.parametrize(
    "triggers",
    [None, [], "WARNING", {}, {"health": HEALTHY}, {"health": BANKRUPT}, {"health": ["WARNING"]},
     {"health": "WARNING", "price": "3000"}, {"price": "3000"}],
)  # fmt: skip
def test_anything_else_is_refused_with_its_field(triggers):
    with pytest.raises(Malformed) as refused:
        trigger_of({"triggers": triggers})
    assert (refused.value.field or "").startswith("appData.triggers")


def test_a_worse_state_wakes_and_a_better_one_does_not():
    due = {
        state: is_due(Trigger(REDUCE_ONLY), Health(state))
        for state in (HEALTHY, CLOSED, WARNING, REDUCE_ONLY, LIQUIDATING, BANKRUPT)
    }
    assert [state for state, is_awake in due.items() if is_awake] == [
        REDUCE_ONLY, LIQUIDATING, BANKRUPT,
    ]  # fmt: skip
