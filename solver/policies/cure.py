"""The cure as outcomes that anybody may sign: what a warned owner is shown and an agent may ask.

Closes come as closeOption and closePerp, hedges as openPerp, each with the worst price that was
counted on. Closes go first: each of them leaves the account better than before.
"""

from typing import Any, NamedTuple

from solver.domain.account import SIMPLE, Account
from solver.domain.errors import NotFound
from solver.domain.instrument import Instrument, Kind, format_name
from solver.domain.numbers import format_decimal
from solver.domain.snapshot import Snapshot
from solver.margin.cure import Cure, Means, Trade, cure
from solver.margin.portfolio.grid import RiskGrid
from solver.pricing.gas import gas_cost
from solver.routing.charge import GAS_FILL, item_gas
from solver.routing.rounding import LOT


class Proposal(NamedTuple):
    """Requests as the API takes them, in the order to sign them, and the cure they come from."""

    requests: tuple[dict[str, Any], ...]
    cure: Cure


def propose(
    account: Account,
    snapshot: Snapshot,
    engine: str = SIMPLE,
    *,
    elapsed: int | None = None,
    grid: RiskGrid | None = None,
) -> Proposal:
    """Returns the cheapest cure as requests; none for a healthy account. `elapsed` are the seconds
    that the account has been liquidated for: None for an owner's own, without the rules of speed.

    Raises Infeasible `noCure`, NotFound and Malformed as the cure.
    """
    gas = gas_cost(item_gas(0) + GAS_FILL, snapshot)
    means = Means(LOT, gas, elapsed or 0, is_hasty=elapsed is not None)
    found = cure(account, snapshot, means, engine, grid=grid)
    ordered = sorted(found.trades, key=lambda trade: not _closes(trade, account))
    requests = tuple(r for trade in ordered for r in _requests(trade, account, snapshot))
    return Proposal(requests, found)


def _closes(trade: Trade, account: Account) -> bool:
    return account.quantity(trade.instrument) * trade.quantity < 0


def _requests(trade: Trade, account: Account, snapshot: Snapshot) -> list[dict[str, Any]]:
    """Returns one request, two for a perp that is turned round: it is closed first."""
    instrument = Instrument.unpack(trade.instrument)
    underlying = snapshot.underlying(instrument.market)
    if underlying is None:
        raise NotFound(f"market {instrument.market} is not in this snapshot", field="market")
    held, size = account.quantity(trade.instrument), abs(trade.quantity)
    closed = min(size, abs(held)) if _closes(trade, account) else 0
    common = {
        "instrument": format_name(instrument, underlying.symbol),
        "limitPrice": format_decimal(trade.limit_price),
    }
    found = []
    if closed:
        word = "closePerp" if instrument.kind is Kind.PERP else "closeOption"
        found.append({"outcome": word, "size": format_decimal(closed), **common})
    if size > closed:
        side = "buy" if trade.quantity > 0 else "sell"
        opened = format_decimal(size - closed)
        found.append({"outcome": "openPerp", "side": side, "size": opened, **common})
    return found
