"""A put spread below and a call spread above: four strikes of one expiry."""

from typing import Any, ClassVar, Literal

from solver.intents.base import Shape
from solver.intents.options.selector import Contract, Wish
from solver.intents.options.structure import OPPOSITE, Row, SameExpiry, Side


class IronCondor(SameExpiry):
    """Sell `putShort` and `callShort`, buy `putLong` below and `callLong` above: a credit.

    The names are those of the sold condor; side buy turns all four legs round and pays a debit.
    """

    rows = (Row("put", 1), Row("put", -1), Row("call", -1), Row("call", 1))
    shape: ClassVar[Shape] = {("option", "buy"): (2, 2), ("option", "sell"): (2, 2)}
    example: ClassVar[dict[str, Any]] = {
        "request": {
            "outcome": "ironCondor",
            "underlying": "ETH",
            "size": "2",
            "tenorDays": [20, 40],
            "putLong": {"delta": "0.1"},
            "putShort": {"delta": "0.25"},
            "callShort": {"delta": "0.25"},
            "callLong": {"delta": "0.1"},
            "minNetPremium": "20",
        },
        "terms": {
            "owner": "0x14dc79964da2c08b23698b3d3cc7ca32193d9955",
            "slippageBps": "100",
            "maxFee": "5",
            "maxMarginUsed": "4000",
            "minHealth": "1.1",
        },
    }

    outcome: Literal["ironCondor"] = "ironCondor"
    side: Side = "sell"
    put_long: Contract
    put_short: Contract
    call_short: Contract
    call_long: Contract

    def wishes(self) -> tuple[Wish, ...]:
        """Returns the four legs, strikes rising."""
        wing, body = OPPOSITE[self.side], self.side
        return (
            self.wish("putLong", wing, "put", self.put_long),
            self.wish("putShort", body, "put", self.put_short),
            self.wish("callShort", body, "call", self.call_short),
            self.wish("callLong", wing, "call", self.call_long),
        )
