"""The durable sequence over HTTP: pages, or Server-Sent Events with Last-Event-ID.

The same numbers as on the WebSocket. A reader that lags is never waited for: it reads on from the
store, at its own pace.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.api.body import json_answer, services_of
from app.api.models import EventPage
from app.bus import encode, withheld
from app.services import Services
from app.store import Store
from solver.domain.errors import Malformed
from solver.domain.event import Envelope

PAGE = 500
LOG = re.compile(
    r"account:0x[0-9a-f]{40}/(0|[1-9][0-9]{0,19})|market:(0|[1-9][0-9]{0,4})"
    r"|deficit:[1-9][0-9]{0,18}"
)
SEQ = re.compile(r"[0-9]{1,18}")
SSE = "text/event-stream"
router = APIRouter(tags=["events"])


@router.get(
    "/v1/events",
    response_model=EventPage,
    responses={200: {"content": {SSE: {}}, "description": "A page, or a stream of events"}},
)
async def events(
    request: Request,
    log: Annotated[str, Query(max_length=100, description="account:0x…/0, market:1 or deficit:1")],
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Read a log's events with seq > `after`, oldest first. What `ReservationPlaced` holds is told
    once its intent has ended; `hash` is of the whole event. With `Accept: text/event-stream` the
    answer goes on with what happens next; Last-Event-ID says where to resume. `HealthChanged` is
    the margin call: `/v1/accounts/{owner}/{subaccount}/cure` is the way out of it."""
    services = services_of(request)
    check_log(log)
    if SSE in request.headers.get("accept", ""):
        resumed = request.headers.get("last-event-id", "")
        start = int(resumed) if SEQ.fullmatch(resumed) else after
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_follow(services, log, start), headers=headers, media_type=SSE)
    return json_answer(await page_of(services, log, after, limit))


def check_log(log: str) -> None:
    """Raises Malformed unless `log` is the name of an account's, a market's or a deficit's log."""
    if not LOG.fullmatch(log):
        raise Malformed(
            "a log is account:<lower-case owner>/<subaccount>, market:<number> or deficit:<id>",
            code="unknownChannel",
            field="log",
        )


def told(store: Store, envelope: Envelope) -> bytes:
    """Returns the wire form of a stored event: an intent that is live keeps its limits."""
    is_live = store.is_live(str(envelope.body.get("uid")))
    return encode(withheld(envelope) if is_live else envelope)


async def page_of(services: Services, log: str, after: int, limit: int) -> dict[str, Any]:
    """Returns a page of a log and the seq of its newest event."""
    found = await services.store.events(log, after, limit)
    head = services.store.head(log).seq
    return {"events": [orjson.loads(told(services.store, e)) for e in found], "head": head}


async def _follow(services: Services, log: str, after: int) -> AsyncIterator[bytes]:
    """Yields everything after a seq for as long as the client stays."""
    heartbeat = services.settings.heartbeat_ms / 1000
    woken = services.bus.subscribe([log], size=1)
    try:
        while True:
            if woken.is_cut_off or woken.waiting():  # only a bell: the store has the words
                woken.close()
                woken = services.bus.subscribe([log], size=1)
            for envelope in await services.store.events(log, after, PAGE):
                after = envelope.seq
                yield b"id: %d\nevent: %s\ndata: %s\n\n" % (
                    after,
                    envelope.type.encode(),
                    told(services.store, envelope),
                )
            head = services.store.head(log).seq
            if after >= head and not woken.waiting():
                try:
                    await asyncio.wait_for(woken.get(), heartbeat)
                except TimeoutError:
                    yield b": head %d\n\n" % head
    finally:
        woken.close()
