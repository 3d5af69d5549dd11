"""The report before a start: true of a good deployment, and specific about a bad one."""

import asyncio
import pathlib
import sqlite3
import time
from dataclasses import replace
from typing import Any

import pytest

from adapters.chains.deployment import dump
from adapters.chains.devnet.keys import dev_keys
from app.assembly import ROLES as OURS
from app.assembly import serve
from app.config import Settings
from app.keystore import Keystore
from app.local import free_port
from app.parameters import MarketParameters, Parameters, issue
from app.preflight import FAIL, OK, WARN, preflight, variables
from solver.domain.errors import NotFound, Unauthorized
from solver.domain.risk import MarketRisk
from tests.app.recorded_world import TIME, text
from tests.devnet_fixture import devnet, devnet_home

__all__ = ["devnet", "devnet_home"]

QUICK = 2**4
ROLES = (*OURS, "keeper")


@pytest.fixture
def settings(devnet, tmp_path: pathlib.Path) -> Settings:
    """A deployment as an operator has it: files of its own, keys in a keystore."""
    dump(devnet.deployment, tmp_path / "deployment.json")
    (tmp_path / "password").write_text("correct horse battery")
    (tmp_path / "password").chmod(0o600)
    store = Keystore(str(tmp_path / "keys"), str(tmp_path / "password"), QUICK)
    for role in ROLES:
        store.add(role, dev_keys()[role].secret)
    return Settings(
        database_url=f"sqlite:///{tmp_path / 'solvent.db'}",
        rpc_url=devnet.url,
        deployment=str(tmp_path / "deployment.json"),
        keystore=str(tmp_path / "keys"),
        keystore_password_file=str(tmp_path / "password"),
        port=free_port(),
    )


async def _verdicts(settings: Settings, **environment: str) -> dict[str, tuple[str, str]]:
    found = await preflight(settings, environment)
    return {finding.subject: (finding.verdict, finding.words) for finding in found}


async def test_a_good_deployment_is_ready(settings, devnet) -> None:
    await devnet.push_prices()
    found = await _verdicts(settings)
    assert {verdict for verdict, _ in found.values()} == {OK}, found
    assert {"database", "node", "contracts", "solver", "risk signers"} <= set(found)
    assert {f"key {role}" for role in ROLES} | {"keeper's coin"} <= set(found)
    assert not any(dev_keys()[role].secret.hex() in str(found) for role in ROLES)


async def test_wrong_keys_are_known_from_the_contracts(settings, tmp_path) -> None:
    (tmp_path / "keys" / "solver.json").unlink()
    store = Keystore(str(tmp_path / "keys"), str(tmp_path / "password"), QUICK)
    store.add("solver", b"\x11" * 32)
    found = await _verdicts(settings)
    assert found["solver"][0] == found["solver's coin"][0] == FAIL
    assert "not registered" in found["solver"][1]
    (tmp_path / "keys" / "risk1.json").unlink()
    (tmp_path / "keys" / "risk2.json").write_text("{}")
    found = await _verdicts(settings)
    assert found["key risk1"][0] == found["key risk2"][0] == FAIL
    assert "solvent keys new risk1" in found["key risk1"][1]
    assert found["key solver"][0] == OK


def _keeper(tmp_path: pathlib.Path, secret: bytes | None) -> None:
    (tmp_path / "keys" / "keeper.json").unlink()
    if secret is not None:
        store = Keystore(str(tmp_path / "keys"), str(tmp_path / "password"), QUICK)
        store.add("keeper", secret)


async def test_a_keeper_without_key_is_told_and_hinders_no_start(settings, tmp_path) -> None:
    _keeper(tmp_path, None)
    found = await _verdicts(settings)
    assert found["key keeper"][0] == WARN
    assert "solvent keys new keeper" in found["key keeper"][1]
    assert "keeper's coin" not in found
    found = await _verdicts(replace(settings, keeper_ms=0))
    assert found["key keeper"][0] == OK


async def test_a_keeper_without_coin_is_told(settings, tmp_path) -> None:
    _keeper(tmp_path, b"\x12" * 32)
    assert (await _verdicts(settings))["keeper's coin"][0] == WARN


async def test_the_solvers_key_is_not_the_keepers(settings, tmp_path) -> None:
    _keeper(tmp_path, dev_keys()["solver"].secret)
    verdict, words = (await _verdicts(settings))["key keeper"]
    assert (verdict, "its own" in words) == (FAIL, True)


async def test_a_recorded_chain_that_is_set_is_looked_for(settings, tmp_path) -> None:
    assert "option chain" not in await _verdicts(settings)
    path = tmp_path / "chain.csv"
    change: dict[str, Any] = {"option_chain": str(path), "option_chain_at": TIME}
    verdict, words = (await _verdicts(replace(settings, **change)))["option chain"]
    assert (verdict, "SOLVENT_OPTION_CHAIN" in words) == (FAIL, True)
    path.write_text("not a chain")
    assert (await _verdicts(replace(settings, **change)))["option chain"][0] == FAIL
    path.write_text(text() + text("BTC").partition("\n")[2])
    assert (await _verdicts(replace(settings, **change)))["option chain"][0] == OK
    change["option_chain_at"] += 86_400
    verdict, words = (await _verdicts(replace(settings, **change)))["option chain"]
    assert (verdict, "SOLVENT_OPTION_CHAIN_AT" in words) == (FAIL, True)


async def test_margin_parameters_that_are_set_are_looked_for(settings, tmp_path) -> None:
    assert "risk parameters" not in await _verdicts(settings)
    path, now = tmp_path / "risk.json", int(time.time())
    chosen = replace(settings, risk_parameters=str(path))
    expected = [
        (None, now, FAIL, "SOLVENT_RISK_PARAMETERS"),
        ("risk1", now, OK, "built-in ones for BTC"),
        ("risk1", now - 31 * 86_400, WARN, "31 days old"),
        ("maker", now, FAIL, "no risk signer"),
    ]
    for role, issued_at, verdict, says in expected:
        if role is not None:
            markets = (("ETH", MarketParameters(1, MarketRisk(), MarketRisk())),)
            made = Parameters("a", settings.chain_id, issued_at, markets)
            path.write_text(issue(made, dev_keys()[role].secret))
        found, words = (await _verdicts(chosen))["risk parameters"]
        assert (found, says in words) == (verdict, True), words


@pytest.mark.parametrize(
    ("change", "subject", "says"),
    [
        ({"chain_id": 5}, "chain id", "all three"),
        ({"rpc_url": "http://127.0.0.1:1"}, "node", "SOLVENT_RPC_URL"),
        ({"deployment": "nowhere.json"}, "deployment", "SOLVENT_DEPLOYMENT"),
        ({"keystore": "", "chain_id": 5}, "keys", "SOLVENT_KEYSTORE"),
        ({"keystore_password_file": "nowhere"}, "key solver", "not a file"),
    ],
)
async def test_what_is_wrong_is_named(settings, change, subject, says) -> None:
    fields = {name: getattr(settings, name) for name in settings.__slots__} | change
    verdict, words = (await _verdicts(Settings(**fields)))[subject]
    assert verdict == FAIL
    assert says in words


async def test_a_start_without_its_keys_ends_before_anything_serves(settings, tmp_path) -> None:
    with pytest.raises(NotFound, match="solvent keys new solver"):
        await asyncio.to_thread(serve, replace(settings, keystore=str(tmp_path / "none")))


async def test_a_start_on_parameters_of_nobodys_ends_before_anything_serves(settings, tmp_path):
    path = tmp_path / "risk.json"
    path.write_text(issue(Parameters("a", settings.chain_id, 0), dev_keys()["maker"].secret))
    with pytest.raises(Unauthorized, match="no risk signer"):
        await asyncio.to_thread(serve, replace(settings, risk_parameters=str(path)))
    with pytest.raises(NotFound, match="no risk parameters"):
        await asyncio.to_thread(serve, replace(settings, risk_parameters=str(tmp_path / "none")))


def _bytes(path: pathlib.Path) -> None:
    path.write_text("not a database")


def _empty(path: pathlib.Path) -> None:
    sqlite3.connect(path).close()


@pytest.mark.parametrize("make", [_bytes, _empty])
async def test_a_file_that_is_no_database_is_refused(settings, make) -> None:
    make(pathlib.Path(settings.database_file))
    assert (await _verdicts(settings))["database"][0] == FAIL


async def test_a_mistyped_variable_is_told_with_the_right_one(settings) -> None:
    verdict, words = (await _verdicts(settings, SOLVENT_PROT="9"))["settings"]
    assert (verdict, "SOLVENT_PORT" in words) == (WARN, True)
    rows = {row.name: row for row in variables(settings, {"SOLVENT_PORT": "9"})}
    assert rows["SOLVENT_PORT"].is_set
    assert not rows["SOLVENT_HOST"].is_set
