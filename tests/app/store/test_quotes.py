"""A quote is kept while it can be used, and not a second longer than memory is worth."""

import pytest

from app.clock import ManualClock
from app.store import quotes
from app.store.quotes import QuoteShelf
from tests.app.worlds import NOW


def test_a_quote_is_there_until_it_expires():
    clock = ManualClock(NOW)
    shelf = QuoteShelf(clock)
    shelf.put("q", 1, NOW + 30)
    clock.advance_ms(30_000)
    assert shelf.get("q") == 1
    clock.advance_ms(1_000)
    assert shelf.get("q") is None


def test_what_has_expired_is_forgotten_with_the_next_quote():
    clock = ManualClock(NOW)
    shelf = QuoteShelf(clock)
    for number in range(50):
        shelf.put(str(number), number, clock.time() + 30)
        clock.advance_ms(10_000)
    assert len(shelf._quotes) == 4


def test_the_oldest_makes_room(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(quotes, "KEPT_MAX", 2)
    shelf = QuoteShelf(ManualClock(NOW))
    for number in range(3):
        shelf.put(str(number), number, NOW + 30)
    assert [shelf.get(str(number)) for number in range(3)] == [None, 1, 2]
