"""What the ledger keeps of a judgement: told twice is told once, nobody is liquidated unseen."""

import pytest

from solver.domain.account import Account
from solver.domain.errors import Broken
from solver.domain.event import BaseMoved, CashMoved, HealthChanged, body_of, event_of
from solver.domain.health import CLOSED, HEALTHY, Health, prices_of, wire_prices
from solver.domain.ids import AccountId
from solver.ledger import apply

ACCOUNT = Account(AccountId(31338, "0x" + "a1" * 20, 0))
CALLED = HealthChanged(
    "HEALTHY", "REDUCE_ONLY", "maintenanceBreached", "simple", 90, 150, 100, 1, "aa", 1000, "1:5"
)


def moved(before, to, time_ms, **changes):
    event = CALLED._replace(
        from_state=before.health.state, to_state=to, time_ms=time_ms, snapshot=f"{time_ms:02x}"
    )
    return apply(before, event._replace(**changes))


def test_an_event_survives_the_wire():
    assert event_of("HealthChanged", body_of(CALLED)) == CALLED
    prices = ((2, 3), (1, 10**21))
    assert prices_of(wire_prices(prices)) == tuple(sorted(prices))
    assert prices_of(wire_prices(())) == ()


def test_a_judgement_is_folded_whole_and_once():
    after = apply(ACCOUNT, CALLED)
    assert after.health == Health("REDUCE_ONLY", 1000, 1, "aa", 1000, "1:5", is_worse=True)
    assert apply(after, CALLED) == after
    seen = apply(after, CALLED._replace(from_state="REDUCE_ONLY", breaches=0, time_ms=2000))
    assert (seen.health.breaches, seen.health.since_ms, seen.health.time_ms) == (0, 1000, 2000)


def test_only_a_change_of_direction_is_a_turn():
    worse = moved(moved(ACCOUNT, "WARNING", 1000), "REDUCE_ONLY", 2000)
    assert worse.health.turned_ms == 0
    better = moved(worse, "WARNING", 3000)
    assert (better.health.turned_ms, better.health.is_worse) == (3000, False)
    assert moved(better, "HEALTHY", 4000).health.turned_ms == 3000
    assert moved(better, "REDUCE_ONLY", 5000).health.turned_ms == 5000


@pytest.mark.parametrize(
    "wrong",
    [
        CALLED._replace(from_state="WARNING"),
        CALLED._replace(to_state="POOR"),
        CALLED._replace(to_state="LIQUIDATING", equity=100),
        CALLED._replace(to_state="BANKRUPT", equity=101),
    ],
)
def test_what_cannot_have_been_judged_is_broken(wrong):
    with pytest.raises(Broken):
        apply(ACCOUNT, wrong)


def test_a_deposit_and_nothing_else_opens_a_closed_account():
    closed = ACCOUNT._replace(health=Health(CLOSED))
    assert apply(closed, CashMoved(1, "", 0)).health.is_funded
    assert apply(closed, BaseMoved(1 << 144, 1, "", 0)).health.is_funded
    assert not apply(closed, CashMoved(-1, "", 0)).health.is_funded
    assert not apply(ACCOUNT, CashMoved(1, "", 0)).health.is_funded
    reopened = moved(apply(closed, CashMoved(1, "", 0)), HEALTHY, 7)
    assert reopened.health == Health(HEALTHY, 7, 1, "07", 7, "1:5")
