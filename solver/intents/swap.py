"""Sell one token for another, exact in or exact out. The signed slippage bound guards the price."""

from typing import Any, ClassVar, Literal

from solver.domain.errors import Malformed
from solver.domain.instrument import Token
from solver.domain.intent import NO_COST_LIMIT, NO_SLIPPAGE_LIMIT, Leg
from solver.domain.numbers import BPS, UINT256_MAX, mul_up
from solver.intents.base import Context, OutcomeKind, Shape, decimal, limits_of, positive
from solver.intents.envelope import Signed, refuse
from solver.intents.listing import price_of, token_of
from solver.intents.wire import Amount, Name


class Swap(OutcomeKind):
    """Give exactly one of sellAmount and buyAmount, in whole tokens.

    Exact in: minBuyAmount is signed as the least bought; without it only maxSlippageBps (or the
    net cost) binds. Exact out: at most maxSellAmount, by default the mark's worth plus slippage.
    """

    shape: ClassVar[Shape] = {("token", "sell"): (1, 1), ("token", "buy"): (1, 1)}
    example: ClassVar[dict[str, Any]] = {
        "request": {
            "outcome": "swap",
            "sellToken": "WETH",
            "buyToken": "USDC",
            "sellAmount": "25",
            "minBuyAmount": "88000",
        },
        "terms": {
            "owner": "0x14dc79964da2c08b23698b3d3cc7ca32193d9955",
            "receiver": "0x14dc79964da2c08b23698b3d3cc7ca32193d9955",
            "slippageBps": "50",
            "maxFee": "5",
            "scheme": "permit2",
        },
    }

    outcome: Literal["swap"] = "swap"
    sell_token: Name
    buy_token: Name
    sell_amount: Amount | None = None
    buy_amount: Amount | None = None
    min_buy_amount: Amount | None = None
    max_sell_amount: Amount | None = None

    def legs(self, context: Context) -> tuple[Leg, ...]:
        """Returns the sell leg and the buy leg; more bought than asked is the owner's surplus."""
        sell = token_of(self.sell_token, context.snapshot, "request.sellToken")
        buy = token_of(self.buy_token, context.snapshot, "request.buyToken")
        if (self.sell_amount is None) == (self.buy_amount is None):
            raise Malformed("give sellAmount or buyAmount, not both", field="request.sellAmount")
        if self.sell_amount is not None:
            sold = positive(self.sell_amount, sell.decimals, "request.sellAmount")
            if self.max_sell_amount is not None:
                raise Malformed("goes with buyAmount", field="request.maxSellAmount")
            bought = decimal(self.min_buy_amount or "0", buy.decimals, "request.minBuyAmount")
            return _legs(sell, buy, (sold, sold), bought)
        if self.min_buy_amount is not None:
            raise Malformed("goes with sellAmount", field="request.minBuyAmount")
        bought = positive(self.buy_amount or "0", buy.decimals, "request.buyAmount")
        return _legs(sell, buy, (0, self._sell_most(sell, buy, bought, context)), bought)

    def _sell_most(self, sell: Token, buy: Token, bought: int, context: Context) -> int:
        if self.max_sell_amount is not None:
            return positive(self.max_sell_amount, sell.decimals, "request.maxSellAmount")
        sell_price = price_of(sell, context.snapshot)
        buy_price = price_of(buy, context.snapshot)
        slippage_bps = context.terms.slippage_bps
        if sell_price is None or buy_price is None or slippage_bps is None:
            detail = "needed where no mark and slippage say what the tokens are worth"
            raise Malformed(detail, field="request.maxSellAmount")
        value = mul_up(bought * buy_price, 10**sell.decimals, sell_price * 10**buy.decimals)
        most = mul_up(value, BPS + slippage_bps, BPS)
        is_fee_in_sold = sell == context.snapshot.settlement_token
        return most + (limits_of(context).max_fee if is_fee_in_sold else 0)

    @classmethod
    def check(cls, signed: Signed) -> None:
        """Refuses a token for itself, and a swap whose price nothing bounds."""
        intent = signed.intent
        sell, buy = sorted(intent.legs, key=lambda leg: leg.side, reverse=True)
        if sell.asset == buy.asset:
            raise Malformed("a token is not swapped for itself", field="legs.1.asset")
        limits = intent.limits
        is_cost_bound = limits.max_net_cost != NO_COST_LIMIT and limits.settlement_token in (
            sell.asset,
            buy.asset,
        )
        if not buy.quantity_min and limits.max_slippage_bps == NO_SLIPPAGE_LIMIT:
            if not is_cost_bound:
                detail = "needs a least amount bought, a slippage bound or a net-cost bound"
                raise refuse("Unbounded", detail, "limits.maxSlippageBps")


def _legs(sell: Token, buy: Token, sold: tuple[int, int], bought: int) -> tuple[Leg, ...]:
    return (
        Leg("token", sell.address, "sell", quantity_min=sold[0], quantity_max=sold[1]),
        Leg("token", buy.address, "buy", quantity_min=bought, quantity_max=UINT256_MAX),
    )
