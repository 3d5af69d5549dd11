"""Gains follow from the log alone: at average cost, funding included, rounded for the account."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from solver.domain.account import Account
from solver.domain.event import CashMoved, Event, LegFilled, OptionExpired, PositionSeized
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import WAD
from solver.ledger import fold
from solver.margin.liquidation.gains import Entry, entries_of, gain, is_entitled, moved, net_of
from tests.solver.pricing.world import EXPIRY, account, ether, snapshot

PERP, CALL, PUT = (
    Instrument(1, Kind.PERP).id,
    Instrument(1, Kind.CALL, EXPIRY, 3_600 * WAD).id,
    Instrument(1, Kind.PUT, EXPIRY, 3_600 * WAD).id,
)
BASE = Instrument(1, Kind.BASE).id
OTHER = Instrument(2, Kind.PERP).id
USD = 10**6
quantities = st.integers(-(10**20), 10**20).filter(bool)


def filled(quantity: int, cash: int, instrument: int = PERP) -> LegFilled:
    return LegFilled(None, instrument, quantity, 0, cash, "", "", 0)


def seized(quantity: int, instrument: int = PERP) -> PositionSeized:
    return PositionSeized(instrument, quantity, "", "", 0)


@st.composite
def logs(draw):
    events: list[Event] = []
    for _ in range(draw(st.integers(0, 12))):
        quantity, instrument = draw(quantities), draw(st.sampled_from((PERP, CALL)))
        if draw(st.integers(0, 3)):
            cash = -quantity * draw(st.integers(1, 10**4)) // 10**12
            events.append(filled(quantity, cash, instrument))
        else:
            events.append(seized(quantity, instrument))
    return events


@given(logs())
def test_what_is_open_is_what_the_account_holds(events):
    held = fold(account(), events)
    entries = entries_of(events)
    assert {key: entry.quantity for key, entry in entries.items()} == dict(held.positions)
    for entry in entries.values():
        assert entry.priced * entry.unpriced >= 0
        assert entry.priced or not entry.cost


def average(trades: list[tuple[int, int]]) -> tuple[int, Fraction]:
    """Quantity and its exact cost at average prices: the definition, in fractions."""
    held, cost = 0, Fraction(0)
    for quantity, paid in trades:
        left = held + quantity
        if held * quantity >= 0:
            cost += paid
        elif left * held > 0:
            cost = cost * left / held
        else:
            cost = Fraction(paid * left, quantity)
        held = left
    return held, cost


@given(st.lists(st.tuples(quantities, st.integers(1, 10**4)), max_size=12))
def test_cost_is_the_average_and_never_less_by_rounding(rows):
    trades = [(quantity, quantity * price // 10**12) for quantity, price in rows]
    held, cost = average(trades)
    entry = entries_of(filled(q, -paid) for q, paid in trades).get(PERP, Entry())
    assert entry.quantity == held
    assert 0 <= entry.cost - cost <= len(trades)


@given(quantities, st.integers(1, 10**5), st.integers(-(10**20), 10**20))
def test_a_long_and_its_short_never_win_together(quantity, price, index):
    cost = quantity * price // 10**12
    world = snapshot(ether(funding_index=index))
    sides = entries_of([filled(quantity, -cost)]), entries_of([filled(-quantity, cost)])
    assert -2 <= sum(gain(each, 1, world) for each in sides) <= 0


def test_funding_is_in_the_gain_of_a_perp():
    entries = entries_of([filled(2 * WAD, -7_000 * USD)])
    assert gain(entries, 1, snapshot(ether(price=3_600 * WAD))) == 200 * USD
    paid = snapshot(ether(price=3_600 * WAD, funding_index=30 * WAD))
    assert gain(entries, 1, paid) == 140 * USD
    assert gain(entries, 2, paid) == 0


def test_what_an_auction_brought_has_won_nothing_and_closes_in_proportion():
    entry = moved(moved(Entry(), 3 * WAD, 9_000 * USD), 1 * WAD, None)
    assert entry == Entry(3 * WAD, WAD, 9_000 * USD)
    assert moved(entry, -2 * WAD, None) == Entry(15 * 10**17, 5 * 10**17, 4_500 * USD)
    assert moved(entry, -6 * WAD, -12_000 * USD) == Entry(-2 * WAD, 0, -4_000 * USD)
    assert moved(entry, -6 * WAD, None) == Entry(0, -2 * WAD, 0)


def test_an_expired_option_is_closed_and_cash_is_no_gain():
    events: list[Event] = [filled(WAD, -100 * USD, CALL), CashMoved(10**9, "", 0)]
    assert set(entries_of(events)) == {CALL}
    assert entries_of([*events, OptionExpired(CALL, WAD, 0, 0, "", 0)]) == {}


def test_sides_are_the_contracts_own():
    def of(*positions: tuple[int, int]) -> Account:
        return account(*((Instrument.unpack(key), quantity) for key, quantity in positions))

    assert net_of(of((PERP, 3), (PUT, 5), (BASE, 99)), 1) == -2
    assert net_of(of((BASE, 99)), 1) is None
    assert is_entitled(of((PERP, -1)), 1, 1)
    assert is_entitled(of((PUT, 1)), 1, 1)
    assert not is_entitled(of((PERP, 1)), 1, 1)
    assert not is_entitled(of((PERP, 1), (CALL, -1)), 1, 1)
    assert is_entitled(of((PERP, 1), (CALL, -1)), 1, 0)
    assert not is_entitled(of((OTHER, -1)), 1, 0)
