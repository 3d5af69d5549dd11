"""What would save an account now: the cheapest closes and hedges that restore its margin.

What a margin call on the stream (`HealthChanged`) sends its reader to: the answer is ready to be
quoted and signed.
"""

import functools
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api import show
from app.api.accounts import Owner, Subaccount, account_of, head_of
from app.api.body import json_answer, services_of, snapshot_of
from app.api.models import HeadView
from app.api.plan_models import SnapshotView, View
from app.api.risk import asked
from solver.domain.account import Account
from solver.domain.instrument import Token
from solver.domain.snapshot import Snapshot
from solver.margin.cure import Trade
from solver.margin.profile import state_at
from solver.margin.requirement import Requirement
from solver.policies import Proposal, propose

Json = dict[str, Any]
router = APIRouter(prefix="/v1/accounts/{owner}/{subaccount}", tags=["risk"])


class CureTrade(View):
    """A trade of the cure: quantity signed from the account's side, and the worst price that was
    counted on."""

    instrument: str
    quantity: str
    limit_price: str


class CureMargin(View):
    """The account's figures by its engine; `state` is the health that they alone ask for."""

    equity: str
    initial: str
    maintenance: str
    state: str


class CureView(View):
    """`requests` are outcomes as `POST /v1/quotes` takes them, to be signed in this order; empty
    where nothing is to be cured. `cost` is against the marks, gas included, settlement units."""

    requests: list[Json]
    trades: list[CureTrade]
    cost: str
    before: CureMargin
    after: CureMargin
    snapshot: SnapshotView
    head: HeadView


@router.get("/cure", response_model=CureView)
async def cure(request: Request, owner: Owner, subaccount: Subaccount) -> Response:
    """Read the cheapest trades after which equity is 15 % above the maintenance requirement, by
    what makers bid and ask now. Changes and reserves nothing. 409 `noCure`: what they show does not
    restore the account; deposit, or the auction is next."""
    services = services_of(request)
    account, snapshot = account_of(services, owner, subaccount), services.board.snapshot()
    found = await asked(services, snapshot, functools.partial(_proposed, account))
    token = snapshot.settlement_token
    return json_answer(
        {
            "requests": list(found.requests),
            "trades": [_trade(trade, snapshot) for trade in found.cure.trades],
            "cost": show.amount(found.cure.cost, token),
            "before": _margin(found.cure.before, token),
            "after": _margin(found.cure.after, token),
            "snapshot": snapshot_of(services, snapshot),
            "head": head_of(services, account),
        }
    )


def _proposed(account: Account, snapshot: Snapshot) -> Proposal:
    return propose(account, snapshot, account.engine)


def _trade(trade: Trade, snapshot: Snapshot) -> Json:
    return {
        "instrument": show.name_of(trade.instrument, snapshot),
        "quantity": show.wad(trade.quantity),
        "limitPrice": show.wad(trade.limit_price),
    }


def _margin(found: Requirement, token: Token) -> Json:
    sums = found.equity, found.initial, found.maintenance
    return {
        "equity": show.amount(found.equity, token),
        "initial": show.amount(found.initial, token),
        "maintenance": show.amount(found.maintenance, token),
        "state": state_at(*sums),
    }
