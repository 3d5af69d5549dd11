"""What the demo does not show: every kind's example, perps, cancels, limits nobody meets."""

import asyncio
import json
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from adapters.chains.devnet import DevKey, dev_keys
from adapters.chains.evm import EvmChain
from adapters.chains.settlement import encode
from app.api.plan_models import QuoteView
from app.demo.client import Client, Json, Outcome
from app.local import Stack
from app.verify import sign
from solver.domain.errors import Unavailable
from solver.domain.ids import AccountId, IntentUid
from solver.domain.typed_data import Domain, cancel_digest
from solver.intents import KINDS

pytestmark = pytest.mark.asyncio(loop_scope="session")
SUBACCOUNT = 3
FUND_USDC, FUND_WETH = 50_000 * 10**6, 20 * 10**18
LOOKS_MAX, LOOK_S = 300, 0.1
EXAMPLES = pathlib.Path(__file__).parents[2] / "openapi" / "examples"
FIRST_SUBACCOUNT = 40  # each example settles in an account of its own, so none waits for another
EXAMPLE_USDC, EXAMPLE_WETH = 30_000 * 10**6, 10 * 10**18
NEEDS_WETH = ("coveredCall", "collar")
NEEDS_NOTHING = ("swap", "deposit")
OPENING = {"slippageBps": "100", "maxFee": "5"}
CALL = {"outcome": "sellOption", "instrument": "ETH-20261225-4000-C", "size": "2"}
PERP = {"outcome": "openPerp", "instrument": "ETH-PERP", "side": "sell", "size": "1"}
FIRST: dict[str, tuple[Json, ...]] = {  # what a closing kind closes is opened first
    "closePerp": (PERP,),
    "closeOption": (CALL,),
    "roll": (CALL,),
    "closeAll": (CALL, PERP),
}
LEGS_SETTLED = {"ironCondor": 4, "butterfly": 3} | dict.fromkeys(
    ("straddle", "strangle", "vertical", "collar", "calendar", "roll", "closeAll"), 2
)
LEFT = {"closePerp": 0, "closeOption": 0, "closeAll": 0, "roll": 1}  # positions afterwards


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def alice(running: Stack, chain: EvmChain) -> AsyncIterator[Client]:
    """Alice, who funded a subaccount on the contract itself, without asking the service."""
    holder = dev_keys()["alice"]
    client = Client(running.api_url, holder)
    for token, amount in (("USDC", FUND_USDC), ("WETH", FUND_WETH)):
        address = running.deployment.token(token).address
        call = encode("Clearinghouse", "deposit", address, amount, SUBACCOUNT, holder.address)
        await _send(chain, holder, running.deployment.clearinghouse, call)
    async with client:
        await _until(lambda: _account(client), lambda account: _held(account, "ETH-BASE") == "20")
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def settled(running: Stack, chain: EvmChain) -> dict[str, Outcome | BaseException]:
    """Every example of openapi/examples signed and sent, all at once; what became of each."""
    holder, kinds = dev_keys()["alice"], sorted(KINDS)
    accounts = {kind: FIRST_SUBACCOUNT + place for place, kind in enumerate(kinds)}
    for kind, subaccount in accounts.items():
        wanted = {"USDC": EXAMPLE_USDC * (kind not in NEEDS_NOTHING)}
        wanted |= {"WETH": EXAMPLE_WETH} if kind in NEEDS_WETH else {}
        for symbol, amount in wanted.items():
            token, house = running.deployment.token(symbol), running.deployment.clearinghouse
            if amount:
                to = (amount, subaccount, holder.address)
                call = encode("Clearinghouse", "deposit", token.address, *to)
                await _send(chain, holder, house, call)
    async with Client(running.api_url, holder) as client:
        told = await asyncio.gather(
            *(_example(client, kind, accounts[kind]) for kind in kinds), return_exceptions=True
        )
    return dict(zip(kinds, told, strict=True))


async def _example(client: Client, kind: str, subaccount: int) -> Outcome:
    """Returns what became of one example, after whatever it closes was opened."""
    example = json.loads((EXAMPLES / f"{kind}.json").read_text())
    own = {"subaccount": str(subaccount), "owner": client.holder.address}
    if kind not in NEEDS_NOTHING:
        path = f"/v1/accounts/{client.holder.address}/{subaccount}"
        base = "10" if kind in NEEDS_WETH else "0"
        await _until(
            lambda: client.get(path),
            lambda told: told["cash"] != "0" and _held(told, "ETH-BASE") == base,
        )
    for request in FIRST.get(kind, ()):
        opened = await client.follow(await client.quote(request, OPENING | own))
        assert opened.intent["state"] == "settled", opened.intent
    request = {k: own["owner"] if k == "receiver" else v for k, v in example["request"].items()}
    terms = {k: own["owner"] if k == "receiver" else v for k, v in example["terms"].items()}
    return await client.follow(await client.quote(request, terms | own))


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_the_example_of_every_kind_is_signed_sent_and_settled(
    settled: dict[str, Outcome | BaseException], kind: str, running: Stack
) -> None:
    outcome = settled[kind]
    if isinstance(outcome, BaseException):
        raise outcome
    assert outcome.intent["state"] == "settled", outcome.intent
    quote, subaccount = outcome.quote, outcome.quote["intent"]["subaccount"]
    QuoteView.model_validate_json(json.dumps(quote))
    assert len(quote["fills"]) >= LEGS_SETTLED.get(kind, 0)
    signed = {c["leg"]: {row["instrument"] for row in c["contracts"]} for c in quote["choices"]}
    assert [i for i, leg in enumerate(quote["intent"]["legs"]) if leg["kind"] == "option"] == [
        *signed
    ]
    for fill in quote["fills"]:
        assert fill["instrument"] in signed.get(fill["leg"], {"ETH-PERP"})
    async with Client(running.api_url, dev_keys()["alice"]) as client:
        account = await client.get(f"/v1/accounts/{client.holder.address}/{subaccount}")
    held = {row["instrument"]: row["quantity"] for row in account["positions"]}
    held.pop("ETH-BASE", None)
    assert len(held) == LEFT.get(kind, len(held))
    if kind in LEGS_SETTLED and kind not in LEFT:
        filled: dict[str, float] = {}
        for fill in quote["fills"]:
            name = fill["instrument"]
            filled[name] = filled.get(name, 0.0) + float(fill["quantity"])
        assert {name: float(quantity) for name, quantity in held.items()} == filled


async def test_there_is_an_example_of_every_kind_and_of_nothing_else() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.json")} == set(KINDS)


async def _until(look: Callable[[], Awaitable[Json]], good: Callable[[Json], object]) -> Json:
    """Returns what `look` answers once it is good."""
    for _ in range(LOOKS_MAX):
        found = await look()
        if good(found):
            return found
        await asyncio.sleep(LOOK_S)
    raise AssertionError("it did not come")


async def _send(chain: EvmChain, holder: DevKey, to: str, data: bytes) -> None:
    body = {"from": holder.address, "to": to, "data": "0x" + data.hex(), "gas": hex(900_000)}
    await chain.rpc.request("eth_sendTransaction", body, is_read=False)


async def _account(client: Client) -> Json:
    return await client.get(f"/v1/accounts/{client.holder.address}/{SUBACCOUNT}")


def _held(account: Json, name: str) -> str:
    rows = (p["quantity"] for p in account["positions"] if p["instrument"] == name)
    return next(rows, "0")


async def _settled(client: Client, request: Json, terms: Json) -> Json:
    quote = await client.quote(request, terms | {"subaccount": str(SUBACCOUNT)})
    outcome = await client.follow(quote)
    assert outcome.intent["state"] == "settled", outcome.intent
    return outcome.intent


async def test_a_direct_deposit_reaches_the_ledger(alice: Client) -> None:
    account = await _account(alice)
    assert (account["cash"], _held(account, "ETH-BASE")) == ("50000", "20")


async def test_a_perp_is_opened_and_closed(alice: Client) -> None:
    terms = {"slippageBps": "20", "maxFee": "5", "maxMarginUsed": "5000"}
    opening = {"outcome": "openPerp", "instrument": "ETH-PERP", "side": "buy", "size": "4"}
    await _settled(alice, opening, terms)
    assert _held(await _account(alice), "ETH-PERP") == "4"
    closing = {"outcome": "closePerp", "instrument": "ETH-PERP"}
    await _settled(alice, closing, terms | {"maxMarginUsed": "0"})
    assert _held(await _account(alice), "ETH-PERP") == "0"


async def test_collateral_is_swapped_exact_out(alice: Client) -> None:
    before = await _account(alice)
    wanted = {"outcome": "swap", "sellToken": "USDC", "buyToken": "WETH", "buyAmount": "2"}
    await _settled(alice, wanted, {"slippageBps": "100", "maxFee": "5"})
    after = await _account(alice)
    assert float(_held(after, "ETH-BASE")) >= float(_held(before, "ETH-BASE")) + 2
    assert float(after["cash"]) < float(before["cash"]) - 7_000


async def test_an_owner_cancels_by_signature(alice: Client, running: Stack) -> None:
    uid = await _resting(alice)
    answer = await _cancel(alice, running, uid, alice.holder)
    assert answer == {"intents": [{"uid": uid, "state": "cancelled"}]}
    assert (await alice.ended(uid))["code"] == "cancelledByOwner"


async def test_a_stranger_cannot_cancel(alice: Client, running: Stack) -> None:
    uid = await _resting(alice)
    with pytest.raises(Unavailable, match="badSignature"):
        await _cancel(alice, running, uid, dev_keys()["bob"])
    await _cancel(alice, running, uid, alice.holder)


async def test_a_limit_nobody_meets_is_told_and_expires(alice: Client) -> None:
    uid = await _resting(alice, seconds="12")
    intent = await _until(lambda: alice.get(f"/v1/intents/{uid}"), lambda told: told["reason"])
    assert intent["reason"]["code"] == "netCost"
    assert (await alice.ended(uid))["state"] == "expired"
    assert (await _account(alice))["reservations"] == []


async def test_a_cancel_on_the_chain_ends_the_intent(
    alice: Client, running: Stack, chain: EvmChain
) -> None:
    quote = await alice.quote(*_greedy(seconds="600"))
    uid, _ = await alice.submit(quote)
    data = encode("Settlement", "cancel", int(quote["intent"]["nonce"]))
    await _send(chain, alice.holder, running.deployment.settlement, data)
    assert (await alice.ended(uid))["state"] == "cancelled"


async def test_another_signature_is_refused(alice: Client) -> None:
    quote = await alice.quote(*_greedy(seconds="600"))
    body = {key: quote[key] for key in ("intent", "scheme", "quoteId")}
    with pytest.raises(Unavailable, match="badSignature"):
        await alice.post("/v1/intents", body | {"signature": "0x" + "11" * 64 + "1b"})


async def test_the_ledger_is_what_the_chain_says(
    alice: Client, running: Stack, chain: EvmChain
) -> None:
    account = AccountId(running.deployment.chain_id, alice.holder.address, SUBACCOUNT)
    call = encode("Clearinghouse", "cashOf", account.key)
    cash = int.from_bytes(await chain.call(running.deployment.clearinghouse, call), "big")
    assert (await _account(alice))["cash"] == f"{cash / 10**6:.6f}".rstrip("0").rstrip(".")


def _greedy(seconds: str) -> tuple[Json, Json]:
    """A covered call for a premium that no maker pays."""
    request = {"outcome": "coveredCall", "underlying": "ETH", "size": "1"}
    request |= {"instrument": "ETH-20261225-4000-C"}
    terms = {"maxNetCost": "0", "maxFee": "5", "validForSeconds": seconds}
    return request, terms | {"subaccount": str(SUBACCOUNT)}


async def _resting(client: Client, seconds: str = "600") -> str:
    """Returns the uid of an open intent nobody can meet: its signed credit is out of reach."""
    request, terms = _greedy(seconds)
    quote = await client.quote(request, terms)
    intent = quote["intent"] | {"limits": quote["intent"]["limits"] | {"maxNetCost": str(-(10**9))}}
    hashed = await client.post("/v1/intents/digest", {"intent": intent})
    signature = sign(bytes.fromhex(hashed["digest"][2:]), client.holder.secret)
    body = {"intent": intent, "scheme": "eip712", "signature": "0x" + signature.hex()}
    accepted = await client.post("/v1/intents", body)
    return str(accepted["uid"])


async def _cancel(client: Client, running: Stack, uid: str, holder: DevKey) -> Json:
    now = int((await client.get("/v1/time"))["unix"])
    domain = Domain(running.deployment.chain_id, running.deployment.settlement)
    parsed = IntentUid.parse(uid)
    digest = cancel_digest(parsed.owner, [parsed], now + 300, domain)
    body = {"validTo": str(now + 300), "signature": "0x" + sign(digest, holder.secret).hex()}
    return await client.delete(f"/v1/intents/{uid}", body)
