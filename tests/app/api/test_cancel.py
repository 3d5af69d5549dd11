"""Cancelling: signed by the owner, all that is named or none, and never what is settling."""

import asyncio

import pytest

from app.api.models import Cancelled
from app.pipeline import cancel
from app.verify import CancelRequest, sign
from solver.domain.ids import IntentUid
from solver.domain.typed_data import cancel_all_digest, cancel_digest, uid_of
from tests.app.api.server import (
    DOMAIN,
    KEY,
    OTHER_KEY,
    OWNER,
    STRANGER,
    WALLET_ACCEPTS,
    serving,
    swap,
)
from tests.app.worlds import NOW


@pytest.fixture
async def served(tmp_path):
    async with serving(tmp_path) as made:
        await made.fund(10**9)
        yield made


async def test_cancel_is_signed_by_the_owner(served):
    uid = (await served.submit(swap())).json()["uid"]
    parsed, valid_to = IntentUid.parse(uid), NOW + 60
    digest = cancel_digest(OWNER, [parsed], valid_to, DOMAIN)

    async def cancel(key: bytes, until: int = valid_to):
        body = {"validTo": str(until), "signature": "0x" + sign(digest, key).hex()}
        return await served.http.request("DELETE", f"/v1/intents/{uid}", json=body)

    assert (await cancel(OTHER_KEY)).status_code == 403
    assert (await cancel(KEY, valid_to + 1)).status_code == 403
    done = Cancelled.model_validate_json((await cancel(KEY)).content)
    assert [(i.uid, i.state) for i in done.intents] == [(uid, "cancelled")]
    assert (await cancel(KEY)).status_code == 200
    served.clock.advance_ms(61_000)
    assert (await cancel(KEY)).json()["code"] == "tooLate"


async def test_cancel_all_ends_what_is_below_the_epoch(served):
    low, high = swap(1), swap(5 << 192)
    for intent in (low, high):
        await served.submit(intent)
    digest = cancel_all_digest(OWNER, 5, NOW + 60, DOMAIN)
    body = {"owner": OWNER, "epoch": "5", "validTo": str(NOW + 60)}
    body["signature"] = "0x" + sign(digest, KEY).hex()
    done = (await served.http.post("/v1/intents/cancel", json=body)).json()
    assert [i["uid"] for i in done["intents"]] == [str(uid_of(low, DOMAIN))]
    body = body | {"owner": STRANGER}
    assert (await served.http.post("/v1/intents/cancel", json=body)).status_code == 403


def cancelling(*uids, valid_to=NOW + 60):
    parsed = [IntentUid.parse(uid) for uid in uids]
    signature = sign(cancel_digest(OWNER, parsed, valid_to, DOMAIN), KEY).hex()
    body = {"owner": OWNER, "uids": list(uids), "validTo": str(valid_to)}
    return body | {"signature": "0x" + signature}


async def test_a_cancel_that_cannot_end_all_ends_none(served):
    await served.fund(10**12)
    first, second = [(await served.submit(swap(n))).json()["uid"] for n in (1, 2)]
    for state in ("auctioning", "solved", "settling"):
        await served.services.store.move(second, state)
    answer = await served.http.post("/v1/intents/cancel", json=cancelling(first, second))
    assert (answer.status_code, answer.json()["code"]) == (409, "tooLateToCancel")
    assert served.services.store.intent(first).state == "open"
    again = await served.http.post("/v1/intents/cancel", json=cancelling(first, first))
    assert again.json()["intents"] == [{"uid": first, "state": "cancelled"}]


async def test_a_cancel_does_not_end_what_is_just_going_to_settlement(served):
    uid = (await served.submit(swap())).json()["uid"]
    store = served.services.store
    moving = asyncio.gather(*(store.move(uid, s) for s in ("auctioning", "solved", "settling")))
    await asyncio.sleep(0)  # on its way to the disk, and no reader has seen it
    assert store.intent(uid).state == "open"
    assert await cancel(served.services, _wish(uid)) == [(uid, "settling")]
    await moving


def _wish(uid):
    body = cancelling(uid)
    signature = bytes.fromhex(body["signature"][2:])
    return CancelRequest(OWNER, (uid,), int(body["validTo"]), signature)


async def test_a_contract_wallet_cancels_by_its_own_word(served):
    uid = (await served.submit(swap())).json()["uid"]
    body = {"owner": OWNER, "uids": [uid], "validTo": str(NOW + 60), "signature": "0x" + "ab" * 99}
    answer = await served.http.post("/v1/intents/cancel", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "badSignature")
    served.services.chain.answer = WALLET_ACCEPTS
    answer = await served.http.post("/v1/intents/cancel", json=body)
    assert answer.json()["intents"] == [{"uid": uid, "state": "cancelled"}]


async def test_one_owner_cannot_cancel_anothers(served):
    uid = uid_of(swap(), DOMAIN)
    await served.submit(swap())
    digest = cancel_digest(STRANGER, [uid], NOW + 60, DOMAIN)
    body = {"owner": STRANGER, "uids": [str(uid)], "validTo": str(NOW + 60)}
    body["signature"] = "0x" + sign(digest, OTHER_KEY).hex()
    answer = await served.http.post("/v1/intents/cancel", json=body)
    assert answer.status_code == 403
    assert served.services.store.intent(str(uid)).state == "open"
