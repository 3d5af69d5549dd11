"""Two strikes of one right and expiry: one bought, one sold."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from solver.intents.base import Shape
from solver.intents.options.selector import Contract, Wish
from solver.intents.options.structure import Row, SameExpiry


class Vertical(SameExpiry):
    """Buy `long` and sell `short`: a debit or a credit spread, as the two strikes lie."""

    rows = (Row("", 1), Row("", -1))
    shape: ClassVar[Shape] = {("option", "buy"): (1, 1), ("option", "sell"): (1, 1)}
    example: ClassVar[dict[str, Any]] = {
        "request": {
            "outcome": "vertical",
            "right": "call",
            "size": "3",
            "long": "ETH-20261225-4000-C",
            "short": {"moneyness": "1.2"},
            "maxNetCost": "450",
        },
        "terms": {"owner": "0x14dc79964da2c08b23698b3d3cc7ca32193d9955", "maxFee": "5"},
    }

    outcome: Literal["vertical"] = "vertical"
    right: Literal["call", "put"]
    long: Contract
    short: Contract

    @classmethod
    def strikes_fit(cls, strikes: Sequence[int]) -> bool:
        """Returns whether the strikes differ."""
        return len(set(strikes)) == len(strikes)

    def wishes(self) -> tuple[Wish, ...]:
        """Returns the bought and the sold leg."""
        return (
            self.wish("long", "buy", self.right, self.long),
            self.wish("short", "sell", self.right, self.short),
        )
