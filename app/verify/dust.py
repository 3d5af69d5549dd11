"""What is too small to settle is refused before anyone signs a quote or waits for an auction.

Nothing below one lot is traded (what is above is filled to the last digit), and a swap worth less
than the gas of settling it gives its owner nothing: left open, both would only expire. The least
that would do is told.
"""

from solver.domain.errors import Refused
from solver.domain.intent import Leg, OutcomeIntent
from solver.domain.numbers import format_decimal
from solver.domain.snapshot import Snapshot
from solver.intents.listing import price_of, token_of
from solver.routing.charge import gas_fee, item_gas
from solver.routing.rounding import LOT, lots_down

SWAP_MOVES = 2  # the least a swap settles: one pull and one out
_GIVEN = (("token", "sell"), ("collateral", "deposit"), ("collateral", "withdraw"))


def require_worth(intent: OutcomeIntent, snapshot: Snapshot) -> None:
    """Raises Refused `dust` with the least amount when a leg, at its largest, is too small.

    A compiled intent is expected: its assets are listed.
    """
    is_swap = intent.outcome == "swap"
    for index, leg in enumerate(intent.legs):
        field = f"legs.{index}.quantityMax"
        if leg.kind in ("perp", "option") and not lots_down(leg.quantity_max):
            raise _dust("contracts", format_decimal(LOT), field)
        if (leg.kind, leg.side) in _GIVEN:
            token = token_of(leg.asset, snapshot, field)
            least = _least_sold(leg, snapshot) if is_swap else 1
            if leg.quantity_max < least:
                raise _dust(token.symbol, format_decimal(least, token.decimals), field)


def _least_sold(leg: Leg, snapshot: Snapshot) -> int:
    """Returns the atoms that are worth more than the cheapest settlement's gas; 1 where no mark
    says what the token is worth."""
    token = token_of(leg.asset, snapshot, "asset")
    if not price_of(token, snapshot):
        return 1
    return gas_fee(item_gas(SWAP_MOVES), token.address, snapshot) + 1


def _dust(unit: str, least: str, field: str) -> Refused:
    detail = f"too small to settle: at least {least} {unit}"
    return Refused(detail, code="dust", field=field, data={"least": least, "unit": unit})
