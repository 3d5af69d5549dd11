"""How many ladders a maker may show, and when one is nobody's any more."""

from datetime import UTC, datetime

import pytest

from app.board import Block
from solver.domain.errors import Refused
from tests.app.test_rfq import MAKER, NOW, Desk


def option(days: int) -> str:
    day = datetime.fromtimestamp(NOW + days * 86_400, UTC)
    return f"ETH-{day:%Y%m%d}-4000-C"


def shows(desk: Desk, name: str, levels: tuple[list[str], ...] = (["1", "1"],)) -> None:
    message = {"op": "ladder", "instrument": name, "bids": list(levels), "asks": []}
    desk.desk.on_message(MAKER, message)


def test_what_has_expired_makes_room_for_new_ladders(monkeypatch):
    monkeypatch.setattr("app.rfq.desk.INSTRUMENTS_MAX", 3)
    desk = Desk()  # the perp is one
    for days in (1, 2):
        shows(desk, option(days))
    with pytest.raises(Refused) as refused:
        shows(desk, option(3))
    assert refused.value.code == "tooManyInstruments"
    desk.board.set_block(Block(10, NOW + 2 * 86_400, 1))
    shows(desk, option(3))


def test_what_is_withdrawn_makes_room_for_new_ladders(monkeypatch):
    monkeypatch.setattr("app.rfq.desk.INSTRUMENTS_MAX", 2)
    desk = Desk()
    shows(desk, option(1))
    shows(desk, option(1), ())
    shows(desk, option(2))


def test_an_expired_option_has_no_ladder():
    desk = Desk()
    with pytest.raises(Refused) as refused:
        shows(desk, option(-1))
    assert refused.value.code == "instrumentExpired"
    assert len(desk.board.snapshot().ladders) == 1


def test_who_connects_again_begins_with_no_ladder():
    """Else every new connection would add as many instruments to the board as one may list."""
    desk = Desk()
    desk.desk.connect(MAKER, lambda _: True)
    assert desk.board.snapshot().ladders == ()
