"""A stored grid decides as the one it was made from, and cannot be changed unnoticed."""

import pytest
from hypothesis import given, settings

from solver.domain.errors import Malformed
from solver.margin.portfolio.decide import margins
from solver.margin.portfolio.grid import risk_grid
from solver.margin.portfolio.stored import decode, encode
from tests.solver.margin.portfolio.books import ALL, book, pairs_of, world

GRID = risk_grid([instrument.id for instrument in ALL], world())
STORED = encode(GRID)
AGAIN = decode(STORED)


@given(pairs_of)
@settings(max_examples=30)
def test_a_replay_decides_bit_for_bit_the_same(pairs):
    assert margins(book(pairs), AGAIN) == margins(book(pairs), GRID)


def test_a_stored_grid_is_the_same_grid():
    assert AGAIN.hash == GRID.hash
    assert AGAIN.parameters == GRID.parameters
    assert encode(AGAIN) == STORED


@pytest.mark.parametrize(
    "changed",
    [
        STORED.replace(b'"decimals":6', b'"decimals":5'),
        STORED.replace(b"ETH", b"ETX", 1),
        STORED[:-1],
        b"{}",
        b'{"markets":[1],"parameters":[],"settlementPrice":1,"decimals":6,"hash":""}',
    ],
)
def test_what_was_changed_is_refused(changed):
    assert changed != STORED
    with pytest.raises(Malformed):
        decode(changed)
