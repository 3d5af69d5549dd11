"""Move a held option to a later expiry: close it, open the same side there, in one settlement."""

from typing import Any, ClassVar, Literal

from solver.domain.calendar import DAY
from solver.domain.instrument import Instrument, Kind
from solver.domain.intent import Leg, Limits
from solver.domain.snapshot import Underlying
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
from solver.intents.closing import check_closes, closing_side
from solver.intents.envelope import Signed
from solver.intents.listing import instrument_of
from solver.intents.options.choose import any_strike, book_in, together
from solver.intents.options.selector import Contract, Selector, Wish, shown
from solver.intents.options.structure import OPPOSITE, misshapen, single
from solver.intents.wire import Amount, Name, SignedAmount


class Roll(OutcomeKind):
    """Close `size` (all when left out) of the held `instrument`, open as much of `to`, later.

    `to` left out, or without delta, moneyness and strike, keeps the strike; without tenorDays and
    expiry it is the next expiry that is quoted. The right stays.
    """

    shape: ClassVar[Shape] = {("option", "buy"): (1, 1), ("option", "sell"): (1, 1)}
    example: ClassVar[dict[str, Any]] = {
        "request": {
            "outcome": "roll",
            "instrument": "ETH-20261225-4000-C",
            "to": {"tenorDays": [40, 80]},
            "maxNetCost": "300",
        },
        "terms": {
            "owner": "0x14dc79964da2c08b23698b3d3cc7ca32193d9955",
            "slippageBps": "100",
            "maxFee": "5",
            "minHealth": "1.1",
        },
    }

    outcome: Literal["roll"] = "roll"
    instrument: Name
    to: Contract | None = None
    size: Amount | None = None
    limit_price: Amount | None = None
    close_limit_price: Amount | None = None
    min_net_premium: Amount | None = None
    max_net_cost: SignedAmount | None = None

    def legs(self, context: Context) -> tuple[Leg, ...]:
        """Returns the leg that closes and the leg that opens."""
        held, market = instrument_of(
            self.instrument,
            (Kind.CALL, Kind.PUT),
            context.snapshot,
            "request.instrument",
            is_held=True,
        )
        side, most = closing_side(held, self.instrument, context)
        size = most if self.size is None else positive(self.size, 18, "request.size")
        opened = self._opened(held, market, OPPOSITE[side], context)
        closes = exact_option(market.base.address, side, held, size)
        opens = exact_option(market.base.address, OPPOSITE[side], opened, size)
        prices = [
            decimal(text or "0", 18, f"request.{field}")
            for field, text in (
                ("closeLimitPrice", self.close_limit_price),
                ("limitPrice", self.limit_price),
            )
        ]
        return closes._replace(limit_price=prices[0]), opens._replace(limit_price=prices[1])

    def limits(self, context: Context) -> Limits:
        """Returns the terms with the roll's own bound on its cost."""
        return limits_of(context, self.min_net_premium, self.max_net_cost)

    def asked(self) -> dict[int, Asked]:
        """Returns the held contract by name and the new one as asked for."""
        return {0: self.instrument, 1: None if self.to is None else shown(self.to)}

    @classmethod
    def check(cls, signed: Signed) -> None:
        """Refuses another underlying, right or size, an earlier expiry, and what is not held."""
        (i, near), (j, far) = sorted(
            enumerate(signed.intent.legs), key=lambda row: row[1].expiry_min
        )
        for index, leg in ((i, near), (j, far)):
            only_contract(leg, index, signed.snapshot)
            if leg.quantity_min != leg.quantity_max:
                raise misshapen("the quantity must be exact", f"legs.{index}.quantityMin")
        if near.expiry_min == far.expiry_min:
            raise misshapen("the new contract expires later", f"legs.{j}.expiryMin")
        same = {"asset": "asset", "right": "right", "quantity_min": "quantityMin"}
        for name, field in same.items():
            if getattr(near, name) != getattr(far, name):
                raise misshapen(f"a roll keeps its {field}", f"legs.{j}.{field}")
        check_closes(signed, near, i)

    def _opened(
        self, held: Instrument, market: Underlying, side: str, context: Context
    ) -> Instrument:
        to = Selector() if self.to is None else self.to
        if isinstance(to, Selector) and not to.has_tenor:
            days = max(held.expiry - context.snapshot.time, 0) // DAY
            to = to.model_copy(update={"tenor_days": days})
        right = "call" if held.kind is Kind.CALL else "put"
        is_same_strike = isinstance(to, Selector) and not to.has_target
        wish = Wish("request.to", side, right, to, is_free=is_same_strike)
        single(wish)
        (opened,) = together(
            (wish,),
            book_in(market.symbol, (wish,), context),
            context,
            (lambda strikes: strikes[0] == held.strike) if is_same_strike else any_strike,
            after=held.expiry,
        )
        return opened
