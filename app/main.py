"""The application: routers, errors and edges around one set of services."""

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from app import errors
from app.api import (
    accounts,
    cure,
    docs,
    events,
    health,
    intents,
    mandates,
    markets,
    quotes,
    rfq,
    risk,
    stream,
    surface,
)
from app.api.edge import Edge
from app.api.schema import VERSION, document
from app.config import Settings
from app.services import Services

EXPOSED = ("X-Request-Id", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining")
Starter = Callable[[], AbstractAsyncContextManager[Services]]


def create_app(
    services: Services | None = None,
    *,
    start: Starter | None = None,
    settings: Settings | None = None,
) -> FastAPI:
    """Returns the application over `services`, or over those that `start` makes at start-up."""
    settings = services.settings if services else settings or Settings.load()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if start is None:
            yield
            return
        async with start() as made:
            app.state.services = made
            gc.collect()
            gc.freeze()  # what start-up made stays for good: no collection walks it again
            yield

    app = FastAPI(
        title="Solvent",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        middleware=[
            Middleware(Edge),
            Middleware(
                CORSMiddleware,
                allow_origins=settings.origins,
                allow_methods=("GET", "POST", "DELETE"),
                allow_headers=("Content-Type", "Idempotency-Key", "Last-Event-ID"),
                expose_headers=EXPOSED,
            ),
        ],
    )
    if services is not None:
        app.state.services = services
    errors.install(app)
    reads = (accounts, risk, cure, markets, surface, events, rfq, health, stream, docs)
    for part in (quotes, intents, mandates, *reads):
        app.include_router(part.router)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """Serves our own OpenAPI document in place of FastAPI's."""
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(document(app))
        return made

    app.openapi = openapi  # type: ignore[method-assign]
