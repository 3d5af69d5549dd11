"""The next call to the auction follows from one block alone."""

from hypothesis import given
from hypothesis import strategies as st

from app.liquidator.duty import LATE_SECONDS, Act, Seen, Terms, duty
from solver.domain.numbers import WAD
from solver.margin.liquidation.auction import Sale, price_at, slice_of

USD = 10**6
TIME = 1_795_000_000
SICK = Seen(equity=1_000 * USD, maintenance=-200 * USD, cash=-500 * USD, has_positions=True)
RUNNING = SICK._replace(started_at=TIME - 20, unsold=-500 * USD)
TERMS = Terms()


def act(seen: Seen, time: int = TIME, *, may_sell: bool = True) -> Act | None:
    found = duty(seen, time, TERMS, may_sell=may_sell)
    return found.act if found else None


def test_a_breach_starts_an_auction_only_with_leave():
    assert act(SICK) is Act.START
    assert act(SICK, may_sell=False) is None
    assert act(SICK._replace(maintenance=0)) is None


def test_a_bid_waits_for_its_price_and_names_the_most_it_pays():
    assert act(RUNNING, TIME - 15) is None  # others may want it at .97
    found = duty(RUNNING, TIME, TERMS, may_sell=True)
    assert found is not None
    assert found.act is Act.BID
    assert 0 < found.max_pay(found.fraction) < 1_000 * USD
    assert found.fraction < WAD
    assert act(RUNNING, may_sell=False) is None


def test_a_bid_asks_for_what_restores_the_account_when_its_block_comes_late():
    found = duty(RUNNING, TIME, TERMS, may_sell=True)
    assert found is not None
    sale = Sale(RUNNING.equity, RUNNING.maintenance, RUNNING.cash, RUNNING.unsold)
    for late in range(LATE_SECONDS + 1):
        assert found.fraction >= slice_of(sale, price_at(20 + late))
    assert found.fraction < slice_of(sale, price_at(20)) * 11 // 10  # and hardly more


def test_a_restored_account_is_ended_whoever_sold_it():
    healed = RUNNING._replace(maintenance=900 * USD)
    assert act(healed, may_sell=False) is Act.END
    assert act(healed._replace(maintenance=100 * USD)) is Act.BID  # holds, but without its room


def test_what_is_worth_nothing_is_bankrupt_and_taken_for_what_the_fund_pays():
    broke = RUNNING._replace(equity=-50 * USD, maintenance=-300 * USD)
    assert act(broke) is Act.BANKRUPT
    known = broke._replace(bankrupt_at=TIME - 30)
    assert act(known) is None
    found = duty(known, TIME + 60, TERMS, may_sell=True)
    assert found is not None
    assert found.act is Act.BID
    assert found.max_pay(WAD) <= -50 * USD * 98 // 100
    rich = duty(known._replace(fund=400 * USD), TIME + 600, TERMS, may_sell=True)
    assert rich is not None
    assert rich.max_pay(WAD) < found.max_pay(WAD)  # beyond what is owed only the fund pays


def test_what_is_worth_something_is_given_away_only_after_ten_minutes_in_public():
    late = TIME + 20_000  # nobody came until the price was 0
    assert act(RUNNING, late) is Act.BANKRUPT
    assert act(RUNNING._replace(bankrupt_at=late - 599), late) is None
    found = duty(RUNNING._replace(bankrupt_at=late - 600), late, TERMS, may_sell=True)
    assert found is not None
    assert found.act is Act.BID
    assert found.max_pay(WAD) == 0  # of an empty fund


def test_debt_without_positions_is_the_funds_then_others():
    empty = RUNNING._replace(has_positions=False, maintenance=-5, equity=-5, cash=-5 * USD)
    assert act(empty) is Act.ABSORB
    assert act(empty._replace(deficit=3)) is None
    assert act(empty._replace(deficit=3, fund=USD)) is Act.ABSORB
    assert act(empty._replace(cash=0)) is Act.END


@given(
    st.builds(
        Seen, *[st.integers(-(10**12), 10**12)] * 3, st.booleans(),
        *[st.sampled_from((0, TIME - 50, TIME))] * 2, st.integers(-(10**12), 10**12),
        st.integers(0, 3), st.integers(0, 10**9),
    ),
    st.integers(TIME, TIME + 20_000),
    st.booleans(),
)  # fmt: skip
def test_every_block_has_an_answer_and_without_leave_nothing_is_sold(seen, time, may_sell):
    found = duty(seen, time, TERMS, may_sell=may_sell)
    if found is not None and not may_sell:
        assert found.act not in (Act.START, Act.BID)
    assert TERMS.price_max < WAD
