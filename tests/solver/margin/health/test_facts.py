"""From prices and positions to facts: favourable bounds, silence, parameters younger than a day."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.account import PORTFOLIO, Account
from solver.domain.event import CashMoved, Event, PositionSeized
from solver.domain.health import ENDING, Health
from solver.domain.risk import MarketRisk
from solver.ledger import apply, fold
from solver.margin.health import judgement, step
from solver.margin.health.facts import facts, risk_view
from solver.margin.liquidation.auction import (
    Sale,
    fee_of,
    payment_of,
    payout_of,
    price_at,
    slice_of,
    slice_taken,
)
from solver.margin.predictive import in_force
from solver.margin.requirement import ENGINES, requirement
from solver.margin.simple import figures
from tests.solver.margin.health.test_breach import ACCOUNTS
from tests.solver.pricing.world import PERP, PUT, WAD, account, bitcoin, ether, snapshot

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


def test_nobody_is_bankrupt_who_owns_longs_that_simple_does_not_count():
    """A perp hedged by puts has fallen: SIMPLE sees the loss alone, the marks see both."""
    low = snapshot(ether(price=3_000 * WAD))
    hedged = account((PERP, WAD), (PUT, WAD), cash=-3_200 * USD)  # the put is worth 500 and more
    found = facts(hedged, low)
    assert found.equity == -200 * USD
    assert found.worth is not None
    assert found.worth > 300 * USD
    assert step(Health(), found).state == "LIQUIDATING"
    bare = facts(account((PERP, WAD), cash=-3_200 * USD), low)
    assert (bare.worth, step(Health(), bare).state) == (-200 * USD, "BANKRUPT")


@given(ACCOUNTS)
def test_the_marks_are_portfolios_equity(held):
    found = facts(held, snapshot())
    if found.worth is not None:
        assert abs(found.worth - requirement(held, snapshot(), PORTFOLIO).equity) <= len(held) * 2


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


def sold(held, bidder, fund, sale, elapsed):
    """Returns the three accounts after what the auction lets go at its price, or what the fund
    pays a bidder for where the account is bankrupt; every move an event of each log."""
    if sale.is_bankrupt:
        fraction, price = WAD, 0
    else:
        price = price_at(elapsed)
        fraction = slice_of(sale, price)
    moved, cash = slice_taken(held, sale, fraction)
    flows = [(held, -cash), (bidder, cash)]
    if sale.is_bankrupt:
        paid = payout_of(sale, fraction, elapsed)
        flows += [(bidder, paid), (fund, -paid)]
        if sale.equity < 0:  # the fund takes over what is owed
            flows += [(held, -(held.cash - cash)), (fund, held.cash - cash)]
    else:
        paid = payment_of(sale, fraction, price)
        fee = fee_of(paid)
        flows += [(held, paid), (bidder, -paid), (held, -fee), (fund, fee)]
    after = []
    for each in (held, bidder, fund):
        mine = [amount for who, amount in flows if who is each and amount]
        events: list[Event] = [CashMoved(amount, "", 0) for amount in mine]
        sign = {id(held): -1, id(bidder): 1}.get(id(each), 0)
        events += [
            PositionSeized(p.instrument, sign * p.quantity, "", "", 0) for p in moved if sign
        ]
        after.append(fold(each, events))
    return after


@given(ACCOUNTS, st.integers(0, 15_000))
def test_each_sale_lowers_the_shortfall_or_escalates_and_money_is_kept(held, elapsed):
    """Breached accounts are sold slice by slice at whatever price the clock has come to."""
    world = snapshot()
    bidder = Account(held.id._replace(subaccount=1), 10**13)
    fund = Account(held.id._replace(subaccount=2), 10**12)
    total = held.cash + bidder.cash + fund.cash
    whole = {p.instrument: p.quantity for p in held.positions}
    unsold = held.cash
    for step_number in range(1, 5):
        at = snapshot(time=world.time + 20 * step_number)
        seen = facts(held, at)
        event = judgement(held.health, seen)
        held = held if event is None else apply(held, event)
        if held.health.state not in ENDING:
            assert held.health.state == "CLOSED" or not seen.is_breached or step_number == 1
            continue
        is_bankrupt = held.health.state == "BANKRUPT"
        sale = Sale(seen.equity, seen.equity - seen.maintenance, held.cash, unsold, is_bankrupt)
        before = max(seen.maintenance - seen.equity, 0)
        held, bidder, fund = sold(held, bidder, fund, sale, elapsed)
        unsold = held.cash
        left = facts(held, at)
        short = max(left.maintenance - left.equity, 0)
        assert short < before or short == 0 or step(held.health, left).state == "BANKRUPT"
        assert held.cash + bidder.cash + fund.cash == total
        for key, quantity in whole.items():
            assert held.quantity(key) + bidder.quantity(key) == quantity
