"""Open or close a perpetual: one leg of one market."""

from typing import Any, ClassVar, Literal

from solver.domain.errors import Malformed
from solver.domain.instrument import Instrument, Kind
from solver.domain.intent import Leg, Limits
from solver.domain.snapshot import Underlying
from solver.intents.base import Context, OutcomeKind, Shape, decimal, positive
from solver.intents.closing import check_closes, closing_side, reducing
from solver.intents.envelope import Signed
from solver.intents.listing import instrument_of
from solver.intents.wire import Amount, Name

_OWNER = "0x14dc79964da2c08b23698b3d3cc7ca32193d9955"


class OpenPerp(OutcomeKind):
    """Buy or sell `size` contracts of a perp, each at no worse than limitPrice if given."""

    shape: ClassVar[Shape] = {("perp", "buy"): (0, 1), ("perp", "sell"): (0, 1)}
    example: ClassVar[dict[str, Any]] = {
        "request": {
            "outcome": "openPerp",
            "instrument": "ETH-PERP",
            "side": "buy",
            "size": "5",
            "limitPrice": "4050",
        },
        "terms": {
            "owner": _OWNER,
            "slippageBps": "30",
            "maxFee": "5",
            "maxMarginUsed": "2500",
            "minHealth": "1.1",
        },
    }

    outcome: Literal["openPerp"] = "openPerp"
    instrument: Name
    side: Literal["buy", "sell"]
    size: Amount
    limit_price: Amount | None = None

    def legs(self, context: Context) -> tuple[Leg, ...]:
        """Returns the one leg."""
        _, underlying = _perp(self.instrument, context)
        size = positive(self.size, 18, "request.size")
        price = decimal(self.limit_price or "0", 18, "request.limitPrice")
        return (_leg(underlying, self.side, size, price),)

    @classmethod
    def check(cls, signed: Signed) -> None:
        """Refuses two legs, which would cancel."""
        _check_single(signed)


class ClosePerp(OutcomeKind):
    """Trade a held perp towards zero: `size` contracts of it, all when left out.

    maxMarginUsed is 0 unless the terms say otherwise: the requirement may not rise.
    """

    shape: ClassVar[Shape] = OpenPerp.shape
    example: ClassVar[dict[str, Any]] = {
        "request": {"outcome": "closePerp", "instrument": "ETH-PERP"},
        "terms": {"owner": _OWNER, "slippageBps": "30", "maxFee": "5"},
    }

    outcome: Literal["closePerp"] = "closePerp"
    instrument: Name
    size: Amount | None = None
    limit_price: Amount | None = None

    def legs(self, context: Context) -> tuple[Leg, ...]:
        """Returns the leg opposite to the position. Raises Refused when there is none."""
        instrument, underlying = _perp(self.instrument, context)
        side, held = closing_side(instrument, self.instrument, context)
        size = held if self.size is None else positive(self.size, 18, "request.size")
        price = decimal(self.limit_price or "0", 18, "request.limitPrice")
        return (_leg(underlying, side, size, price),)

    def limits(self, context: Context) -> Limits:
        """Returns the terms, reduce-only by default."""
        return reducing(context)

    @classmethod
    def check(cls, signed: Signed) -> None:
        """Refuses what would open or turn the position round."""
        check_closes(signed, _check_single(signed), 0)


def _perp(name: str, context: Context) -> tuple[Instrument, Underlying]:
    return instrument_of(name, (Kind.PERP,), context.snapshot, "request.instrument")


def _leg(underlying: Underlying, side: str, size: int, limit_price: int) -> Leg:
    return Leg(
        "perp",
        underlying.base.address,
        side,
        quantity_min=size,
        quantity_max=size,
        limit_price=limit_price,
    )


def _check_single(signed: Signed) -> Leg:
    if len(signed.intent.legs) != 1:
        raise Malformed("one perp leg, bought or sold", code="legShape", field="legs")
    return signed.intent.legs[0]
