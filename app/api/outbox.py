"""What waits to be sent to one stream client: bounded, so that a slow client costs only itself."""

import asyncio
from collections import deque

from app.bus import Bus, Published


class Outbox:
    """Frames for one client in order. When it is full, `cut_off` is set and nothing more enters."""

    def __init__(self, bus: Bus, size: int) -> None:
        self._bus = bus
        self._size = size
        self._items: deque[Published | bytes] = deque()
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self.logs: set[str] = set()
        self.sent: dict[str, int] = {}  # log -> seq handed to the socket
        self.cut_off = asyncio.Event()

    def follow(self, log: str) -> None:
        """Takes a log's events from now on."""
        self.logs.add(log)
        self._bus.attach(log, self)

    def unfollow(self, log: str) -> None:
        """Takes no more of them."""
        self.logs.discard(log)
        self._bus.detach(log, self)

    def close(self) -> None:
        """Takes nothing any more."""
        for log in tuple(self.logs):
            self.unfollow(log)

    def offer(self, item: Published | bytes) -> None:
        """Queues an event or a ready frame; a full queue cuts the client off."""
        if self.cut_off.is_set():
            return
        if len(self._items) >= self._size:
            self.cut_off.set()
            self.close()
            return
        self._items.append(item)
        self._filled.set()
        if len(self._items) > self._size // 4:
            self._drained.clear()

    async def room(self) -> None:
        """Waits until a replay may go on without pushing live events out."""
        await self._drained.wait()

    async def take(self) -> Published | bytes:
        """Returns the next item, waiting for it."""
        while not self._items:
            self._filled.clear()
            await self._filled.wait()
        item = self._items.popleft()
        if len(self._items) <= self._size // 4:
            self._drained.set()
        return item

    def __len__(self) -> int:
        return len(self._items)
