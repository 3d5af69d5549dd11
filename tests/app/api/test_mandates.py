"""A mandate from draft to revocation, and what an agent can and cannot do under it."""

import asyncio
import pathlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import pytest

from adapters.base import Call
from adapters.chains.settlement import Mandated, encode, encode_mandated
from app.api import mandate_models as models
from app.verify import address_of, sign
from app.verify.mandate import LIVE_MAX
from solver.domain.calendar import DAY
from solver.domain.ids import IntentUid
from solver.domain.mandate import REVOKED, Mandate
from solver.domain.mandate_document import mandate_message
from solver.domain.typed_data import (
    cancel_digest,
    intent_digest,
    mandate_digest,
    revoke_digest,
)
from solver.intents.typed_json import parse_intent
from tests.app.api.server import (
    ACCOUNT,
    DOMAIN,
    KEY,
    OTHER_KEY,
    OWNER,
    SETTLEMENT,
    USDC,
    WETH,
    Served,
    serving,
)
from tests.app.worlds import NOW

AGENT_KEY = b"\x13" * 32
AGENT = address_of(AGENT_KEY)
Json = dict[str, Any]
TERMS: Json = {
    "owner": OWNER,
    "agent": AGENT,
    "outcomes": ["swap"],
    "assets": ["WETH", "USDC", "ETH"],
    "notionalPerDay": "500",
    "lossPerDay": "20",
    "slippageBps": "100",
    "maxMarginUsed": "1000",
    "minHealth": "1.1",
    "validForSeconds": "86400",
}
SELL: Json = {"outcome": "swap", "sellToken": "USDC", "buyToken": "WETH", "sellAmount": "100"}
OPEN: Json = {"outcome": "openPerp", "instrument": "ETH-PERP", "side": "buy", "size": "1"}


class MeterChain:
    """The views of Settlement, as a test lays them down; no wallet has code."""

    def __init__(self) -> None:
        self.answers = dict.fromkeys(("metered", "epoch", "isNonceUsed", "filled"), 0)

    async def call(self, to: str, data: bytes, **_: object) -> bytes:
        return bytes(4 * 32)

    async def call_many(self, calls: Sequence[Call], block: int | None = None) -> list[bytes]:
        arguments = {"metered": (OWNER, bytes(32)), "epoch": (OWNER,)}
        by_selector = {
            encode("Settlement", name, *arguments.get(name, (OWNER, 0)))[:4]: value
            for name, value in self.answers.items()
        }
        return [by_selector[call.data[:4]].to_bytes(32, "big") for call in calls]


class Desk(NamedTuple):
    served: Served
    chain: MeterChain

    async def post(self, path: str, body: Json) -> tuple[int, Json]:
        answer = await self.served.http.post(path, json=body)
        return answer.status_code, answer.json()

    async def draft(self, **changes: Any) -> Json:
        status, body = await self.post("/v1/mandates/draft", TERMS | changes)
        assert status == 200, body
        return body

    async def grant(self, drafted: Json, key: bytes = KEY) -> tuple[int, Json]:
        signature = "0x" + sign(bytes.fromhex(drafted["id"][2:]), key).hex()
        return await self.post(
            "/v1/mandates", {"mandate": drafted["mandate"], "signature": signature}
        )

    async def granted(self, **changes: Any) -> str:
        drafted = await self.draft(**changes)
        status, body = await self.grant(drafted)
        assert status == 201, body
        return str(drafted["id"])

    async def quote(self, mandate: str | None, request: Json = SELL, **terms: Any) -> Any:
        body: Json = {"request": request, "terms": {"owner": OWNER, "scheme": "mandate"} | terms}
        return await self.post("/v1/quotes", body | ({"mandate": mandate} if mandate else {}))

    async def submit(self, quote: Json, mandate: str, key: bytes = AGENT_KEY) -> tuple[int, Json]:
        digest = intent_digest(parse_intent(quote["intent"]), DOMAIN)
        body = {"intent": quote["intent"], "scheme": "mandate", "mandate": mandate}
        return await self.post("/v1/intents", body | {"signature": "0x" + sign(digest, key).hex()})

    async def traded(self, mandate: str) -> str:
        _, quote = await self.quote(mandate)
        status, body = await self.submit(quote, mandate)
        assert status == 202, body
        return str(body["uid"])

    async def revoke(self, mandate: str, key: bytes = KEY, until: int = NOW + 60) -> Any:
        digest = revoke_digest(OWNER, bytes.fromhex(mandate[2:]), until, DOMAIN)
        body = {"validTo": str(until), "signature": "0x" + sign(digest, key).hex()}
        answer = await self.served.http.request("DELETE", f"/v1/mandates/{mandate}", json=body)
        return answer.status_code, answer.json()

    async def read(self, mandate: str) -> models.MandateDetail:
        answer = await self.served.http.get(f"/v1/mandates/{mandate}")
        assert answer.status_code == 200, answer.content
        return models.MandateDetail.model_validate_json(answer.content)

    async def types(self) -> list[str]:
        return [e.type for e in await self.served.services.store.events(ACCOUNT.log, 0, 100)]


@pytest.fixture
async def desk(tmp_path: pathlib.Path) -> AsyncIterator[Desk]:
    async with serving(tmp_path) as served:
        await served.fund(10**10)
        chain = MeterChain()
        object.__setattr__(served.services, "chain", chain)
        yield Desk(served, chain)


def value_of(message: Json) -> Mandate:
    return models.MandateMessage.model_validate(message).mandate()


async def test_a_draft_is_concrete_and_its_id_is_what_is_signed(desk: Desk) -> None:
    desk.chain.answers["epoch"] = 3
    drafted = await desk.draft()
    models.MandateDraft.model_validate(drafted)
    mandate = value_of(drafted["mandate"])
    assert drafted["id"] == "0x" + mandate_digest(mandate, DOMAIN).hex()
    assert drafted["typedData"]["message"] == drafted["mandate"] == mandate_message(mandate)
    assert mandate.assets == (WETH.address, USDC.address)
    assert (mandate.notional_per_day, mandate.min_health) == (500 * 10**6, 11 * 10**17)
    assert (mandate.nonce >> 192, mandate.nonce & 0xFF, mandate.valid_to) == (3, 0, NOW + 86_400)
    assert mandate.nonce != value_of((await desk.draft())["mandate"]).nonce


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"outcomes": ["withdraw"]}, "outcomes.0"),
        ({"outcomes": []}, "outcomes"),
        ({"assets": ["WETH", "DOGE"]}, "assets.1"),
        ({"assets": ["WETH"] * 33}, "assets"),
        ({"notionalPerDay": "1e3"}, "notionalPerDay"),
        ({"lossPerDay": "0.0000001"}, "lossPerDay"),
        ({"slippageBps": "10001"}, "slippageBps"),
        ({"validForSeconds": "0"}, "validForSeconds"),
        ({"agent": "0x12"}, "agent"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_draft_names_the_field_that_is_wrong(desk: Desk, changes: Json, field: str) -> None:
    status, body = await desk.post("/v1/mandates/draft", TERMS | changes)
    assert (status, body["code"], body["field"]) == (422, "malformed", field)


async def test_a_grant_is_stored_once_and_told(desk: Desk) -> None:
    drafted = await desk.draft()
    both = await asyncio.gather(desk.grant(drafted), desk.grant(drafted))
    assert sorted(status for status, _ in both) == [200, 201]
    assert (await desk.grant(drafted))[0] == 200
    assert (await desk.types()).count("MandateGranted") == 1
    shown = await desk.read(drafted["id"])
    assert (shown.state, shown.agent, shown.mandate) == ("active", AGENT, drafted["mandate"])
    assert shown.revocation.on_chain.to == SETTLEMENT
    call = encode("Settlement", "revoke", bytes.fromhex(drafted["id"][2:]))
    assert shown.revocation.on_chain.data == "0x" + call.hex()


async def test_only_the_owner_grants(desk: Desk) -> None:
    drafted = await desk.draft()
    for key in (OTHER_KEY, AGENT_KEY):
        status, body = await desk.grant(drafted, key)
        assert (status, body["code"]) == (403, "badSignature")
    assert await desk.types() == ["CashMoved"]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"validTo": str(NOW)}, "tooLate", "mandate.validTo"),
        ({"validFrom": str(NOW + 9), "validTo": str(NOW + 8)}, "malformed", "mandate.validFrom"),
        ({"agent": "0x" + "00" * 20}, "malformed", "mandate.agent"),
        ({"maxSlippageBps": str(2**32)}, "malformed", "mandate.maxSlippageBps"),
        ({"outcomes": ["x" * 33]}, "malformed", "mandate.outcomes.0"),
        ({"nonce": 5}, "malformed", "mandate.nonce"),
    ],
)
async def test_a_mandate_that_cannot_stand_is_refused(
    desk: Desk, changes: Json, code: str, field: str
) -> None:
    drafted = await desk.draft()
    status, body = await desk.grant(drafted | {"mandate": drafted["mandate"] | changes})
    assert (status in (409, 422), body["code"], body["field"]) == (True, code, field)


async def test_what_the_chain_has_ended_is_not_granted(desk: Desk) -> None:
    drafted = await desk.draft()
    for name, value, code in (
        ("metered", REVOKED, "scopeExceeded"),
        ("epoch", 1, "epochStale"),
        ("isNonceUsed", 1, "nonceUsed"),
        ("filled", 5, "nonceUsed"),
    ):
        desk.chain.answers[name] = value
        assert (await desk.grant(drafted))[1]["code"] == code
        desk.chain.answers[name] = 0


async def test_one_owner_has_so_many_mandates_at_most(desk: Desk) -> None:
    for _ in range(LIVE_MAX):
        await desk.granted()
    assert (await desk.grant(await desk.draft()))[1]["code"] == "tooManyMandates"
    page = await desk.served.http.get(f"/v1/mandates?owner={OWNER}&limit=60")
    first = models.MandatePage.model_validate_json(page.content)
    rest = await desk.served.http.get(f"/v1/mandates?owner={OWNER}&cursor={first.cursor}")
    assert (len(first.mandates), len(rest.json()["mandates"])) == (60, LIVE_MAX - 60)
    assert rest.json()["cursor"] is None


async def test_where_a_mandate_stands_is_read_from_the_chain(desk: Desk) -> None:
    mandate = await desk.granted()
    desk.chain.answers["metered"] = NOW // DAY << 224 | 120 * 10**6 << 112 | 500_000
    today = (await desk.read(mandate)).today
    assert (today.notional_used, today.notional_left) == ("120", "380")
    assert (today.loss_used, today.loss_left) == ("0.5", "19.5")
    for name, value, state in (
        ("metered", REVOKED, "revoked"),
        ("epoch", 1, "epochStale"),
        ("isNonceUsed", 1, "nonceSpent"),
    ):
        desk.chain.answers |= {"metered": 0, name: value}
        assert (await desk.read(mandate)).state == state
        desk.chain.answers[name] = 0
    desk.served.clock.advance_ms(86_401_000)
    assert (await desk.read(mandate)).state == "expired"
    later = await desk.granted(validFrom=str(NOW + 90_000))
    assert (await desk.read(later)).state == "notYetValid"


async def test_an_agents_intent_takes_the_mandates_bounds_and_is_admitted(desk: Desk) -> None:
    mandate = await desk.granted()
    status, quote = await desk.quote(mandate)
    assert status == 200, quote
    limits = quote["intent"]["limits"]
    assert (limits["maxSlippageBps"], limits["maxMarginUsed"]) == ("100", str(10**9))
    assert limits["minHealth"] == str(11 * 10**17)
    assert quote["typedData"]["primaryType"] == "OutcomeIntent"
    status, body = await desk.submit(quote, mandate)
    assert (status, body["uid"]) == (202, quote["uid"])
    assert (await desk.submit(quote, mandate))[0] == 200


async def test_a_composed_signature_needs_no_id(desk: Desk) -> None:
    drafted = await desk.draft()
    mandate = value_of(drafted["mandate"])
    by_owner = sign(mandate_digest(mandate, DOMAIN), KEY)
    await desk.grant(drafted)
    _, quote = await desk.quote(drafted["id"])
    by_agent = sign(intent_digest(parse_intent(quote["intent"]), DOMAIN), AGENT_KEY)
    whole = encode_mandated(Mandated(mandate, by_owner, by_agent))
    body = {"intent": quote["intent"], "scheme": "mandate"}
    for signature in (b"\x12" * 65, whole[:-64], encode_mandated(Mandated(mandate, by_agent, b""))):
        refused = await desk.post("/v1/intents", body | {"signature": "0x" + signature.hex()})
        assert (refused[0], refused[1]["code"]) == (403, "badSignature")
    assert (await desk.post("/v1/intents", body | {"signature": "0x" + whole.hex()}))[0] == 202
    stored = desk.served.services.store.intent(quote["uid"])
    assert stored is not None
    assert stored.signed.signature == whole


@pytest.mark.parametrize(
    ("request_", "terms", "rule"),
    [
        (SELL, {"slippageBps": "101"}, "maxSlippageBps"),
        (SELL, {"maxMarginUsed": "1001"}, "maxMarginUsed"),
        (SELL, {"minHealth": "1"}, "minHealth"),
        (SELL, {"receiver": AGENT}, "receiver"),
        (SELL, {"subaccount": "1"}, "subaccount"),
        (OPEN, {}, "outcomes"),
        (SELL | {"sellAmount": "500.1"}, {}, "notionalPerDay"),
    ],
)  # fmt: skip
async def test_a_quote_beyond_the_mandate_names_the_rule(
    desk: Desk, request_: Json, terms: Json, rule: str
) -> None:
    mandate = await desk.granted()
    status, body = await desk.quote(mandate, request_, **terms)
    assert (body["code"], body["data"].get("rule")) == ("scopeExceeded", rule), body
    assert status == (409 if rule == "notionalPerDay" else 403)
    assert {"rule", "wanted", "granted"} <= set(body["data"])


async def test_scheme_and_mandate_go_together(desk: Desk) -> None:
    mandate = await desk.granted()
    for name, scheme in ((None, "mandate"), (mandate, "eip712")):
        status, body = await desk.quote(name, scheme=scheme)
        assert (status, body["field"]) == (422, "mandate")
    assert (await desk.quote("0x" + "77" * 32))[1]["code"] == "notFound"
    assert (await desk.quote("0x77"))[1]["field"] == "mandate"


async def test_a_stranger_or_the_owner_is_not_the_agent(desk: Desk) -> None:
    mandate = await desk.granted()
    _, quote = await desk.quote(mandate)
    for key in (KEY, OTHER_KEY):
        status, body = await desk.submit(quote, mandate, key)
        assert (status, body["code"]) == (403, "badSignature")
        assert body["data"]["expectedSigner"] == AGENT


async def test_an_agent_cancels_what_it_signed_and_nothing_else(desk: Desk) -> None:
    mandate = await desk.granted()
    uid = await desk.traded(mandate)

    async def cancel(key: bytes) -> tuple[int, Json]:
        digest = cancel_digest(OWNER, [IntentUid.parse(uid)], NOW + 60, DOMAIN)
        body = {"owner": OWNER, "uids": [uid], "validTo": str(NOW + 60)}
        return await desk.post(
            "/v1/intents/cancel", body | {"signature": "0x" + sign(digest, key).hex()}
        )

    assert (await cancel(OTHER_KEY))[0] == 403
    assert (await cancel(AGENT_KEY))[1]["intents"] == [{"uid": uid, "state": "cancelled"}]
    stored = desk.served.services.store.intent(uid)
    assert stored is not None
    assert stored.code == "cancelledByAgent"


async def test_a_revocation_binds_at_once_and_ends_what_is_open(desk: Desk) -> None:
    mandate, other = await desk.granted(), await desk.granted()
    uid = await desk.traded(mandate)
    for key in (AGENT_KEY, OTHER_KEY):
        assert (await desk.revoke(mandate, key))[0] == 403
    assert (await desk.revoke(mandate, until=NOW))[1]["code"] == "tooLate"
    assert (await desk.revoke(mandate, until=NOW + 601))[1]["field"] == "validTo"
    _, quote = await desk.quote(mandate, SELL | {"sellAmount": "50"})

    status, body = await desk.revoke(mandate)
    models.MandateRevocation.model_validate(body)
    assert (status, body["state"]) == (200, "revoked")
    assert body["intents"] == [{"uid": uid, "state": "cancelled"}]
    shown = await desk.read(mandate)
    assert (shown.state, shown.revoked_tx) == ("revoked", None)
    assert (await desk.submit(quote, mandate))[1]["data"]["rule"] == "revoked"
    assert (await desk.quote(mandate))[1]["data"]["rule"] == "revoked"
    assert (await desk.quote(other))[0] == 200
    assert (await desk.revoke(mandate))[0] == 200
    assert (await desk.types()).count("MandateRevoked") == 1
    assert (await desk.revoke("0x" + "77" * 32))[0] == 404
