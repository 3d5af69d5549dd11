"""The state machine's laws on random histories, and its table row by row."""

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.account import Account
from solver.domain.event import body_of, event_of
from solver.domain.health import ENDING, RANK, Health, prices_of
from solver.domain.ids import AccountId
from solver.ledger import apply, fold
from solver.margin.health import (
    BREAKER_STATES,
    HALT,
    OK,
    ORACLE_STATES,
    REVERSAL_MS,
    Action,
    Facts,
    allowed,
    judgement,
    may_liquidate,
    reduces,
    step,
)

ACCOUNT = Account(AccountId(31338, "0x" + "a1" * 20, 0))
START = 1_795_000_000_000
PRICE = 4_000 * 10**18


def facts(equity, initial=100, maintenance=65, **changes):
    """At the first snapshot, all well but for the figures."""
    made = Facts(
        "00", START, ((1, PRICE),), OK, "simple", equity, initial, maintenance, equity, maintenance,
        is_open=True,
    )  # fmt: skip
    return made._replace(**changes)


def later(found, seconds):
    return found._replace(time_ms=found.time_ms + 1000 * seconds, snapshot=f"{seconds:02x}")


FIGURES = st.integers(-30, 200)
FACTS = st.builds(
    lambda e, m, extra, room, oracle, flags, likely, bps: facts(
        e,
        m + extra,
        m,
        oracle=oracle,
        best_equity=e + (room if oracle != OK else 0),
        is_open=flags[0],
        is_sold_out=flags[1],
        breach_ppm=likely,
        prices=((1, PRICE + PRICE * bps // 10_000),),
    ),
    FIGURES,
    st.integers(0, 100),
    st.integers(0, 60),
    st.integers(0, 20),
    st.sampled_from((OK, OK, OK, *ORACLE_STATES)),
    st.tuples(st.sampled_from((True, True, True, False)), st.booleans()),
    st.sampled_from((0, 0, 4_999, 5_000, 10_000, 10_001)),
    st.integers(-30, 30),
)
HEALTHS = st.builds(
    Health,
    state=st.sampled_from(sorted(RANK)),
    since_ms=st.sampled_from((0, START - 20_000, START - 3_000)),
    breaches=st.integers(0, 2),
    snapshot=st.sampled_from(("", "fe")),
    time_ms=st.sampled_from((0, START - 1_000, START, START + 1_000)),
    prices=st.sampled_from(("", f"1:{PRICE}")),
    is_worse=st.booleans(),
    turned_ms=st.sampled_from((0, START - 20_000, START - 3_000)),
    is_funded=st.booleans(),
)
# A history: what each snapshot says, and how many seconds after the one before it comes.
HISTORIES = st.lists(st.tuples(FACTS, st.integers(0, 12)), min_size=1, max_size=30)


def lived(history):
    """Returns (account, events): every snapshot judged in turn."""
    account, events, time = ACCOUNT, [], 0
    for place, (found, seconds) in enumerate(history):
        time += seconds
        found = found._replace(time_ms=START + 1000 * time, snapshot=f"{place:04x}")
        event = judgement(account.health, found)
        if event is not None:
            events.append(event)
            account = apply(account, event)
    return account, events


@given(HEALTHS, FACTS)
def test_every_state_has_a_next_one(health, found):
    after = step(health, found)
    assert after.state in RANK
    assert 0 <= after.breaches <= 2


@given(HEALTHS, FACTS)
def test_one_snapshot_judges_once(health, found):
    once = step(health, found)
    assert step(once, found) == once


@given(HISTORIES)
def test_a_replay_of_the_log_ends_in_the_same_hash(history):
    account, events = lived(history)
    wired = [event_of(type(e).__name__, body_of(e)) for e in events]
    doubled = itertools.chain.from_iterable(itertools.repeat(event, 2) for event in wired)

    def digest(held):
        return hashlib.sha256(repr(held).encode()).digest()

    assert digest(fold(ACCOUNT, wired)) == digest(account)
    assert digest(fold(ACCOUNT, doubled)) == digest(account)


@given(HEALTHS, FACTS, st.integers(0, 100), st.integers(0, 10_001))
def test_a_deposit_never_worsens_the_state(health, found, deposit, safer):
    richer = found._replace(
        equity=found.equity + deposit,
        best_equity=found.best_equity + deposit,
        breach_ppm=max(found.breach_ppm - safer, 0),
    )
    poor, rich = step(health, found), step(health, richer)
    assert RANK[rich.state] <= RANK[poor.state]
    assert rich.breaches <= poor.breaches or health.state in ENDING


@given(HISTORIES)
def test_nobody_is_liquidated_without_a_stored_breach(history):
    _, events = lived(history)
    seen = 0
    for event in events:
        if event.to_state in ENDING and event.from_state not in ENDING:
            assert event.equity < event.maintenance
            assert seen >= 1 or 3 * event.equity < 2 * event.maintenance
        seen = event.breaches if event.to_state not in ENDING else 0


@given(HISTORIES)
def test_one_reversal_in_ten_seconds_unless_prices_moved(history):
    health, time, turns = Health(), 0, []
    for place, (found, seconds) in enumerate(history):
        time += seconds
        found = found._replace(time_ms=START + 1000 * time, snapshot=f"{place:04x}")
        after = step(health, found)
        if after.turned_ms != health.turned_ms or (
            after.state != health.state
            and after.is_worse != health.is_worse
            and health.since_ms > 0
        ):
            then = dict(prices_of(health.prices)).get(1, PRICE)
            turns.append((found.time_ms, abs(found.prices[0][1] - then) * 10_000 > 10 * then))
        health = after
    for (before, _), (now, has_moved) in itertools.pairwise(turns):
        assert now - before >= REVERSAL_MS or has_moved


@given(HEALTHS, FACTS)
def test_a_silent_oracle_moves_nobody_who_holds_something(health, found):
    silent = found._replace(oracle=HALT, is_open=True)
    assert step(health, silent) == health
    assert not may_liquidate(health, silent)


@given(HEALTHS, FACTS)
def test_an_unsure_oracle_ends_nobody_who_passes_at_the_favourable_bound(health, found):
    unsure = found._replace(oracle="UNCERTAIN", best_equity=found.best_maintenance)
    assert not may_liquidate(health, unsure)
    if health.state not in ENDING:
        assert step(health, unsure).state not in ENDING


@pytest.mark.parametrize(
    ("equity", "state"),
    [
        (110, "HEALTHY"),
        (109, "WARNING"),
        (100, "WARNING"),
        (99, "REDUCE_ONLY"),
        (65, "REDUCE_ONLY"),
        (64, "REDUCE_ONLY"),
        (44, "REDUCE_ONLY"),
        (43, "LIQUIDATING"),
        (1, "LIQUIDATING"),
        (0, "BANKRUPT"),
        (-5, "BANKRUPT"),
    ],
)
def test_one_snapshot_takes_a_healthy_account_to(equity, state):
    assert step(Health(), facts(equity)).state == state


@pytest.mark.parametrize(
    ("state", "equity", "after"),
    [
        ("WARNING", 111, "WARNING"),
        ("WARNING", 112, "HEALTHY"),
        ("REDUCE_ONLY", 99, "REDUCE_ONLY"),
        ("REDUCE_ONLY", 100, "WARNING"),
        ("REDUCE_ONLY", 112, "HEALTHY"),
        ("LIQUIDATING", 74, "LIQUIDATING"),
        ("LIQUIDATING", 75, "REDUCE_ONLY"),
        ("LIQUIDATING", 0, "BANKRUPT"),
        ("BANKRUPT", 74, "BANKRUPT"),
        ("BANKRUPT", 75, "REDUCE_ONLY"),
        ("LIQUIDATING", 120, "HEALTHY"),
    ],
)
def test_the_way_back_has_room(state, equity, after):
    assert step(Health(state), facts(equity)).state == after


def test_the_second_valid_snapshot_in_a_row_liquidates():
    breached = facts(60)
    once = step(Health(), breached)
    assert (once.state, once.breaches) == ("REDUCE_ONLY", 1)
    assert step(once, later(breached, 1)).state == "LIQUIDATING"
    silent = step(once, later(breached, 1)._replace(oracle=HALT))
    assert step(silent, later(breached, 2)).state == "LIQUIDATING"
    between = step(once, later(facts(70), 1))
    assert (between.state, between.breaches) == ("REDUCE_ONLY", 0)
    assert step(between, later(breached, 2)).state == "REDUCE_ONLY"


def test_a_breach_long_ago_is_not_in_a_row_with_one_of_now():
    breached = facts(60)
    once = step(Health(), breached)
    assert step(once, later(breached, 600)).state == "LIQUIDATING"
    anew = step(once, later(breached, 601))
    assert (anew.state, anew.breaches, anew.time_ms) == ("REDUCE_ONLY", 1, START + 601_000)
    assert step(anew, later(breached, 602)).state == "LIQUIDATING"


def test_a_clock_that_a_reorg_set_back_delays_nothing_for_long():
    breached = facts(60)
    ahead = step(Health(), later(breached, 3_600))
    back = step(ahead, breached)
    assert (back.state, back.breaches) == ("REDUCE_ONLY", 1)
    assert step(back, later(breached, 1)).state == "LIQUIDATING"
    failing = step(Health("WARNING", START, is_worse=True), later(facts(90), 3_600))
    turned = step(failing, later(facts(105), 3_600))
    assert turned.state == "WARNING"
    assert turned.turned_ms == START + 3_600_000
    assert step(turned, later(facts(90), 3_605)).state == "WARNING"
    assert step(turned, facts(90)).state == "REDUCE_ONLY"


@pytest.mark.parametrize("doubt", ["UNCERTAIN", "DEGRADED", HALT])
def test_a_price_in_doubt_now_and_then_lets_nobody_escape_and_ends_nobody(doubt):
    breached = facts(60)
    unsure = breached._replace(oracle=doubt, best_equity=66)
    once = step(Health(), breached)
    between = step(once, later(unsure, 1))
    assert (between.state, between.breaches) == ("REDUCE_ONLY", 1)
    assert step(between, later(unsure, 2)).state == "REDUCE_ONLY"
    assert step(between, later(breached, 3)).state == "LIQUIDATING"
    well = step(between, later(facts(66)._replace(oracle="UNCERTAIN"), 2))
    assert well.breaches == 0  # above maintenance at the price itself: that is a valid snapshot


@given(st.lists(st.tuples(st.integers(0, 64), st.integers(1, 3)), min_size=12, max_size=40))
def test_deposits_of_dust_below_maintenance_buy_at_most_ten_seconds(history):
    """Whoever shows a breach at every snapshot is liquidated ten seconds after it began."""
    health, time = step(Health("WARNING", START, turned_ms=START), facts(64)), 0
    for equity, seconds in history:
        time += seconds
        health = step(health, later(facts(equity), time))
        if time > REVERSAL_MS // 1000:
            assert health.state in ENDING


def test_a_likely_breach_warns_until_it_is_unlikely():
    warned = step(Health(), facts(150, breach_ppm=10_001))
    assert warned.state == "WARNING"
    assert step(warned, later(facts(150, breach_ppm=5_000), 11)).state == "WARNING"
    assert step(warned, later(facts(150, breach_ppm=4_999), 11)).state == "HEALTHY"


def test_who_has_nothing_left_is_closed_until_a_deposit():
    closed = step(Health("BANKRUPT"), facts(0, 0, 0, is_open=False))
    assert closed.state == "CLOSED"
    assert step(closed, later(facts(9, 0, 0, is_open=False), 20)) == closed
    funded = closed._replace(is_funded=True)
    assert step(funded, later(facts(9, 0, 0, is_open=False), 20)).state == "HEALTHY"
    assert step(Health("WARNING"), facts(5, 0, 0, is_open=False)).state == "HEALTHY"


def test_an_auction_down_to_nothing_bankrupts():
    assert step(Health("LIQUIDATING"), facts(10, is_sold_out=True)).state == "BANKRUPT"
    assert step(Health(), facts(120, is_sold_out=True)).state == "HEALTHY"


@pytest.mark.parametrize("breaker", BREAKER_STATES)
@pytest.mark.parametrize("oracle", ORACLE_STATES)
@pytest.mark.parametrize("health", sorted(RANK))
def test_what_is_allowed_is_in_every_table(health, oracle, breaker):
    cell = allowed(health, oracle, breaker)
    assert {Action.CANCEL, Action.DEPOSIT} <= cell
    assert cell == allowed(health) & allowed("HEALTHY", oracle, breaker) | (
        cell & {Action.LIQUIDATE, Action.DELEVERAGE}
    )
    if (oracle, breaker) != (OK, "active") or RANK[health] > 1 or health == "CLOSED":
        assert Action.RISK not in cell
    if health in ENDING:
        assert cell.isdisjoint({Action.WITHDRAW, Action.LEAVE, Action.REDUCE, Action.RISK})
    if oracle == HALT:
        assert cell.isdisjoint({Action.LIQUIDATE, Action.DELEVERAGE, Action.WITHDRAW})
        assert (Action.REDUCE in cell) == (
            RANK[health] < 3 and health != "CLOSED" and breaker != "halted"
        )
    if breaker == "halted":
        assert Action.LIQUIDATE not in cell


@given(*[st.tuples(FIGURES, st.integers(0, 200))] * 2)
def test_what_reduces_never_raises_the_requirement(before, after):
    if reduces(before, after):
        assert after[1] <= before[1]
        assert after[0] - after[1] > before[0] - before[1]
