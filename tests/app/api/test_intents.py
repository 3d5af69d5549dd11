"""Intake: what is acknowledged is durable and signed; everything else is refused by its code."""

import asyncio
import contextlib
import json

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.api.intents import submission_of
from app.api.models import Accepted, Digest, IntentPage, IntentView, Problem
from app.api.stream import raw_account
from app.breaker import State
from app.store import Batch
from solver.domain.account import Account
from solver.domain.errors import Infeasible, Malformed
from solver.domain.event import CashMoved, EpochRaised, IntentStateChanged, event_of
from solver.domain.intent import Leg, Limits, OutcomeIntent
from solver.domain.typed_data import keccak, uid_of
from solver.intents.typed_json import to_json
from solver.ledger import fold
from tests.app.api.server import (
    ACCOUNT,
    DOMAIN,
    OTHER_KEY,
    OWNER,
    USDC,
    WALLET_ACCEPTS,
    Served,
    serving,
    submission,
    swap,
)
from tests.app.worlds import NOW


@pytest.fixture
async def served(tmp_path):
    async with serving(tmp_path) as made:
        await made.fund(10**9)
        yield made


async def states(served: Served) -> list[str]:
    events = await served.services.store.events(ACCOUNT.log, 0, 100)
    return [e.body["to"] for e in events if e.type == "IntentStateChanged"]


async def test_a_signed_intent_is_open_and_its_caps_are_held(served):
    answer = await served.submit(swap(), clientOrderId="mine-1", quoteId="q_1")
    accepted = Accepted.model_validate_json(answer.content)
    assert answer.status_code == 202
    assert accepted.uid == str(uid_of(swap(), DOMAIN))
    assert await states(served) == ["received", "open"]
    account = (await served.http.get(f"/v1/accounts/{OWNER}/0")).json()
    assert account["reservations"] == [{"uid": accepted.uid}]
    (held,) = served.services.store.account(ACCOUNT).reservations
    assert held == (accepted.uid, 100 * 10**6, 10**6, 0)


async def test_what_is_reserved_is_the_signed_limit_and_hidden_until_the_end(served):
    """A maker who read maxNetCost, maxFee or maxMarginUsed here would quote exactly that."""
    limits = swap().limits._replace(max_fee=1_234_567, max_margin_used=7_654_321)
    uid = str(uid_of(swap(limits=limits), DOMAIN))
    margin = f"/v1/accounts/{OWNER}/0/margin"
    assert (await served.http.get(margin)).json()["available"] == "1000"
    assert (await served.submit(swap(limits=limits))).status_code == 202

    async def told() -> str:
        urls = (f"/v1/accounts/{OWNER}/0", margin, f"/v1/accounts/{OWNER}/0/events")
        texts = [(await served.http.get(url)).text for url in urls]
        texts.append((await served.http.get("/v1/events", params={"log": ACCOUNT.log})).text)
        account = served.services.store.account(ACCOUNT)
        return " ".join([*texts, json.dumps(raw_account(account))])

    def has_limits(text: str) -> bool:
        return any(number in text for number in ("1234567", "1.234567", "7654321", "7.654321"))

    assert not has_limits(await told())
    assert (await served.http.get(margin)).json()["available"] is None
    await served.services.store.move(uid, "cancelled")
    page = (await served.http.get("/v1/events", params={"log": ACCOUNT.log})).json()["events"]
    (placed,) = [event["body"] for event in page if event["type"] == "ReservationPlaced"]
    assert (placed["fee"], placed["margin"]) == ("1234567", "7654321")
    assert (await served.http.get(margin)).json()["available"] == "1000"


async def test_a_listener_is_told_of_a_reservation_without_its_amounts(served):
    heard = served.services.bus.subscribe([ACCOUNT.log])
    await served.submit(swap())
    events = [orjson.loads((await heard.get()).frame) for _ in range(3)]
    assert [e["body"] for e in events if e["type"] == "ReservationPlaced"] == [
        {"uid": str(uid_of(swap(), DOMAIN))}
    ]


async def test_the_same_again_is_200_and_changes_nothing(served):
    first = await served.submit(swap())
    again = await served.submit(swap())
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json()
    assert await states(served) == ["received", "open"]


async def test_many_at_once_are_each_stored_once(served):
    await served.fund(10**12)
    answers = await asyncio.gather(*(served.submit(swap(n)) for n in range(50)))
    assert {a.status_code for a in answers} == {202}
    assert len(served.services.store.live_intents()) == 50


async def test_another_body_under_the_same_nonce_is_a_conflict(served):
    await served.submit(swap())
    answer = await served.submit(swap(valid_to=NOW + 900))
    problem = Problem.model_validate_json(answer.content)
    assert (problem.status, problem.code) == (409, "nonceUsed")
    assert problem.data == {"uid": str(uid_of(swap(), DOMAIN))}


async def test_a_replacement_names_what_it_replaces(served):
    await served.submit(swap())
    old = str(uid_of(swap(), DOMAIN))
    document = json.dumps({"replaces": old})
    heir = swap(valid_to=NOW + 900, app_data=keccak(document.encode()))
    answer = await served.submit(heir, appData=document)
    assert answer.status_code == 202
    assert served.services.store.intent(old).state == "cancelled"
    assert [r.uid for r in served.services.store.account(ACCOUNT).reservations] == [
        answer.json()["uid"]
    ]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ('{"replaces": "0x12"}', "malformed"),
        ('{"replaces": 1}', "malformed"),
        ('{"replaces": "0x' + "00" * 56 + '"}', "conflict"),
        ("[]", "malformed"),
        ('{"a": 1, "a": 1}', "invalidJson"),
    ],
)
async def test_app_data_that_means_nothing_is_refused(served, document, code):
    intent = swap(app_data=keccak(document.encode()))
    answer = await served.submit(intent, appData=document)
    assert answer.json()["code"] == code


async def test_app_data_must_be_the_document_that_was_hashed(served):
    answer = await served.submit(swap(), appData="{}")
    assert (answer.status_code, answer.json()["field"]) == (422, "appData")


async def test_a_stranger_cannot_sign_for_the_owner(served):
    answer = await served.http.post("/v1/intents", json=submission(swap(), OTHER_KEY))
    assert (answer.status_code, answer.json()["code"]) == (403, "badSignature")
    assert await states(served) == []


@pytest.mark.parametrize("name", ["settlement", "clearinghouse", "router", "params"])
async def test_tokens_are_not_paid_to_a_contract_of_ours(served, name):
    receiver = getattr(served.services.deployment, name)
    answer = await served.submit(swap(receiver=receiver))
    assert (answer.status_code, answer.json()["code"]) == (422, "receiverIsOurs")


async def test_permit2_is_signed_over_the_transfer_and_reserves_nothing(served):
    body = submission(swap(), scheme="permit2")
    assert (await served.http.post("/v1/intents", json=body)).status_code == 202
    assert served.services.store.account(ACCOUNT).reservations == ()
    wrong = submission(swap(2)) | {"scheme": "permit2"}
    assert (await served.http.post("/v1/intents", json=wrong)).status_code == 403


async def test_contract_wallets_are_asked_on_the_chain(served):
    body = submission(swap(), OTHER_KEY) | {"scheme": "eip1271"}
    assert (await served.http.post("/v1/intents", json=body)).status_code == 403
    served.services.chain.answer = WALLET_ACCEPTS
    assert (await served.http.post("/v1/intents", json=body)).status_code == 202
    presigned = submission(swap(2), OTHER_KEY) | {"scheme": "presign"}
    assert (await served.http.post("/v1/intents", json=presigned)).status_code == 403
    served.services.chain.answer = (1).to_bytes(32, "big")
    assert (await served.http.post("/v1/intents", json=presigned)).status_code == 202


async def test_the_owners_own_signature_is_no_mandate(served):
    body = submission(swap()) | {"scheme": "mandate"}
    answer = await served.http.post("/v1/intents", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "badSignature")


async def test_caps_beyond_the_account_are_refused_with_the_numbers(served):
    legs = (Leg("token", USDC.address, "sell", quantity_min=10**10, quantity_max=10**10),)
    answer = await served.submit(swap(legs=legs + swap().legs[1:]))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "insufficientFunds")
    assert problem["data"] == {"token": USDC.address, "required": "10001", "available": "1000"}


async def test_reservations_add_up_also_before_they_are_durable(served):
    answers = await asyncio.gather(*(served.submit(swap(n)) for n in range(20)))
    accepted = [a for a in answers if a.status_code == 202]
    assert len(accepted) == 9  # 101 of 1,000 each
    assert {a.json()["code"] for a in answers if a not in accepted} == {"insufficientFunds"}


async def test_time_epoch_chain_and_shape_bind(served):
    event = (ACCOUNT.log, EpochRaised(3, "0x", 0), NOW * 1000)
    await served.services.store.record(served_batch(event))
    fresh = 3 << 192
    wrong = {
        "tooLate": swap(fresh, valid_to=NOW),
        "epochStale": swap(2 << 192),
        "malformed": swap(fresh, outcome="noSuchOutcome"),
        "legShape": swap(fresh, legs=swap().legs[:1]),
        "wrongChain": swap(fresh, legs=(swap().legs[0]._replace(chain_id=1), swap().legs[1])),
        "tokenNotListed": swap(fresh, limits=Limits("0x" + "99" * 20)),
    }
    for code, intent in wrong.items():
        answer = await served.submit(intent)
        assert answer.json()["code"] == code, answer.text
    assert (await served.submit(swap(fresh))).status_code == 202


def served_batch(*events):
    return Batch(events)


async def test_a_halted_service_takes_nothing_new(served):
    served.services.breaker.move(State.HALTED, "a drill")
    answer = await served.submit(swap())
    assert (answer.status_code, answer.json()["code"]) == (409, "halted")


async def test_no_chain_no_admission(tmp_path):
    async with serving(tmp_path, priced=False) as served:
        answer = await served.submit(swap())
        assert (answer.status_code, answer.json()["outcome"]) == (503, "none")
        assert answer.headers["retry-after"]


async def test_the_bounds_are_shown_once_it_is_over(served):
    uid = (await served.submit(swap())).json()["uid"]
    view = IntentView.model_validate_json((await served.http.get(f"/v1/intents/{uid}")).content)
    assert (view.state, view.intent, view.outcome) == ("open", None, "swap")
    await served.services.store.move(uid, "cancelled")
    after = (await served.http.get(f"/v1/intents/{uid}")).json()
    assert after["intent"] == to_json(swap())


async def test_a_reason_is_told_by_its_code(served):
    uid = (await served.submit(swap())).json()["uid"]
    served.services.store.explain(uid, Infeasible("3 bps short", code="netCost", data={"x": "1"}))
    view = (await served.http.get(f"/v1/intents/{uid}")).json()
    assert view["reason"]["code"] == "netCost"


async def test_lists_are_paged_newest_first(served):
    await served.fund(10**12)
    uids = [(await served.submit(swap(n))).json()["uid"] for n in range(5)]
    await served.services.store.move(uids[0], "cancelled")
    seen, cursor = [], None
    while True:
        query = {"owner": OWNER.upper().replace("X", "x"), "limit": "2", "state": "open"}
        answer = await served.http.get(
            "/v1/intents", params=query | ({"cursor": cursor} if cursor else {})
        )
        page = IntentPage.model_validate_json(answer.content)
        seen += [view.uid for view in page.intents]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == uids[:0:-1]


async def test_the_same_intent_twice_at_once_is_stored_once(served):
    served.services.chain.answer = WALLET_ACCEPTS
    answers = await asyncio.gather(*(served.submit(swap(), scheme="eip1271") for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 202]


async def test_the_digest_endpoint_tells_every_hash(served):
    body = submission(swap())
    answer = await served.http.post("/v1/intents/digest", json=body)
    told = Digest.model_validate_json(answer.content)
    assert (told.recovered, told.uid) == (OWNER, str(uid_of(swap(), DOMAIN)))
    by_permit2 = submission(swap(), scheme="permit2")
    answer = await served.http.post("/v1/intents/digest", json=by_permit2)
    assert answer.json()["recovered"] == OWNER
    assert served.services.store.live_intents() == []


async def test_the_digest_endpoint_asks_no_wallet(served):
    body = submission(swap(), scheme="permit2") | {"signature": "0x" + "ab" * 999}
    served.services.chain.answer = b"not to be asked"
    told = Digest.model_validate_json(
        (await served.http.post("/v1/intents/digest", json=body)).content
    )
    assert told.recovered is None
    assert told.digest != told.permit2_digest


async def test_a_read_of_nothing_is_a_404(served):
    answer = await served.http.get("/v1/intents/0x" + "00" * 56)
    assert (answer.status_code, answer.json()["code"]) == (404, "notFound")


INTEGERS = st.integers(0, 2**256 - 1)
LEGS = st.builds(
    Leg,
    kind=st.sampled_from(["token", "option", "x"]),
    asset=st.just(USDC.address),
    side=st.sampled_from(["buy", "sell"]),
    right=st.sampled_from(["", "call"]),
    strike_min=INTEGERS,
    strike_max=INTEGERS,
    expiry_min=st.integers(0, 2**64 - 1),
    expiry_max=st.integers(0, 2**64 - 1),
    quantity_min=INTEGERS,
    quantity_max=INTEGERS,
    limit_price=INTEGERS,
    chain_id=INTEGERS,
)
INTENTS = st.builds(
    OutcomeIntent,
    owner=st.just(OWNER),
    subaccount=st.integers(0, 2**64 - 1),
    receiver=st.just(OWNER),
    outcome=st.sampled_from(["swap", "coveredCall"]),
    legs=st.lists(LEGS, min_size=1, max_size=3).map(tuple),
    limits=st.builds(
        Limits,
        settlement_token=st.just(USDC.address),
        max_fee=INTEGERS,
        max_slippage_bps=st.integers(0, 2**32 - 1),
        delta_tolerance=INTEGERS,
        min_health=INTEGERS,
        max_net_cost=st.integers(-(2**255), 2**255 - 1),
        target_delta=st.integers(-(2**255), 2**255 - 1),
        max_margin_used=INTEGERS,
    ),
    is_partially_fillable=st.booleans(),
    valid_from=st.integers(0, 2**32 - 1),
    valid_to=st.integers(0, 2**32 - 1),
    nonce=INTEGERS,
    app_data=st.binary(min_size=32, max_size=32),
)


@given(INTENTS)
def test_what_is_accepted_reads_back_to_the_same_digest(intent):
    signed, _ = submission_of(json.loads(json.dumps(submission(intent))))
    assert uid_of(signed.intent, DOMAIN) == uid_of(intent, DOMAIN)


JUNK: st.SearchStrategy = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.just([]) | st.just({})
)


def leaves(value, path=()):
    for key in value if isinstance(value, dict) else range(len(value)):
        inner = value[key]
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from leaves(inner, (*path, key))


@given(st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_changed_leaf_is_refused_or_is_another_intent(data):
    body = json.loads(json.dumps(submission(swap())))
    path = data.draw(st.sampled_from([("intent", *p) for p in leaves(body["intent"])]))
    holder = body
    for key in path[:-1]:
        holder = holder[key]
    before, after = holder[path[-1]], data.draw(JUNK)
    holder[path[-1]] = after
    if before == after and type(before) is type(after):
        return
    with contextlib.suppress(Malformed):
        signed, _ = submission_of(body)
        assert uid_of(signed.intent, DOMAIN) != uid_of(swap(), DOMAIN)


async def test_state_is_the_fold_of_the_events(served):
    await served.submit(swap())
    cash = (ACCOUNT.log, CashMoved(7, "0x", 1), NOW * 1000)
    uid = str(uid_of(swap(), DOMAIN))
    move = (ACCOUNT.log, IntentStateChanged(uid, "open", "auctioning"), NOW * 1000)
    await served.services.store.record(served_batch(cash, move))
    events = await served.services.store.events(ACCOUNT.log, 0, 100)
    folded = fold(Account(ACCOUNT), [event_of(e.type, e.body) for e in events])
    assert folded == served.services.store.account(ACCOUNT)
    assert (await states(served))[-1] == served.services.store.intent(uid).state
