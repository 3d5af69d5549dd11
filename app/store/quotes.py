"""Quotes given, by id, until they expire. In memory on purpose: a quote is no promise.

A restart forgets them; an intent that names a forgotten quote is admitted like any other.
"""

from typing import Any, NamedTuple

from app.clock import Clock

KEPT_MAX = 10_000


class Shelved(NamedTuple):
    """A quote's value and the unix second at which it is forgotten."""

    quote: Any
    expires_at: int


class QuoteShelf:
    """The newest quotes, at most KEPT_MAX."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._quotes: dict[str, Shelved] = {}

    def put(self, quote_id: str, quote: Any, expires_at: int) -> None:
        """Keeps a quote; the oldest make room, and what has expired goes with them."""
        self._quotes[quote_id] = Shelved(quote, expires_at)
        now = self._clock.time()
        while self._quotes:
            oldest = next(iter(self._quotes))
            if len(self._quotes) <= KEPT_MAX and now <= self._quotes[oldest].expires_at:
                break
            del self._quotes[oldest]

    def get(self, quote_id: str) -> Any | None:
        """Returns a quote that has not expired."""
        shelved = self._quotes.get(quote_id)
        return shelved.quote if shelved and self._clock.time() <= shelved.expires_at else None
