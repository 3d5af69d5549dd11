"""A call and a put on the same side: a straddle at one strike, a strangle with the put below."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from solver.domain.errors import Malformed
from solver.intents.base import Shape
from solver.intents.options.selector import Contract, Selector, Wish
from solver.intents.options.structure import Row, SameExpiry, Side

_OWNER = "0x14dc79964da2c08b23698b3d3cc7ca32193d9955"
_BOTH: Shape = {("option", "buy"): (0, 2), ("option", "sell"): (0, 2)}


class Straddle(SameExpiry):
    """Buy or sell the call and the put of one strike and expiry.

    `at` is the pair's name without a right (ETH-20261225-4000) or a selector by moneyness or
    strike; left out, the strike is the one at the money (of two equally near the lower).
    """

    rows = (Row("put", 1), Row("call", 1))
    shape: ClassVar[Shape] = _BOTH
    example: ClassVar[dict[str, Any]] = {
        "request": {
            "outcome": "straddle",
            "underlying": "ETH",
            "side": "buy",
            "size": "1",
            "tenorDays": [20, 40],
            "maxNetCost": "900",
        },
        "terms": {"owner": _OWNER, "slippageBps": "100", "maxFee": "5"},
    }

    outcome: Literal["straddle"] = "straddle"
    side: Side
    at: Contract = Selector(moneyness="1")

    @classmethod
    def strikes_fit(cls, strikes: Sequence[int]) -> bool:
        """Returns whether both legs have the same strike."""
        return len(set(strikes)) == 1

    def wishes(self) -> tuple[Wish, ...]:
        """Returns the put and the call."""
        return self._wish("put", "-P"), self._wish("call", "-C")

    def _wish(self, right: str, letter: str) -> Wish:
        at = self.at
        if isinstance(at, str):
            if at.endswith(("-C", "-P")):
                detail = "name the pair without its right, such as ETH-20261225-4000"
                raise Malformed(detail, field="request.at")
            return self.wish("at", self.side, right, at + letter)
        for said in ("right", "delta"):
            if getattr(at, said) is not None:
                detail = "a straddle is a call and a put: give moneyness or strike"
                raise Malformed(detail, field=f"request.at.{said}")
        at = at if at.has_target else at.model_copy(update={"moneyness": "1"})
        return self.wish("at", self.side, right, at)


class Strangle(SameExpiry):
    """Buy or sell a call and a put of one expiry, the put's strike below the call's."""

    rows = (Row("put", 1), Row("call", 1))
    shape: ClassVar[Shape] = _BOTH
    example: ClassVar[dict[str, Any]] = {
        "request": {
            "outcome": "strangle",
            "underlying": "ETH",
            "side": "sell",
            "size": "1",
            "tenorDays": [20, 40],
            "put": {"delta": "0.2"},
            "call": {"delta": "0.2"},
            "minNetPremium": "20",
        },
        "terms": {
            "owner": _OWNER,
            "slippageBps": "100",
            "maxFee": "5",
            "maxMarginUsed": "8000",
            "minHealth": "1.1",
        },
    }

    outcome: Literal["strangle"] = "strangle"
    side: Side
    call: Contract
    put: Contract

    def wishes(self) -> tuple[Wish, ...]:
        """Returns the put and the call."""
        return (
            self.wish("put", self.side, "put", self.put),
            self.wish("call", self.side, "call", self.call),
        )
