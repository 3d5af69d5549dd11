"""Plans an outcome without submitting it: what would happen, what it costs, and what to sign."""

import time
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import observe, pipeline
from app.api import show
from app.api.body import json_answer, mandate_id_of, read_object, services_of
from app.api.plan_models import QuoteView
from app.api.schema import takes
from app.pipeline import Plan, Quote
from app.verify.funding import told
from solver.domain.calendar import rfc3339
from solver.domain.instrument import ASIAN_KINDS, Instrument, fixing_times
from solver.domain.route import Certificate, Fill, Swap
from solver.domain.snapshot import Snapshot
from solver.intents import parse_wanted
from solver.intents.base import OutcomeKind
from solver.intents.listing import described
from solver.intents.typed_json import to_json
from solver.ledger import trade_cash
from solver.pricing.exotics.receipt import document, of_mark
from solver.pricing.payoff import Payoff, closed_by, legs_of, payoff

router = APIRouter(tags=["quotes"])
Json = dict[str, Any]


@router.post("/v1/quotes", response_model=QuoteView, **takes("OutcomeRequest"))
async def quote(request: Request) -> Response:
    """Quote an outcome in human terms: legs, venues, cost, margin, payoff, proof, typed data.

    Sign `typedData` and submit `intent`, `scheme` and the signature to /v1/intents. Nothing is
    reserved or promised: the signed limits bind, the auction finds the best price inside them.
    """
    begun = time.perf_counter()
    body = await read_object(request)
    mandate = mandate_id_of(body)
    wanted = parse_wanted({name: value for name, value in body.items() if name != "mandate"})
    services = services_of(request)
    given = await pipeline.quote(services, wanted.request, wanted.terms, mandate)
    services.store.quotes.put(given.quote_id, given, given.expires_at)
    observe.quote_answered(time.perf_counter() - begun)
    return json_answer(view(given, wanted.request))


def view(given: Quote, request: OutcomeKind) -> Json:
    """Returns a quote, and how the contracts asked for were chosen, in the words of the API."""
    plan, snapshot = given.plan, given.plan.snapshot
    solution, token = plan.solution, plan.snapshot.settlement_token
    return {
        "quoteId": given.quote_id,
        "uid": str(given.uid),
        "expiresAt": rfc3339(given.expires_at),
        "scheme": plan.scheme,
        "intent": to_json(plan.intent),
        "typedData": given.typed_data,
        "choices": _choices(plan, request),
        "leftOut": list(request.left_out(plan.simulation.after, snapshot)),
        "fills": [_fill(fill, snapshot) for fill in solution.fills],
        "swaps": [_swap(swap, snapshot) for swap in solution.swaps],
        "pulls": [
            {
                "leg": pull.leg,
                "token": pull.token,
                "amount": show.amount_of(pull.amount, pull.token, snapshot),
                "fromWallet": pull.is_from_wallet,
            }
            for pull in solution.pulls
        ],
        "outs": [
            {
                "leg": out.leg,
                "token": out.token,
                "amount": show.amount_of(out.amount, out.token, snapshot),
            }
            for out in solution.outs
        ],
        "netCost": show.amount(solution.net_cost, token),
        "netPremium": show.amount(-solution.net_cost, token),
        "fee": show.amount(solution.fee, token),
        "gas": str(solution.gas),
        "certificate": _certificate(solution.certificate),
        **_risk(plan),
        "funding": [told(short) for short in given.funding],
        "snapshot": show.snapshot_view(snapshot, solution.snapshot_hash),
    }


def _risk(plan: Plan) -> Json:
    simulation, snapshot = plan.simulation, plan.snapshot
    token = snapshot.settlement_token
    return {
        "marginEngine": simulation.engine,
        "marginBefore": show.margin(simulation.margin_before, token),
        "marginAfter": show.margin(simulation.margin_after, token),
        "marginRise": show.amount(simulation.margin_rise, token),
        "delta": _delta(plan),
        "greeksAfter": show.greeks(simulation.after, snapshot),
        "payoff": _payoffs(plan),
    }


def _delta(plan: Plan) -> Json | None:
    simulation = plan.simulation
    if simulation.delta_market is None:
        return None
    return {
        "underlying": show.symbol_of(simulation.delta_market, plan.snapshot),
        "before": show.wad(simulation.delta_before),
        "after": show.wad(simulation.delta_after),
    }


def _choices(plan: Plan, request: OutcomeKind) -> list[Json]:
    """Returns, for each option leg, what was asked and the contracts that are signed for it."""
    snapshot, asked, out = plan.snapshot, request.asked(), []
    for exposure in plan.program.exposures:
        contracts = [Instrument.unpack(packed) for packed in exposure.candidates]
        underlying = snapshot.underlying(contracts[0].market)
        if underlying is None or not contracts[0].is_option:
            continue
        rows = [described(c, underlying, snapshot.time)._asdict() for c in contracts]
        choice = {"leg": exposure.leg, "side": exposure.side, "contracts": rows}
        out.append(choice | {"asked": asked.get(exposure.leg)})
    return out


def _fill(fill: Fill, snapshot: Snapshot) -> Json:
    return {
        "leg": fill.leg,
        "instrument": show.name_of(fill.instrument, snapshot),
        "instrumentId": str(fill.instrument),
        "quantity": show.wad(fill.quantity),
        "price": show.wad(fill.price),
        "cash": show.amount(trade_cash(fill, snapshot), snapshot.settlement_token),
        "maker": fill.maker.owner if fill.maker else None,
        "receipt": _receipt(Instrument.unpack(fill.instrument), snapshot),
    }


def _receipt(instrument: Instrument, snapshot: Snapshot) -> Json | None:
    """Returns what the mark was sampled by, of the snapshot that was planned on; None of others."""
    if instrument.kind not in ASIAN_KINDS or fixing_times(instrument.expiry)[-1] <= snapshot.time:
        return None
    return document(of_mark(instrument, snapshot))


def _swap(swap: Swap, snapshot: Snapshot) -> Json:
    return {
        "venue": swap.venue,
        "pool": swap.pool,
        "tokenIn": swap.token_in,
        "tokenOut": swap.token_out,
        "amountIn": show.amount_of(swap.amount_in, swap.token_in, snapshot),
        "amountOut": show.amount_of(swap.amount_out, swap.token_out, snapshot),
    }


def _certificate(certificate: Certificate) -> Json:
    return {
        "value": str(certificate.value),
        "bound": str(certificate.bound),
        "gapPpm": str(certificate.gap_ppm),
        "tokenPrices": _prices(certificate.token_prices),
        "rowPrices": _prices(certificate.row_prices),
        "cases": [
            {
                "closed": list(case.closed),
                "open": list(case.open),
                "tokenPrices": _prices(case.token_prices),
            }
            for case in certificate.cases
        ],
    }


def _prices(named: Iterable[tuple[str, int]]) -> list[list[str]]:
    return [[name, str(price)] for name, price in named]


def _payoffs(plan: Plan) -> list[Json]:
    """Returns one curve per market; the fee is taken off the first."""
    snapshot, cost, out = plan.snapshot, plan.solution.fee, []
    closed = closed_by(plan.solution, plan.simulation.after)
    cost_wad = cost * 10 ** (18 - snapshot.settlement_token.decimals)
    for market, legs in sorted(legs_of(plan.program, plan.solution, snapshot).items()):
        underlying = snapshot.underlying(market)
        if underlying is not None:
            curve = payoff(legs, underlying, snapshot.time, cost_wad)
            names = [show.name_of(each, snapshot) for each in closed if each >> 144 == market]
            out.append({"underlying": underlying.symbol, **_payoff(curve), "closes": names})
            cost_wad = 0
    return out


def _payoff(curve: Payoff) -> Json:
    return {
        "expiry": rfc3339(curve.expiry) if curve.expiry else None,
        "points": [
            {
                "price": show.wad(point.price),
                "atExpiry": show.wad(point.at_expiry),
                "today": show.wad(point.today),
            }
            for point in curve.points
        ],
        "breakEvens": [show.wad(price) for price in curve.break_evens],
        "profitMax": None if curve.profit_max is None else show.wad(curve.profit_max),
        "lossMax": None if curve.loss_max is None else show.wad(curve.loss_max),
        "isExact": curve.is_exact,
    }
