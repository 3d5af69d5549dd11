"""What is held of an account: the signed caps in settlement atoms, of its own money only."""

import pytest

from app.verify.reservation import OPEN_MAX, Caps, available, caps_of, order_of, reservation
from solver.domain.account import Account, Position, Reservation
from solver.domain.errors import InsufficientFunds
from solver.domain.event import ReservationPlaced
from solver.domain.instrument import Instrument, Kind
from solver.domain.intent import Leg, Limits, SignedIntent
from solver.domain.program import CollateralFlow, TokenFlow
from solver.intents import compile_intent
from solver.intents.base import exact_option
from solver.margin.requirement import Order
from solver.margin.simple import figures
from tests.app.api.server import ACCOUNT, USDC, WETH, board, swap

SNAPSHOT = board().snapshot()
RICH = Account(ACCOUNT, cash=10**9)


def caps(legs=None, **limits):
    changed = swap(limits=Limits(limits.pop("token", USDC.address), **limits))
    return caps_of(changed if legs is None else changed._replace(legs=legs), SNAPSHOT)


def test_what_is_sold_and_the_fee_are_held():
    assert caps(max_fee=7) == Caps(10**8, 10**8, 7, 0)


def test_a_finite_net_cost_includes_the_fee():
    assert caps(max_fee=7, max_net_cost=100) == Caps(93, 93, 7, 0)
    assert caps(max_fee=7, max_net_cost=-5) == Caps(0, 0, 0, 0)


def test_the_rise_of_the_requirement_is_held():
    assert caps(max_margin_used=9).margin == 9


def test_a_premium_is_held_at_its_limit_price_rounded_up():
    bought = Leg("option", WETH.address, "buy", "call", quantity_max=3, limit_price=10**18)
    assert caps((bought,)).debit_max == 1


def test_a_fee_in_another_token_is_not_the_accounts_cash():
    legs = (
        Leg("token", WETH.address, "sell", quantity_min=5, quantity_max=5),
        Leg("token", USDC.address, "buy"),
    )
    assert caps(legs, token=WETH.address, max_fee=10**18) == Caps(0, 0, 0, 0)


def test_the_account_must_cover_what_any_settlement_takes():
    signed = SignedIntent(swap(), "eip712", b"")
    held = reservation("0x1", signed, RICH, SNAPSHOT)
    assert held is not None
    assert held.debit + held.fee == 10**8 + 10**6
    with pytest.raises(InsufficientFunds):
        reservation("0x1", signed, RICH._replace(cash=10**8), SNAPSHOT)


def test_wallet_money_is_not_held():
    assert reservation("0x1", SignedIntent(swap(), "permit2", b""), RICH, SNAPSHOT) is None


def test_an_exit_is_admitted_however_little_margin_is_free():
    perp = Instrument(1, Kind.PERP).id
    short_of_margin = Account(ACCOUNT, cash=-(10**10), positions=(Position(perp, 10**18),))
    assert available(short_of_margin, SNAPSHOT) < 0
    leg = Leg("perp", WETH.address, "sell", quantity_min=10**18, quantity_max=10**18)
    limits = Limits(USDC.address, max_fee=10**6, max_slippage_bps=30, max_margin_used=0)

    def held(account, changed=leg):
        signed = SignedIntent(swap(legs=(changed,), limits=limits), "eip712", b"")
        return reservation("0x1", signed, account, SNAPSHOT)

    assert held(short_of_margin) is None
    free = available(short_of_margin._replace(cash=0), SNAPSHOT)
    poor = short_of_margin._replace(cash=400_000 - free)
    assert held(poor) == ReservationPlaced("0x1", debit=0, fee=400_000, margin=0)
    crowd = tuple(Reservation(str(n), 1, 0, 0) for n in range(OPEN_MAX))
    assert held(short_of_margin._replace(cash=10**9, reservations=crowd)) is None
    for opens in (leg._replace(quantity_max=10**18 + 1), leg._replace(side="buy")):
        with pytest.raises(InsufficientFunds):
            held(short_of_margin, opens)


def test_a_premium_that_closes_a_short_is_held_as_far_as_it_goes():
    expiry = SNAPSHOT.underlyings[0].expiries[0]
    strike = SNAPSHOT.underlyings[0].strikes_at(expiry)[0]
    call = Instrument(1, Kind.CALL, expiry, strike)
    short = Account(ACCOUNT, positions=(Position(call.id, -(10**18)),))
    leg = exact_option(WETH.address, "buy", call, 10**18)._replace(limit_price=2_000 * 10**18)
    limits = Limits(USDC.address, max_fee=10**6)
    signed = SignedIntent(swap(legs=(leg,), limits=limits), "eip712", b"")
    assert reservation("0x1", signed, short, SNAPSHOT) is None
    with pytest.raises(InsufficientFunds):
        reservation("0x1", signed, short._replace(positions=()), SNAPSHOT)


PERP = Instrument(1, Kind.PERP).id


def perps(quantity, **limits):
    """A purchase of perps without a bound on margin, and what it compiles to."""
    leg = Leg("perp", WETH.address, "buy", quantity_min=quantity, quantity_max=quantity)
    limits = {"max_slippage_bps": 30, "max_fee": 10**6} | limits
    signed = SignedIntent(
        swap(outcome="openPerp", legs=(leg,), limits=Limits(USDC.address, **limits)), "eip712", b""
    )
    return signed, compile_intent(signed.intent, RICH, SNAPSHOT, "eip712")


def test_an_intent_without_a_margin_bound_holds_what_it_would_take():
    signed, program = perps(10**18)
    held = reservation("0x1", signed, RICH, SNAPSHOT, program)
    assert held == ReservationPlaced("0x1", debit=0, fee=10**6, margin=400 * 10**6)
    bounded, program = perps(10**18, max_margin_used=500 * 10**6)
    held = reservation("0x1", bounded, RICH, SNAPSHOT, program)
    assert held == ReservationPlaced("0x1", debit=0, fee=10**6, margin=500 * 10**6)


def test_intents_that_only_one_of_could_be_filled_do_not_stand_open_together():
    signed, program = perps(10**18)
    one = Reservation("0x1", 0, 10**6, 400 * 10**6)
    two = Reservation("0x2", 0, 10**6, 400 * 10**6)
    assert reservation("0x2", signed, RICH._replace(reservations=(one,)), SNAPSHOT, program)
    with pytest.raises(InsufficientFunds) as caught:
        reservation("0x3", signed, RICH._replace(reservations=(one, two)), SNAPSHOT, program)
    assert caught.value.data["required"] == "401"
    assert caught.value.data["available"] == "198"
    beyond, program = perps(10 * 10**18)
    held = reservation("0x1", beyond, RICH, SNAPSHOT, program)
    assert held == ReservationPlaced("0x1", debit=0, fee=10**6, margin=0), "a deposit may come"


def test_what_portfolio_leaves_free_may_be_spent_too():
    call = Instrument(1, Kind.CALL, SNAPSHOT.underlyings[0].expiries[0], 4200 * 10**18)
    base = Instrument(1, Kind.BASE)
    covered = Account(ACCOUNT, 0, (Position(base.id, 10 * 10**18), Position(call.id, -10 * 10**18)))
    simple = figures(covered, SNAPSHOT).initial
    free = available(covered, SNAPSHOT)
    assert free > simple > 0
    assert available(covered, SNAPSHOT, simple) == simple, "SIMPLE is asked first"
    assert available(covered, SNAPSHOT, simple + 1) == free
    limits = Limits(USDC.address, max_fee=10**6, max_margin_used=simple)
    signed = SignedIntent(swap(legs=(), limits=limits), "eip712", b"")
    assert reservation("0x1", signed, covered, SNAPSHOT) is not None


def test_a_choice_or_a_swap_is_held_by_its_signed_caps_alone():
    _, program = perps(10**18)
    (leg,) = program.exposures
    assert order_of("0x1", program, SNAPSHOT) == Order("0x1", ((PERP, 10**18),), -4000 * 10**6)
    choice = leg._replace(candidates=(PERP, PERP + 1))
    for changed in ((choice,), (leg._replace(side="auto"),), ()):
        assert order_of("0x1", program._replace(exposures=changed), SNAPSHOT) is None
    flow = TokenFlow(0, USDC.address, 1, 1)
    assert order_of("0x1", program._replace(sells=(flow,)), SNAPSHOT) is None


def test_collateral_that_comes_with_an_intent_counts_for_it():
    _, program = perps(10**18)
    flows = (
        CollateralFlow(1, WETH.address, "deposit", 2 * 10**18, 3 * 10**18),
        CollateralFlow(2, USDC.address, "deposit", 5, 6),
        CollateralFlow(3, USDC.address, "withdraw", 5, 6),
    )
    found = order_of("0x1", program._replace(collateral=flows), SNAPSHOT)
    base = Instrument(1, Kind.BASE).id
    assert found == Order("0x1", ((PERP, 10**18), (base, 2 * 10**18)), -4000 * 10**6 + 5)
