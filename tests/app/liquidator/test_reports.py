"""Options for sale are priced by the signers: a report about an account that nobody is trading."""

import pathlib
from collections.abc import AsyncIterator
from functools import partial

import pytest

from app.keeper.errand import Errand
from app.liquidator.duty import Act
from app.liquidator.reports import UNNEEDED
from app.liquidator.watch import Liquidator, Parts
from app.settlement.reconcile import Reconciler
from app.settlement.sender import Sender
from app.store import Store
from solver.domain.account import PORTFOLIO
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import WAD
from solver.margin.requirement import requirement
from solver.margin.simple.state import positions_hash
from tests.app.liquidator.exchange import (
    PERP,
    USD,
    account_of,
    attesting,
    buffer_of,
    judged,
    opened,
    shocked,
    waited,
)
from tests.app.worlds import open_store
from tests.devnet_fixture import AS_OF, devnet, devnet_home

__all__ = ["devnet", "devnet_home"]
EXPIRY = AS_OF - AS_OF % 86_400 + 20 * 86_400 + 8 * 3_600
CALL = Instrument(1, Kind.CALL, EXPIRY, 3_800 * WAD).id


@pytest.fixture
async def store(tmp_path: pathlib.Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as made:
        yield made


async def followed(devnet, store: Store) -> None:
    ledger = Reconciler(devnet.chain, store, devnet.deployment, 1)
    while await ledger.step():
        pass
    assert ledger.broken == {}


def _same(world):
    return world


async def test_a_report_states_the_account_as_it_stands_and_only_where_options_are_held(
    devnet, store
):
    await opened(devnet, -5, 8_000 * USD, instrument=CALL, price=150 * WAD)
    await followed(devnet, store)
    account = store.account(account_of(devnet, "alice"))
    reports, world = await attesting(devnet, store, 100)
    report, signatures = await reports(account)
    assert len(signatures) == 2
    (risk,) = report.accounts
    assert risk.account == account.id.key
    assert risk.positions_before == risk.positions_after == positions_hash(account)
    assert risk.mm == requirement(account, world, PORTFOLIO).maintenance
    bare = account._replace(positions=tuple(p for p in account.positions if p.instrument == PERP))
    assert await reports(bare) == UNNEEDED


async def test_options_are_sold_at_what_the_signers_say(devnet, store):
    await opened(devnet, -5, 8_000 * USD, instrument=CALL, price=150 * WAD)
    sick = account_of(devnet, "alice")
    await shocked(devnet, 130)
    assert await buffer_of(devnet, sick) < 0
    done = []
    for _ in range(14):
        await followed(devnet, store)
        reports, world = await attesting(devnet, store, 130)
        key = devnet.keys["liquidator"].secret.hex()
        errand = Errand(devnet.chain, Sender(devnet.chain, devnet.deployment.chain_id, key))
        parts = Parts(
            store,
            devnet.chain,
            devnet.deployment,
            errand,
            reports,
            lambda: "active",
            partial(_same, world),
        )
        liquidator = Liquidator(parts)
        liquidator.told([judged(sick)], world)
        done.append(await liquidator.step())
        await waited(devnet, 10)
    assert [duty.act for duty in done if duty] == [Act.START, Act.BID, Act.END]
    ours = store.account(account_of(devnet, "liquidator")).quantity(CALL)
    assert -5 * WAD <= ours < 0
