"""A session key through the whole service on the real chain: granted, used, metered, revoked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio
from eth_account import Account
from eth_account.messages import encode_typed_data

from adapters.chains.devnet import DevKey, dev_keys
from adapters.chains.evm import EvmChain
from adapters.chains.settlement import decode, encode
from app.demo.client import Client, Json
from app.demo.wallet import numbers, sign
from app.local import Stack, ready
from app.verify import address_of
from app.verify import sign as raw_sign
from solver.domain.errors import Unavailable
from solver.domain.ids import IntentUid
from solver.domain.typed_data import Domain, cancel_digest
from tests.e2e.test_signing import VECTORS, viem

pytestmark = pytest.mark.asyncio(loop_scope="session")
AGENT = DevKey("agent", address_of(b"\x77" * 32), b"\x77" * 32)
FEED_TRIES = 6  # a price lasts twenty seconds, a trade two or three
SUBACCOUNT = 11
FUND_USDC = 60_000 * 10**6
LOOKS_MAX, LOOK_S = 300, 0.1
SMALL: Json = {"outcome": "openPerp", "instrument": "ETH-PERP", "side": "buy", "size": "0.5"}
OPEN: Json = {"outcome": "openPerp", "instrument": "ETH-PERP", "side": "buy", "size": "2"}
CLOSE: Json = {"outcome": "closePerp", "instrument": "ETH-PERP"}


class Desk(NamedTuple):
    """The owner's and the agent's view of one service."""

    running: Stack
    chain: EvmChain
    owner: Client
    agent: DevKey
    http: httpx.AsyncClient

    async def granted(self, **changes: Any) -> str:
        """Returns the id of a mandate that the owner's wallet signed."""
        terms = {
            "owner": self.owner.holder.address,
            "agent": self.agent.address,
            "subaccount": str(SUBACCOUNT),
            "outcomes": ["openPerp", "closePerp"],
            "assets": ["ETH"],
            "notionalPerDay": "40000",
            "lossPerDay": "500",
            "slippageBps": "50",
            "maxMarginUsed": "5000",
            "minHealth": "1.1",
        }
        drafted = await self.owner.post("/v1/mandates/draft", terms | changes)
        signature = sign(self.owner.holder, drafted["typedData"])
        body = {"mandate": drafted["mandate"], "signature": signature}
        stored = await self.owner.post("/v1/mandates", body)
        assert (stored["id"], stored["state"]) == (drafted["id"], "active")
        return str(stored["id"])

    async def quoted(self, mandate: str, request: Json, **terms: str) -> Json:
        """Returns what POST /v1/quotes answers to the agent: a quote or a problem."""
        asked = {"owner": self.owner.holder.address, "subaccount": str(SUBACCOUNT)}
        asked |= {"scheme": "mandate", "maxFee": "5"} | terms
        body = {"request": request, "terms": asked, "mandate": mandate}
        answer: Json = (await self.http.post("/v1/quotes", json=body)).json()
        return answer

    async def submitted(self, mandate: str, quote: Json) -> Json:
        """Returns what POST /v1/intents answers to the agent's signature."""
        body = {key: quote[key] for key in ("intent", "scheme", "quoteId")}
        body |= {"mandate": mandate, "signature": sign(self.agent, quote["typedData"])}
        answer: Json = (await self.http.post("/v1/intents", json=body)).json()
        return answer

    async def settled(self, mandate: str, request: Json) -> Json:
        """Returns the quote that was settled under the mandate."""
        quote = await self.quoted(mandate, request)
        assert "typedData" in quote, quote
        accepted = await self.submitted(mandate, quote)
        assert "uid" in accepted, accepted
        intent = await self.owner.ended(accepted["uid"])
        assert (intent["state"], intent["scheme"]) == ("settled", "mandate"), intent
        return quote

    async def read(self, mandate: str) -> Json:
        return await self.owner.get(f"/v1/mandates/{mandate}")

    async def on_chain(self, mandate: str) -> tuple[Decimal, Decimal]:
        """Returns what the contract's own meter says was traded and lost, settlement units."""
        digest = bytes.fromhex(mandate[2:])
        asked = encode("Settlement", "metered", self.owner.holder.address, digest)
        raw = await self.chain.call(self.running.deployment.settlement, asked)
        word: int = decode("Settlement", "metered", raw)
        mask = 2**112 - 1
        return Decimal(word >> 112 & mask) / 10**6, Decimal(word & mask) / 10**6

    async def mark(self) -> int:
        """Returns the price that the contracts judge by now, 1e18."""
        raw = await self.chain.call(
            self.running.deployment.clearinghouse, encode("Clearinghouse", "mark", 1)
        )
        price: int = decode("Clearinghouse", "mark", raw)
        return price

    async def send(self, to: str, data: str) -> None:
        body = {"from": self.owner.holder.address, "to": to, "data": data, "gas": hex(900_000)}
        await self.chain.rpc.request("eth_sendTransaction", body, is_read=False)


async def until(look: Callable[[], Awaitable[Json]], good: Callable[[Json], object]) -> Json:
    """Returns what `look` answers once it is good."""
    for _ in range(LOOKS_MAX):
        found = await look()
        if good(found):
            return found
        await asyncio.sleep(LOOK_S)
    raise AssertionError(f"it did not come: {found}")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(running: Stack, chain: EvmChain) -> AsyncIterator[Desk]:
    """Alice funded a subaccount; a fresh key of hers that holds nothing is the agent."""
    keys = dev_keys()
    async with (
        Client(running.api_url, keys["alice"]) as owner,
        httpx.AsyncClient(base_url=running.api_url, timeout=30) as http,
    ):
        made = Desk(running, chain, owner, AGENT, http)
        token, holder = running.deployment.usdc, keys["alice"].address
        call = encode("Clearinghouse", "deposit", token, FUND_USDC, SUBACCOUNT, holder)
        await made.send(running.deployment.clearinghouse, "0x" + call.hex())
        account = f"/v1/accounts/{holder}/{SUBACCOUNT}"
        await until(lambda: owner.get(account), lambda found: found["cash"] == "60000")
        yield made


async def test_an_agent_trades_and_the_meter_moves_by_what_was_traded(desk: Desk) -> None:
    mandate = await desk.granted()
    assert (await desk.read(mandate))["today"]["notionalUsed"] == "0"
    opened = await desk.settled(mandate, OPEN)
    traded, lost = await desk.on_chain(mandate)
    today = (await desk.read(mandate))["today"]
    assert (Decimal(today["notionalUsed"]), Decimal(today["lossUsed"])) == (traded, lost)
    price = Decimal(opened["fills"][0]["price"])
    assert abs(traded / (2 * price) - 1) < Decimal("0.02"), "two contracts at the mark"
    assert lost >= Decimal(opened["fee"]) > 0
    assert Decimal(today["notionalLeft"]) == 40_000 - traded

    await desk.settled(mandate, CLOSE)
    again, _ = await desk.on_chain(mandate)
    assert abs(again / (2 * traded) - 1) < Decimal("0.02")
    account = await desk.owner.get(f"/v1/accounts/{desk.owner.holder.address}/{SUBACCOUNT}")
    assert account["positions"] == []


async def test_what_is_planned_counts_as_the_chain_counts(desk: Desk) -> None:
    """A refusal tells what the plan would use: the same atoms that the contract meters, at one
    price. The feed has a new one now and then: what is planned at the old one says nothing then."""
    for _ in range(FEED_TRIES):
        mark = await desk.mark()
        tiny = await desk.granted(notionalPerDay="1")
        planned = (await desk.quoted(tiny, SMALL))["data"]
        assert (planned["rule"], planned["granted"]) == ("notionalPerDay", str(10**6))
        mandate = await desk.granted()
        await desk.settled(mandate, SMALL)
        traded, _ = await desk.on_chain(mandate)
        if await desk.mark() == mark and int(planned["wanted"]) == int(traded * 10**6):
            return
    raise AssertionError(f"planned {planned['wanted']}, metered {traded} in {FEED_TRIES} tries")


async def test_one_too_large_is_refused_and_many_small_ones_exhaust_the_day(desk: Desk) -> None:
    mandate = await desk.granted(notionalPerDay="5000")
    large = await desk.quoted(mandate, OPEN)
    assert (large["code"], large["data"]["rule"]) == ("scopeExceeded", "notionalPerDay")
    assert int(large["data"]["wanted"]) > int(large["data"]["granted"]) == 5000 * 10**6

    # All are quoted and signed while the day is whole; two of them fit into it.
    # Asked twice within a block, the same words are the same intent: each has its own time.
    times = ("301", "302", "303")
    quotes = [await desk.quoted(mandate, SMALL, validForSeconds=time) for time in times]
    uids = [(await desk.submitted(mandate, quote))["uid"] for quote in quotes]
    for uid in uids[:2]:
        assert (await desk.owner.ended(uid))["state"] == "settled"
    path = f"/v1/intents/{uids[2]}"
    waiting = await until(lambda: desk.owner.get(path), lambda found: found["reason"])
    assert (waiting["state"], waiting["reason"]["code"]) == ("open", "scopeExceeded")
    more = await desk.quoted(mandate, SMALL)
    assert (more["data"]["rule"], more["retryable"]) == ("notionalPerDay", True)
    assert (await desk.on_chain(mandate))[0] < 5000

    # The agent takes back what it signed; nobody but it and the owner could.
    now = int((await desk.owner.get("/v1/time"))["unix"])
    deployment = desk.running.deployment
    domain = Domain(deployment.chain_id, deployment.settlement)
    digest = cancel_digest(desk.owner.holder.address, [IntentUid.parse(uids[2])], now + 300, domain)
    body = {"validTo": str(now + 300)}
    stolen = "0x" + raw_sign(digest, dev_keys()["bob"].secret).hex()
    with pytest.raises(Unavailable, match="badSignature"):
        await desk.owner.delete(path, body | {"signature": stolen})
    signature = "0x" + raw_sign(digest, desk.agent.secret).hex()
    told = await desk.owner.delete(path, body | {"signature": signature})
    assert told["intents"] == [{"uid": uids[2], "state": "cancelled"}]


async def test_nothing_leaves_and_nothing_else_is_touched(desk: Desk) -> None:
    mandate = await desk.granted(outcomes=["openPerp", "swap"])
    out = {"outcome": "withdraw", "token": "USDC", "amount": "1"}
    refused = [
        (out, {"receiver": desk.agent.address}, "receiver"),
        (OPEN, {"receiver": desk.agent.address}, "receiver"),
        (CLOSE, {}, "outcomes"),
        (OPEN | {"instrument": "BTC-PERP"}, {}, "assets"),
        (OPEN, {"slippageBps": "51"}, "maxSlippageBps"),
        (OPEN, {"subaccount": "0"}, "subaccount"),
    ]
    for request, terms, rule in refused:
        answer = await desk.quoted(mandate, request, **terms)
        assert (answer.get("code"), answer.get("data", {}).get("rule")) == ("scopeExceeded", rule)
    quote = await desk.quoted(mandate, OPEN)
    theft = quote["intent"] | {"receiver": desk.agent.address}
    hashed = await desk.owner.post("/v1/intents/digest", {"intent": theft})
    assert hashed["digest"]
    document = quote["typedData"] | {"message": theft}
    answer = await desk.submitted(mandate, quote | {"intent": theft, "typedData": document})
    assert (answer["code"], answer["data"]["rule"]) == ("scopeExceeded", "receiver")


async def test_revoked_by_signature_the_service_is_bound_at_once(desk: Desk) -> None:
    mandate = await desk.granted()
    quote = await desk.quoted(mandate, OPEN)
    document = (await desk.read(mandate))["revocation"]["typedData"]
    body = {
        "validTo": document["message"]["validTo"],
        "signature": sign(desk.owner.holder, document),
    }
    told = await desk.owner.delete(f"/v1/mandates/{mandate}", body)
    assert told["onChain"]["to"] == desk.running.deployment.settlement
    answer = await desk.submitted(mandate, quote)
    assert (answer["code"], answer["data"]["rule"]) == ("scopeExceeded", "revoked")
    assert await desk.on_chain(mandate) == (Decimal(0), Decimal(0)), "the chain was not asked"


async def test_revoked_on_chain_the_service_learns_it_from_the_event(desk: Desk) -> None:
    mandate, kept = await desk.granted(), await desk.granted()
    on_chain = (await desk.read(mandate))["revocation"]["onChain"]
    await desk.send(on_chain["to"], on_chain["data"])
    shown = await until(lambda: desk.read(mandate), lambda found: found["revokedTx"])
    assert shown["state"] == "revoked"
    log = f"account:{desk.owner.holder.address}/{SUBACCOUNT}"
    told = await desk.owner.get("/v1/events", log=log, limit="1000")
    ended = [e["body"] for e in told["events"] if e["type"] == "MandateRevoked"]
    assert {"mandate": mandate, "txHash": shown["revokedTx"]} in ended
    assert (await desk.quoted(mandate, OPEN))["data"]["rule"] == "revoked"

    await desk.running.api.stop()
    await desk.running.api.start()
    await ready(desk.running.api_url, desk.running.api)
    assert (await desk.read(mandate))["state"] == "revoked"
    assert (await desk.read(kept))["state"] == "active"
    page = await desk.owner.get("/v1/mandates", owner=desk.owner.holder.address)
    assert [row["id"] for row in page["mandates"][:2]] == [kept, mandate]
    await until(lambda: desk.quoted(kept, CLOSE), lambda found: "typedData" in found)  # the maker
    await desk.settled(kept, CLOSE)


async def test_wallets_make_the_same_grant_and_revocation() -> None:
    rows = VECTORS["mandates"]
    for row in rows:
        document = numbers(row["typedData"], row["typedData"]["types"])
        message = encode_typed_data(full_message=document)
        signed = Account.from_key(VECTORS["key"]).sign_message(message)
        assert "0x" + bytes(signed.message_hash).hex() == row["digest"]
        assert "0x" + bytes(signed.signature).hex() == row["signature"]
    made = await asyncio.to_thread(viem, VECTORS["key"], [row["typedData"] for row in rows])
    assert [(m["digest"], m["signature"]) for m in made] == [
        (row["digest"], row["signature"]) for row in rows
    ]
