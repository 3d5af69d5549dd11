"""Packed slots and their hash are what attestations are bound to."""

from hypothesis import given
from hypothesis import strategies as st

from solver.domain.account import Position
from solver.domain.typed_data import keccak
from solver.margin.simple.state import positions_hash, positions_of, slots_of
from tests.solver.pricing.world import BASE, CALL, PERP, WAD, account


@given(st.lists(st.tuples(st.integers(0, 2**160 - 1), st.integers(1 - 2**95, 2**95 - 1))))
def test_slots_and_positions_are_inverse(pairs):
    positions = tuple(Position(*pair) for pair in pairs)
    assert positions_of(slots_of(positions)) == positions


def test_the_hash_covers_content_and_order_but_not_cash():
    one = account((BASE, WAD), (PERP, -WAD))
    assert positions_hash(one) == positions_hash(one._replace(cash=5))
    assert positions_hash(one) != positions_hash(account((PERP, -WAD), (BASE, WAD)))
    assert positions_hash(one) != positions_hash(account((BASE, WAD), (PERP, WAD)))
    assert positions_hash(account()) == keccak(b"")


def test_the_hash_is_keccak_of_whole_words():
    held = account((CALL, -1))
    word = CALL.id.to_bytes(20, "big") + b"\xff" * 12
    assert positions_hash(held) == keccak(word)
