"""Reads: every answer is the type it is documented as, and every refusal is a problem document."""

import json

import pytest

from app.api import models, risk_models
from app.api.markets import settlement_price
from app.api.schema import document
from app.breaker import State
from app.openapi import FOLDER, files
from app.store import Batch
from solver.domain.calendar import DAY, day_of, rfc3339
from solver.domain.event import FundingMoved
from solver.domain.ids import ZERO_ADDRESS, AccountId
from solver.domain.instrument import Instrument, Kind
from solver.domain.market import Ladder, Level
from solver.domain.risk import Fixing, MarketRisk
from solver.pricing.exotics.receipt import from_json, verify
from tests.app.api.server import ACCOUNT, EXPIRY, OWNER, WAD, serving, submission, swap
from tests.app.worlds import CHAIN_ID, NOW


@pytest.fixture
async def served(tmp_path):
    async with serving(tmp_path) as made:
        await made.fund(10**9)
        yield made


@pytest.mark.parametrize(
    ("path", "model"),
    [
        (f"/v1/accounts/{OWNER}/0", models.AccountView),
        (f"/v1/accounts/{OWNER}/7", models.AccountView),
        (f"/v1/accounts/{OWNER}/0/positions", models.PositionsView),
        (f"/v1/accounts/{OWNER}/0/margin", risk_models.AccountMargin),
        (f"/v1/accounts/{OWNER}/0/greeks", models.AccountGreeks),
        (f"/v1/accounts/{OWNER}/0/events", models.EventPage),
        (f"/v1/events?log={ACCOUNT.log}&limit=1", models.EventPage),
        (f"/v1/intents?owner={OWNER}", models.IntentPage),
        ("/v1/markets", models.MarketsView),
        ("/v1/instruments", models.InstrumentsView),
        ("/v1/prices", models.PricesView),
        ("/v1/health/live", models.HealthView),
        ("/v1/health/ready", models.HealthView),
        ("/v1/time", models.TimeView),
        ("/v1/contracts", models.ContractsView),
        ("/v1/eip712", models.TypedDataView),
    ],
)
async def test_answers_are_what_the_document_says(served, path, model):
    answer = await served.http.get(path)
    assert answer.status_code == 200
    assert answer.headers["x-request-id"]
    model.model_validate_json(answer.content)


async def test_instruments_carry_the_best_of_all_makers(served):
    call = Instrument(1, Kind.CALL, EXPIRY, 4000 * WAD)
    for place, (bid, ask) in enumerate(((90, 110), (95, 120))):
        maker = AccountId(CHAIN_ID, "0x" + f"{place + 1:02x}" * 20, 0)
        bids, asks = (Level(bid * WAD, WAD),), (Level(ask * WAD, 2 * WAD),)
        served.services.board.set_ladder(Ladder(maker, call.id, bids, asks, False, NOW * 1000))
    rows = (await served.http.get("/v1/instruments?underlying=ETH")).json()["instruments"]
    assert [row["instrument"] for row in rows[:2]] == ["ETH-PERP", f"ETH-{day_of(EXPIRY)}-4000-C"]
    row = next(row for row in rows if row["instrumentId"] == str(call.id))
    assert (row["bid"], row["ask"], row["askQuantity"]) == ("95", "110", "2")
    assert float(row["mark"]) > 0
    nothing = (await served.http.get("/v1/instruments?underlying=BTC")).json()
    assert nothing["instruments"] == []


async def test_an_asian_option_has_a_mark_with_an_error_and_a_receipt_that_makes_it(served):
    served.services.board.set_asians(1, (EXPIRY,), (4000 * WAD,))
    served.services.board.set_fixed(1, {}, [Fixing(EXPIRY - 7 * DAY, 3, 12_000 * WAD)])
    rows = (await served.http.get("/v1/instruments?underlying=ETH")).json()["instruments"]
    name = f"ETH-{day_of(EXPIRY)}-4000-AC"
    (row,) = (row for row in rows if row["instrument"] == name)
    assert row["kind"] == "asianCall"
    assert 0 < float(row["markError"]) < 1e-4 * float(row["mark"])
    answer = await served.http.get(f"/v1/instruments/{name}/receipt")
    told = models.ReceiptView.model_validate_json(answer.content)
    assert (told.mark, told.mark_error) == (row["mark"], row["markError"])
    receipt = from_json(json.dumps(answer.json()["receipt"]))
    assert verify(receipt)
    assert (round(receipt.price, 8), "0x" + receipt.hash) == (float(told.mark), told.receipt_hash)
    assert told.receipt.snapshot_hash == told.snapshot.hash
    market = (await served.http.get("/v1/markets")).json()["markets"][0]
    assert market["asianSeries"] == [{"expiry": rfc3339(EXPIRY), "strikes": ["4000"]}]
    assert market["fixings"][0] == {
        "expiry": rfc3339(EXPIRY - 7 * DAY),
        "fixed": 3,
        "total": "12000",
    }


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        (f"ETH-{day_of(EXPIRY)}-4000-C", 404, "notFound"),
        ("ETH-PERP", 404, "notFound"),
        ("ETH-20200101-4000-AC", 404, "notFound"),
        ("DOGE-PERP", 422, "unknownInstrument"),
        ("ETH-20261225-4000-XX", 422, "unknownInstrument"),
    ],
)
async def test_what_is_not_sampled_has_no_receipt(served, name, status, code):
    answer = await served.http.get(f"/v1/instruments/{name}/receipt")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_an_event_page_says_where_the_log_ends(served):
    for index in range(3):
        event = FundingMoved(1, index, 0, "0x", index)
        await served.services.store.record(_batch("market:1", event))
    page = (await served.http.get("/v1/events?log=market:1&after=1&limit=1")).json()
    assert [e["seq"] for e in page["events"]] == [2]
    assert page["head"] == 3


def _batch(log, event):
    return Batch(((log, event, NOW * 1000),))


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "notFound"),
        ("PUT", "/v1/intents", 405, "methodNotAllowed"),
        ("GET", "/v1/intents/0x12", 422, "malformed"),
        ("GET", "/v1/intents?owner=x", 422, "malformed"),
        ("GET", "/v1/intents", 422, "malformed"),
        ("GET", f"/v1/intents?owner={OWNER}&limit=1001", 422, "malformed"),
        ("GET", f"/v1/intents?owner={OWNER}&state=gone", 422, "malformed"),
        ("GET", f"/v1/intents?owner={OWNER}&cursor=!!!", 422, "malformed"),
        ("GET", "/v1/events?log=secrets", 422, "unknownChannel"),
        ("GET", f"/v1/events?log={ACCOUNT.log}&after=-1", 422, "malformed"),
        ("GET", f"/v1/accounts/{OWNER}/{2**64}", 422, "malformed"),
        ("GET", f"/v1/accounts/{OWNER}/01", 422, "malformed"),
        ("GET", "/v1/accounts/alice/0", 422, "malformed"),
    ],
)
async def test_every_refusal_is_a_problem(served, method, path, status, code):
    answer = await served.http.request(method, path)
    problem = models.Problem.model_validate_json(answer.content)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem.status, problem.code) == (status, status, code)
    assert problem.request_id == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "invalidJson"),
        (b"[]", "application/json", 400, "invalidJson"),
        (b'{"scheme": 1.5}', "application/json", 400, "invalidJson"),
        (b'{"a": 1, "a": 2}', "application/json", 400, "invalidJson"),
        (b"\xff", "application/json", 400, "invalidJson"),
        (b"{}", "application/json", 422, "malformed"),
        (b"{}", "text/plain", 415, "unsupportedMediaType"),
        (b'{"' + b"a" * 70_000 + b'": 1}', "application/json", 413, "bodyTooLarge"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/intents", "/v1/quotes", "/v1/intents/digest"])
async def test_bodies_are_read_strictly(served, path, body, kind, status, code):
    answer = await served.http.post(path, content=body, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(answer.content) <= 8 * 1024


async def test_a_body_without_a_length_is_capped_too(served):
    async def endless():
        for _ in range(100):
            yield b" " * 1024

    headers = {"content-type": "application/json"}
    answer = await served.http.post("/v1/intents", content=endless(), headers=headers)
    assert answer.json()["code"] == "bodyTooLarge"


async def test_a_refusal_never_repeats_what_was_sent(served):
    marker = "zqxj<script>"
    body = submission(swap())
    for place in ("scheme", "signature", marker, "clientOrderId"):
        answer = await served.http.post("/v1/intents", json=body | {place: marker * 20})
        assert answer.status_code == 422
        assert marker not in answer.json()["detail"]
    request = {"request": {"outcome": marker}, "terms": {"owner": OWNER}}
    answer = await served.http.post("/v1/quotes", json=request)
    assert answer.status_code == 422
    assert marker not in answer.text


async def test_a_defect_is_a_500_without_words_of_ours(served):
    class Defect:
        def snapshot(self):
            raise ZeroDivisionError("secret path")

    object.__setattr__(served.services, "board", Defect())
    answer = await served.http.get("/v1/prices")
    problem = models.Problem.model_validate_json(answer.content)
    assert (problem.status, problem.outcome) == (500, "unknown")
    assert "secret" not in answer.text


async def test_browsers_are_let_in_by_list(served):
    ours, theirs = "http://localhost:8080", "https://evil.example"
    for origin, allowed in ((ours, ours), (theirs, None)):
        answer = await served.http.get("/v1/time", headers={"origin": origin})
        assert answer.headers.get("access-control-allow-origin") == allowed


async def test_ready_says_what_is_missing(tmp_path):
    async with serving(tmp_path, priced=False) as served:
        answer = await served.http.get("/v1/health/ready")
        assert answer.status_code == 503
        assert models.HealthView.model_validate_json(answer.content).checks["chain"] != "ok"
        assert (await served.http.get("/v1/time")).json()["blockNumber"] is None
        served.services.breaker.move(State.HALTED, "drill")
        checks = (await served.http.get("/v1/health/ready")).json()["checks"]
        assert checks["trading"] == "halted"


async def test_metrics_count_routes_not_uids(served):
    await served.http.get("/v1/intents/0x" + "00" * 56)
    text = (await served.http.get("/v1/metrics")).text
    assert 'route="/v1/intents/{uid}"' in text
    assert "00" * 20 not in text


async def test_the_docs_page_needs_nobody_else(served):
    answer = await served.http.get("/docs")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "http://" not in answer.text
    assert "https://" not in answer.text


async def test_the_served_document_is_the_one_we_made(served):
    answer = await served.http.get("/openapi.json")
    assert answer.json() == document(served.app)
    assert answer.json()["openapi"].startswith("3.1")


@pytest.mark.parametrize("name", sorted(files()))
def test_the_committed_documents_are_current(name):
    assert (FOLDER / name).read_text(encoding="utf-8") == files()[name], (
        "run python -m app.openapi and commit what it writes"
    )


def test_every_reference_of_the_document_resolves():
    text = files()["openapi.json"]
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    known = set(json.loads(text)["components"]["schemas"])
    assert names <= known


async def test_markets_tell_what_prediction_set_and_what_the_settlement_token_is_worth(served):
    board = served.services.board
    told = (await served.http.get("/v1/markets")).json()["markets"][0]["risk"]
    assert (told["version"], told["depth"]) == ("default", None)
    board.set_risk(1, MarketRisk("v7", 200_000, 150_000, 600_000, 250_000, 41_000, 1500 * 10**18))
    board.set_settlement_price(985 * 10**15)
    answer = (await served.http.get("/v1/markets")).json()
    assert answer["markets"][0]["risk"] == {
        "version": "v7",
        "spotInitial": "0.2",
        "spotMaintenance": "0.15",
        "volatilityUp": "0.6",
        "volatilityDown": "0.25",
        "daily": "0.041",
        "depth": "1500",
    }
    assert answer["settlementPrice"] == "0.985"
    unfed = served.services.deployment._replace(settlement_feed=ZERO_ADDRESS)
    assert settlement_price(unfed, board.snapshot()) is None
