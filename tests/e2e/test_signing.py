"""viem, eth-account, the service and the contract mean the same by a signature; both settle."""

import asyncio
import json
import pathlib
import subprocess
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from adapters.chains.devnet import DevKey, dev_keys
from adapters.chains.evm import EvmChain, Overrides
from adapters.chains.settlement import decode, encode
from app.demo.client import Client, Json
from app.demo.wallet import numbers, sign
from app.local import Stack
from solver.intents.typed_json import parse_intent

ROOT = pathlib.Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "openapi" / "signing_vectors.json").read_text())
ROWS = VECTORS["vectors"]


def viem(key: str, documents: list[Json]) -> list[Json]:
    """Returns what a viem wallet makes of the documents: {address, digest, signature} each."""
    asked = json.dumps({"key": key, "documents": documents})
    script = ["node", str(ROOT / "tests" / "e2e" / "sign.mjs")]
    done = subprocess.run(script, input=asked, capture_output=True, text=True, check=True, cwd=ROOT)
    answers: list[Json] = json.loads(done.stdout)
    return answers


def test_viem_makes_the_same_digests_and_signatures() -> None:
    made = viem(VECTORS["key"], [row["typedData"] for row in ROWS])
    for row, ours in zip(ROWS, made, strict=True):
        assert ours["digest"] == row["digest"], row["outcome"]
        assert ours["signature"] == row["signature"], row["outcome"]
        assert ours["address"].lower() == VECTORS["address"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["outcome"])
def test_eth_account_makes_the_same_digest_and_signature(row: Json) -> None:
    document = numbers(row["typedData"], row["typedData"]["types"])
    signed = Account.from_key(VECTORS["key"]).sign_message(encode_typed_data(full_message=document))
    assert "0x" + signed.message_hash.hex().removeprefix("0x") == row["digest"]
    assert "0x" + bytes(signed.signature).hex() == row["signature"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["outcome"])
def test_the_uid_is_digest_owner_and_valid_to(row: Json) -> None:
    intent = row["intent"]
    tail = intent["owner"][2:] + f"{int(intent['validTo']):08x}"
    assert row["uid"] == row["intentDigest"] + tail


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["outcome"])
async def test_the_contract_computes_the_same_digest(
    row: Json, running: Stack, chain: EvmChain
) -> None:
    """The deployed code, moved to the vectors' address for one call, hashes the vectors' intent."""
    code = await chain.code(running.deployment.settlement)
    at = VECTORS["domain"]["verifyingContract"]
    overrides = Overrides(state={at: {"code": "0x" + code.hex()}})
    asked = encode("Settlement", "digestOf", parse_intent(row["intent"]))
    answer = await chain.call(at, asked, overrides=overrides)
    digest: bytes = decode("Settlement", "digestOf", answer)
    assert "0x" + digest.hex() == row["intentDigest"]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("wallet", ["viem", "eth-account"])
async def test_an_intent_signed_by_either_wallet_settles(wallet: str, running: Stack) -> None:
    holder = dev_keys()["alice"]
    async with Client(running.api_url, holder) as client:
        quote = await client.quote(
            {"outcome": "deposit", "token": "USDC", "amount": "3"},
            {"scheme": "permit2", "subaccount": "9"},
        )
        signature = await asyncio.to_thread(_signed, wallet, holder, quote)
        body = {key: quote[key] for key in ("intent", "scheme", "quoteId")}
        accepted = await client.post("/v1/intents", body | {"signature": signature})
        assert accepted["uid"] == quote["uid"]
        assert (await client.ended(quote["uid"]))["state"] == "settled"


def _signed(wallet: str, holder: DevKey, quote: dict[str, Any]) -> str:
    if wallet == "eth-account":
        return sign(holder, quote["typedData"])
    key = "0x" + holder.secret.hex()
    signature: str = viem(key, [quote["typedData"]])[0]["signature"]
    return signature
