"""Protection sleeps until the account's health is what it waits for, and wakes once."""

import asyncio
import json

import pytest

from app.liquidator.protection import wake
from solver.domain.event import IntentStateChanged
from solver.domain.health import HEALTHY, LIQUIDATING, WARNING, Health
from solver.domain.typed_data import keccak
from tests.app.api.server import ACCOUNT, Served, serving, swap

DOCUMENT = json.dumps({"triggers": {"health": "WARNING"}})
ASLEEP = swap(app_data=keccak(DOCUMENT.encode()))


@pytest.fixture
async def served(tmp_path):
    async with serving(tmp_path) as made:
        await made.fund(10**9)
        yield made


async def states(served: Served) -> list[tuple[str, str | None]]:
    events = await served.services.store.events(ACCOUNT.log, 0, 100)
    return [(e.body["to"], e.body["code"]) for e in events if e.type == IntentStateChanged.__name__]


def in_health(served: Served, state: str):
    return served.services.store.account(ACCOUNT)._replace(health=Health(state))


async def test_a_trigger_is_admitted_asleep_with_its_reservation(served):
    answer = await served.submit(ASLEEP, appData=DOCUMENT)
    assert (answer.status_code, answer.json()["state"]) == (202, "paused")
    assert (await states(served))[-1] == ("paused", "awaitingTrigger")
    assert served.services.store.open_intents() == []
    assert len(served.services.store.account(ACCOUNT).reservations) == 1


async def test_health_wakes_it_once_and_it_stays_awake(served):
    await served.submit(ASLEEP, appData=DOCUMENT)
    store = served.services.store
    assert await wake(store, [in_health(served, HEALTHY)]) == 0
    assert await wake(store, [in_health(served, LIQUIDATING)]) == 1
    assert (await states(served))[-1] == ("open", "triggered")
    assert await wake(store, [in_health(served, LIQUIDATING)]) == 0
    assert len(store.open_intents()) == 1


async def test_of_another_account_nothing_is_woken(served):
    await served.submit(ASLEEP, appData=DOCUMENT)
    other = in_health(served, WARNING)
    other = other._replace(id=other.id._replace(subaccount=9))
    assert await wake(served.services.store, [other]) == 0


@pytest.mark.parametrize("end", ["cancelled", "expired"])
async def test_what_ended_asleep_stays_so(served, end):
    answer = await served.submit(ASLEEP, appData=DOCUMENT)
    await served.services.store.move(answer.json()["uid"], end)
    assert await wake(served.services.store, [in_health(served, WARNING)]) == 0
    assert served.services.store.account(ACCOUNT).reservations == ()


async def test_the_same_words_again_are_the_same_intent_asleep_or_awake(served):
    first = await served.submit(ASLEEP, appData=DOCUMENT)
    again = await served.submit(ASLEEP, appData=DOCUMENT)
    assert again.json()["uid"] == first.json()["uid"]
    await wake(served.services.store, [in_health(served, WARNING)])
    await served.submit(ASLEEP, appData=DOCUMENT)
    assert [code for _, code in await states(served)] == [
        None, None, "awaitingTrigger", "triggered",
    ]  # fmt: skip


async def test_a_trigger_that_was_not_signed_is_refused(served):
    answer = await served.submit(swap(), appData=DOCUMENT)
    assert answer.json()["code"] == "appDataMismatch"
    other = json.dumps({"triggers": {"health": "REDUCE_ONLY"}})
    assert (await served.submit(ASLEEP, appData=other)).json()["code"] == "appDataMismatch"


async def test_two_looks_at_once_wake_it_once(served):
    await served.submit(ASLEEP, appData=DOCUMENT)
    store, sick = served.services.store, in_health(served, WARNING)
    assert sorted(await asyncio.gather(wake(store, [sick]), wake(store, [sick]))) == [0, 1]


async def test_a_trigger_that_is_due_already_is_open_at_once(served):
    store = served.services.store
    account = store._durable.accounts[ACCOUNT.log]
    sick = account._replace(health=Health(WARNING))
    store._durable.accounts[ACCOUNT.log] = store._ahead.accounts[ACCOUNT.log] = sick
    answer = await served.submit(ASLEEP, appData=DOCUMENT)
    assert answer.json()["state"] == "open"
