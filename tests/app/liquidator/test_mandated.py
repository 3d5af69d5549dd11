"""A cure goes through the same door as any agent's: under a mandate, once, or not at all."""

import pytest

from app.liquidator.mandated import _is_open, cures_of
from app.verify import address_of
from solver.domain.typed_data import uid_of
from solver.policies import Proposal, propose
from tests.app.api.server import ACCOUNT, DOMAIN, OTHER_KEY
from tests.app.api.test_mandates import AGENT_KEY, SELL, Desk, desk
from tests.solver.pricing.world import account, snapshot

__all__ = ["desk"]
CURE = Proposal((SELL,), propose(account(cash=1), snapshot()).cure._replace(cost=5_000_000))


async def test_without_a_mandate_for_our_key_nothing_is_asked(desk: Desk) -> None:
    sick = desk.served.services.store.account(ACCOUNT)
    assert not await cures_of(desk.served.services, AGENT_KEY)(sick, CURE)
    await desk.granted()
    assert not await cures_of(desk.served.services, OTHER_KEY)(sick, CURE)
    assert desk.served.services.store.live_intents() == []


async def test_under_a_mandate_one_request_is_open_and_not_asked_again(desk: Desk) -> None:
    services = desk.served.services
    await desk.granted()
    cures, sick = cures_of(services, AGENT_KEY), services.store.account(ACCOUNT)
    assert await cures(sick, CURE)
    assert await cures(sick, CURE)
    (row,) = services.store.live_intents()
    assert (row.state, row.signed.scheme) == ("open", "mandate")
    assert row.uid == str(uid_of(row.signed.intent, DOMAIN))


async def test_what_sleeps_or_another_agent_has_open_is_no_cure(desk: Desk) -> None:
    services = desk.served.services
    await desk.granted()
    cures, sick = cures_of(services, AGENT_KEY), services.store.account(ACCOUNT)
    assert await cures(sick, CURE)
    assert not await cures_of(services, OTHER_KEY)(sick, CURE)
    (row,) = services.store.live_intents()
    agent = address_of(AGENT_KEY)
    assert _is_open(services, ACCOUNT, agent)
    await services.store.move(row.uid, "paused", code="awaitingTrigger")
    assert not _is_open(services, ACCOUNT, agent)


@pytest.mark.parametrize("request_", [{**SELL, "sellAmount": "99999999"}, {"outcome": "moon"}])
async def test_what_the_door_refuses_is_left_to_the_auction(
    desk: Desk, request_: dict[str, str]
) -> None:
    services = desk.served.services
    await desk.granted()
    sick = services.store.account(ACCOUNT)
    refused = CURE._replace(requests=(request_,))
    assert not await cures_of(services, AGENT_KEY)(sick, refused)
    assert services.store.live_intents() == []
