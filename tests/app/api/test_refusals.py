"""Every request that is malformed or unlawful is refused by its code and field; nothing changes.

All rows of `refusals` go to one real application, so the last of them also proves that the first
has left nothing behind.
"""

import json
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.api.models import Problem
from app.api.problems import MEANINGS
from app.openapi import files
from app.store import Batch
from solver.domain.event import EpochRaised
from solver.domain.typed_data import intent_digest
from tests.app.api.refusals import CHECKED, MARKER, ROWS, Row
from tests.app.api.requests import EPOCH, FRESH, STORED, UID, cancel, fresh, quote, signed, wire
from tests.app.api.server import ACCOUNT, DOMAIN, OWNER, STRANGER, Served, serving
from tests.app.worlds import NOW

TABLES = ("event", "intent", "settlement", "step", "tx", "cursor")
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hardened(tmp_path_factory):
    """One service for all rows: an account with cash, a raised epoch and one open intent."""
    async with serving(tmp_path_factory.mktemp("service")) as made:
        yield await prepared(made)


async def prepared(made: Served) -> Served:
    await made.fund(10**9)
    raised = (ACCOUNT.log, EpochRaised(EPOCH, "0x", 0), NOW * 1000)
    await made.services.store.record(Batch((raised,)))
    assert (await made.submit(STORED)).status_code == 202
    return made


async def everything(served: Served) -> list[Any]:
    """All that a request might have changed."""
    services, store = served.services, served.services.store
    return [
        [await store.rows(f"SELECT * FROM {table}") for table in TABLES],
        [store.head(log) for log in (ACCOUNT.log, f"account:{STRANGER}/0")],
        [store.account_ahead(ACCOUNT), store.accounts()],
        [store.live_intents(), *(store.by_nonce(OWNER, FRESH + n) for n in range(4))],
        services.board.snapshot(),
        [services.rfq.makers, services.breaker.state],
    ]


async def asked(served: Served, row: Row) -> httpx.Response:
    method, url = row.to.split(" ", 1)
    body = row.body if isinstance(row.body, bytes | None) else json.dumps(row.body).encode()
    return await served.http.request(method, url, content=body, headers=row.headers)


@pytest.mark.parametrize("name", ROWS)
async def test_it_is_refused_by_its_code_and_changes_nothing(hardened, name):
    row, before = ROWS[name], await everything(hardened)
    status, code, field = row.told.split()
    answer = await asked(hardened, row)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = Problem.model_validate_json(answer.content)
    assert (answer.status_code, problem.code) == (int(status), code), answer.text
    assert field in ("*", problem.field or "-"), problem
    assert set(row.data.split()) <= problem.data.keys()
    assert code in MEANINGS[problem.status], "a code that nobody documents"
    assert (str(problem.status), problem.outcome) == (status, "none")
    assert (problem.type, problem.request_id) == (
        f"/docs#error-{code}",
        answer.headers["x-request-id"],
    )
    assert len(answer.content) <= 8 * 1024
    assert MARKER not in problem.detail + json.dumps(problem.data)
    assert await everything(hardened) == before


async def test_a_bad_signature_names_the_digest_and_the_signer_it_found(hardened):
    answer = await asked(hardened, ROWS["somebody else's signature"])
    told = answer.json()["data"]
    assert told["expectedDigest"] == "0x" + intent_digest(fresh(), DOMAIN).hex()
    assert (told["expectedSigner"], told["recovered"]) == (OWNER, STRANGER)


async def test_dust_names_what_would_do_and_that_does(hardened):
    told = (await asked(hardened, ROWS["dust"])).json()["data"]
    assert told["unit"] == "USDC"
    answer = await hardened.http.post("/v1/quotes", json=quote({"sellAmount": told["least"]}))
    assert answer.json().get("code") != "dust"


async def test_what_the_rows_change_one_thing_of_is_lawful(tmp_path):
    """Else a row would prove nothing."""
    async with serving(tmp_path) as served:
        http = (await prepared(served)).http
        assert (await http.post("/v1/intents", json=signed())).status_code == 202
        assert (await http.post("/v1/quotes", json=quote())).status_code == 200
        assert (await http.post("/v1/intents/digest", json=signed())).status_code == 200
        done = await http.request("DELETE", f"/v1/intents/{UID}", json=cancel())
        assert done.json()["intents"] == [{"uid": UID, "state": "cancelled"}]


@pytest.mark.parametrize("form", [OWNER, "0x" + OWNER[2:].upper(), CHECKED])
async def test_lower_upper_and_checksummed_addresses_are_one(hardened, form):
    body = {"intent": wire("intent.owner", form)["intent"], "signature": signed()["signature"]}
    assert (await hardened.http.post("/v1/intents/digest", json=body)).json()["recovered"] == OWNER
    assert (await hardened.http.get(f"/v1/accounts/{form}/0")).json()["owner"] == OWNER


async def test_the_document_knows_every_member_and_code_of_a_problem():
    schema = json.loads(files()["openapi.json"])["components"]["schemas"]["Problem"]
    members = {field.alias or name for name, field in Problem.model_fields.items()}
    assert set(schema["required"]) == set(schema["properties"]) == members
    assert set(schema["x-codes"]) >= {row.told.split()[1] for row in ROWS.values()}
