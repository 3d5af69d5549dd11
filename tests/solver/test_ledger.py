"""The ledger is one fold: order of slots, cash to the atom, reservations that release once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.account import Position, Reservation
from solver.domain.errors import Broken, Infeasible
from solver.domain.event import (
    BaseMoved,
    CashMoved,
    EpochRaised,
    IntentSettled,
    IntentStateChanged,
    LegFilled,
    OptionExpired,
    ReservationPlaced,
    ReservationReleased,
)
from solver.domain.ids import ZERO_ADDRESS
from solver.domain.intent import Limits
from solver.domain.program import CollateralFlow, Program, TokenFlow
from solver.domain.route import Certificate, Fill, Out, Pull, Solution
from solver.ledger import apply, fold, preview, trade_cash
from solver.margin.simple.state import positions_hash
from tests.solver.pricing.world import (
    BASE,
    CALL,
    EXPIRY,
    HIGH_CALL,
    OWNER,
    PERP,
    PUT,
    USDC,
    WAD,
    WETH,
    account,
    ether,
    snapshot,
)

TX = "0x" + "11" * 32
INSTRUMENTS = [PERP, CALL, HIGH_CALL, PUT, BASE]


def filled(instrument, quantity, cash=0):
    return LegFilled(None, instrument.id, quantity, WAD, cash, "maker", TX, 0)


def instruments(held):
    return [position.instrument for position in held.positions]


def test_a_new_position_is_appended_and_a_closed_one_takes_the_last_ones_place():
    held = account((CALL, WAD), (PERP, WAD), (PUT, WAD), (HIGH_CALL, WAD))
    after = apply(held, filled(PERP, -WAD))
    assert instruments(after) == [CALL.id, HIGH_CALL.id, PUT.id]
    again = apply(after, filled(PERP, 2 * WAD))
    assert again.positions[-1] == Position(PERP.id, 2 * WAD)
    assert instruments(apply(after, filled(PUT, -WAD))) == [CALL.id, HIGH_CALL.id]


def test_a_fill_moves_quantity_and_cash_and_keeps_the_slot():
    held = account((CALL, WAD), (PERP, -WAD), cash=100)
    after = apply(held, filled(CALL, -3 * WAD, cash=84))
    assert after.cash == 184
    assert after.positions == (Position(CALL.id, -2 * WAD), Position(PERP.id, -WAD))


def test_an_expired_option_leaves_at_its_payoff():
    held = account((CALL, -WAD), (PUT, WAD))
    after = apply(held, OptionExpired(CALL.id, -WAD, 4100 * WAD, -100, TX, 1))
    assert after.positions == (Position(PUT.id, WAD),)
    assert after.cash == -100
    with pytest.raises(Broken):
        apply(after, OptionExpired(CALL.id, -WAD, 4100 * WAD, -100, TX, 1))


def test_what_is_not_about_the_account_changes_nothing():
    held = account((CALL, WAD), cash=5)
    for event in (
        IntentStateChanged("0x", "open", "settled"),
        IntentSettled("0x", OWNER, WAD, 0, 0, TX, 0),
    ):
        assert apply(held, event) is held


def test_an_epoch_only_rises():
    held = apply(account(), EpochRaised(4, TX, 0))
    assert held.epoch == 4
    assert apply(held, EpochRaised(3, TX, 1)).epoch == 4


def test_reservations_are_placed_once_and_released_once():
    placed = ReservationPlaced("0xa", 10, 1, 5)
    held = fold(account(), [placed, placed, ReservationPlaced("0xb", 3, 0, 0)])
    assert held.reservations == (Reservation("0xa", 10, 1, 5), Reservation("0xb", 3, 0, 0))
    free = apply(held, ReservationReleased("0xa"))
    assert free.reservations == (Reservation("0xb", 3, 0, 0),)
    assert apply(free, ReservationReleased("0xa")) is free


def test_impossible_states_stop_the_account():
    full = account(*((CALL._replace(strike=1 + i), WAD) for i in range(20)))
    with pytest.raises(Broken):
        apply(full, filled(PERP, WAD))
    with pytest.raises(Broken):
        apply(account((PERP, 2**95 - 1)), filled(PERP, 1))


moves = st.lists(
    st.one_of(
        st.builds(
            filled,
            st.sampled_from(INSTRUMENTS),
            st.integers(-5, 5),
            st.integers(-(10**9), 10**9),
        ),
        st.builds(CashMoved, st.integers(-(10**9), 10**9), st.just(TX), st.just(0)),
        st.builds(BaseMoved, st.just(BASE.id), st.integers(-5, 5), st.just(TX), st.just(0)),
    ),
    max_size=40,
)


@given(moves)
def test_the_fold_equals_sums_and_holds_no_empty_slot(events):
    held = fold(account(), events)
    expected: dict[int, int] = {}
    for event in events:
        if not isinstance(event, CashMoved):
            expected[event.instrument] = expected.get(event.instrument, 0) + event.quantity
    assert {p.instrument: p.quantity for p in held.positions} == {
        instrument: quantity for instrument, quantity in expected.items() if quantity
    }
    assert held.cash == sum(e.amount if isinstance(e, CashMoved) else 0 for e in events) + sum(
        e.cash for e in events if isinstance(e, LegFilled)
    )


@given(moves, st.integers(0, 40))
def test_a_fold_can_be_cut_anywhere(events, cut):
    assert fold(fold(account(), events[:cut]), events[cut:]) == fold(account(), events)


@given(st.lists(st.tuples(st.sampled_from(INSTRUMENTS[:4]), st.integers(-9, 9)), max_size=30))
def test_two_sides_of_every_trade_sum_to_zero(trades):
    world = snapshot(ether(funding_index=7))
    fills = [Fill(0, i.id, q, 1234567, None) for i, q in trades if q]
    a, b = account(), account()
    for fill in fills:
        cash = trade_cash(fill, world)
        event = filled(PERP, fill.quantity, cash)._replace(instrument=fill.instrument)
        a = apply(a, event)
        b = apply(b, event._replace(quantity=-fill.quantity, cash=-cash))
    assert a.cash + b.cash == 0
    assert {p.instrument: p.quantity for p in a.positions} == {
        p.instrument: -p.quantity for p in b.positions
    }


@given(st.integers(1, 10**21), st.integers(0, 10**23), st.integers(-(10**20), 10**20))
def test_the_payer_rounds_up_once(quantity, price, funding):
    world = snapshot(ether(funding_index=funding))
    exact = quantity * (price - funding)
    bought = trade_cash(Fill(0, PERP.id, quantity, price, None), world)
    sold = trade_cash(Fill(0, PERP.id, -quantity, price, None), world)
    assert bought == -sold
    unit = 10**30
    assert abs(bought) * unit >= abs(exact) > (abs(bought) - 1) * unit
    assert (bought <= 0) == (exact >= 0) or bought == 0


def program(**parts):
    return Program(account().id, ZERO_ADDRESS, limits=Limits(USDC.address), **parts)


def solution(**parts):
    empty = Solution(b"", (), (), (), (), 0, 0, Certificate(0, 0, 0))
    return empty._replace(**parts)


def test_preview_follows_the_contracts_order_of_slots():
    deposit = program(
        collateral=(CollateralFlow(1, WETH.address, "deposit", 3, 3),), is_from_wallet=True
    )
    plan = solution(
        pulls=(Pull(1, WETH.address, 3, True),),
        fills=(Fill(0, CALL.id, -WAD, 28 * WAD, None), Fill(2, PERP.id, -WAD, 4000 * WAD, None)),
        fee=5,
    )
    after = preview(account((PUT, WAD)), deposit, plan, snapshot(ether(funding_index=WAD)))
    assert instruments(after) == [PUT.id, BASE.id, CALL.id, PERP.id]
    assert after.cash == 28_000_000 + 3_999_000_000 - 5
    assert positions_hash(after) == positions_hash(
        account((PUT, WAD), (BASE, 3), (CALL, -WAD), (PERP, -WAD))
    )


def test_preview_of_a_collateral_swap_holds_the_fee_in_the_tokens():
    swap = program(
        sells=(TokenFlow(0, USDC.address, 0, 4010),), buys=(TokenFlow(1, WETH.address, 1, 1),)
    )
    plan = solution(
        pulls=(Pull(0, USDC.address, 4005, False),), outs=(Out(1, WETH.address, 1),), fee=5
    )
    after = preview(account(cash=5000), swap, plan, snapshot())
    assert after.cash == 995
    assert after.quantity(BASE.id) == 1
    to_wallet = preview(account(cash=5000), swap._replace(receiver=OWNER), plan, snapshot())
    assert to_wallet.positions == ()


def test_preview_of_a_wallet_swap_touches_nothing():
    swap = program(
        sells=(TokenFlow(0, WETH.address, 9, 9),),
        buys=(TokenFlow(1, USDC.address, 1, 1),),
        is_from_wallet=True,
    )._replace(receiver=OWNER)
    plan = solution(pulls=(Pull(0, WETH.address, 9, True),), outs=(Out(1, USDC.address, 7),), fee=1)
    held = account((CALL, WAD), cash=3)
    assert preview(held, swap, plan, snapshot()) == held


def test_collateral_is_never_lent():
    withdraw = program(collateral=(CollateralFlow(0, USDC.address, "withdraw", 9, 9),))
    for token in (USDC, WETH):
        plan = solution(pulls=(Pull(0, token.address, 9, False),))
        with pytest.raises(Infeasible) as caught:
            preview(account((BASE, 8), cash=8), withdraw, plan, snapshot())
        assert caught.value.code == "insufficientCollateral"


def test_expired_slots_are_gone_in_the_order_of_settle_expired():
    held = account((CALL, WAD), (PUT, WAD), (HIGH_CALL, WAD), (PERP, WAD))
    ends = [OptionExpired(i.id, WAD, EXPIRY, 0, TX, 0) for i in (HIGH_CALL, PUT, CALL)]
    assert fold(held, ends).positions == (Position(PERP.id, WAD),)


def test_a_plan_that_needs_a_slot_too_many_is_no_plan():
    full = account(*((CALL._replace(strike=1 + i), WAD) for i in range(20)))
    program = Program(full.id, ZERO_ADDRESS, limits=Limits(USDC.address))
    fill = Fill(0, PERP.id, WAD, WAD, None)
    solution = Solution(b"", (), (), (), (fill,), 0, 0, Certificate(0, 0, 0))
    with pytest.raises(Infeasible) as caught:
        preview(full, program, solution, snapshot())
    assert caught.value.code == "noSlot"
