"""On the local chain: a loss beyond the fund is paid by those who won it, to the atom, once."""

import pathlib
from collections.abc import AsyncIterator

import pytest

from adapters.chains.devnet import Devnet
from adapters.chains.devnet.tokens import PRICE_WAD
from app.keeper.errand import Errand
from app.liquidator import deleverage
from app.liquidator.deleverage import Deleverager, Parts
from app.liquidator.duty import Act
from app.liquidator.winners import Deficit, Gains, GainSigner, deficit_of, report_of
from app.settlement.reconcile import Reconciler
from app.settlement.sender import Sender
from app.store import Store
from solver.domain.errors import Infeasible, Refused
from solver.domain.report import DELTA_ONLY
from solver.domain.snapshot import Snapshot
from solver.domain.typed_data import Domain
from tests.app.liquidator.exchange import (
    USD,
    account_of,
    deposited,
    house_says,
    judged,
    liquidator_of,
    opened,
    shocked,
    traded,
    waited,
)
from tests.app.worlds import open_store
from tests.devnet_fixture import devnet, devnet_home
from tests.solver.pricing.world import ether, snapshot

__all__ = ["devnet", "devnet_home"]
PERCENT = 72  # of the first price, after the crash


@pytest.fixture
async def store(tmp_path: pathlib.Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as made:
        yield made


async def followed(devnet: Devnet, store: Store) -> None:
    ledger = Reconciler(devnet.chain, store, devnet.deployment, 1)
    while await ledger.step():
        pass
    assert ledger.broken == {}


def crashed(percent: int = PERCENT) -> Snapshot:
    return snapshot(ether(price=PRICE_WAD["WETH"] * percent // 100))


def deleverager(devnet: Devnet, store: Store) -> Deleverager:
    """A new one, as after a death."""
    deployment, keys = devnet.deployment, devnet.keys
    gains = Gains(store, crashed)
    signers = [keys[role].secret for role in ("risk1", "risk2", "risk3")]
    domain = Domain(deployment.chain_id, deployment.attestation)
    sender = Sender(devnet.chain, deployment.chain_id, keys["approver"].secret.hex())
    errand = Errand(devnet.chain, sender)
    signer = GainSigner(signers, domain, gains)
    return Deleverager(Parts(devnet.chain, devnet.chain.head, deployment, errand, gains, signer))


async def indebted(devnet: Devnet, store: Store) -> None:
    """Alice loses more than she has and than the fund has; the maker and bob have won it."""
    await opened(devnet, 900, 1_000_000 * USD)
    await deposited(devnet, "bob", 500_000 * USD)
    await traded(devnet, ("alice", "bob"), 900)
    await shocked(devnet, PERCENT)
    liquidator, sick = liquidator_of(devnet, store), account_of(devnet, "alice")
    liquidator.told([judged(sick)], crashed())
    acts = []
    for _ in range(8):
        acts.append(await liquidator.step())
        await waited(devnet, 40)
    assert [act.act for act in acts if act] == [Act.START, Act.BANKRUPT, Act.BID, Act.ABSORB]
    await followed(devnet, store)


async def grown(devnet: Devnet) -> None:
    """The hour in public is over, and prices are fresh again."""
    await waited(devnet, 3_600)
    await shocked(devnet, PERCENT)


async def deficit(devnet: Devnet) -> Deficit:
    head = await devnet.chain.head()
    found = await deficit_of(devnet.chain, devnet.deployment.auction, 1, head.number)
    assert found is not None
    return found


async def cash(devnet: Devnet, *roles: str) -> list[int]:
    return [await house_says(devnet, "cashOf", account_of(devnet, role).key) for role in roles]


async def test_winners_pay_a_deficit_exactly_after_an_hour_in_public(devnet, store):
    await indebted(devnet, store)
    owed, sick = await deficit(devnet), account_of(devnet, "alice")
    assert await cash(devnet, "alice") == [-owed.left]
    assert await deleverager(devnet, store).step() is None  # an hour in public first
    await grown(devnet)
    before = await cash(devnet, "maker", "bob")
    assert await deleverager(devnet, store).step() == 1
    await waited(devnet, 1)
    raised = await deficit(devnet)
    assert (raised.amount, raised.left) == (owed.amount, 0)
    after = await cash(devnet, "maker", "bob")
    paid = [was - now for was, now in zip(before, after, strict=True)]
    assert sum(paid) == owed.amount
    assert abs(paid[0] - paid[1]) <= 1  # both have won the same
    assert await cash(devnet, "alice") == [0]
    assert not await house_says(devnet, "isFrozen", sick.key)
    await followed(devnet, store)
    assert [event.type for event in await store.events("deficit:1", 0, 9)] == ["Deleveraged"]
    assert await deleverager(devnet, store).step() is None  # and nobody pays twice
    assert await cash(devnet, "maker", "bob") == after


async def test_a_death_between_two_pages_leaves_the_rest_to_another_round(
    devnet, store, monkeypatch
):
    monkeypatch.setattr(deleverage, "PAGE_MAX", 1)
    await indebted(devnet, store)
    await grown(devnet)
    before = await cash(devnet, "maker", "bob")
    assert await deleverager(devnet, store).step() == 1
    await waited(devnet, 1)
    owed = await deficit(devnet)
    assert 0 < owed.left < owed.amount
    assert await deleverager(devnet, store).step() is None  # the gains of that round are forgotten
    await waited(devnet, 600)
    await followed(devnet, store)
    await shocked(devnet, PERCENT)
    assert await deleverager(devnet, store).step() == 1
    await waited(devnet, 1)
    assert (await deficit(devnet)).left == 0
    assert await cash(devnet, "alice") == [0]
    paid = [was - now for was, now in zip(before, await cash(devnet, "maker", "bob"), strict=True)]
    assert sum(paid) == owed.amount
    assert all(0 < part <= 900 * 1_008 * USD // 4 for part in paid)


async def test_the_pages_of_one_life_are_one_round(devnet, store, monkeypatch):
    monkeypatch.setattr(deleverage, "PAGE_MAX", 1)
    await indebted(devnet, store)
    await grown(devnet)
    prices = iter((PERCENT, PERCENT + 20, PERCENT + 20))  # the crash is half over meanwhile
    gains = Gains(store, lambda: crashed(next(prices)))
    living = Deleverager(deleverager(devnet, store)._parts._replace(gains=gains))
    for _ in range(2):
        assert await living.step() == 1
        await waited(devnet, 1)
    raised = await deficit(devnet)
    assert (raised.left, raised.gain_seen) == (0, raised.total_gain)


async def test_a_signer_signs_no_gain_that_the_log_does_not_show(devnet, store):
    await indebted(devnet, store)
    gains, maker = Gains(store, crashed), account_of(devnet, "maker")
    won = await gains.of(maker, 1, crashed())
    assert won == 900 * 1_008 * USD
    domain = Domain(devnet.deployment.chain_id, devnet.deployment.attestation)
    signer = GainSigner([devnet.keys["risk1"].secret], domain, gains)
    report = report_of(bytes(32), 1, [(store.account(maker), won * 2)], 0)
    assert {entry.im for entry in report.accounts} == {DELTA_ONLY}
    with pytest.raises(Refused, match="has won"):
        await signer.signatures(report, crashed())


async def test_a_deficit_that_no_gains_hold_is_said_and_left(devnet, store):
    await indebted(devnet, store)
    await grown(devnet)
    parts = deleverager(devnet, store)._parts
    poor = Gains(store, lambda: snapshot(ether(price=PRICE_WAD["WETH"] * 99 // 100)))
    with pytest.raises(Infeasible) as caught:
        await Deleverager(parts._replace(gains=poor)).step()
    assert caught.value.code == "deficitTooLarge"
    assert (await deficit(devnet)).account == account_of(devnet, "alice").key
