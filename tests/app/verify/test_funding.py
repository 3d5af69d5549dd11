"""A wallet that cannot give is told what is missing and how to cure it, and the cure works."""

import dataclasses
from typing import Any, NamedTuple

import httpx
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from adapters.chains.abi import function
from adapters.chains.devnet import Devnet
from adapters.chains.devnet.builder import Builder, Tx
from adapters.chains.evm import EvmChain
from app.api.plan_models import QuoteView
from app.board import Board
from app.clock import ChainClock
from app.feeds import Feeds, load_listing
from app.main import create_app
from app.services import Services
from app.verify import sign
from app.verify.funding import Wallets, shortfalls
from app.verify.permit import Grant, permit_document
from solver.domain.errors import Unavailable
from solver.domain.numbers import UINT256_MAX
from solver.domain.typed_data import Domain, permit2_digest
from solver.intents.typed_json import parse_intent
from tests.app.api.server import OWNER, USDC, FakeChain, serving, submission, swap
from tests.devnet_fixture import devnet, devnet_home

__all__ = ["devnet", "devnet_home"]

ALLOWANCE = function("allowance(address,address)", ("uint256",))
APPROVE = function("approve(address,uint256)")
PERMIT = function("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)")
SWAP = {"outcome": "swap", "sellToken": "USDC", "buyToken": "WETH", "sellAmount": "5000"}


class World(NamedTuple):
    """The application over a real chain, and its first wallet: alice, or whoever is named."""

    devnet: Devnet
    services: Services
    http: httpx.AsyncClient
    feeds: Feeds

    async def quote(self, role: str, **request: str) -> dict[str, Any]:
        owner = self.devnet.keys[role].address
        terms = {"owner": owner, "receiver": owner, "slippageBps": "200", "scheme": "permit2"}
        body = {"request": SWAP | request, "terms": terms}
        answer = await self.http.post("/v1/quotes", json=body)
        assert answer.status_code == 200, answer.text
        QuoteView.model_validate_json(answer.content)
        quoted: dict[str, Any] = answer.json()
        return quoted

    async def submit(self, role: str, quoted: dict[str, Any]) -> httpx.Response:
        intent, deployment = parse_intent(quoted["intent"]), self.devnet.deployment
        domain = Domain(deployment.chain_id, deployment.settlement)
        digest = permit2_digest(intent, domain, deployment.permit2)
        signature = "0x" + sign(digest, self.devnet.keys[role].secret).hex()
        body = {"intent": quoted["intent"], "scheme": "permit2", "signature": signature}
        return await self.http.post("/v1/intents", json=body)

    async def send(self, role: str, to: str, data: str, *, is_seen: bool = True) -> None:
        """Mines a transaction of a role's; the board hears of the block unless it is not seen."""
        sender = self.devnet.keys[role].address
        builder = Builder(self.devnet.chain, sender)
        await builder.prepare()
        await builder.send([Tx(to, bytes.fromhex(data[2:]))])
        if is_seen:
            await self.feeds.step()


@pytest.fixture
async def world(devnet, tmp_path):
    board = Board(await load_listing(devnet.chain, devnet.deployment))
    clock = ChainClock((await devnet.chain.head()).timestamp)
    feeds = Feeds(devnet.chain, board, clock, devnet.deployment)
    await feeds.step()
    async with serving(tmp_path) as served:
        real = {"chain": devnet.chain, "deployment": devnet.deployment, "board": board}
        services = dataclasses.replace(served.services, clock=clock, **real)
        transport = httpx.ASGITransport(app=create_app(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            yield World(devnet, services, http, feeds)


async def test_whoever_has_not_approved_is_told_how_and_is_then_let_in(world):
    usdc, permit2 = world.devnet.deployment.usdc, world.devnet.deployment.permit2
    await world.send("alice", usdc, "0x" + APPROVE.encode(permit2, 0).hex())
    quoted = await world.quote("alice")
    (lacking,) = quoted["funding"]
    refused = await world.submit("alice", quoted)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "insufficientAllowance")
    assert problem["field"] == "intent.legs"
    assert problem["data"] | {"code": problem["code"]} == lacking
    assert lacking | {"approve": None} == {
        "code": "insufficientAllowance",
        "token": usdc,
        "symbol": "USDC",
        "spender": permit2,
        "required": "5000",
        "available": "0",
        "approve": None,
        "permit": None,
    }
    assert world.services.store.live_intents() == []
    await world.send("alice", **lacking["approve"])
    assert (await world.submit("alice", quoted)).status_code == 202
    assert (await world.quote("alice"))["funding"] == []


async def test_an_approval_counts_before_its_block_is_on_the_board(world):
    usdc, permit2 = world.devnet.deployment.usdc, world.devnet.deployment.permit2
    await world.send("alice", usdc, "0x" + APPROVE.encode(permit2, 10**6).hex())
    quoted = await world.quote("alice")
    assert quoted["funding"][0]["available"] == "1"
    await world.send("alice", **quoted["funding"][0]["approve"], is_seen=False)
    assert (await world.submit("alice", quoted)).status_code == 202


async def test_whoever_does_not_hold_the_tokens_is_told_that_and_not_only_to_approve(world):
    quoted = await world.quote("guardian")
    problem = (await world.submit("guardian", quoted)).json()
    assert (problem["status"], problem["code"]) == (409, "insufficientBalance")
    assert (problem["data"]["required"], problem["data"]["available"]) == ("5000", "0")
    assert problem["data"]["approve"]["to"] == world.devnet.deployment.usdc


async def test_an_exact_output_asks_for_no_more_than_the_wallet_could_give(world):
    usdc, permit2 = world.devnet.deployment.usdc, world.devnet.deployment.permit2
    await world.send("alice", usdc, "0x" + APPROVE.encode(permit2, 10**9).hex())
    exact = {"buyAmount": "0.1", "sellAmount": None, "maxSellAmount": "5000000"}
    (lacking,) = (await world.quote("alice", **exact))["funding"]
    assert (lacking["required"], lacking["available"]) == ("2000000", "1000")


async def test_permit_typed_data_of_a_token_that_knows_it_approves_on_chain(world):
    """Uniswap's own pair token is an EIP-2612 token; a wallet signs the document as it is."""
    alice, permit2 = world.devnet.keys["alice"], world.devnet.deployment.permit2
    token = next(pool for venue, pool in world.devnet.deployment.pools if venue == "uniswap_v2")
    chain, deadline = world.devnet.chain, (await world.devnet.chain.head()).timestamp + 600
    grant = Grant(token, alice.address, permit2, deadline)
    document = await permit_document(chain, world.devnet.deployment.chain_id, grant)
    assert document is not None
    document["domain"]["chainId"] = int(document["domain"]["chainId"])
    message = document["message"]
    for name in ("value", "nonce", "deadline"):
        message[name] = int(message[name])
    signed = Account.from_key(alice.secret).sign_message(encode_typed_data(full_message=document))
    r, s = (number.to_bytes(32, "big") for number in (signed.r, signed.s))
    call = PERMIT.encode(alice.address, permit2, UINT256_MAX, deadline, signed.v, r, s)
    await world.send("bob", token, "0x" + call.hex())
    (allowance,) = ALLOWANCE.decode(
        await chain.call(token, ALLOWANCE.encode(alice.address, permit2))
    )
    assert allowance == UINT256_MAX


@pytest.mark.parametrize("name", ["USDC", "WETH"])
async def test_tokens_without_eip_2612_get_no_permit(world, name):
    token = world.devnet.deployment.token(name).address
    grant = Grant(token, OWNER, world.devnet.deployment.permit2, 1)
    chain_id = world.devnet.deployment.chain_id
    assert await permit_document(world.devnet.chain, chain_id, grant) is None


async def test_without_the_chain_nobody_is_called_short(world):
    quoted = await world.quote("alice")
    async with EvmChain("http://127.0.0.1:9", timeout_s=1) as nowhere:
        cut_off = dataclasses.replace(world.services, chain=nowhere, wallets=Wallets())
        with pytest.raises(Unavailable):
            await shortfalls(cut_off, parse_intent(quoted["intent"]), "permit2")
        transport = httpx.ASGITransport(app=create_app(cut_off))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            answer = await world._replace(http=http).submit("alice", quoted)
    problem = answer.json()
    assert (answer.status_code, problem["retryable"], problem["outcome"]) == (503, True, "none")
    assert answer.headers["retry-after"]
    assert world.services.store.live_intents() == []


class Counted(FakeChain):
    """Counts the batches it is asked."""

    def __init__(self, word: bytes = b"\xff" * 32) -> None:
        super().__init__()
        self.batches, self.word = 0, word

    async def call_many(self, calls, block=None):
        self.batches += 1
        return [self.word for _ in calls]


async def test_only_permit2_asks_the_chain_and_once_a_block(tmp_path):
    async with serving(tmp_path) as served:
        await served.fund(10**10)
        chain = Counted()
        object.__setattr__(served.services, "chain", chain)
        assert (await served.submit(swap(1))).status_code == 202
        assert chain.batches == 0
        for nonce in (2, 3):
            assert (await served.submit(swap(nonce), scheme="permit2")).status_code == 202
        assert chain.batches == 1


async def test_a_token_that_does_not_answer_is_no_refusal_of_the_wallet(tmp_path):
    async with serving(tmp_path) as served:
        object.__setattr__(served.services, "chain", Counted(b""))
        answer = await served.http.post("/v1/intents", json=submission(swap(), scheme="permit2"))
        assert (answer.status_code, answer.json()["code"]) == (503, "tokenUnreadable")
        assert USDC.address not in answer.text
