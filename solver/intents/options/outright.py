"""Buy or sell one option: named, selected, or the best of a range. An Asian one by its name."""

from abc import ABC
from typing import Any, ClassVar, Literal

from solver.domain.errors import Malformed
from solver.domain.intent import Leg, Limits
from solver.intents.base import (
    Asked,
    Context,
    OutcomeKind,
    Shape,
    decimal,
    exact_option,
    limits_of,
    positive,
)
from solver.intents.options.choose import any_strike, book_in, spanned, together
from solver.intents.options.selector import Contract, Selector, Wish, shown
from solver.intents.wire import Amount, Name, SignedAmount

_RIGHT_OF_ENDING = {"P": "put", "AC": "asianCall", "AP": "asianPut"}
_OWNER = "0x14dc79964da2c08b23698b3d3cc7ca32193d9955"


def leg_of(wish: Wish, underlying: str | None, size: str, context: Context) -> Leg:
    """Returns the leg of one wish: one contract, or the ranges that a pair grants. `size` decimal.

    Raises Malformed or Infeasible; a pair grants every contract inside it.
    """
    book, quantity = book_in(underlying, (wish,), context), positive(size, 18, "request.size")
    if isinstance(wish.contract, Selector) and wish.contract.is_pair:
        leg = spanned(wish, book, context)
        return leg._replace(quantity_min=quantity, quantity_max=quantity)
    (contract,) = together((wish,), book, context, any_strike)
    return exact_option(book.underlying.base.address, wish.side, contract, quantity)


class _Outright(OutcomeKind, ABC):
    """What buying and selling share; `side` is the kind's."""

    side: ClassVar[str]

    underlying: Name | None = None
    instrument: Contract
    size: Amount
    limit_price: Amount | None = None
    min_net_premium: Amount | None = None
    max_net_cost: SignedAmount | None = None

    def legs(self, context: Context) -> tuple[Leg, ...]:
        """Returns the one leg."""
        price = decimal(self.limit_price or "0", 18, "request.limitPrice")
        wish = Wish("request.instrument", self.side, self._right(), self.instrument)
        leg = leg_of(wish, self.underlying, self.size, context)
        return (leg._replace(limit_price=price),)

    def limits(self, context: Context) -> Limits:
        """Returns the terms with the kind's own bound on the premium."""
        return limits_of(context, self.min_net_premium, self.max_net_cost)

    def asked(self) -> dict[int, Asked]:
        """Returns the contract as asked for."""
        return {0: shown(self.instrument)}

    def _right(self) -> str:
        if isinstance(self.instrument, str):
            ending = self.instrument.rpartition("-")[2]
            return _RIGHT_OF_ENDING.get(ending, "call")
        if self.instrument.right is None:
            raise Malformed("say call or put", field="request.instrument.right")
        return self.instrument.right


class BuyOption(_Outright):
    """Buy `size` of an option, each at no more than limitPrice if given.

    Within a range of contracts the solver takes the best net credit, so the cheapest of them: grant
    no wider than you mean.
    """

    side: ClassVar[str] = "buy"
    shape: ClassVar[Shape] = {("option", "buy"): (1, 1)}
    example: ClassVar[dict[str, Any]] = {
        "request": {
            "outcome": "buyOption",
            "underlying": "ETH",
            "instrument": {"right": "put", "moneyness": "0.9", "tenorDays": [20, 40]},
            "size": "2",
            "maxNetCost": "500",
        },
        "terms": {"owner": _OWNER, "slippageBps": "100", "maxFee": "5"},
    }

    outcome: Literal["buyOption"] = "buyOption"


class SellOption(_Outright):
    """Sell `size` of an option, each at no less than limitPrice if given.

    Within a range of contracts the solver takes the best net credit, so the dearest of them: grant
    no wider than you mean.
    """

    side: ClassVar[str] = "sell"
    shape: ClassVar[Shape] = {("option", "sell"): (1, 1)}
    example: ClassVar[dict[str, Any]] = {
        "request": {
            "outcome": "sellOption",
            "underlying": "ETH",
            "instrument": {"right": "put", "delta": ["0.15", "0.35"], "tenorDays": 28},
            "size": "2",
            "minNetPremium": "20",
        },
        "terms": {
            "owner": _OWNER,
            "slippageBps": "100",
            "maxFee": "5",
            "maxMarginUsed": "6000",
            "minHealth": "1.1",
        },
    }

    outcome: Literal["sellOption"] = "sellOption"
