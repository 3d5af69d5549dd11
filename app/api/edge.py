"""The outermost layer of every request: its id, its duration, and headers that every answer has."""

import itertools
import secrets
import sys
import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import observe

_BOOT = secrets.token_hex(4)
_numbers = itertools.count(1)


class Edge:
    """Pure ASGI, because intake passes here a thousand times a second."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request and tells how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"{_BOOT}-{next(_numbers)}"
        scope.setdefault("state", {})["request_id"] = request_id
        begun, status = time.perf_counter(), 500

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        try:
            await self._app(scope, receive, tell)
        finally:
            if (error := sys.exception()) is not None:
                observe.request_failed(request_id, _route(scope), error)
            seconds = time.perf_counter() - begun
            observe.request_served(scope["method"], _route(scope), status, seconds)


def _route(scope: Scope) -> str:
    """Returns the path's template: a metric per uid would be a leak."""
    route = scope.get("route")
    return str(getattr(route, "path", "unrouted"))
