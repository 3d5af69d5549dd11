"""On the local chain: a shock, an auction, a slice sold, and the account is its owner's again."""

import pathlib
from collections.abc import AsyncIterator

import pytest

from adapters.chains.devnet import Devnet
from app.liquidator.duty import Act, Duty
from app.liquidator.watch import Liquidator
from app.settlement.reconcile import Reconciler
from app.store import Store
from solver.domain.health import HEALTHY
from tests.app.liquidator.exchange import (
    PERP,
    USD,
    account_of,
    buffer_of,
    house_says,
    judged,
    liquidator_of,
    opened,
    shocked,
    waited,
)
from tests.app.worlds import open_store
from tests.devnet_fixture import devnet, devnet_home
from tests.solver.pricing.world import snapshot

__all__ = ["devnet", "devnet_home"]


@pytest.fixture
async def store(tmp_path: pathlib.Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as made:
        yield made


async def acts(devnet: Devnet, liquidator: Liquidator, seconds: int, steps: int) -> list[Act]:
    """Lets it act, some seconds apart; what is mined is what it sees next."""
    found: list[Duty | None] = []
    for _ in range(steps):
        found.append(await liquidator.step())
        await waited(devnet, seconds)
    return [each.act for each in found if each]


async def followed(devnet: Devnet, store: Store) -> list[str]:
    """Folds the chain; returns what the log of the account for sale says, no account differing."""
    ledger = Reconciler(devnet.chain, store, devnet.deployment, 1)
    while await ledger.step():
        pass
    assert ledger.broken == {}
    log = account_of(devnet, "alice").log
    return [event.type for event in await store.events(log, 0, 1000)]


async def test_a_shock_is_sold_until_the_margin_holds_and_the_ledger_follows(devnet, store):
    await opened(devnet, 10, 3_800 * USD)
    sick = account_of(devnet, "alice")
    await shocked(devnet, 94)
    assert await buffer_of(devnet, sick) < 0
    liquidator = liquidator_of(devnet, store)
    liquidator.told([judged(sick)], snapshot())
    assert await acts(devnet, liquidator, 10, 12) == [Act.START, Act.BID, Act.END]
    assert await buffer_of(devnet, sick) >= 0
    assert not await house_says(devnet, "isFrozen", sick.key)
    ours = await store_positions(devnet, store)
    assert 0 < ours["liquidator"] < 10 * 10**18
    assert sum(ours.values()) == 0
    words = await followed(devnet, store)
    started, sold = words.index("AuctionStarted"), words.index("SliceSold")
    assert started < words.index("PositionSeized") < sold < words.index("AuctionEnded")


async def store_positions(devnet: Devnet, store: Store) -> dict[str, int]:
    """Perps by role, from the folded ledger."""
    await followed(devnet, store)
    roles = ("alice", "maker", "liquidator")
    return {role: store.account(account_of(devnet, role)).quantity(PERP) for role in roles}


async def test_a_death_between_any_two_calls_changes_nothing(devnet, store):
    """Each step is a new process; after the start only the log says what is for sale."""
    await opened(devnet, 10, 3_800 * USD)
    sick = account_of(devnet, "alice")
    await shocked(devnet, 94)
    done: list[Act] = []
    for _ in range(16):
        await followed(devnet, store)
        liquidator = liquidator_of(devnet, store)
        if await buffer_of(devnet, sick) < 0:
            liquidator.told([judged(sick)], snapshot())
        done += await acts(devnet, liquidator, 10, 1)
    assert done == [Act.START, Act.BID, Act.END]


async def test_without_leave_nobody_is_sold_and_a_healthy_one_never(devnet, store):
    await opened(devnet, 10, 3_800 * USD)
    sick = account_of(devnet, "alice")
    liquidator = liquidator_of(devnet, store)
    liquidator.told([judged(sick)], snapshot())
    assert await acts(devnet, liquidator, 10, 2) == []  # the chain sees no breach
    await shocked(devnet, 94)
    liquidator.told([judged(sick, HEALTHY)], snapshot())
    assert await acts(devnet, liquidator, 10, 2) == []
    halted = liquidator_of(devnet, store, breaker="halted")
    halted.told([judged(sick)], snapshot())
    assert await acts(devnet, halted, 10, 2) == []


async def test_a_bankrupt_account_is_taken_for_what_the_fund_pays(devnet, store):
    await opened(devnet, 10, 3_800 * USD)
    sick, fund = account_of(devnet, "alice"), devnet.deployment.clearinghouse
    fund_key = sick._replace(owner=fund).key
    before = await house_says(devnet, "cashOf", fund_key)
    await shocked(devnet, 80)
    liquidator = liquidator_of(devnet, store)
    liquidator.told([judged(sick)], snapshot())
    assert await acts(devnet, liquidator, 40, 14) == [Act.START, Act.BANKRUPT, Act.BID, Act.END]
    assert await house_says(devnet, "cashOf", sick.key) == 0
    assert await house_says(devnet, "cashOf", fund_key) < before
    words = await followed(devnet, store)
    assert "AuctionBankrupted" in words
    assert words[-1] == "AuctionEnded"
