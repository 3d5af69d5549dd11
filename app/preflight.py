"""What an operator wants to know before the first start: is every part there, and right?

Looks only: no file, database or chain is changed. Every line that is not ok says what to do.
"""

import difflib
import os
import pathlib
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from adapters.base import Reverted
from adapters.chains.deployment import Deployment, load
from adapters.chains.devnet.keys import RISK_ROLES
from adapters.chains.evm import EvmChain
from adapters.chains.settlement import decode, view
from adapters.recorded import read_chains
from app.assembly import ROLES
from app.config import LOCAL_CHAIN, PREFIX, Settings
from app.keeper.start import ROLE as KEEPER
from app.keystore import keys_of
from app.parameters import load as load_parameters
from app.parameters import require_signer
from app.verify import address_of
from solver.domain.calendar import DAY, rfc3339
from solver.domain.errors import NotFound, SolventError, Unauthorized

OK, WARN, FAIL = "ok", "warn", "fail"
GAS_OF_A_SETTLEMENT = 700_000
GAS_OF_A_FIXING = 1_000_000  # the mean of 128 rounds
SENDINGS_MIN = 20  # that the coin of whoever sends must pay for
HEAD_SECONDS_MAX = 60
PARAMETERS_SECONDS_MAX = 30 * DAY  # a forecast is of a day; a regression serves a month
ELSEWHERE = frozenset({"SOLVENT_API_URL", "SOLVENT_CRASH_AT", "SOLVENT_SHARED"})


Keys = dict[str, bytes]  # by role, those that open


class Finding(NamedTuple):
    """One line of the report. `verdict` is ok, warn or fail."""

    subject: str
    verdict: str
    words: str


class Variable(NamedTuple):
    """One setting as it is in force."""

    name: str
    value: str
    is_set: bool


def variables(settings: Settings, environment: Mapping[str, str]) -> list[Variable]:
    """Returns every setting with its value and whether the environment set it."""
    return [
        Variable(name, _shown(getattr(settings, field.name)), name in environment)
        for field in fields(settings)
        for name in [PREFIX + field.name.upper()]
    ]


async def preflight(settings: Settings, environment: Mapping[str, str]) -> list[Finding]:
    """Returns what was found, in the order in which a start would meet it."""
    keys: Keys = {}
    found = [*_names(environment), _database(settings), _port(settings)]
    found += _keystore(settings, keys)
    try:
        deployment = load(settings.deployment)
    except SolventError as error:
        return [*found, Finding("deployment", FAIL, f"{error.detail}: set SOLVENT_DEPLOYMENT")]
    found.append(Finding("deployment", OK, f"chain {deployment.chain_id}, {settings.deployment}"))
    found += _option_chain(settings, deployment)
    found += _parameters(settings, deployment)
    async with EvmChain(settings.rpc_url) as chain:
        try:
            found += [finding async for finding in _chain(chain, settings, deployment, keys)]
        except SolventError as error:
            found.append(Finding("node", FAIL, f"{error.detail}: is SOLVENT_RPC_URL right?"))
    return found


# ---- this machine


def _names(environment: Mapping[str, str]) -> Iterator[Finding]:
    known = {PREFIX + field.name.upper() for field in fields(Settings)}
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known | ELSEWHERE:
            near = difflib.get_close_matches(name, known, 1)
            hint = f", did you mean {near[0]}?" if near else ""
            yield Finding("settings", WARN, f"{name} is not a setting{hint}")


def _database(settings: Settings) -> Finding:
    path = pathlib.Path(settings.database_file)
    folder = next(each for each in (path.parent, *path.parent.parents) if each.exists())
    if not os.access(path if path.exists() else folder, os.W_OK):
        return Finding("database", FAIL, f"{path} cannot be written by this user")
    if not path.exists():
        return Finding("database", OK, f"{path} will be made at the first start")
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            (events,) = connection.execute("SELECT count(*) FROM event").fetchone()
    except sqlite3.Error as error:
        return Finding("database", FAIL, f"{path} is not a database of this service: {error}")
    return Finding("database", OK, f"{path}, {events} events")


def _port(settings: Settings) -> Finding:
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex((settings.host, settings.port)) == 0:
            words = (
                f"{settings.host}:{settings.port} is taken: the service runs already, or another"
            )
            return Finding("port", WARN, words)
    return Finding("port", OK, f"{settings.host}:{settings.port} is free")


def _keystore(settings: Settings, keys: Keys) -> Iterator[Finding]:
    """Yields a finding per role, and puts the keys that open into `keys`: each costs a second."""
    if not settings.keystore:
        if settings.chain_id == LOCAL_CHAIN:
            yield Finding("keys", WARN, "the local chain's published keys: never for money")
            keys |= keys_of(settings, (*ROLES, KEEPER))
        else:
            yield Finding("keys", FAIL, "set SOLVENT_KEYSTORE; `solvent keys new solver` begins it")
        return
    password = pathlib.Path(settings.keystore_password_file)
    if password.is_file() and password.stat().st_mode & 0o077:
        yield Finding("keys", WARN, f"{password} is readable by others: chmod 600")
    for role in ROLES:
        yield _key(settings, role, keys)
    if not settings.keeper_ms:
        words = "not needed: SOLVENT_KEEPER_MS is 0, another process keeps expiries"
        yield Finding(f"key {KEEPER}", OK, words)
        return
    found = _key(settings, KEEPER, keys)
    if KEEPER in keys and keys[KEEPER] == keys.get("solver"):
        words = "is the solver's: the keeper needs its own, `solvent keys new keeper`"
        found = found._replace(verdict=FAIL, words=words)
    yield found


def _key(settings: Settings, role: str, keys: Keys) -> Finding:
    """Returns whether a role's key opens. A service without a keeper's key starts, and says so."""
    try:
        keys |= keys_of(settings, [role])
    except SolventError as error:
        is_optional = role == KEEPER and isinstance(error, NotFound)
        return Finding(f"key {role}", WARN if is_optional else FAIL, error.detail)
    return Finding(f"key {role}", OK, address_of(keys[role]))


def _parameters(settings: Settings, deployment: Deployment) -> Iterator[Finding]:
    """Are the margin parameters there, whole, signed for this chain, and not old?"""
    if not settings.risk_parameters:
        return
    try:
        found = load_parameters(settings.risk_parameters, deployment.chain_id)
    except SolventError as error:
        words = f"{error.detail}: is {PREFIX}RISK_PARAMETERS right?"
        yield Finding("risk parameters", FAIL, words)
        return
    names = ", ".join(symbol for symbol, _ in found.markets) or "no market"
    words = f"{found.version} for {names}, signed by {found.signer}"
    missing = {market.symbol for market in deployment.markets} - {name for name, _ in found.markets}
    if missing:
        words += f"; built-in ones for {', '.join(sorted(missing))}"
    if time.time() - found.issued_at > PARAMETERS_SECONDS_MAX:
        days = int(time.time() - found.issued_at) // DAY
        yield Finding(
            "risk parameters", WARN, f"{words}; {days} days old: `solvent risk fit` again"
        )
        return
    yield Finding("risk parameters", OK, words)


def _option_chain(settings: Settings, deployment: Deployment) -> Iterator[Finding]:
    """Is the recorded chain there, with the time that is wanted and options of every market?"""
    if not settings.option_chain:
        return
    path, at = settings.option_chain, settings.option_chain_at
    try:
        found = read_chains(path, at, [market.symbol for market in deployment.markets])
    except SolventError as error:
        name = "OPTION_CHAIN_AT" if error.code == "chainTimeMissing" else "OPTION_CHAIN"
        yield Finding("option chain", FAIL, f"{error.detail}: is {PREFIX}{name} right?")
        return
    told = ", ".join(f"{len(chain.rows)} {symbol}" for symbol, chain in found.items())
    time = next(iter(found.values())).time
    yield Finding("option chain", OK, f"{told} options recorded at {rfc3339(time)}")


# ---- the chain


async def _chain(
    chain: EvmChain, settings: Settings, deployment: Deployment, keys: Keys
) -> AsyncIterator[Finding]:
    found = await chain.chain_id()
    if not found == deployment.chain_id == settings.chain_id:
        words = f"node {found}, deployment {deployment.chain_id}, setting {settings.chain_id}"
        yield Finding("chain id", FAIL, f"{words}: all three must be one chain")
        return
    head = await chain.head()
    age = int(time.time()) - head.timestamp
    late = settings.chain_id != LOCAL_CHAIN and abs(age) > HEAD_SECONDS_MAX
    words = f"block {head.number}, {age} s from this machine's clock"
    yield Finding("node", WARN if late else OK, words)
    for name, address in _ours(deployment):
        if not await chain.code(address):
            yield Finding("contracts", FAIL, f"no code at {name} {address}: another deployment?")
            return
    yield Finding("contracts", OK, f"settlement {deployment.settlement}")
    async for finding in _roles(chain, deployment, keys):
        yield finding
    async for finding in _who_fitted(chain, settings, deployment):
        yield finding
    for market in deployment.markets:
        call = view("Clearinghouse", deployment.clearinghouse, "mark", market.market)
        (answer,) = await chain.call_many([call])
        if isinstance(answer, Reverted):
            words = f"the feed {market.feed} is older than {market.heartbeat} s: no risk until then"
            yield Finding(f"feed {market.symbol}", WARN, words)
        else:
            yield Finding(f"feed {market.symbol}", OK, "fresh")


async def _roles(chain: EvmChain, deployment: Deployment, keys: Keys) -> AsyncIterator[Finding]:
    """Are our keys what the contracts know, and can they pay?"""
    if KEEPER in keys:  # without coin it waits and says so: the service lives
        yield await _coin(chain, KEEPER, keys, GAS_OF_A_FIXING, WARN)
    if not keys.keys() >= set(ROLES):
        return  # told already
    solver = address_of(keys["solver"])
    is_solver, is_sealed, is_paused = await _read(chain, deployment, "admission", solver)
    if not is_sealed:
        yield Finding("params", FAIL, "not sealed: nobody can deposit or settle yet")
    if is_paused:
        yield Finding("params", WARN, "paused by the guardian: exits only")
    words = solver if is_solver else f"{solver} is not registered: proposer and approver add it"
    yield Finding("solver", OK if is_solver else FAIL, words)
    yield await _coin(chain, "solver", keys, GAS_OF_A_SETTLEMENT, FAIL)
    signers = {role: address_of(keys[role]) for role in RISK_ROLES}
    known = [
        role for role, key in signers.items() if await _read(chain, deployment, "isSigner", key)
    ]
    needed = await _read(chain, deployment, "threshold")
    verdict = OK if len(known) >= needed else FAIL
    yield Finding("risk signers", verdict, f"{len(known)} of ours registered, {needed} must agree")


async def _who_fitted(
    chain: EvmChain, settings: Settings, deployment: Deployment
) -> AsyncIterator[Finding]:
    """Does the chain know who signed the margin parameters? A file that is none was told before."""
    if not settings.risk_parameters:
        return
    try:
        found = load_parameters(settings.risk_parameters, deployment.chain_id)
    except SolventError:
        return
    try:
        await require_signer(chain, deployment, found)
    except Unauthorized as error:
        yield Finding("risk parameters", FAIL, error.detail)


async def _coin(chain: EvmChain, role: str, keys: Keys, gas: int, verdict: str) -> Finding:
    """Returns how often a role can send; `verdict` is what too rarely means."""
    price = await chain.gas_price()
    count = await chain.balance(address_of(keys[role])) // max(price * gas, 1)
    enough = count >= SENDINGS_MIN
    words = f"pays for about {count} transactions of {gas:,} gas"
    return Finding(f"{role}'s coin", OK if enough else verdict, words)


async def _read(chain: EvmChain, deployment: Deployment, name: str, *args: Any) -> Any:
    (answer,) = await chain.call_many([view("Params", deployment.params, name, *args)])
    if isinstance(answer, Reverted):
        raise answer
    return decode("Params", name, answer)


def _ours(deployment: Deployment) -> Iterator[tuple[str, str]]:
    for name in ("settlement", "clearinghouse", "attestation", "params", "router", "permit2"):
        yield name, getattr(deployment, name)


def _shown(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
