"""Carries durable events to whoever listens in this process; a slow listener costs nobody else.

Every event is encoded once, whatever the number of listeners. Each listener has a bounded queue:
when it is full the listener is cut off (and resumes from the store), never waited for.
"""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple, Protocol

import orjson

from solver.domain.event import Envelope, ReservationPlaced

QUEUE_MAX = 256


class Published(NamedTuple):
    """An event and its wire form, a JSON object."""

    envelope: Envelope
    frame: bytes


def encode(envelope: Envelope) -> bytes:
    """Returns the wire form of PRODUCT.md's envelope, with the log it belongs to."""
    return orjson.dumps(
        {
            "log": envelope.log,
            "seq": envelope.seq,
            "prev": envelope.prev,
            "hash": envelope.hash,
            "type": envelope.type,
            "version": envelope.version,
            "at": envelope.at,
            "committedAt": envelope.committed_at,
            "body": envelope.body,
        }
    )


def withheld(envelope: Envelope) -> Envelope:
    """Returns the event as it is told while its intent is live: what is reserved is what was signed
    at most, and a limit seen is a limit taken. The hash stays that of the whole."""
    if envelope.type != ReservationPlaced.__name__:
        return envelope
    return envelope._replace(body={"uid": envelope.body["uid"]})


class Listener(Protocol):
    """Whoever hears events. `offer` must not wait."""

    def offer(self, item: Published) -> None:
        """Takes an event."""


class Subscription:
    """One listener's bounded queue. `is_cut_off` once it lagged by more than `size` events."""

    def __init__(self, bus: "Bus", size: int) -> None:
        self._bus = bus
        self._size = size
        self._queue: asyncio.Queue[Published] = asyncio.Queue()
        self.logs: set[str] = set()
        self.is_cut_off = False

    def follow(self, log: str) -> None:
        """Starts listening to a log. Whoever needs no gap calls it at the head it has read to."""
        self.logs.add(log)
        self._bus.attach(log, self)

    def unfollow(self, log: str) -> None:
        """Stops listening to a log."""
        self.logs.discard(log)
        self._bus.detach(log, self)

    def offer(self, item: Published) -> None:
        """Queues an event, or cuts the listener off."""
        if self._queue.qsize() >= self._size:
            self.is_cut_off = True
            self.close()
        elif not self.is_cut_off:
            self._queue.put_nowait(item)

    async def get(self) -> Published:
        """Returns the next event, waiting for it."""
        return await self._queue.get()

    def waiting(self) -> int:
        """Returns how many events are queued."""
        return self._queue.qsize()

    def close(self) -> None:
        """Stops listening to everything."""
        for log in tuple(self.logs):
            self.unfollow(log)


class Bus:
    """Who listens to what. Lives on one event loop; nothing in it waits."""

    def __init__(self) -> None:
        self.listeners: dict[str, set[Listener]] = {}

    def attach(self, log: str, listener: Listener) -> None:
        """Starts handing a log's events to a listener."""
        self.listeners.setdefault(log, set()).add(listener)

    def detach(self, log: str, listener: Listener) -> None:
        """Stops it."""
        listeners = self.listeners.get(log, set())
        listeners.discard(listener)
        if not listeners:
            self.listeners.pop(log, None)

    def subscribe(self, logs: Iterable[str] = (), size: int = QUEUE_MAX) -> Subscription:
        """Returns a listener to `logs`; `follow` adds more."""
        subscription = Subscription(self, size)
        for log in logs:
            subscription.follow(log)
        return subscription

    def publish(self, envelopes: Iterable[Envelope]) -> None:
        """Hands durable events to their listeners in the order given."""
        for envelope in envelopes:
            listeners = self.listeners.get(envelope.log)
            if listeners:
                item = Published(envelope, encode(withheld(envelope)))  # live: just placed
                for listener in tuple(listeners):
                    listener.offer(item)
