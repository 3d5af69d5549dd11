"""An account as its events fold: positions, margin, greeks, history. Public and read-only."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api import show
from app.api.body import json_answer, services_of, snapshot_of
from app.api.events import page_of
from app.api.models import AccountGreeks, AccountView, EventPage, PositionsView
from app.services import Services
from solver.domain.account import Account
from solver.domain.errors import Malformed
from solver.domain.ids import AccountId, address
from solver.domain.instrument import ASIAN_KINDS, FIXINGS, Instrument
from solver.domain.snapshot import Snapshot, Underlying

router = APIRouter(prefix="/v1/accounts/{owner}/{subaccount}", tags=["accounts"])
Owner = Annotated[str, Path(pattern="^0x[0-9a-fA-F]{40}$")]
Subaccount = Annotated[str, Path(pattern="^(0|[1-9][0-9]{0,19})$")]


@router.get("", response_model=AccountView)
async def read(request: Request, owner: Owner, subaccount: Subaccount) -> Response:
    """Read an account. One that nothing ever happened to is empty, not missing."""
    services = services_of(request)
    account, token = account_of(services, owner, subaccount), _token(services)
    return json_answer(
        {
            "owner": account.id.owner,
            "subaccount": str(account.id.subaccount),
            "log": account.id.log,
            "cash": show.amount(account.cash, token),
            "positions": _positions(account, services.board.snapshot()),
            "reservations": [{"uid": held.uid} for held in account.reservations],
            "epoch": str(account.epoch),
            "health": show.health(account.health),
            "head": head_of(services, account),
        }
    )


@router.get("/positions", response_model=PositionsView)
async def positions(request: Request, owner: Owner, subaccount: Subaccount) -> Response:
    """Read the positions and base collateral, marked now."""
    services = services_of(request)
    account = account_of(services, owner, subaccount)
    rows = _positions(account, services.board.snapshot())
    return json_answer({"positions": rows, "head": head_of(services, account)})


@router.get("/greeks", response_model=AccountGreeks)
async def greeks(request: Request, owner: Owner, subaccount: Subaccount) -> Response:
    """Read the greeks per market at the newest prices."""
    services = services_of(request)
    account, snapshot = account_of(services, owner, subaccount), services.board.snapshot()
    return json_answer(
        {
            "greeks": show.greeks(account, snapshot),
            "snapshot": snapshot_of(services, snapshot),
            "head": head_of(services, account),
        }
    )


@router.get("/events", response_model=EventPage)
async def history(
    request: Request,
    owner: Owner,
    subaccount: Subaccount,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Read the account's events after a sequence number, oldest first."""
    services = services_of(request)
    log = account_of(services, owner, subaccount).id.log
    return json_answer(await page_of(services, log, after, limit))


def account_of(services: Services, owner: str, subaccount: str) -> Account:
    """Returns the account as its events fold. Raises Malformed."""
    number = int(subaccount)
    if number >= 2**64:
        raise Malformed("a subaccount fits 64 bits", field="subaccount")
    account_id = AccountId(services.deployment.chain_id, address(owner, "owner"), number)
    return services.store.account(account_id)


def _positions(account: Account, snapshot: Snapshot) -> list[dict[str, Any]]:
    """Returns every slot, with what became of an option whose expiry has passed."""
    rows = zip(show.positions(account, snapshot), account.positions, strict=True)
    return [row | _expiry(held.instrument, snapshot) for row, held in rows]


def _expiry(instrument_id: int, snapshot: Snapshot) -> dict[str, Any]:
    instrument = Instrument.unpack(instrument_id)
    if not instrument.is_option or instrument.expiry > snapshot.time:
        return {"expired": False, "expiryPrice": None}
    market = snapshot.underlying(instrument.market)
    price = _paid_at(instrument, market) if market else None
    return {"expired": True, "expiryPrice": show.wad(price) if price else None}


def _paid_at(instrument: Instrument, market: Underlying) -> int | None:
    """Returns the price an option of a past expiry pays by, 1e18, once it is fixed on chain."""
    if instrument.kind not in ASIAN_KINDS:
        return dict(market.expiry_prices).get(instrument.expiry)
    fixing = market.fixing_of(instrument.expiry)
    return fixing.total // FIXINGS if fixing.fixed == FIXINGS else None


def _token(services: Services) -> Any:
    return services.board.snapshot().settlement_token


def head_of(services: Services, account: Account) -> dict[str, Any]:
    """Returns the end of the account's log: what the answer is as of."""
    return services.store.head(account.id.log)._asdict()
