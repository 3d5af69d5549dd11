"""Contract wallets through the whole service: nested signatures (ERC-7739), Permit2, presign."""

import asyncio
import json
import pathlib
import subprocess
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from eth_account import Account
from eth_account.messages import encode_typed_data

from adapters.chains.abi import artifact
from adapters.chains.devnet import DevKey, dev_keys
from adapters.chains.devnet.builder import contract_address
from adapters.chains.evm import EvmChain
from adapters.chains.settlement import decode, encode
from app.demo.client import Client, Json
from app.demo.wallet import numbers, sign
from app.local import Stack
from app.verify import address_of
from solver.domain.errors import Unavailable
from solver.intents.typed_json import parse_intent

pytestmark = pytest.mark.asyncio(loop_scope="session")
ROOT = pathlib.Path(__file__).parents[2]
KEY = b"\x77" * 32  # of the wallets, and itself an account that delegates to one
WALLET_USDC, DEPOSIT_USDC = 30_000 * 10**6, 5_000 * 10**6
BY_CODE, BY_RECORD, BY_PERMIT2 = "0", "1", "2"  # subaccounts: each settles without the others
LOOKS_MAX, LOOK_S = 300, 0.1
SWAP = {"outcome": "swap", "sellToken": "USDC", "buyToken": "WETH", "sellAmount": "400"}
TERMS = {"slippageBps": "100", "maxFee": "5"}
TYPED_DATA_SIGN = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
    {"name": "salt", "type": "bytes32"},
]


class Wallets(NamedTuple):
    """The wallets of KEY on the chain and the API's clients of them."""

    nesting: Client
    plain: Client
    delegated: Client  # KEY's own account, which has the nesting wallet's code by EIP-7702


def domain_of(wallet: str, chain_id: int) -> Json:
    """Returns what the wallet's eip712Domain tells (EIP-5267), as typed data writes it."""
    named = {"name": "DevWallet", "version": "1", "chainId": str(chain_id)}
    return named | {"verifyingContract": wallet, "salt": "0x" + "00" * 32}


def nest(document: Json, wallet: Json) -> str:
    """Returns KEY's signature of the document for a contract wallet, in ERC-7739's explicit mode:
    the document stands in TypedDataSign beside the wallet's domain, under the document's own."""
    name, types = document["primaryType"], document["types"]
    fields = [{"name": "contents", "type": name}, *TYPED_DATA_SIGN]
    outer = document | {
        "types": types | {"TypedDataSign": fields},
        "primaryType": "TypedDataSign",
        "message": {"contents": document["message"]} | wallet,
    }
    inner = encode_typed_data(full_message=numbers(document, types))
    described = "".join(
        f"{kind}({','.join(f['type'] + ' ' + f['name'] for f in types[kind])})"
        for kind in sorted(types)
        if kind != "EIP712Domain"
    )
    description = (described + name).encode()
    signature = bytes.fromhex(sign(DevKey("wallet", "", KEY), outer)[2:])
    tail: bytes = inner.header + inner.body + description + len(description).to_bytes(2, "big")
    return "0x" + (signature + tail).hex()


def viem(document: Json, wallet: Json) -> Json:
    """Returns what viem makes of the same: {digest, signature, asWrapped}."""
    body = {"key": "0x" + KEY.hex(), "documents": [document], "wallet": wallet}
    script = ["node", str(ROOT / "tests" / "e2e" / "sign.mjs")]
    asked = json.dumps(body)
    done = subprocess.run(script, input=asked, capture_output=True, text=True, check=True, cwd=ROOT)
    made: Json = json.loads(done.stdout)[0]["nested"]
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def wallets(running: Stack, chain: EvmChain) -> AsyncIterator[Wallets]:
    """Wallets with USDC in hand and, deposited by themselves, in three accounts each."""
    alice, key, zero = dev_keys()["alice"].address, address_of(KEY), "0x" + "0" * 40
    usdc, house = running.deployment.usdc, running.deployment.clearinghouse
    await chain.rpc.request("anvil_setBalance", key, hex(10**20), is_read=False)
    first = await chain.nonce(alice)
    nesting, plain, code = (contract_address(alice, first + n) for n in range(3))
    made = (("DevWallet", key), ("PlainWallet", key), ("DevWallet", zero))
    sent = [await _send(chain, alice, None, artifact(name).creation(of)) for name, of in made]
    for wallet in (nesting, plain, key):
        sent += [await _send(chain, alice, usdc, _token("transfer", wallet, WALLET_USDC))]
    await _mined(chain, *sent)
    sent = []
    for wallet in (nesting, plain, key):
        calls = [(usdc, _token("approve", house, 2**256 - 1))]
        calls += [(usdc, _token("approve", running.deployment.permit2, 2**256 - 1))]
        for subaccount in map(int, (BY_CODE, BY_RECORD)):
            call = encode("Clearinghouse", "deposit", usdc, DEPOSIT_USDC, subaccount, wallet)
            calls.append((house, call))
        does = _execute if wallet != key else _do
        sent += [await does(chain, wallet, to, data) for to, data in calls]
    await _mined(chain, *sent)
    await _mined(chain, await _delegate(chain, running.deployment.chain_id, code))
    clients = [Client(running.api_url, DevKey("wallet", a, KEY)) for a in (nesting, plain, key)]
    try:
        for client in clients:
            await _funded(client)
        yield Wallets(*clients)
    finally:
        for client in clients:
            await client.__aexit__()


@pytest.mark.parametrize(("scheme", "subaccount"), [("eip1271", BY_CODE), ("permit2", BY_PERMIT2)])
async def test_viem_and_eth_account_nest_to_the_same_bytes_and_they_settle(
    scheme: str, subaccount: str, wallets: Wallets, running: Stack, chain: EvmChain
) -> None:
    client = wallets.nesting
    quote = await client.quote(SWAP, TERMS | {"scheme": scheme, "subaccount": subaccount})
    domain = domain_of(client.holder.address, running.deployment.chain_id)
    ours = nest(quote["typedData"], domain)
    theirs = await asyncio.to_thread(viem, quote["typedData"], domain)
    assert theirs["signature"] == ours
    assert await _plain_digest(chain, running, quote) == quote["uid"][:66]
    with pytest.raises(Unavailable, match="explicit mode"):
        await _submit(client, quote, theirs["asWrapped"])
    assert await _submit(client, quote, ours) == quote["uid"]
    assert (await client.ended(quote["uid"]))["state"] == "settled"


async def test_a_presigned_digest_settles_without_a_signature(
    wallets: Wallets, running: Stack, chain: EvmChain
) -> None:
    client = wallets.nesting
    quote = await client.quote(SWAP, TERMS | {"scheme": "presign", "subaccount": BY_RECORD})
    with pytest.raises(Unavailable, match="has not called presign"):
        await _submit(client, quote, "0x")
    data = encode("Settlement", "presign", bytes.fromhex(quote["uid"][2:66]))
    await _mined(
        chain, await _execute(chain, client.holder.address, running.deployment.settlement, data)
    )
    await _submit(client, quote, "0x")
    assert (await client.ended(quote["uid"]))["state"] == "settled"


async def test_a_plain_wallet_settles_by_its_keys_signature(wallets: Wallets) -> None:
    quote = await wallets.plain.quote(SWAP, TERMS | {"scheme": "eip1271", "subaccount": BY_CODE})
    outcome = await wallets.plain.follow(quote)
    assert outcome.intent["state"] == "settled"
    permitted = TERMS | {"scheme": "permit2", "subaccount": BY_PERMIT2}
    outcome = await wallets.plain.follow(await wallets.plain.quote(SWAP, permitted))
    assert outcome.intent["state"] == "settled"


async def test_a_delegated_account_signs_by_key_and_for_permit2_by_its_code(
    wallets: Wallets, running: Stack
) -> None:
    client = wallets.delegated
    by_key = await client.quote(SWAP, TERMS | {"scheme": "eip712", "subaccount": BY_CODE})
    by_code = await client.quote(SWAP, TERMS | {"scheme": "permit2", "subaccount": BY_PERMIT2})
    assert (await client.submit(by_key))[0] == by_key["uid"]
    with pytest.raises(Unavailable, match="Permit2 asks the code"):
        await client.submit(by_code)
    domain = domain_of(client.holder.address, running.deployment.chain_id)
    await _submit(client, by_code, nest(by_code["typedData"], domain))
    for quote in (by_key, by_code):
        assert (await client.ended(quote["uid"]))["state"] == "settled"


async def test_a_wallet_cancels_by_a_nested_signature(wallets: Wallets, running: Stack) -> None:
    client, chain_id = wallets.nesting, running.deployment.chain_id
    greedy = TERMS | {"scheme": "eip1271", "subaccount": BY_RECORD, "validForSeconds": "600"}
    quote = await client.quote(SWAP, greedy)
    unmet = quote["intent"]["legs"][1] | {"quantityMin": str(10**24)}
    message = quote["intent"] | {"legs": [quote["intent"]["legs"][0], unmet]}
    domain = domain_of(client.holder.address, chain_id)
    signature = nest(quote["typedData"] | {"message": message}, domain)
    body = {"intent": message, "scheme": "eip1271", "signature": signature}
    uid = (await client.post("/v1/intents", body))["uid"]
    valid_to = int((await client.get("/v1/time"))["unix"]) + 300
    wish = cancel_document(quote["typedData"], client.holder.address, uid, valid_to)
    for wrong in (sign(client.holder, wish), nest(wish, domain | {"version": "2"})):
        with pytest.raises(Unavailable, match="badSignature: the owner is a contract"):
            await _cancel(client, uid, valid_to, wrong)
    ended = await _cancel(client, uid, valid_to, nest(wish, domain))
    assert ended == {"intents": [{"uid": uid, "state": "cancelled"}]}


HOSTILE = {
    "5b5f56": "badSignature",  # burns all its gas
    "5f5ffd": "badSignature",  # reverts
    "620f42405ff3": "badSignature",  # returns a megabyte
    "63deadbeef5f5260205ff3": "badSignature",  # returns garbage
    "62040100515063" + "1626ba7e60e01b5f5260205ff3": "walletTooCostly",  # says yes for 157,000 gas
    "": "walletNotDeployed",
}


async def test_hostile_wallets_are_refused_and_the_service_goes_on(
    wallets: Wallets, chain: EvmChain
) -> None:
    client = wallets.nesting
    terms = TERMS | {"scheme": "eip1271", "subaccount": BY_CODE}
    quote = await client.quote(SWAP, terms)
    undeployed = "0x" + "01" * 96 + "6492" * 16
    for number, (code, problem) in enumerate(HOSTILE.items(), 1):
        owner = f"0x{number:040x}".replace("0x0000", "0xba5e")
        await chain.rpc.request("anvil_setCode", owner, "0x" + code, is_read=False)
        for scheme in ("eip1271", "permit2"):
            changed = quote | {"intent": quote["intent"] | {"owner": owner}, "scheme": scheme}
            with pytest.raises(Unavailable, match=f"403 {problem}"):
                await _submit(client, changed, undeployed)
    assert (await client.get("/v1/health/live")) is not None
    assert (await client.quote(SWAP, terms))["uid"]


def cancel_document(of_intent: Json, owner: str, uid: str, valid_to: int) -> Json:
    """Returns the typed data of CancelIntents in the domain of an intent's."""
    fields = [
        {"name": "owner", "type": "address"},
        {"name": "uids", "type": "bytes[]"},
        {"name": "validTo", "type": "uint32"},
    ]
    kinds = {"EIP712Domain": of_intent["types"]["EIP712Domain"], "CancelIntents": fields}
    message = {"owner": owner, "uids": [uid], "validTo": str(valid_to)}
    made = {"types": kinds, "primaryType": "CancelIntents", "domain": of_intent["domain"]}
    return made | {"message": message}


async def _submit(client: Client, quote: Json, signature: str) -> str:
    body = {key: quote[key] for key in ("intent", "scheme", "quoteId")}
    return str((await client.post("/v1/intents", body | {"signature": signature}))["uid"])


async def _cancel(client: Client, uid: str, valid_to: int, signature: str) -> Json:
    body = {"validTo": str(valid_to), "signature": signature}
    return await client.delete(f"/v1/intents/{uid}", body)


async def _plain_digest(chain: EvmChain, running: Stack, quote: Json) -> str:
    asked = encode("Settlement", "digestOf", parse_intent(quote["intent"]))
    answer = await chain.call(running.deployment.settlement, asked)
    return "0x" + bytes(decode("Settlement", "digestOf", answer)).hex()


def _token(function: str, to: str, amount: int) -> bytes:
    return artifact("DevToken").interface.functions[function].encode(to, amount)


async def _execute(chain: EvmChain, wallet: str, to: str, data: bytes) -> str:
    """The key's own account calls the wallet."""
    execute = artifact("DevWallet").interface.functions["execute"].encode(to, 0, data)
    return await _raw(chain, {"to": wallet, "data": "0x" + execute.hex()})


async def _do(chain: EvmChain, _: str, to: str, data: bytes) -> str:
    """The key's own account calls for itself: with code it could wait with one call only."""
    return await _raw(chain, {"to": to, "data": "0x" + data.hex()})


async def _delegate(chain: EvmChain, chain_id: int, code: str) -> str:
    """KEY's account sends itself the authorization, so its nonce is one further by then."""
    nonce = await chain.nonce(address_of(KEY), "pending")
    wanted = {"chainId": chain_id, "address": code, "nonce": nonce + 1}
    authorization = Account.sign_authorization(wanted, KEY)
    return await _raw(chain, {"to": address_of(KEY), "authorizationList": [authorization]})


async def _raw(chain: EvmChain, fields: dict[str, Any]) -> str:
    """Sends as KEY's account; returns the transaction's hash, which may wait in the pool."""
    body = fields | {
        "to": bytes.fromhex(fields["to"][2:]),
        "chainId": await chain.chain_id(),
        "nonce": await chain.nonce(address_of(KEY), "pending"),
        "gas": 900_000,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 10**9,
        "value": 0,
    }
    signed = Account.sign_transaction(body, KEY).raw_transaction
    return await chain.send_raw(bytes(signed))


async def _mined(chain: EvmChain, *hashes: str) -> None:
    for sent in hashes:
        for _ in range(LOOKS_MAX):
            receipt = await chain.receipt(sent)
            if receipt is not None:
                break
            await asyncio.sleep(LOOK_S)
        assert receipt is not None, "it was not mined"
        assert receipt.status, sent


async def _send(chain: EvmChain, sender: str, to: str | None, data: bytes) -> str:
    body = {"from": sender, "data": "0x" + data.hex(), "gas": hex(2_000_000)}
    body |= {"to": to} if to else {}
    return str(await chain.rpc.request("eth_sendTransaction", body, is_read=False))


async def _funded(client: Client) -> None:
    for _ in range(LOOKS_MAX):
        account = await client.get(f"/v1/accounts/{client.holder.address}/{BY_RECORD}")
        if account["cash"] == str(DEPOSIT_USDC // 10**6):
            return
        await asyncio.sleep(LOOK_S)
    raise AssertionError("the deposit did not come")
