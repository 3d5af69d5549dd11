"""Sell calls against base that is held as collateral or bought for it, delta-neutral if asked."""

from typing import Any, ClassVar, Literal

from solver.domain.account import Position
from solver.domain.errors import InsufficientFunds, Malformed
from solver.domain.instrument import Instrument, Kind
from solver.domain.intent import NO_DELTA_LIMIT, NO_SLIPPAGE_LIMIT, Leg, Limits
from solver.domain.numbers import BPS, UINT256_MAX, WAD, format_decimal, mul_up
from solver.domain.snapshot import Underlying
from solver.intents.base import Asked, Context, OutcomeKind, Shape, decimal, limits_of, positive
from solver.intents.envelope import Signed
from solver.intents.listing import underlying_of
from solver.intents.options.outright import leg_of
from solver.intents.options.selector import Contract, Wish, shown
from solver.intents.wire import Amount, Name
from solver.pricing.greeks import net_delta


class CoveredCall(OutcomeKind):
    """Sell `size` calls: `instrument` is a name or a selector; of a range the dearest is sold.

    hold true: the account must hold at least `size` of the base after settlement. hold false: the
    base is bought for settlement tokens in the same settlement, bounded by slippage or maxNetCost.
    deltaNeutral adds a perp of either side and binds the account's net delta to 0 within
    deltaTolerance (base units). minNetPremium is signed as a minimum credit, fee included.
    """

    shape: ClassVar[Shape] = {
        ("option", "sell"): (1, 1),
        ("perp", "auto"): (0, 1),
        ("collateral", "auto"): (0, 1),
        ("token", "buy"): (0, 1),
        ("token", "sell"): (0, 1),
    }
    example: ClassVar[dict[str, Any]] = {
        "request": {
            "outcome": "coveredCall",
            "underlying": "ETH",
            "size": "10",
            "instrument": "ETH-20261225-4000-C",
            "hold": True,
            "deltaNeutral": True,
            "deltaTolerance": "0.1",
            "minNetPremium": "280",
        },
        "terms": {
            "owner": "0x14dc79964da2c08b23698b3d3cc7ca32193d9955",
            "slippageBps": "30",
            "maxFee": "5",
            "maxMarginUsed": "20000",
            "minHealth": "1.1",
        },
    }

    outcome: Literal["coveredCall"] = "coveredCall"
    underlying: Name
    size: Amount
    instrument: Contract
    hold: bool = True
    delta_neutral: bool = False
    delta_tolerance: Amount | None = None
    min_net_premium: Amount | None = None
    limit_price: Amount | None = None

    def legs(self, context: Context) -> tuple[Leg, ...]:
        """Returns the call, the hedge and the cover; the first leg's asset is the base."""
        market = underlying_of(self.underlying, context.snapshot, "request.underlying")
        size = positive(self.size, 18, "request.size")
        atoms = decimal(self.size, market.base.decimals, "request.size")
        price = decimal(self.limit_price or "0", 18, "request.limitPrice")
        wish = Wish("request.instrument", "sell", "call", self.instrument)
        option = leg_of(wish, self.underlying, self.size, context)._replace(limit_price=price)
        hedge = (self._hedge(market, size, atoms, context),) if self.delta_neutral else ()
        limits = self.limits(context)
        return (option, *hedge, *cover(market, self.size, limits, context, hold=self.hold))

    def asked(self) -> dict[int, Asked]:
        """Returns the call as asked for."""
        return {0: shown(self.instrument)}

    def limits(self, context: Context) -> Limits:
        """Returns the terms with the premium as a credit and the delta bound."""
        limits = limits_of(context, self.min_net_premium)
        if not self.delta_neutral:
            if self.delta_tolerance is not None:
                raise Malformed("goes with deltaNeutral", field="request.deltaTolerance")
            return limits
        if self.delta_tolerance is None:
            raise Malformed("deltaNeutral needs a tolerance", field="request.deltaTolerance")
        tolerance = decimal(self.delta_tolerance, 18, "request.deltaTolerance")
        return limits._replace(target_delta=0, delta_tolerance=tolerance)

    @classmethod
    def check(cls, signed: Signed) -> None:
        """Refuses another asset in any leg, and calls that nothing covers."""
        check_assets(signed)
        check_cover(signed)

    def _hedge(self, market: Underlying, size: int, atoms: int, context: Context) -> Leg:
        """The perp may be as large as the delta that calls of delta 0 to 1 can leave."""
        positions = list(context.account.positions)
        if not self.hold:
            positions.append(Position(Instrument(market.market, Kind.BASE).id, atoms))
        held = net_delta(positions, market, context.snapshot.time)
        most = max(size, abs(held), abs(held - size))
        return Leg("perp", market.base.address, "auto", quantity_min=0, quantity_max=most)


def cover(
    market: Underlying, size: str, limits: Limits, context: Context, *, hold: bool
) -> tuple[Leg, ...]:
    """Returns the legs that cover `size` (decimal) calls: base held, or bought under `limits`.

    Raises InsufficientFunds when it should be held and is not, Malformed.
    """
    atoms = decimal(size, market.base.decimals, "request.size")
    return _held(market, atoms, context) if hold else _bought(market, atoms, limits, context)


def _held(market: Underlying, atoms: int, context: Context) -> tuple[Leg, ...]:
    held = context.account.quantity(Instrument(market.market, Kind.BASE).id)
    base = market.base
    if held < atoms:
        raise InsufficientFunds(
            f"the account holds less {base.symbol} than the calls need",
            field="request.size",
            data={
                "token": base.address,
                "required": format_decimal(atoms, base.decimals),
                "available": format_decimal(held, base.decimals),
            },
        )
    return (Leg("collateral", base.address, "auto", quantity_min=atoms, quantity_max=UINT256_MAX),)


def _bought(market: Underlying, atoms: int, limits: Limits, context: Context) -> tuple[Leg, ...]:
    token, bps = context.snapshot.settlement_token, limits.max_slippage_bps
    if bps == NO_SLIPPAGE_LIMIT:
        raise Malformed("buying the base needs a slippage bound", field="terms.slippageBps")
    unit = WAD * 10**market.base.decimals
    worth = mul_up(atoms * market.price, 10**token.decimals, unit)
    most = mul_up(worth, BPS + bps, BPS) + limits.max_fee
    if context.terms.receiver is not None:
        raise Malformed("bought cover stays in the account", field="terms.receiver")
    if limits.max_net_cost < 0:
        detail = "the price of base that is bought counts as cost: bound the premium by limitPrice"
        raise Malformed(detail, field="request.hold")
    return (
        Leg("token", market.base.address, "buy", quantity_min=atoms, quantity_max=UINT256_MAX),
        Leg("token", token.address, "sell", quantity_min=0, quantity_max=most),
    )


def check_assets(signed: Signed) -> None:
    """Raises Malformed when a leg is of another asset than the base, or sells other tokens."""
    intent, settlement = signed.intent, signed.snapshot.settlement_token.address
    base = next(leg.asset for leg in intent.legs if leg.kind == "option")
    for index, leg in enumerate(intent.legs):
        wanted = settlement if (leg.kind, leg.side) == ("token", "sell") else base
        if leg.asset != wanted:
            raise Malformed("the legs name different assets", field=f"legs.{index}.asset")
        if (leg.kind, leg.side) == ("option", "sell") and leg.right != "call":
            raise Malformed("sells calls", code="legShape", field=f"legs.{index}.right")


def check_cover(signed: Signed) -> None:
    """Raises Malformed when nothing covers the calls sold, or nothing bounds their hedge."""
    intent = signed.intent
    call = next(leg for leg in intent.legs if (leg.kind, leg.side) == ("option", "sell"))
    market = signed.snapshot.underlying_of(call.asset)
    places = market.base.decimals if market else 18
    needed = mul_up(call.quantity_max, 10**places)
    held = next((leg.quantity_min for leg in intent.legs if leg.kind == "collateral"), 0)
    bought = next(
        (leg.quantity_min for leg in intent.legs if (leg.kind, leg.side) == ("token", "buy")), 0
    )
    if max(held, bought) < needed:
        raise Malformed("no leg covers the calls sold", code="legShape", field="legs")
    if bought and not intent.is_to_collateral:
        raise Malformed("bought cover stays in the account", field="receiver")
    is_neutral = intent.limits.delta_tolerance != NO_DELTA_LIMIT
    if any(leg.kind == "perp" for leg in intent.legs) and not is_neutral:
        detail = "a hedge of either side needs a delta tolerance"
        raise Malformed(detail, code="unbounded", field="limits.deltaTolerance")
