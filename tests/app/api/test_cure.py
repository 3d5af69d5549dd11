"""The cheapest cure of an account: what to quote and sign, what it costs, and what it restores."""

import pytest

from app.store import Batch
from solver.domain.event import LegFilled
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind
from solver.domain.market import Ladder, Level
from solver.domain.numbers import parse_decimal
from tests.app.api.server import ACCOUNT, OWNER, WAD, serving
from tests.app.worlds import NOW

TX = "0x" + "22" * 32
PERP = Instrument(1, Kind.PERP).id
ROOT = f"/v1/accounts/{OWNER}/0"
MAKER = AccountId(ACCOUNT.chain_id, "0x" + "33" * 20, 0)


async def holding(served, size: int) -> None:
    """Perps at the price that is, 4,000."""
    filled = LegFilled(None, PERP, size * WAD, 4_000 * WAD, -size * 4_000 * 10**6, "0x/0", TX, 2)
    await served.services.store.record(Batch(((ACCOUNT.log, filled, NOW * 1000),)))


def bidding(served, size: int) -> None:
    level = (Level(3_996 * WAD, size * WAD),)
    served.services.board.set_ladder(Ladder(MAKER, PERP, level, (), False, NOW * 1000))


@pytest.fixture
async def served(tmp_path):
    async with serving(tmp_path) as made:
        await made.fund(2_000 * 10**6)
        yield made


async def test_a_cure_restores_the_margin_and_its_requests_can_be_quoted(served):
    await holding(served, 10)  # 5 % of equity, maintenance 6.5 %
    bidding(served, 50)
    found = (await served.http.get(f"{ROOT}/cure")).json()
    (request,), (trade,) = found["requests"], found["trades"]
    assert request["outcome"] == "closePerp"
    assert parse_decimal(trade["quantity"]) == -parse_decimal(request["size"]) < 0
    assert found["before"]["state"] == "LIQUIDATING"
    after = {name: parse_decimal(found["after"][name], 6) for name in ("equity", "maintenance")}
    assert 100 * after["equity"] >= 115 * after["maintenance"]
    lost = parse_decimal(found["before"]["equity"], 6) - after["equity"]
    assert 0 < lost <= parse_decimal(found["cost"], 6)
    terms = {"owner": OWNER, "maxFee": "5"}
    quoted = await served.http.post("/v1/quotes", json={"request": request, "terms": terms})
    assert quoted.status_code == 200, quoted.json()


async def test_who_is_well_needs_no_cure(served):
    await holding(served, 1)
    found = (await served.http.get(f"{ROOT}/cure")).json()
    assert (found["requests"], found["trades"], found["cost"]) == ([], [], "0")
    assert found["before"] == found["after"]
    assert found["after"]["state"] == "HEALTHY"


async def test_a_book_too_thin_to_cure_is_said(served):
    await holding(served, 10)
    bidding(served, 1)
    answer = await served.http.get(f"{ROOT}/cure")
    assert (answer.status_code, answer.json()["code"]) == (409, "noCure")
