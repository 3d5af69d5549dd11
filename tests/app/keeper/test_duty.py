"""What is due at a block is an answer to that block alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.keeper import attestable
from app.keeper.duty import Seen, Series, begun_series, duties, needs_fallback
from solver.domain.account import Account, Position
from solver.domain.errors import Refused
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import WAD
from solver.domain.risk import Fixing
from tests.solver.pricing.world import snapshot

EXPIRY = 1_795_766_400  # 2026-11-27T08:00:00Z
ETH, BTC = Series(1, EXPIRY), Series(2, EXPIRY)
CALL = Instrument(1, Kind.CALL, EXPIRY, 3_500 * WAD).id
A, B, C = (bytes([i]) * 32 for i in (3, 1, 2))


def test_prices_come_before_pay_and_urgent_accounts_before_others():
    seen = Seen(EXPIRY + 9, {A: frozenset({ETH}), B: frozenset({ETH, BTC})}, {}, {1: EXPIRY})
    due = duties(seen)
    assert (due.fix, due.settle, due.waiting) == ((ETH,), (), (BTC,))
    held = {A: frozenset({ETH}), B: frozenset({ETH}), C: frozenset({BTC})}
    due = duties(Seen(EXPIRY + 9, held, {ETH: 1}, {2: EXPIRY - 1}), {A})
    assert (due.fix, due.settle, due.waiting) == ((), (A, B), (BTC,))


@given(
    st.dictionaries(
        st.binary(min_size=1, max_size=2), st.frozensets(st.sampled_from([ETH, BTC]), min_size=1)
    ),
    st.dictionaries(st.sampled_from([ETH, BTC]), st.just(1)),
    st.dictionaries(st.sampled_from([1, 2]), st.integers(EXPIRY - 1, EXPIRY + 1)),
)
def test_every_holder_is_paid_or_waits_for_a_series_that_is_named(held, prices, newest):
    due = duties(Seen(EXPIRY + 9, held, prices, newest))
    named = {*due.fix, *due.waiting}
    assert not named & prices.keys()
    for account, series in held.items():
        assert (account in due.settle) == bool(series & prices.keys())
        assert series - prices.keys() <= named


def test_k_of_n_are_called_after_a_day():
    assert not needs_fallback(EXPIRY, EXPIRY + 86_399)
    assert needs_fallback(EXPIRY, EXPIRY + 86_400)


def test_a_fixing_is_due_at_its_time_and_recorded_once_a_later_round_closes_it():
    asian, day = Series(1, EXPIRY, True), 86_400
    held = {A: frozenset({asian})}
    second = EXPIRY - 5 * day  # with one recorded
    due = duties(Seen(second + 9, held, {}, {1: second}, {asian: 1}))
    assert (due.fix, due.waiting) == ((), (asian,))
    due = duties(Seen(second + 9, held, {}, {1: second + 1}, {asian: 1}))
    assert (due.fix, due.settle, due.waiting) == ((asian,), (), ())
    due = duties(Seen(EXPIRY + 9, held, {asian: WAD}, {}, {asian: 7}))
    assert (due.fix, due.settle, due.waiting) == ((), (A,), ())


def test_an_asian_series_begins_at_its_first_fixing_and_is_not_the_european_one():
    held = [Position(Instrument(1, Kind.ASIAN_PUT, EXPIRY, WAD).id, 1), Position(CALL, 1)]
    first = EXPIRY - 6 * 86_400
    assert begun_series(held, first - 1) == frozenset()
    assert begun_series(held, first) == {Series(1, EXPIRY, True)}
    assert begun_series(held, EXPIRY) == {ETH, Series(1, EXPIRY, True)}


def test_signers_do_not_speak_of_asians_whose_mean_is_known():
    world = snapshot()
    first = world.underlyings[0]
    option = Instrument(first.market, Kind.ASIAN_CALL, world.time - 60, WAD)
    account = Account(AccountId(1, "0x" + "11" * 20, 0), 0, (Position(option.id, WAD),))
    for fixed in (6, 7):
        recorded = first._replace(
            expiry_prices=((option.expiry, WAD),), fixings=(Fixing(option.expiry, fixed, WAD),)
        )
        seen = world._replace(underlyings=(recorded, *world.underlyings[1:]))
        if fixed < 7:
            assert attestable(account, seen) is account
        else:
            with pytest.raises(Refused, match="paid out"):
                attestable(account, seen)


def test_only_options_past_their_expiry_are_due():
    kinds = (Kind.PERP, Kind.BASE)
    others = [Position(Instrument(1, kind).id, 1) for kind in kinds]
    held = [Position(CALL, -1), Position(Instrument(2, Kind.PUT, EXPIRY + 1, WAD).id, 1), *others]
    assert begun_series(held, EXPIRY - 1) == frozenset()
    assert begun_series(held, EXPIRY) == {ETH}


def test_signers_do_not_speak_of_options_that_are_being_paid_out():
    world = snapshot()
    first = world.underlyings[0]
    option = Instrument(first.market, Kind.CALL, world.time - 60, WAD)
    account = Account(AccountId(1, "0x" + "11" * 20, 0), 0, (Position(option.id, WAD),))
    assert attestable(account, world) is account
    fixed = first._replace(expiry_prices=((option.expiry, 2 * WAD),))
    world = world._replace(underlyings=(fixed, *world.underlyings[1:]))
    with pytest.raises(Refused, match="paid out") as refused:
        attestable(account, world)
    assert refused.value.code == "expiryUnsettled"
