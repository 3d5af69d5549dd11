"""An account's margin and why: by scenario, up and down the ladder of prices, and what-if.

Computed in the solver's process: a page that asks for everything never holds up intake.
"""

import asyncio
import functools
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.api import show
from app.api.accounts import Owner, Subaccount, account_of, head_of
from app.api.body import json_answer, read_object, services_of, snapshot_of
from app.api.risk_models import AccountMargin, StressView, WhatifRequest, WhatifView
from app.api.schema import takes
from app.services import Services
from solver.domain.account import Account
from solver.domain.errors import Malformed, Unavailable
from solver.domain.instrument import Instrument, Kind, Token, parse_name
from solver.domain.numbers import parse_decimal
from solver.domain.route import Fill, MarginFigures
from solver.domain.snapshot import Snapshot
from solver.ledger import trade_cash
from solver.margin.profile import Profile, profile, whatif
from solver.margin.requirement import Requirement
from solver.pricing.marks import mark_of

router = APIRouter(prefix="/v1/accounts/{owner}/{subaccount}", tags=["risk"])
Json = dict[str, Any]
T = TypeVar("T")
WAITING_MAX = 8  # questions at once, the one that is being answered among them


@router.get("/margin", response_model=AccountMargin)
async def margin(request: Request, owner: Owner, subaccount: Subaccount) -> Response:
    """Read margin at the newest prices by both engines, scenario by scenario, where it breaches and
    how likely, and what may be spent. `available` is null while open intents reserve some: the rest
    would tell their signed limits."""
    services = services_of(request)
    account, snapshot = account_of(services, owner, subaccount), services.board.snapshot()
    found, token = await _profile(services, account, snapshot), snapshot.settlement_token
    free = None if account.reservations else show.amount(found.free, token)
    return json_answer(
        {
            "margin": show.margin(_figures(found.in_force), token),
            "available": free,
            "risk": _risk(found, snapshot),
            "snapshot": snapshot_of(services, snapshot),
            "head": head_of(services, account),
        }
    )


@router.get("/stress", response_model=StressView)
async def stress(request: Request, owner: Owner, subaccount: Subaccount) -> Response:
    """Read what every scenario of PORTFOLIO margin would win, and the ladder of prices."""
    services = services_of(request)
    account, snapshot = account_of(services, owner, subaccount), services.board.snapshot()
    found, token = await _profile(services, account, snapshot), snapshot.settlement_token
    scenarios = found.requirements[1]
    return json_answer(
        {
            "rows": [_named(row.name, row.pnl, token) for row in scenarios.rows],
            "worst": scenarios.worst,
            "ladder": _ladder(found, token),
            "snapshot": snapshot_of(services, snapshot),
            "head": head_of(services, account),
        }
    )


@router.post("/whatif", response_model=WhatifView, **takes("WhatifRequest"))
async def what_if(request: Request, owner: Owner, subaccount: Subaccount) -> Response:
    """Ask what trades or collateral would do to margin and greeks. Changes and promises nothing."""
    wanted = _parsed(await read_object(request))
    services = services_of(request)
    account, snapshot = account_of(services, owner, subaccount), services.board.snapshot()
    after = _after(account, wanted, snapshot)
    sides = [
        {
            "cash": show.amount(side.cash, snapshot.settlement_token),
            "risk": _risk(await _profile(services, side, snapshot), snapshot),
            "greeks": show.greeks(side, snapshot),
        }
        for side in (account, after)
    ]
    return json_answer(
        {
            "before": sides[0],
            "after": sides[1],
            "snapshot": snapshot_of(services, snapshot),
            "head": head_of(services, account),
        }
    )


class _Turn:
    """One question at a time goes to the solver's process, and few wait: anyone may ask, and a
    quote must not stand behind more than one of them."""

    def __init__(self) -> None:
        self._one, self._waiting = asyncio.Semaphore(1), 0

    async def ask(self, services: Services, snapshot: Snapshot, job: Callable[[Snapshot], T]) -> T:
        """Returns what the job answers. Raises Unavailable `solverBusy`, and as the pool."""
        if self._waiting >= WAITING_MAX:
            raise Unavailable("too many ask about risk just now", code="solverBusy")
        self._waiting += 1
        try:
            async with self._one:
                return await services.pool.run_on(snapshot, job)
        finally:
            self._waiting -= 1


_turns: WeakKeyDictionary[object, _Turn] = WeakKeyDictionary()  # of each solver's process


async def asked(services: Services, snapshot: Snapshot, job: Callable[[Snapshot], T]) -> T:
    """Returns what a job about risk answers on the snapshot, in its turn. Raises Unavailable
    `solverBusy`, and what the job does."""
    turn = _turns.setdefault(services.pool, _Turn())
    return await turn.ask(services, snapshot, job)


async def _profile(services: Services, account: Account, snapshot: Snapshot) -> Profile:
    return await asked(services, snapshot, functools.partial(profile, account))


def _parsed(body: Json) -> WhatifRequest:
    try:
        return WhatifRequest.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Malformed(first["msg"][:200], field=place[:200]) from None


def _after(account: Account, wanted: WhatifRequest, snapshot: Snapshot) -> Account:
    """Returns the account with the legs traded. Raises Malformed or Infeasible."""
    symbols = {market.symbol: market.market for market in snapshot.underlyings}
    cash = parse_decimal(wanted.cash, snapshot.settlement_token.decimals)
    legs = []
    for place, leg in enumerate(wanted.legs):
        instrument = _instrument(leg.instrument, symbols, place)
        market = snapshot.underlying(instrument.market)
        if instrument.kind is Kind.BASE and market is not None:
            legs.append((instrument.id, parse_decimal(leg.quantity, market.base.decimals)))
            continue
        quantity = parse_decimal(leg.quantity)
        price = mark_of(instrument, snapshot) if leg.price is None else parse_decimal(leg.price)
        legs.append((instrument.id, quantity))
        cash += trade_cash(Fill(0, instrument.id, quantity, price, None), snapshot)
    return whatif(account, legs, cash)


def _instrument(name: str, symbols: dict[str, int], place: int) -> Instrument:
    symbol, _, rest = name.partition("-")
    if rest == "BASE" and symbol in symbols:
        return Instrument(symbols[symbol], Kind.BASE)
    try:
        return parse_name(name, symbols)
    except Malformed as error:
        error.field = f"legs[{place}].instrument"
        raise


def _figures(found: Requirement) -> MarginFigures:
    equity, initial = found.equity, found.initial
    return MarginFigures(equity - initial, equity - found.maintenance, equity, initial)


def _risk(found: Profile, snapshot: Snapshot) -> Json:
    token = snapshot.settlement_token
    return {
        "engine": found.engine,
        "requirements": [_requirement(each, token) for each in found.requirements],
        "breaches": [
            {
                "underlying": show.symbol_of(breach.market, snapshot),
                "fallsTo": None if breach.falls_to is None else show.wad(breach.falls_to),
                "risesTo": None if breach.rises_to is None else show.wad(breach.rises_to),
            }
            for breach in found.breaches
        ],
        "breachProbability": show.ppm(found.breach_ppm),
        "ladder": _ladder(found, token),
    }


def _requirement(found: Requirement, token: Token) -> Json:
    return {
        "engine": found.engine,
        "equity": show.amount(found.equity, token),
        "initial": show.amount(found.initial, token),
        "maintenance": show.amount(found.maintenance, token),
        "worst": found.worst,
        "rows": [_named(row.name, row.pnl, token) for row in found.rows],
        "parts": [_named(name, charge, token) for name, charge in found.parts],
    }


def _named(name: str, atoms: int, token: Token) -> Json:
    return {"name": name, "amount": show.amount(atoms, token)}


def _ladder(found: Profile, token: Token) -> list[Json]:
    return [
        {
            "move": show.ppm(rung.move_ppm),
            "equity": show.amount(rung.equity, token),
            "initial": show.amount(rung.initial, token),
            "maintenance": show.amount(rung.maintenance, token),
            "state": rung.state,
        }
        for rung in found.ladder
    ]
