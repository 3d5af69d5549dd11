"""A portfolio that SIMPLE would stop settles by the signers' word, inside the chain's fences."""

import asyncio

import pytest

from adapters.chains.devnet import dev_keys
from adapters.chains.evm import EvmChain
from adapters.chains.settlement import decode, encode, view
from app.demo.client import Client, Json
from app.local import Stack
from solver.domain.ids import AccountId

pytestmark = pytest.mark.asyncio(loop_scope="session")
SUBACCOUNT, FUND_USDC = 91, 3_300 * 10**6
LOOKS_MAX, LOOK_S = 300, 0.1
STRADDLE = {
    "outcome": "straddle",
    "side": "sell",
    "underlying": "ETH",
    "size": "2",
    "tenorDays": [20, 40],
}
TERMS = {"slippageBps": "100", "maxFee": "5", "subaccount": str(SUBACCOUNT)}


async def test_a_straddle_that_only_portfolio_finds_safe(running: Stack, chain: EvmChain) -> None:
    holder, house = dev_keys()["alice"], running.deployment.clearinghouse
    to = (running.deployment.usdc, FUND_USDC, SUBACCOUNT, holder.address)
    body = {"from": holder.address, "to": house, "gas": hex(900_000)}
    body["data"] = "0x" + encode("Clearinghouse", "deposit", *to).hex()
    await chain.rpc.request("eth_sendTransaction", body, is_read=False)
    path = f"/v1/accounts/{holder.address}/{SUBACCOUNT}"
    async with Client(running.api_url, holder) as client:
        await _funded(client, path)
        quote = await client.quote(STRADDLE, TERMS)
        assert quote["marginEngine"] == "portfolio"
        outcome = await client.follow(quote)
        assert outcome.intent["state"] == "settled", outcome.intent
        account = await client.get(path)
        risk = (await client.get(f"{path}/margin"))["risk"]
    key = AccountId(running.deployment.chain_id, holder.address, SUBACCOUNT).key
    assert (await _seen(chain, house, "simple", key))[0] < 0, "SIMPLE alone would have stopped it"
    assert (await _seen(chain, house, "hasEnteredPortfolio", key))[0]
    assert risk["engine"] == "portfolio"
    assert float(risk["requirements"][0]["initial"]) > float(risk["requirements"][1]["initial"])
    assert account["health"]["state"] in ("HEALTHY", "WARNING")


async def _funded(client: Client, path: str) -> Json:
    for _ in range(LOOKS_MAX):
        account = await client.get(path)
        if account["cash"] != "0":
            return account
        await asyncio.sleep(LOOK_S)
    raise AssertionError("the deposit did not come")


async def _seen(chain: EvmChain, house: str, name: str, key: bytes) -> tuple[int, ...]:
    (answer,) = await chain.call_many([view("Clearinghouse", house, name, key)])
    assert isinstance(answer, bytes), answer
    found = decode("Clearinghouse", name, answer)
    return found if isinstance(found, tuple) else (found,)
