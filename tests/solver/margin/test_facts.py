"""From prices and positions to facts: favourable bounds, silence, parameters younger than a day."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.account import PORTFOLIO
from solver.domain.health import ENDING, Health
from solver.domain.risk import MarketRisk
from solver.margin.facts import facts, risk_view
from solver.margin.health import step
from solver.margin.predictive import in_force
from solver.margin.requirement import ENGINES
from solver.margin.simple import figures
from tests.solver.margin.test_breach import ACCOUNTS
from tests.solver.pricing.world import PERP, WAD, account, bitcoin, ether, snapshot

USD = 10**6


def test_facts_are_the_requirement_at_a_hash_without_pools():
    world = snapshot(gas_price=5)
    held = account((PERP, 2 * WAD), cash=-7000 * USD)
    found, simple = facts(held, risk_view(world)), figures(held, world)
    assert (found.equity, found.initial) == (simple.equity, simple.requirement)
    assert found.equity - found.maintenance == simple.maintenance
    assert (found.best_equity, found.best_maintenance) == (found.equity, found.maintenance)
    assert found.prices == ((1, 4000 * WAD),)
    other = risk_view(world._replace(gas_price=6))
    assert found.snapshot == risk_view(world).hash.hex() == other.hash.hex()


@pytest.mark.parametrize(("quantity", "price"), [(1, 4100), (-1, 3900)])
def test_while_unsure_the_bound_that_favours_the_account_counts(quantity, price):
    unsure = ether(confidence=100 * WAD, oracle_state="UNCERTAIN")
    held = account((PERP, quantity * WAD), cash=-quantity * 3900 * USD)
    found = facts(held, snapshot(unsure))
    best = figures(held, snapshot(ether(price=price * WAD)))
    assert (found.best_equity, found.best_maintenance) == (
        best.equity,
        best.equity - best.maintenance,
    )
    assert found.oracle == "UNCERTAIN"


@given(ACCOUNTS)
def test_the_favourable_bound_is_never_worse(held):
    for state in ("UNCERTAIN", "DEGRADED"):
        found = facts(held, snapshot(ether(confidence=40 * WAD, oracle_state=state)))
        room = found.best_equity - found.best_maintenance
        assert room >= found.equity - found.maintenance


@pytest.mark.parametrize("wrong", [ether(oracle_state="HALT"), ether(price=0), bitcoin()])
def test_a_market_without_a_price_is_silent_and_its_facts_move_nobody(wrong):
    found = facts(account((PERP, WAD), cash=-(10**12)), snapshot(wrong))
    assert found.oracle == "HALT"
    assert step(Health(), found) == Health()


def test_only_what_can_lose_is_open():
    assert not facts(account(cash=5), snapshot()).is_open
    assert facts(account(cash=-5), snapshot()).is_open
    assert facts(account((PERP, 1)), snapshot()).is_open


RISKS = st.builds(
    lambda spot, up, down, daily, depth: MarketRisk("new", spot, spot, up, down, daily, depth),
    st.integers(60_000, 290_000),
    st.integers(100_000, 1_500_000),
    st.integers(50_000, 900_000),
    st.integers(10_000, 200_000),
    st.sampled_from((0, WAD, 1000 * WAD)),
)


@given(ACCOUNTS, RISKS, RISKS, st.integers(0, 86_399), st.sampled_from(ENGINES))
def test_a_change_of_parameters_alone_liquidates_nobody(held, old, new, age, engine):
    """Whatever a re-estimate says, it is in no maintenance before it is a day old."""
    before = facts(held, snapshot(ether(risk=old)), engine)
    once = step(Health(), before)
    risk = in_force(new, old, age, moved=False)
    after = facts(held, snapshot(ether(risk=risk)), engine)
    assert before.is_breached or not after.is_breached
    for second in (1, 2):
        found = after._replace(time_ms=after.time_ms + second)
        if not before.is_breached:
            once = step(once, found)
            assert once.state not in ENDING


@given(ACCOUNTS)
def test_who_passes_simple_is_not_breached_by_any_report(held):
    found = facts(held, snapshot(), PORTFOLIO)
    if figures(held, snapshot()).maintenance >= 0:
        assert not found.is_breached
