"""Margin and why, the ladder, and what-if: the figures of the engines, in the words of the API."""

import asyncio
import dataclasses

import pytest

from app.api import risk_models
from app.api.risk import WAITING_MAX, _profile
from app.store import Batch
from app.verify.reservation import available
from solver.domain.account import PORTFOLIO, Position
from solver.domain.errors import Unavailable
from solver.domain.event import BaseMoved, LegFilled, PortfolioEntered, ReservationPlaced
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import parse_decimal
from solver.margin.requirement import requirement
from solver.margin.simple import figures
from tests.app.api.server import ACCOUNT, EXPIRY, OWNER, WAD, serving
from tests.app.worlds import NOW

TX = "0x" + "22" * 32
BASE = Instrument(1, Kind.BASE).id
CALL = Instrument(1, Kind.CALL, EXPIRY, 4500 * WAD).id
ROOT = f"/v1/accounts/{OWNER}/0"


@pytest.fixture
async def served(tmp_path):
    """An account with cash, ten base and ten calls sold against them."""
    async with serving(tmp_path) as made:
        await made.fund(20_000 * 10**6)
        events = (
            BaseMoved(BASE, 10 * WAD, TX, 1),
            LegFilled(None, CALL, -10 * WAD, 100 * WAD, 1_000 * 10**6, "0x/0", TX, 2),
        )
        batch = tuple((ACCOUNT.log, event, NOW * 1000) for event in events)
        await made.services.store.record(Batch(batch))
        yield made


def atoms(text):
    return parse_decimal(text, 6)


async def test_both_engines_say_what_they_ask_and_why(served):
    answer = (await served.http.get(f"{ROOT}/margin")).json()
    services = served.services
    account, snapshot = services.store.account(ACCOUNT), services.board.snapshot()
    simple, portfolio = answer["risk"]["requirements"]
    for told, engine in ((simple, "simple"), (portfolio, "portfolio")):
        found = requirement(account, snapshot, engine)
        assert told["engine"] == engine
        assert atoms(told["initial"]) == found.initial
        assert [atoms(row["amount"]) for row in told["rows"]] == [row.pnl for row in found.rows]
    assert answer["risk"]["engine"] == "simple"
    assert atoms(answer["margin"]["initial"]) == figures(account, snapshot).initial
    assert portfolio["worst"] in {row["name"] for row in portfolio["rows"]}


async def test_an_account_in_portfolio_mode_is_told_by_it(served):
    event = (ACCOUNT.log, PortfolioEntered(TX, 3), NOW * 1000)
    await served.services.store.record(Batch((event,)))
    assert served.services.store.account(ACCOUNT).engine == PORTFOLIO
    answer = (await served.http.get(f"{ROOT}/margin")).json()
    portfolio = answer["risk"]["requirements"][1]
    assert answer["margin"]["requirement"] == portfolio["initial"]
    assert answer["risk"]["engine"] == "portfolio"


async def test_what_may_be_spent_is_what_admission_finds_and_no_ones_business_once_reserved(served):
    services = served.services
    answer = (await served.http.get(f"{ROOT}/margin")).json()
    account = services.store.account(ACCOUNT)
    assert atoms(answer["available"]) == available(account, services.board.snapshot())
    assert atoms(answer["available"]) > figures(account, services.board.snapshot()).initial
    held = ReservationPlaced("0x1", debit=1, fee=1, margin=1)
    await services.store.record(Batch(((ACCOUNT.log, held, NOW * 1000),)))
    assert (await served.http.get(f"{ROOT}/margin")).json()["available"] is None


async def test_the_ladder_falls_to_where_the_account_breaches(served):
    risk = (await served.http.get(f"{ROOT}/margin")).json()["risk"]
    (breach,), ladder = risk["breaches"], risk["ladder"]
    assert breach["underlying"] == "ETH"
    assert [rung["move"] for rung in ladder] == sorted((rung["move"] for rung in ladder), key=float)
    now = next(rung for rung in ladder if float(rung["move"]) == 0)
    assert now["state"] == "HEALTHY"
    if breach["risesTo"] is not None:
        assert float(breach["risesTo"]) > 4000


async def test_stress_lists_every_scenario_by_name(served):
    answer = (await served.http.get(f"{ROOT}/stress")).json()
    risk_models.StressView.model_validate(answer)
    names = [row["name"] for row in answer["rows"]]
    assert len(names) == len(set(names)) >= 33
    least = min(answer["rows"], key=lambda row: float(row["amount"]))
    assert answer["worst"] in names
    assert float(least["amount"]) <= 0


async def test_whatif_is_what_the_trades_would_make_of_the_account(served):
    asked = {
        "legs": [
            {"instrument": "ETH-PERP", "quantity": "-2"},
            {"instrument": "ETH-BASE", "quantity": "1.5"},
        ],
        "cash": "-500",
    }
    answer = (await served.http.post(f"{ROOT}/whatif", json=asked)).json()
    risk_models.WhatifView.model_validate(answer)
    services = served.services
    account, snapshot = services.store.account(ACCOUNT), services.board.snapshot()
    perp = Position(Instrument(1, Kind.PERP).id, -2 * WAD)
    after = account._replace(
        cash=account.cash + 8_000 * 10**6 - 500 * 10**6,
        positions=(Position(BASE, 115 * WAD // 10), account.positions[1], perp),
    )
    assert atoms(answer["after"]["cash"]) == after.cash
    told = answer["after"]["risk"]["requirements"]
    assert atoms(told[0]["equity"]) == figures(after, snapshot).equity
    assert atoms(told[1]["initial"]) == requirement(after, snapshot, "portfolio").initial
    assert answer["before"]["cash"] == "21000"
    assert services.store.account(ACCOUNT) == account, "nothing has moved"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"legs": [{"instrument": "ETH-WHAT", "quantity": "1"}]}, "unknownInstrument", "legs[0]"),
        ({"legs": [{"instrument": "ETH-PERP", "quantity": "1e3"}]}, "malformed", "legs.0.quantity"),
        ({"legs": [{"instrument": "ETH-PERP"}]}, "malformed", "legs.0.quantity"),
        ({"legs": [{"instrument": "ETH-PERP", "quantity": "1"}] * 21}, "malformed", "legs"),
        ({"cash": "1", "more": "2"}, "malformed", "more"),
        (
            {"legs": [{"instrument": "ETH-BASE", "quantity": "-11"}]},
            "insufficientCollateral",
            None,
        ),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(served, body, code, field):
    answer = await served.http.post(f"{ROOT}/whatif", json=body)
    problem = answer.json()
    assert (answer.status_code // 100, problem["code"]) == (4, code)
    assert (problem["field"] or "").startswith(field or "")


class Held:
    """A solver that answers once it is told to, and counts who stands at it."""

    def __init__(self):
        self.go, self.at_once = asyncio.Event(), 0

    async def run_on(self, snapshot, job):
        self.at_once += 1
        assert self.at_once == 1, "a quote would stand behind more than one"
        await self.go.wait()
        self.at_once -= 1
        return job(snapshot)


async def test_whoever_asks_about_risk_holds_up_no_quotes(served):
    pool = Held()
    services = dataclasses.replace(served.services, pool=pool)
    account, snapshot = services.store.account(ACCOUNT), services.board.snapshot()
    asked = [asyncio.create_task(_profile(services, account, snapshot)) for _ in range(WAITING_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as refused:
        await _profile(services, account, snapshot)
    assert refused.value.code == "solverBusy"
    pool.go.set()
    assert len(set(await asyncio.gather(*asked))) == 1
    assert await _profile(services, account, snapshot), "and then it goes on"
