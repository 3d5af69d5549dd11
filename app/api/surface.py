"""A market's volatility surface: its parameters, how well they fit, what they say of strikes."""

from typing import Any, Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api import show
from app.api.body import json_answer, services_of, snapshot_of
from app.api.plan_models import SnapshotView, View
from solver.domain.calendar import DAY, rfc3339
from solver.domain.errors import NotFound
from solver.domain.numbers import PPM
from solver.domain.snapshot import Underlying
from solver.domain.surface import PPB, Knot, Surface
from solver.pricing.marks import to_wad
from solver.pricing.surface import at_the_money_ppm, implied_volatility, slice_at

router = APIRouter(prefix="/v1", tags=["markets"])
Json = dict[str, Any]
TENORS_DAYS = (1, 7, 14, 30, 60, 90, 180, 365)
MONEYNESS_PERCENT = (50, 60, 70, 80, 85, 90, 95, 100, 105, 110, 115, 120, 130, 140, 160, 200)
VOL_PLACES, CARRY_PLACES = 6, 9


class KnotView(View):
    """SVI parameters of one tenor: w(k) = base + (theta + rho psi j + sqrt((psi j + rho theta)^2 +
    (1 - rho^2) theta^2)) / 2, j = k - shift, k = ln(strike / forward), w total variance; carry is
    forward / price - 1. Between tenors w is linear in time."""

    seconds: str
    theta: str
    psi: str
    rho: str
    carry: str
    base: str
    shift: str


class TenorView(View):
    """At the money, and the forward in settlement units."""

    days: int
    volatility: str
    forward: str


class FitView(View):
    """Errors at quoted options of 10 to 90 delta, in volatility: 0.01 is one point."""

    rms: str
    worst: str


class SmileView(View):
    """Volatilities of one tenor, in the order of `moneyness`."""

    days: int
    volatilities: list[str]


class SurfaceView(View):
    """One market's surface. Volatilities are annual fractions; moneyness is strike / forward."""

    underlying: str
    model: Literal["svi"]
    source: Literal["builtIn", "recorded"]
    recorded_at: str | None
    fit: FitView
    knots: list[KnotView]
    at_the_money: list[TenorView]
    moneyness: list[str]
    grid: list[SmileView]
    snapshot: SnapshotView


@router.get("/surface/{underlying}", response_model=SurfaceView)
async def surface(request: Request, underlying: str) -> Response:
    """Read the volatility surface that a market's options are marked by."""
    services = services_of(request)
    snapshot = services.board.snapshot()
    market = next((u for u in snapshot.underlyings if u.symbol == underlying), None)
    if market is None:
        raise NotFound("no such underlying", field="underlying")
    return json_answer(surface_of(market) | {"snapshot": snapshot_of(services, snapshot)})


def surface_of(market: Underlying) -> Json:
    """Returns everything but the snapshot."""
    found = market.surface
    return {
        "underlying": market.symbol,
        "model": "svi",
        "source": "recorded" if found.time else "builtIn",
        "recordedAt": rfc3339(found.time) if found.time else None,
        "fit": {"rms": show.ppm(found.rms_ppm), "worst": show.ppm(found.worst_ppm)},
        "knots": [_knot(knot) for knot in found.knots],
        "atTheMoney": [_tenor(market, days) for days in TENORS_DAYS],
        "moneyness": [show.ppm(percent * PPM // 100) for percent in MONEYNESS_PERCENT],
        "grid": [{"days": days, "volatilities": _smile(found, days * DAY)} for days in TENORS_DAYS],
    }


def _knot(knot: Knot) -> Json:
    each = (knot.theta_ppb, knot.psi_ppb, knot.carry_ppb, knot.base_ppb, knot.shift_ppb)
    theta, psi, carry, base, shift = (show.wad(ppb * (10**18 // PPB)) for ppb in each)
    return {
        "seconds": str(knot.seconds),
        "theta": theta,
        "psi": psi,
        "rho": show.ppm(knot.rho_ppm),
        "carry": carry,
        "base": base,
        "shift": shift,
    }


def _tenor(market: Underlying, days: int) -> Json:
    carry = to_wad(slice_at(market.surface, days * DAY).carry, CARRY_PLACES)
    return {
        "days": days,
        "volatility": show.ppm(at_the_money_ppm(market.surface, days * DAY)),
        "forward": show.wad(market.price + market.price * carry // 10**18),
    }


def _smile(surface: Surface, seconds: int) -> list[str]:
    forward = 1 + slice_at(surface, seconds).carry
    vols = (
        implied_volatility(surface, percent / 100 * forward, 1.0, seconds)
        for percent in MONEYNESS_PERCENT
    )
    return [show.wad(to_wad(vol, VOL_PLACES)) for vol in vols]
