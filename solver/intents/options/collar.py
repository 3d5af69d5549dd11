"""Base that is held or bought, a put bought below it and a call sold above it."""

from typing import Any, ClassVar, Literal

from solver.domain.intent import Leg
from solver.intents.base import Context, Shape
from solver.intents.covered_call import check_assets, check_cover, cover
from solver.intents.envelope import Signed
from solver.intents.listing import underlying_of
from solver.intents.options.selector import Contract, Wish
from solver.intents.options.structure import Row, SameExpiry
from solver.intents.wire import Name


class Collar(SameExpiry):
    """Buy `size` of `put`, sell `size` of `call` above it, of one expiry, against the base.

    hold true: the account must hold at least `size` of the base after settlement. hold false: the
    base is bought for settlement tokens in the same settlement, as a covered call does.
    """

    rows = (Row("put", 1), Row("call", -1))
    is_mirrored: ClassVar[bool] = False
    shape: ClassVar[Shape] = {
        ("option", "buy"): (1, 1),
        ("option", "sell"): (1, 1),
        ("collateral", "auto"): (0, 1),
        ("token", "buy"): (0, 1),
        ("token", "sell"): (0, 1),
    }
    example: ClassVar[dict[str, Any]] = {
        "request": {
            "outcome": "collar",
            "underlying": "ETH",
            "size": "5",
            "tenorDays": [20, 40],
            "put": {"delta": "0.25"},
            "call": {"delta": "0.25"},
            "maxNetCost": "150",
        },
        "terms": {
            "owner": "0x14dc79964da2c08b23698b3d3cc7ca32193d9955",
            "slippageBps": "100",
            "maxFee": "5",
            "minHealth": "1.1",
        },
    }

    outcome: Literal["collar"] = "collar"
    underlying: Name
    put: Contract
    call: Contract
    hold: bool = True

    def wishes(self) -> tuple[Wish, ...]:
        """Returns the put and the call."""
        return (
            self.wish("put", "buy", "put", self.put),
            self.wish("call", "sell", "call", self.call),
        )

    def legs(self, context: Context) -> tuple[Leg, ...]:
        """Returns the two options and what covers the call."""
        options = super().legs(context)
        market = underlying_of(self.underlying, context.snapshot, "request.underlying")
        limits = self.limits(context)
        return (*options, *cover(market, self.size, limits, context, hold=self.hold))

    @classmethod
    def check(cls, signed: Signed) -> None:
        """Refuses another structure, another asset in any leg, and calls that nothing covers."""
        super().check(signed)
        check_assets(signed)
        check_cover(signed)
