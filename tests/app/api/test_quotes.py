"""Quotes: a plan with its proof and what to sign; asking changes nothing."""

import json
from decimal import Decimal

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from app.api.plan_models import QuoteView
from solver.domain.calendar import day_of
from solver.domain.errors import Unavailable
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind
from solver.domain.market import Ladder, Level
from solver.domain.risk import Fixing
from solver.pricing.exotics.asian import average_of
from solver.pricing.exotics.receipt import from_json, verify
from solver.pricing.marks import mark_of
from tests.app.api.server import EXPIRY, KEY, OWNER, STRANGER, WAD, Served, serving
from tests.app.worlds import CHAIN_ID, NOW

SWAP = {"outcome": "swap", "sellToken": "USDC", "buyToken": "WETH", "sellAmount": "1000"}
TERMS = {"owner": OWNER, "slippageBps": "500", "maxFee": "5"}


@pytest.fixture
async def served(tmp_path):
    async with serving(tmp_path) as made:
        await made.fund(10**10)
        yield made


async def ask(served: Served, request=None, **terms):
    body = {"request": SWAP | (request or {}), "terms": TERMS | terms}
    return await served.http.post("/v1/quotes", json=body)


def integers(document, types, kind):
    """eth-account takes integers where wallets take decimal strings."""
    fields = {field["name"]: field["type"] for field in types.get(kind, [])}
    if fields:
        return {name: integers(value, types, fields[name]) for name, value in document.items()}
    if kind.endswith("[]"):
        return [integers(value, types, kind[:-2]) for value in document]
    return int(document) if "int" in kind else document


@pytest.mark.parametrize("scheme", ["eip712", "permit2"])
async def test_quote_sign_submit_by_copy_and_paste(served, scheme):
    terms = {"scheme": scheme} | ({"receiver": OWNER} if scheme == "permit2" else {})
    answer = await ask(served, **terms)
    assert answer.status_code == 200, answer.text
    quote = QuoteView.model_validate_json(answer.content)
    document = quote.typed_data
    for part, kind in (("domain", "EIP712Domain"), ("message", document["primaryType"])):
        document[part] = integers(document[part], document["types"], kind)
    signed = Account.from_key(KEY).sign_message(encode_typed_data(full_message=document))
    body = {
        "intent": quote.intent,
        "scheme": quote.scheme,
        "signature": "0x" + bytes(signed.signature).hex(),
        "quoteId": quote.quote_id,
    }
    accepted = await served.http.post("/v1/intents", json=body)
    assert (accepted.status_code, accepted.json()["uid"]) == (202, quote.uid)


async def test_a_quote_tells_cost_route_and_proof(served):
    quote = QuoteView.model_validate_json((await ask(served)).content)
    (swap,) = quote.swaps
    assert swap.venue == "uniswap_v2"
    assert Decimal(swap.amount_in) + Decimal(quote.fee) == 1000
    assert int(quote.certificate.bound) >= int(quote.certificate.value) > 0
    assert int(quote.certificate.gap_ppm) >= 0
    assert quote.margin_before.equity == "10000"
    assert float(quote.margin_after.equity) < 10_000


async def test_the_price_of_a_mean_that_was_shown_can_be_checked_from_the_quote_alone(served):
    mean, plain = (Instrument(1, kind, EXPIRY, 4000 * WAD) for kind in (Kind.ASIAN_CALL, Kind.CALL))
    board, maker = served.services.board, AccountId(CHAIN_ID, "0x" + "0a" * 20, 0)
    board.set_asians(1, (EXPIRY,), (4000 * WAD,))
    board.set_fixed(1, {}, [Fixing(EXPIRY, 0, 0)])
    for one in (mean, plain):
        asks = (Level(300 * WAD, WAD),)
        board.set_ladder(Ladder(maker, one.id, (), asks, False, NOW * 1000))
    told = []
    for letters in ("AC", "C"):
        buy = {"outcome": "buyOption", "underlying": "ETH", "size": "1"}
        name = f"ETH-{day_of(EXPIRY)}-4000-{letters}"
        answer = await served.http.post(
            "/v1/quotes", json={"request": buy | {"instrument": name}, "terms": TERMS}
        )
        assert answer.status_code == 200, answer.text
        (fill,) = answer.json()["fills"]
        told.append(fill["receipt"])
        shown = answer.json()["snapshot"]["hash"]
    assert told[1] is None
    receipt = from_json(json.dumps(told[0]))
    assert verify(receipt)
    assert receipt.snapshot == shown
    snapshot = board.snapshot()
    assert round(receipt.price * 10**8) == mark_of(mean, snapshot) // 10**10
    found = average_of(mean, snapshot.underlyings[0].surface, 4000 * WAD, NOW, Fixing(EXPIRY, 0, 0))
    assert receipt.parameters == found


async def test_a_quote_changes_nothing(served):
    store = served.services.store
    before = (store.account_ahead, store.live_intents(), store.head(f"account:{OWNER}/0"))
    account = (await served.http.get(f"/v1/accounts/{OWNER}/0")).json()
    await ask(served)
    assert (store.account_ahead, store.live_intents(), store.head(f"account:{OWNER}/0")) == before
    assert (await served.http.get(f"/v1/accounts/{OWNER}/0")).json() == account


async def test_a_quote_is_remembered_until_it_expires(served):
    quote_id = (await ask(served)).json()["quoteId"]
    assert served.services.store.quotes.get(quote_id) is not None
    served.clock.advance_ms(31_000)
    assert served.services.store.quotes.get(quote_id) is None


@pytest.mark.parametrize(
    ("request_", "terms", "status", "field"),
    [
        ({"sellAmount": "1.0000001"}, {}, 422, "request.sellAmount"),
        ({"sellAmount": "1e3"}, {}, 422, "request.sellAmount"),
        ({"sellToken": "NOPE"}, {}, 422, "request.sellToken"),
        ({"surprise": "1"}, {}, 422, "request.surprise"),
        ({}, {"maxFee": "-1"}, 422, "terms.maxFee"),
        ({}, {"owner": "alice"}, 422, "terms.owner"),
        ({}, {"receiver": 5}, 422, "terms.receiver"),
    ],
)
async def test_what_cannot_be_meant_names_its_field(served, request_, terms, status, field):
    answer = await ask(served, request_, **terms)
    assert (answer.status_code, answer.json()["field"]) == (status, field)


async def test_limits_that_no_plan_meets_are_an_answer_with_numbers(served):
    answer = await ask(served, {"minBuyAmount": "1"})
    problem = answer.json()
    assert (answer.status_code, problem["outcome"], problem["retryable"]) == (409, "none", True)
    assert problem["data"]


async def test_a_stranger_may_ask_too(served):
    assert (await ask(served, owner=STRANGER)).status_code in (200, 409)


async def test_a_plan_that_takes_too_long_is_a_503_to_try_again(served):
    async def run_on(*_: object) -> None:
        raise Unavailable("no plan was found in 20 s", code="solveTimeout")

    served.services.pool.run_on = run_on
    answer = await ask(served)
    told = answer.json()
    assert (answer.status_code, told["code"], told["retryable"]) == (503, "solveTimeout", True)
    assert answer.headers["retry-after"]
