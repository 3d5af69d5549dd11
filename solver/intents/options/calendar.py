"""One strike and right in two expiries: the near one sold, the far one bought."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from solver.domain.errors import Malformed
from solver.intents.base import Shape
from solver.intents.options.selector import Contract, Selector, Wish
from solver.intents.options.structure import OPPOSITE, Row, Side, Structure


class Calendar(Structure):
    """Sell `near` and buy `far` of the same strike; side sell turns both round.

    One of the two says the strike, the other its tenor only; or both are names.
    """

    rows = (Row("", -1), Row("", 1))
    is_one_expiry: ClassVar[bool] = False
    shape: ClassVar[Shape] = {("option", "buy"): (1, 1), ("option", "sell"): (1, 1)}
    example: ClassVar[dict[str, Any]] = {
        "request": {
            "outcome": "calendar",
            "underlying": "ETH",
            "right": "call",
            "size": "2",
            "near": {"moneyness": "1", "tenorDays": [5, 15]},
            "far": {"tenorDays": [25, 45]},
            "maxNetCost": "600",
        },
        "terms": {"owner": "0x14dc79964da2c08b23698b3d3cc7ca32193d9955", "maxFee": "5"},
    }

    outcome: Literal["calendar"] = "calendar"
    right: Literal["call", "put"]
    side: Side = "buy"
    near: Contract
    far: Contract

    @classmethod
    def strikes_fit(cls, strikes: Sequence[int]) -> bool:
        """Returns whether both legs have the same strike."""
        return len(set(strikes)) == 1

    def wishes(self) -> tuple[Wish, ...]:
        """Returns the near and the far leg."""
        says_strike = [isinstance(c, str) or c.has_target for c in (self.near, self.far)]
        if not any(says_strike):
            raise Malformed("near or far must say the strike", field="request.near")
        if all(says_strike) and not isinstance(self.far, str):
            raise Malformed("near says the strike already", field="request.far")
        if all(says_strike) and not isinstance(self.near, str):
            raise Malformed("far says the strike already", field="request.near")
        return (
            self._wish("near", OPPOSITE[self.side], self.near),
            self._wish("far", self.side, self.far),
        )

    def _wish(self, field: str, side: str, contract: str | Selector) -> Wish:
        return Wish(f"request.{field}", side, self.right, contract, is_free=True)
