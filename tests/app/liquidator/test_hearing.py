"""Signers who live are heard before anyone can give notice of their silence."""

import pathlib
from collections.abc import AsyncIterator

import pytest

from adapters.chains.devnet import Devnet
from adapters.chains.settlement import decode, encode, view
from app.liquidator.hearing import HEARD_SECONDS, LOOK_SECONDS
from app.store import Store
from solver.domain.errors import Unavailable
from tests.app.liquidator.exchange import attesting, by_hand, liquidator_of, sent, waited
from tests.app.worlds import open_store
from tests.devnet_fixture import devnet, devnet_home

__all__ = ["devnet", "devnet_home"]
DAY = 86_400


@pytest.fixture
async def store(tmp_path: pathlib.Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as made:
        yield made


async def said(devnet: Devnet, name: str) -> int:
    call = view("Auction", devnet.deployment.auction, name)
    return int(decode("Auction", name, await devnet.chain.call(*call)))


async def stepped(devnet: Devnet, store: Store) -> None:
    """A liquidator as after a death looks at the present; what it sends is mined."""
    reports, _ = await attesting(devnet, store, 100)
    liquidator = liquidator_of(devnet, store, reports=reports)
    for _ in range(2):
        await liquidator.step()
        await waited(devnet, 1)


async def test_half_a_day_of_quiet_is_enough_to_be_heard_again(devnet, store):
    await by_hand(devnet)
    await waited(devnet, HEARD_SECONDS + LOOK_SECONDS)
    before, now = await said(devnet, "heard"), (await devnet.chain.head()).timestamp
    assert before + HEARD_SECONDS <= now
    await stepped(devnet, store)
    assert await said(devnet, "heard") >= now
    after = await said(devnet, "heard")
    await stepped(devnet, store)
    assert await said(devnet, "heard") == after, "once is enough for the next half day"


async def test_a_notice_of_silence_is_answered(devnet, store):
    await by_hand(devnet)
    await waited(devnet, DAY + 60)
    stranger, auction = devnet.keys["bob"].address, devnet.deployment.auction
    await sent(devnet, stranger, auction, encode("Auction", "notice"))
    assert await said(devnet, "silentFrom") > 0
    await stepped(devnet, store)
    assert await said(devnet, "silentFrom") == 0


async def test_signers_who_do_not_answer_stop_no_step(devnet, store):
    async def silent(_):
        raise Unavailable("too few risk signers agree", code="attestation")

    await by_hand(devnet)
    await waited(devnet, HEARD_SECONDS + LOOK_SECONDS)
    assert await liquidator_of(devnet, store, reports=silent).step() is None
