"""Is it alive, is it ready, what time is it, where are the contracts, what is signed."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import observe
from app.api.body import json_answer, services_of
from app.api.models import ContractsView, HealthView, TimeView, TypedDataView
from app.clock import rfc3339_ms
from solver.domain.errors import Unavailable
from solver.domain.intent import SCHEMES
from solver.domain.typed_data import (
    CANCEL_ALL_FIELDS,
    CANCEL_FIELDS,
    DOMAIN_FIELDS,
    MANDATE_FIELDS,
    REVOKE_FIELDS,
    TYPES,
)

router = APIRouter(prefix="/v1", tags=["operations"])


@router.get("/health/live", response_model=HealthView)
async def live() -> Response:
    """The process answers."""
    return json_answer({"status": "ok", "checks": {}})


@router.get("/health/ready", response_model=HealthView, responses={503: {"model": HealthView}})
async def ready(request: Request) -> Response:
    """Everything that a quote and a submission need is there."""
    services = services_of(request)
    checks = {"store": "ok" if services.store.is_writable else "notWritable"}
    try:
        snapshot = services.board.snapshot()
        priced = all(underlying.price for underlying in snapshot.underlyings)
        checks |= {"chain": "ok", "prices": "ok" if priced else "missing"}
    except Unavailable as error:
        checks["chain"] = error.code
    checks["trading"] = services.breaker.state.value
    parts = [checks[name] for name in ("store", "chain", "prices") if name in checks]
    is_ready = parts == ["ok"] * 3
    status = "ok" if is_ready else "notReady"
    return json_answer({"status": status, "checks": checks}, 200 if is_ready else 503)


@router.get("/metrics", response_class=Response)
async def metrics() -> Response:
    """Prometheus metrics."""
    return Response(observe.metrics(), media_type="text/plain; version=0.0.4")


@router.get("/time", response_model=TimeView)
async def now(request: Request) -> Response:
    """The service's time is the chain head's."""
    services = services_of(request)
    try:
        block = str(services.board.snapshot().block_number)
    except Unavailable:
        block = None
    time_ms = rfc3339_ms(services.clock.time_ms())
    return json_answer({"time": time_ms, "unix": str(services.clock.time()), "blockNumber": block})


@router.get("/contracts", response_model=ContractsView)
async def contracts(request: Request) -> Response:
    """Where the contracts are."""
    deployment = services_of(request).deployment
    names = (
        "settlement", "clearinghouse", "attestation", "params", "router", "permit2", "multicall",
        "weth", "usdc",
    )  # fmt: skip
    return json_answer(
        {
            "chainId": str(deployment.chain_id),
            "contracts": {name: getattr(deployment, name) for name in names},
            "startBlock": str(deployment.start_block),
        }
    )


@router.get("/eip712", response_model=TypedDataView)
async def eip712(request: Request) -> Response:
    """The EIP-712 domain and types that owners sign."""
    domain = services_of(request).domain
    types = {
        "EIP712Domain": DOMAIN_FIELDS,
        **TYPES,
        "Mandate": MANDATE_FIELDS,
        "RevokeMandate": REVOKE_FIELDS,
        "CancelIntents": CANCEL_FIELDS,
        "CancelAll": CANCEL_ALL_FIELDS,
    }
    return json_answer(
        {
            "domain": {
                "name": "Solvent",
                "version": "1",
                "chainId": str(domain.chain_id),
                "verifyingContract": domain.verifying_contract,
            },
            "types": {
                name: [{"name": field, "type": kind} for field, kind in fields]
                for name, fields in types.items()
            },
            "schemes": list(SCHEMES),
        }
    )
