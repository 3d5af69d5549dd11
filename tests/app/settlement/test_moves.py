"""No intent jumps: every move is a walk over legal states."""

import itertools

import pytest

from app.settlement.moves import path, walk
from solver.domain.errors import Conflict
from solver.domain.event import NEXT, TERMINAL, IntentStateChanged, ReservationReleased


def test_every_path_is_legal():
    for start, end in itertools.product(NEXT, NEXT):
        try:
            states = (start, *path(start, end))
        except Conflict:
            continue
        assert all(b in NEXT[a] for a, b in itertools.pairwise(states))
        assert not TERMINAL & set(states[:-1])


def test_what_is_over_goes_nowhere():
    for state in TERMINAL:
        with pytest.raises(Conflict):
            path(state, "open")


def test_only_the_last_move_carries_the_reason_and_an_end_frees_the_caps():
    moves = walk("0x1", "open", "settled", {"tx_hash": "0xaa"}, ("cancelling",))
    *first, last, released = moves
    assert isinstance(last, IntentStateChanged)
    assert (last.to_state, last.tx_hash) == ("settled", "0xaa")
    assert all(isinstance(m, IntentStateChanged) and m.tx_hash is None for m in first)
    assert released == ReservationReleased("0x1")


def test_no_move_is_no_event():
    assert walk("0x1", "open", "open") == ()
