"""At the door an account's health decides by what an intent can do at most, before any solving."""

import pytest

from app.verify.standing import is_standing, standing_refusal
from solver.domain.account import PORTFOLIO, SIMPLE, Account, Position
from solver.domain.event import HealthChanged
from solver.domain.health import Health
from solver.domain.ids import ZERO_ADDRESS
from solver.domain.instrument import Instrument, Kind
from solver.domain.intent import Leg, Limits, SignedIntent
from solver.intents import compile_intent
from solver.intents.base import exact_option
from solver.margin.simple import figures
from tests.app.api.server import ACCOUNT, USDC, WAD, WETH, board, swap
from tests.app.monitor.ward import USD, warding

SNAPSHOT = board().snapshot()
FREE = Limits(USDC.address, max_fee=10**6, max_slippage_bps=100)


def perp(side, outcome, size=WAD, **changes):
    leg = Leg("perp", WETH.address, side, quantity_min=size, quantity_max=size)
    return swap(7, outcome=outcome, legs=(leg,), limits=FREE, **changes)


def wired(side, receiver=ZERO_ADDRESS):
    leg = Leg("collateral", USDC.address, side, quantity_min=USD, quantity_max=USD)
    return swap(7, outcome=side, legs=(leg,), receiver=receiver)


RISK, LESS, CLOSING = (
    perp("buy", "openPerp"),
    perp("sell", "openPerp"),
    perp("sell", "closePerp"),
)
TAKEN = {
    "HEALTHY": {"risk", "less", "closing", "withdrawal", "deposit", "turning"},
    "WARNING": {"risk", "less", "closing", "withdrawal", "deposit", "turning"},
    "REDUCE_ONLY": {"less", "closing", "deposit"},
    "LIQUIDATING": {"deposit"},
    "BANKRUPT": {"deposit"},
    "CLOSED": {"deposit"},
}
CODES = {"REDUCE_ONLY": "reduceOnly", "CLOSED": "accountClosed"}


def held(state):
    """A long of two perps with 4,000 of equity."""
    positions = (Position(Instrument(1, Kind.PERP).id, 2 * WAD),)
    return Account(ACCOUNT, -4_000 * USD, positions, health=Health(state))


def refused(intent, state, scheme="eip712"):
    signed, account = SignedIntent(intent, scheme, b""), held(state)
    program = compile_intent(intent, account, SNAPSHOT, scheme)
    found = standing_refusal(signed, program, account, SNAPSHOT)
    assert is_standing(signed, account, SNAPSHOT) == (found is None)
    return found


@pytest.mark.parametrize("state", sorted(TAKEN))
@pytest.mark.parametrize(
    ("name", "intent"),
    [
        ("risk", RISK),
        ("less", LESS),
        ("closing", CLOSING),
        ("turning", perp("sell", "openPerp", 5 * WAD)),
        ("withdrawal", wired("withdraw", "0x" + "11" * 20)),
        ("deposit", wired("deposit")),
    ],
)
def test_what_each_state_takes(state, name, intent):
    found = refused(intent, state, "permit2" if name == "deposit" else "eip712")
    if name in TAKEN[state]:
        assert found is None
    else:
        assert found is not None
        assert (found.code, found.state) == (CODES.get(state, "liquidating"), state)


def test_a_mandate_cures_what_is_being_liquidated_and_adds_nothing():
    assert refused(CLOSING, "LIQUIDATING", "mandate") is None
    assert refused(LESS, "BANKRUPT", "mandate") is None
    assert refused(RISK, "LIQUIDATING", "mandate") is not None


def test_what_goes_from_wallet_to_wallet_is_none_of_the_accounts_business():
    elsewhere = swap(7, receiver="0x" + "11" * 20)
    assert refused(elsewhere, "LIQUIDATING", "permit2") is None
    assert refused(elsewhere, "LIQUIDATING") is not None


@pytest.mark.asyncio
async def test_the_door_says_why(tmp_path):
    async with warding(tmp_path) as ward:
        await ward.hold(2, 4_000)
        event = HealthChanged("HEALTHY", "REDUCE_ONLY", "", "simple", 3, 4, 2, 0, "aa", 1000, "")
        await ward.record((ACCOUNT, event))
        answer = await ward.served.submit(RISK)
        assert (answer.status_code, answer.json()["code"]) == (409, "reduceOnly")
        assert answer.json()["data"] == {"health": "REDUCE_ONLY"}
        assert (await ward.served.submit(LESS)).status_code == 202
        view = await ward.served.http.get(f"/v1/accounts/{ACCOUNT.owner}/0")
        assert view.json()["health"] == {
            "state": "REDUCE_ONLY",
            "since": "1970-01-01T00:00:01Z",
            "breaches": 0,
        }
        quoted = {"request": {"outcome": "openPerp", "instrument": "ETH-PERP", "side": "buy"}}
        quoted["request"]["size"] = "1"
        quoted["terms"] = {"owner": ACCOUNT.owner, "slippageBps": "100", "maxFee": "1"}
        unfit = await ward.served.http.post("/v1/quotes", json=quoted)
        assert (unfit.status_code, unfit.json()["code"]) == (409, "reduceOnly")


@pytest.mark.parametrize("engine", [SIMPLE, PORTFOLIO])
def test_a_hedge_is_let_in_though_only_portfolio_counts_it(engine):
    market = SNAPSHOT.underlyings[0]
    put = Instrument(1, Kind.PUT, market.expiries[0], market.strikes_at(market.expiries[0])[0])
    leg = exact_option(WETH.address, "buy", put, 2 * WAD)._replace(limit_price=0)
    bought = swap(7, outcome="buyOption", legs=(leg,), limits=FREE)
    account = held("REDUCE_ONLY")._replace(engine=engine)
    assert is_standing(SignedIntent(bought, "eip712", b""), account, SNAPSHOT)
    assert not is_standing(SignedIntent(RISK, "eip712", b""), account, SNAPSHOT)
    after = account._replace(positions=(*account.positions, Position(put.id, 2 * WAD)))
    assert figures(after, SNAPSHOT) == figures(account, SNAPSHOT), "SIMPLE sees no long option"
