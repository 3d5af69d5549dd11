"""The gate over a copy of the account: what the chain would refuse, and what only we see."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.simulate import simulate
from solver.domain.account import PORTFOLIO, SIMPLE, Account, Position
from solver.domain.errors import Infeasible
from solver.domain.health import Health
from solver.domain.ids import ZERO_ADDRESS
from solver.domain.instrument import Instrument, Kind
from solver.domain.intent import Limits
from solver.domain.program import CollateralFlow, Program
from solver.domain.route import Certificate, Fill, Pull, Solution
from solver.margin.attested import fenced, statement
from solver.margin.simple import figures
from solver.pricing.marks import mark_of
from tests.app.api.server import ACCOUNT, USDC, WAD, board

SNAPSHOT = board().snapshot()
PERP, BASE = Instrument(1, Kind.PERP).id, Instrument(1, Kind.BASE).id
CALL = Instrument(1, Kind.CALL, SNAPSHOT.underlyings[0].expiries[0], 4_200 * WAD).id


def traded(quantity, held=0, state="OK", cash=10**12, health="HEALTHY", **limits):
    """Simulates a fill of the perp at its mark on an account that holds some."""
    gate = {name: limits.pop(name) for name in ("is_mandated", "breaker") if name in limits}
    market = SNAPSHOT.underlyings[0]._replace(oracle_state=state)
    positions = (Position(PERP, held),) if held else ()
    account = Account(ACCOUNT, cash - held * 4_000 * 10**6 // WAD, positions)
    account = account._replace(health=Health(health))
    program = Program(ACCOUNT, ZERO_ADDRESS, limits=Limits(USDC.address, **limits))
    fills = (Fill(0, PERP, quantity, 4_000 * WAD, None),)
    solution = Solution(b"", (), (), (), fills, 0, 0, Certificate(0, 0, 0))
    world = SNAPSHOT._replace(underlyings=(market,))
    return simulate(program, solution, account, world, **gate)


def test_a_margin_bound_holds_at_its_edge_and_not_beyond():
    used = traded(WAD).margin_rise
    assert used == 400 * 10**6
    assert traded(WAD, max_margin_used=used).margin_rise == used
    with pytest.raises(Infeasible) as caught:
        traded(WAD, max_margin_used=used - 1)
    assert caught.value.code == "marginUsed"


def test_an_account_that_would_be_under_margined_is_refused():
    assert traded(WAD, cash=400 * 10**6).margin_after.initial == 0
    with pytest.raises(Infeasible) as caught:
        traded(WAD, cash=400 * 10**6 - 1)
    assert caught.value.code == "marginBreached"


def test_a_breach_that_does_not_grow_may_go_on():
    assert traded(-WAD, held=2 * WAD, cash=10**6).margin_after.initial < 0


def sold_calls(*pulls, cash=-4_000 * 10**6, **limits):
    """Simulates the sale of ten calls against ten base that were bought on credit."""
    account = Account(ACCOUNT, cash, (Position(BASE, 10 * WAD),))
    program = Program(ACCOUNT, ZERO_ADDRESS, limits=Limits(USDC.address, **limits))
    fills = (Fill(0, CALL, -10 * WAD, 150 * WAD, None),)
    solution = Solution(b"", pulls, (), (), fills, 0, 0, Certificate(0, 0, 0))
    return simulate(program, solution, account, SNAPSHOT)


def test_simple_decides_where_it_suffices():
    assert sold_calls().engine == SIMPLE


def test_portfolio_lets_pass_what_only_it_finds_safe():
    found = sold_calls(cash=-28_000 * 10**6)
    assert found.engine == PORTFOLIO
    assert figures(found.after, SNAPSHOT).initial < 0 <= found.margin_after.initial
    stated = statement(found.after, SNAPSHOT)
    assert found.margin_after == fenced(found.after, SNAPSHOT, stated)


def test_what_neither_engine_finds_safe_is_refused_by_the_first():
    with pytest.raises(Infeasible) as caught:
        sold_calls(cash=-39_000 * 10**6)
    assert caught.value.code == "marginBreached"


def test_collateral_leaves_under_simple_only():
    pull = Pull(0, USDC.address, 1, False)
    with pytest.raises(Infeasible) as caught:
        sold_calls(pull, cash=-28_000 * 10**6)
    assert caught.value.code in ("marginBreached", "insufficientCollateral")


@pytest.mark.parametrize("state", ["UNCERTAIN", "DEGRADED", "HALT"])
@pytest.mark.parametrize(("held", "quantity"), [(0, 1), (0, -1), (1, 1), (1, -3)])
def test_no_new_risk_on_a_price_in_dispute(state, held, quantity):
    assert traded(quantity * WAD, held * WAD)
    with pytest.raises(Infeasible) as caught:
        traded(quantity * WAD, held * WAD, state)
    assert caught.value.code == "oracleNotOk"


@pytest.mark.parametrize("state", ["UNCERTAIN", "DEGRADED", "HALT"])
@pytest.mark.parametrize(("held", "quantity"), [(2, -1), (1, -1), (-3, 2)])
def test_less_risk_is_always_allowed(held, quantity, state):
    assert traded(quantity * WAD, held * WAD, state)


REFUSED = {
    "REDUCE_ONLY": "reduceOnly",
    "LIQUIDATING": "liquidating",
    "BANKRUPT": "liquidating",
    "CLOSED": "accountClosed",
}


@pytest.mark.parametrize("health", sorted(REFUSED))
def test_an_account_in_trouble_takes_no_risk(health):
    with pytest.raises(Infeasible) as caught:
        traded(WAD, held=WAD, health=health)
    assert caught.value.code == REFUSED[health]
    assert traded(WAD, held=WAD, health="WARNING")


def test_reduce_only_takes_what_reduces_and_liquidation_only_under_a_mandate():
    assert traded(-WAD, held=2 * WAD, health="REDUCE_ONLY")
    assert traded(-WAD, held=2 * WAD, health="LIQUIDATING", is_mandated=True)
    with pytest.raises(Infeasible) as caught:
        traded(-WAD, held=2 * WAD, health="LIQUIDATING")
    assert caught.value.code == "liquidating"
    with pytest.raises(Infeasible) as caught:
        traded(WAD, held=2 * WAD, health="LIQUIDATING", is_mandated=True)
    assert caught.value.code == "liquidating"


def test_a_reducing_breaker_binds_the_auction_too():
    assert traded(-WAD, held=2 * WAD, breaker="reducing")
    with pytest.raises(Infeasible) as caught:
        traded(WAD, held=2 * WAD, breaker="reducing")
    assert caught.value.code == "reducing"


def moved(flow, held, health="HEALTHY", state="OK"):
    """Simulates a deposit (+) or withdrawal (-) of cash by an account that holds a perp or none."""
    market = SNAPSHOT.underlyings[0]._replace(oracle_state=state)
    positions = (Position(PERP, held),) if held else ()
    account = Account(ACCOUNT, 10**12, positions, health=Health(health))
    side = "deposit" if flow > 0 else "withdraw"
    legs = (CollateralFlow(0, USDC.address, side, abs(flow), abs(flow)),)
    program = Program(ACCOUNT, ZERO_ADDRESS, collateral=legs, limits=Limits(USDC.address))
    program = program._replace(receiver=ZERO_ADDRESS if flow > 0 else "0x" + "11" * 20)
    pulls = (Pull(0, USDC.address, abs(flow), is_from_wallet=flow > 0),)
    solution = Solution(b"", pulls, (), (), (), 0, 0, Certificate(0, 0, 0))
    return simulate(program, solution, account, SNAPSHOT._replace(underlyings=(market,)))


@pytest.mark.parametrize("health", ["HEALTHY", *REFUSED])
@pytest.mark.parametrize("state", ["OK", "UNCERTAIN", "DEGRADED", "HALT"])
def test_a_deposit_is_always_taken(health, state):
    assert moved(5, WAD, health, state).after.cash == 10**12 + 5


@pytest.mark.parametrize(
    ("held", "health", "state", "code"),
    [
        (WAD, "HEALTHY", "OK", None),
        (WAD, "WARNING", "UNCERTAIN", None),
        (WAD, "HEALTHY", "HALT", "oracleNotOk"),
        (0, "HEALTHY", "HALT", None),
        (WAD, "REDUCE_ONLY", "OK", "reduceOnly"),
        (WAD, "LIQUIDATING", "OK", "liquidating"),
        (0, "CLOSED", "OK", None),
    ],
)
def test_a_withdrawal_needs_health_and_a_price(held, health, state, code):
    if code is None:
        assert moved(-5, held, health, state).after.cash == 10**12 - 5
        return
    with pytest.raises(Infeasible) as caught:
        moved(-5, held, health, state)
    assert caught.value.code == code


@given(st.integers(-4, 4), st.integers(-8, 8), st.integers(0, 4_000))
def test_what_reduce_only_lets_pass_never_raises_the_requirement(held, quantity, cash):
    try:
        found = traded(quantity * WAD, held * WAD, cash=cash * 10**6, health="REDUCE_ONLY")
    except Infeasible:
        return
    before, after = found.margin_before, found.margin_after
    assert after.requirement <= before.requirement
    assert quantity == 0 or after.initial > before.initial


PUT = Instrument(1, Kind.PUT, SNAPSHOT.underlyings[0].expiries[0], 4_000 * WAD).id


def hedged(quantity, puts=0, **changes):
    """Simulates a trade of puts on perps that PORTFOLIO finds thinly margined."""
    held = (Position(PERP, 10 * WAD), *((Position(PUT, puts * WAD),) if puts else ()))
    account = Account(ACCOUNT, -35_400 * 10**6, held, health=Health("REDUCE_ONLY"))
    account = account._replace(**changes)
    mark = mark_of(PUT, SNAPSHOT)
    fills = (Fill(0, PUT, quantity * WAD, mark, None),)
    solution = Solution(b"", (), (), (), fills, 0, 0, Certificate(0, 0, 0))
    program = Program(ACCOUNT, ZERO_ADDRESS, limits=Limits(USDC.address))
    return simulate(program, solution, account, SNAPSHOT)


def test_reduce_only_takes_a_hedge_that_only_portfolio_counts():
    with_room = {"cash": -33_000 * 10**6}
    found = hedged(10, engine=PORTFOLIO, **with_room)
    assert found.margin_after.initial < found.margin_before.initial, "SIMPLE sees the premium only"
    assert hedged(10, **with_room).engine == PORTFOLIO, "who enters PORTFOLIO by it is out too"


def test_reduce_only_under_portfolio_keeps_the_hedges_that_simple_does_not_see():
    simple = hedged(-10, puts=10, engine=SIMPLE)
    assert simple.margin_after.initial > simple.margin_before.initial, "a premium, and no risk"
    with pytest.raises(Infeasible) as caught:
        hedged(-10, puts=10, engine=PORTFOLIO)
    assert caught.value.code == "reduceOnly"
