"""A stack of its own whose clock tests move: who holds what there, until something comes true."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

from adapters.chains.devnet import dev_keys
from adapters.chains.evm import EvmChain
from adapters.chains.settlement import decode, encode, view
from app.demo.client import Client, Json
from app.local import Stack, stack
from solver.domain.ids import AccountId
from tests.devnet_fixture import require_anvil

SUBACCOUNT, FUND_USDC = 5, 50_000 * 10**6
BLOCK_SECONDS = 0.25
LOOKS_MAX, LOOK_S = 400, 0.05


class World(NamedTuple):
    """A stack whose blocks come only while `blocks` is not held."""

    running: Stack
    chain: EvmChain
    alice: Client
    blocks: asyncio.Lock

    @property
    def house(self) -> str:
        return self.running.deployment.clearinghouse

    def account(self, role: str) -> AccountId:
        number = SUBACCOUNT if role == "alice" else 0
        return AccountId(self.running.deployment.chain_id, dev_keys()[role].address, number)

    async def read(self, function: str, *args: Any) -> Any:
        call = view("Clearinghouse", self.house, function, *args)
        return decode("Clearinghouse", function, await self.chain.call(*call))

    async def show(self, path: str = "", role: str = "alice") -> Json:
        owner, number = self.account(role)[1:]
        return await self.alice.get(f"/v1/accounts/{owner}/{number}{path}")


@contextlib.asynccontextmanager
async def world_at(as_of: int, folder: pathlib.Path, **env: str) -> AsyncIterator[World]:
    """Yields a stack of its own at that time, with alice, its blocks coming fast."""
    require_anvil()
    blocks = asyncio.Lock()
    async with (
        stack(folder, as_of=as_of, env=env) as running,
        EvmChain(running.rpc_url) as chain,
        Client(running.api_url, dev_keys()["alice"]) as alice,
    ):
        mining = asyncio.create_task(mine(chain, blocks))
        yield World(running, chain, alice, blocks)
        mining.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await mining


async def mine(chain: EvmChain, blocks: asyncio.Lock) -> None:
    """Makes blocks for ever, faster than the clock, while nobody holds them."""
    while True:
        async with blocks:
            await chain.rpc.request("evm_mine", is_read=False)
        await asyncio.sleep(BLOCK_SECONDS)


@contextlib.asynccontextmanager
async def by_hand(world: World) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    """Blocks come only when what this yields is called."""
    rpc = world.chain.rpc
    async with world.blocks:
        await rpc.request("evm_setIntervalMining", 0)
        try:
            yield lambda: rpc.request("evm_mine", is_read=False)
        finally:
            await rpc.request("evm_setIntervalMining", 1)


async def until(look: Callable[[], Awaitable[Any]], good: Callable[[Any], object]) -> Any:
    """Returns what `look` answers once it is good."""
    for _ in range(LOOKS_MAX):
        found = await look()
        if good(found):
            return found
        await asyncio.sleep(LOOK_S)
    raise AssertionError(f"it did not come: {found}")


async def deposit(world: World) -> None:
    holder, usdc = world.alice.holder, world.running.deployment.usdc
    data = encode("Clearinghouse", "deposit", usdc, FUND_USDC, SUBACCOUNT, holder.address)
    body = {"from": holder.address, "to": world.house, "data": "0x" + data.hex()}
    await world.chain.rpc.request(
        "eth_sendTransaction", body | {"gas": hex(900_000)}, is_read=False
    )
    await until(world.show, lambda account: account["cash"] == "50000")


async def trade(world: World, outcome: str, instrument: str, size: str) -> None:
    request = {"outcome": outcome, "underlying": "ETH", "instrument": instrument, "size": size}
    terms = {"subaccount": str(SUBACCOUNT), "slippageBps": "200", "maxFee": "5"}
    done = await world.alice.follow(await world.alice.quote(request, terms))
    assert done.intent["state"] == "settled", done.intent


async def cash_of_all(world: World) -> dict[str, int]:
    """Cash atoms of everybody the ledger knows, from the chain."""
    insurance = AccountId(world.running.deployment.chain_id, world.house, 0)
    accounts = {role: world.account(role) for role in ("alice", "maker", "solver")}
    accounts |= {"bob": world.account("bob"), "insurance": insurance}
    return {name: await world.read("cashOf", a.key) for name, a in accounts.items()}
