"""Close what is held: one option, or every perp and option. By name: what is held has one.

A position below one lot (0.001) is never closed by itself, because nothing below a lot is traded:
an option stays until it expires, a perp until it is traded up to a lot or more, and is then closed
to the last digit. Who closes everything is left with such positions.
"""

from typing import Any, ClassVar, Literal

from solver.domain.account import Account, Position
from solver.domain.errors import Malformed, Refused
from solver.domain.instrument import RIGHT_OF, Instrument, Kind, format_name
from solver.domain.intent import NO_COST_LIMIT, NO_SLIPPAGE_LIMIT, Leg, Limits, OutcomeIntent
from solver.domain.numbers import format_decimal
from solver.domain.snapshot import Snapshot
from solver.intents.base import (
    Asked,
    Context,
    OutcomeKind,
    Shape,
    decimal,
    exact_option,
    limits_of,
    only_contract,
    positive,
)
from solver.intents.envelope import DERIVATIVES, Signed
from solver.intents.listing import instrument_of, underlying_of
from solver.intents.wire import Amount, Name
from solver.routing.rounding import LOT, lots_down

_OWNER = "0x14dc79964da2c08b23698b3d3cc7ca32193d9955"
_LISTED = tuple(RIGHT_OF)


class CloseOption(OutcomeKind):
    """Trade a held option towards zero: `size` contracts of it, all when left out.

    maxMarginUsed is 0 unless the terms say otherwise: the requirement may not rise.
    """

    shape: ClassVar[Shape] = {("option", "buy"): (0, 1), ("option", "sell"): (0, 1)}
    example: ClassVar[dict[str, Any]] = {
        "request": {"outcome": "closeOption", "instrument": "ETH-20261225-4000-C"},
        "terms": {"owner": _OWNER, "slippageBps": "100", "maxFee": "5"},
    }

    outcome: Literal["closeOption"] = "closeOption"
    instrument: Name
    size: Amount | None = None
    limit_price: Amount | None = None

    def legs(self, context: Context) -> tuple[Leg, ...]:
        """Returns the leg opposite to the position. Raises Refused when there is none."""
        contract, market = instrument_of(
            self.instrument, _LISTED, context.snapshot, "request.instrument", is_held=True
        )
        side, held = closing_side(contract, self.instrument, context)
        size = held if self.size is None else positive(self.size, 18, "request.size")
        price = decimal(self.limit_price or "0", 18, "request.limitPrice")
        leg = exact_option(market.base.address, side, contract, size)
        return (leg._replace(limit_price=price),)

    def limits(self, context: Context) -> Limits:
        """Returns the terms, reduce-only by default."""
        return reducing(context)

    def asked(self) -> dict[int, Asked]:
        """Returns the contract as asked for."""
        return {0: self.instrument}

    @classmethod
    def check(cls, signed: Signed) -> None:
        """Refuses what would open or turn the position round."""
        if len(signed.intent.legs) != 1:
            raise Malformed("one option leg, bought or sold", code="legShape", field="legs")
        check_closes(signed, signed.intent.legs[0], 0)


class CloseAll(OutcomeKind):
    """Close every perp and option held, of one `underlying` if given; base stays, expired too.

    Needs slippageBps, maxNetCost or minNetPremium. maxMarginUsed is 0 unless the terms say more.
    What is below one lot (0.001) cannot trade: it stays, named in the quote's `leftOut`.
    """

    shape: ClassVar[Shape] = {
        (kind, side): (0, 20) for kind in ("perp", "option") for side in ("buy", "sell")
    }
    example: ClassVar[dict[str, Any]] = {
        "request": {"outcome": "closeAll", "underlying": "ETH"},
        "terms": {"owner": _OWNER, "slippageBps": "100", "maxFee": "10"},
    }

    outcome: Literal["closeAll"] = "closeAll"
    underlying: Name | None = None

    def legs(self, context: Context) -> tuple[Leg, ...]:
        """Returns one leg for each position, in the account's order. Raises Refused for none."""
        limits, snapshot = limits_of(context), context.snapshot
        if (limits.max_slippage_bps, limits.max_net_cost) == (NO_SLIPPAGE_LIMIT, NO_COST_LIMIT):
            detail = "closing everything needs a slippage bound or a net-cost bound"
            raise Malformed(detail, code="unbounded", field="terms.slippageBps")
        held = self._held(context.account, snapshot)
        large = [position for position in held if _is_tradable(position)]
        if held and not large:
            least = format_decimal(LOT)
            raise Refused(
                f"all that is held is too small to trade: below {least} contracts",
                code="dust",
                field="request.underlying",
                data={"least": least, "unit": "contracts"},
            )
        if not large:
            detail = "no perp and no option that still trades is held"
            raise Refused(detail, code="nothingToClose", field="request.underlying")
        return tuple(_closing(position, context) for position in large)

    def left_out(self, account: Account, snapshot: Snapshot) -> tuple[str, ...]:
        """Returns the names of positions that stay because they are too small to trade."""
        held = self._held(account, snapshot)
        return tuple(_name(each, snapshot) for each in held if not _is_tradable(each))

    def limits(self, context: Context) -> Limits:
        """Returns the terms, reduce-only by default."""
        return reducing(context)

    def _held(self, account: Account, snapshot: Snapshot) -> list[Position]:
        """Returns the open positions that are meant, in the account's order. Raises Malformed."""
        markets = {underlying.market for underlying in snapshot.underlyings}
        if self.underlying is not None:
            markets = {underlying_of(self.underlying, snapshot, "request.underlying").market}
        return [
            position
            for position in account.positions
            if _is_open(position, snapshot.time) and position.instrument >> 144 in markets
        ]

    @classmethod
    def check(cls, signed: Signed) -> None:
        """Refuses legs that open something or leave a part of what the legs' markets hold, but for
        what is too small to trade.
        """
        closed: dict[int, int] = {}
        for index, leg in enumerate(signed.intent.legs):
            contract = check_closes(signed, leg, index)
            if contract.id in closed:
                detail = "another leg closes this position"
                raise Malformed(detail, code="legShape", field=f"legs.{index}")
            closed[contract.id] = leg.quantity_min
            held = abs(signed.account.quantity(contract.id))
            if leg.quantity_min != held:
                raise Malformed(
                    f"closes {format_decimal(leg.quantity_min)} of {format_decimal(held)} held: "
                    "everything is closed whole, quote again if it has changed",
                    code="legShape",
                    field=f"legs.{index}.quantityMin",
                    data=_told(leg.quantity_min, held),
                )
        markets = {contract >> 144 for contract in closed}
        for position in signed.account.positions:
            is_left = position.instrument not in closed and position.instrument >> 144 in markets
            if is_left and _is_open(position, signed.snapshot.time) and _is_tradable(position):
                detail = f"the legs leave {_name(position, signed.snapshot)} open: quote again"
                raise Malformed(detail, code="legShape", field="legs")


def closing_side(instrument: Instrument, name: str, context: Context) -> tuple[str, int]:
    """Returns the side that closes a position and how much is held, 1e18.

    Raises Refused `nothingToClose` when nothing is held.
    """
    held = context.account.quantity(instrument.id)
    if held == 0:
        detail = f"no {name[:64]} is held"
        raise Refused(detail, code="nothingToClose", field="request.instrument")
    return "sell" if held > 0 else "buy", abs(held)


def reducing(context: Context) -> Limits:
    """Returns the terms as limits under which the requirement may not rise unless they say so."""
    limits = limits_of(context)
    is_said = context.terms.max_margin_used is not None
    return limits if is_said else limits._replace(max_margin_used=0)


def check_closes(signed: Signed, leg: Leg, index: int) -> Instrument:
    """Returns the one contract of a leg. Raises Refused when it is more than what is held."""
    contract = only_contract(leg, index, signed.snapshot)
    most = closable(contract, leg.side, signed.account)
    if leg.quantity_max > most:
        raise Refused(
            "the leg is larger than what it would close",
            code="nothingToClose",
            field=f"legs.{index}.quantityMax",
            data=_told(leg.quantity_max, most),
        )
    return contract


def closable(contract: Instrument, side: str, account: Account) -> int:
    """Returns how much of a position that side makes smaller, 1e18; 0 for one of the same side."""
    held = account.quantity(contract.id)
    return max(held if side == "sell" else -held, 0) if side in ("buy", "sell") else 0


def is_exit(intent: OutcomeIntent, account: Account, snapshot: Snapshot) -> bool:
    """Returns whether all that an intent may do is to make the account's positions smaller."""
    contracts = set()
    for index, leg in enumerate(intent.legs):
        if leg.kind not in DERIVATIVES:
            return False
        try:
            contract = only_contract(leg, index, snapshot)
        except Malformed:  # a range: nobody knows yet what it becomes
            return False
        if leg.quantity_max > closable(contract, leg.side, account):
            return False
        contracts.add(contract)
    return len(contracts) == len(intent.legs)


def _told(requested: int, available: int) -> dict[str, str]:
    return {"requested": format_decimal(requested), "available": format_decimal(available)}


def _is_open(position: Position, time: int) -> bool:
    instrument = Instrument.unpack(position.instrument)
    is_alive = instrument.kind in RIGHT_OF and instrument.expiry > time
    return position.quantity != 0 and (instrument.kind is Kind.PERP or is_alive)


def _is_tradable(position: Position) -> bool:
    return lots_down(abs(position.quantity)) > 0


def _closing(position: Position, context: Context) -> Leg:
    contract, size = Instrument.unpack(position.instrument), abs(position.quantity)
    side = "sell" if position.quantity > 0 else "buy"
    base = next(u.base.address for u in context.snapshot.underlyings if u.market == contract.market)
    if contract.is_option:
        return exact_option(base, side, contract, size)
    return Leg("perp", base, side, quantity_min=size, quantity_max=size)


def _name(position: Position, snapshot: Snapshot) -> str:
    contract = Instrument.unpack(position.instrument)
    underlying = snapshot.underlying(contract.market)
    return format_name(contract, underlying.symbol) if underlying else str(contract.id)
