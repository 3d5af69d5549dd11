"""A keeper alone with a chain, a deployment and a key; and a service that has none."""

import asyncio
import contextlib
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest

from adapters.chains.deployment import dump
from adapters.chains.events import ExpirySettled
from app import observe
from app.config import Settings
from app.keeper import alone, inside
from app.keystore import Keystore
from app.services import Services
from app.verify import address_of
from solver.domain.errors import Refused
from tests.app.keeper.house import EXPIRY, events_of, traded
from tests.devnet_fixture import devnet, devnet_home

__all__ = ["devnet", "devnet_home"]


async def test_a_stranger_keeps_with_a_chain_a_deployment_and_a_key(devnet, tmp_path):
    await traded(devnet)
    await devnet.travel_to(EXPIRY)
    dump(devnet.deployment, tmp_path / "deployment.json")
    settings = Settings(
        rpc_url=devnet.url, deployment=str(tmp_path / "deployment.json"), keeper_ms=5,
        confirmations=1,
    )  # fmt: skip
    task = asyncio.create_task(alone(settings))
    async with asyncio.timeout(20):
        while len(await events_of(devnet, "ExpirySettled")) < 4:
            pass
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    settled: Sequence[ExpirySettled] = await events_of(devnet, "ExpirySettled")
    assert sum(event.quantity for event in settled) == 0


async def test_a_key_that_cannot_pay_is_refused_at_the_start(devnet, tmp_path):
    dump(devnet.deployment, tmp_path / "deployment.json")
    settings = Settings(rpc_url=devnet.url, deployment=str(tmp_path / "deployment.json"))
    keeper = devnet.keys["keeper"].address
    await devnet.chain.rpc.request("anvil_setBalance", keeper, "0x0", is_read=False)
    with pytest.raises(Refused) as refused:
        await alone(settings)
    assert refused.value.code == "keeperUnfunded"
    with pytest.raises(Refused, match="SOLVENT_KEYSTORE"):
        await alone(Settings(chain_id=1, deployment=settings.deployment))


def _services(tmp_path, **settings) -> Services:
    parts = {"settings": Settings(**settings), "store": None, "chain": None, "deployment": None}
    solver = address_of(b"\x22" * 32)
    return cast(Services, SimpleNamespace(**parts, solver_address=solver))


def test_a_service_without_a_keeper_key_lives_and_says_so(tmp_path):
    password = tmp_path / "password"
    password.write_text("a long password")
    folder, opened_by = str(tmp_path / "keys"), str(password)
    at = {"keystore": folder, "keystore_password_file": opened_by}
    for settings in (at, {"keeper_ms": 0}):
        assert inside(_services(tmp_path, **settings)) is None
        assert "solvent_keeper_ready 0.0" in observe.metrics().decode()
    Keystore(folder, opened_by, scrypt_n=2).add("keeper", b"\x22" * 32)
    with pytest.raises(Refused) as refused:
        inside(_services(tmp_path, **at))
    assert refused.value.code == "keeperKeyShared"
