"""Three strikes of one right and expiry, equally far apart, in the ratio 1 : -2 : 1."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from solver.domain.errors import Malformed
from solver.intents.base import Shape, positive
from solver.intents.options.choose import rising
from solver.intents.options.selector import Contract, Selector, Wish
from solver.intents.options.structure import OPPOSITE, Row, SameExpiry, Side
from solver.intents.wire import Amount


class Butterfly(SameExpiry):
    """Buy `size` of `lower` and `upper` and sell twice `size` of `middle`; side sell turns it.

    Wings are equally wide. Give lower and upper, or `width` in settlement units from the middle.
    """

    rows = (Row("", 1), Row("", -1, 2), Row("", 1))
    shape: ClassVar[Shape] = {("option", "buy"): (1, 2), ("option", "sell"): (1, 2)}
    example: ClassVar[dict[str, Any]] = {
        "request": {
            "outcome": "butterfly",
            "underlying": "ETH",
            "right": "call",
            "size": "2",
            "tenorDays": [20, 40],
            "middle": {"moneyness": "1.05"},
            "width": "400",
            "maxNetCost": "300",
        },
        "terms": {"owner": "0x14dc79964da2c08b23698b3d3cc7ca32193d9955", "maxFee": "5"},
    }

    outcome: Literal["butterfly"] = "butterfly"
    right: Literal["call", "put"]
    side: Side = "buy"
    middle: Contract
    lower: Contract | None = None
    upper: Contract | None = None
    width: Amount | None = None

    @classmethod
    def strikes_fit(cls, strikes: Sequence[int]) -> bool:
        """Returns whether the strikes rise in equal steps."""
        lower, middle, upper = strikes
        return rising(strikes) and middle - lower == upper - middle

    def wishes(self) -> tuple[Wish, ...]:
        """Returns the lower wing, the body and the upper wing."""
        return (
            self._wing("lower", self.lower),
            self.wish("middle", OPPOSITE[self.side], self.right, self.middle),
            self._wing("upper", self.upper),
        )

    def _wing(self, field: str, contract: str | Selector | None) -> Wish:
        if (contract is None) == (self.width is None):
            raise Malformed("give lower and upper, or width", field=f"request.{field}")
        if contract is not None:
            return self.wish(field, self.side, self.right, contract)
        width = positive(self.width or "0", 18, "request.width")
        aside = -width if field == "lower" else width
        wing = Wish(f"request.{field}", self.side, self.right, Selector())
        return wing._replace(is_free=True, aside=aside)
