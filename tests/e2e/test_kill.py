"""SIGKILL of the real process between any two persisted steps: the intent settles once."""

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from adapters.chains.devnet import dev_keys
from adapters.chains.events import Settled, decode_log
from adapters.chains.evm import EvmChain
from app.demo.client import Client
from app.local import Stack, quoting, ready
from solver.domain.ids import AccountId, IntentUid

pytestmark = pytest.mark.asyncio(loop_scope="session")
# The latest first: what recovers from one has the next armed, and passes it no more.
POINTS = (
    "closed", "final", "posted", "posting", "included", "broadcast", "sent", "signed", "signing",
    "planned",
)  # fmt: skip
ANEW = ("posted", "included")  # what recovers from the point before may pass these: it is unarmed
AMOUNT = 1_000_000  # one dollar
DEATH_WAIT_S = 30


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def armed(running: Stack) -> AsyncIterator[dict[str, str]]:
    """What kills the process that runs now; whoever comes after us finds it whole."""
    env: dict[str, str] = {}
    yield env
    await _restart(running)
    await quoting(running.api_url, running.maker)


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at(
    point: str, running: Stack, chain: EvmChain, armed: dict[str, str]
) -> None:
    holder = dev_keys()["bob"]
    account = AccountId(running.deployment.chain_id, holder.address, 7)
    if armed != _at(point):
        await _restart(running, **_at(point))
    async with Client(running.api_url, holder) as client:
        uid = await _submit(client)
        await asyncio.wait_for(_process(running).wait(), DEATH_WAIT_S)
        assert _process(running).returncode == -signal.SIGKILL
        armed.clear()
        armed.update(_after(point))
        await _restart(running, **armed)
        intent = await client.ended(uid)
        assert intent["state"] == "settled", intent
        told = await client.get("/v1/events", log=account.log, limit="1000")
    assert await _settled_events(chain, running, uid) == [intent["txHash"]]
    ours = [e for e in told["events"] if e["body"].get("txHash") == intent["txHash"]]
    assert [e["body"]["amount"] for e in ours if e["type"] == "CashMoved"] == [str(AMOUNT)]
    ended = [e for e in told["events"] if e["body"].get("uid") == uid]
    assert [e["body"]["to"] for e in ended if e["body"].get("to") == "settled"] == ["settled"]


def _at(point: str) -> dict[str, str]:
    return {"SOLVENT_CRASH_AT": point}


def _after(point: str) -> dict[str, str]:
    """Returns what is armed while the process recovers from a point: one it has passed."""
    following = POINTS[POINTS.index(point) + 1 :][:1]
    return {} if not following or following[0] in ANEW else _at(following[0])


def _process(running: Stack) -> asyncio.subprocess.Process:
    assert running.api.process is not None
    return running.api.process


async def _restart(running: Stack, **env: str) -> None:
    await running.api.stop()
    await running.api.start(**env)
    await ready(running.api_url, running.api)


async def _submit(client: Client) -> str:
    quote = await client.quote(
        {"outcome": "deposit", "token": "USDC", "amount": "1"},
        {"scheme": "permit2", "subaccount": "7", "validForSeconds": "3600"},
    )
    uid, _ = await client.submit(quote)
    return uid


async def _settled_events(chain: EvmChain, running: Stack, uid: str) -> list[str]:
    """Returns the transactions of every Settled event of the intent, ever."""
    wanted = IntentUid.parse(uid).digest
    logs = await chain.logs([running.deployment.settlement], running.deployment.start_block)
    return [log.tx_hash for log in logs if _is_settled(decode_log(log), wanted)]


def _is_settled(event: object, digest: bytes) -> bool:
    return isinstance(event, Settled) and event.digest == digest
