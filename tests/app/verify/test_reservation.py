"""What is held of an account: the signed caps in settlement atoms, of its own money only."""

import pytest

from app.verify.reservation import OPEN_MAX, Caps, available, caps_of, reservation
from solver.domain.account import Account, Position, Reservation
from solver.domain.errors import InsufficientFunds
from solver.domain.event import ReservationPlaced
from solver.domain.instrument import Instrument, Kind
from solver.domain.intent import Leg, Limits, SignedIntent
from solver.intents.base import exact_option
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
