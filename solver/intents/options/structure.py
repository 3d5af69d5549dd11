"""The frame of structures: options in fixed ratios, chosen jointly, traded as one or not at all.

A structure is a list of rows (puts first, strikes rising, then expiries) and rules for strikes and
expiries. The same rules choose the contracts of a request and judge a signed intent, so neither can
drift from the word.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, Literal, NamedTuple

from solver.domain.errors import Malformed
from solver.domain.intent import Leg, Limits
from solver.intents.base import (
    Asked,
    Context,
    OutcomeKind,
    exact_option,
    limits_of,
    only_contract,
    positive,
)
from solver.intents.envelope import Signed
from solver.intents.options.choose import book_in, rising, together
from solver.intents.options.selector import ExpiryDay, Selector, TenorDays, Wish, shown
from solver.intents.wire import Amount, Name, SignedAmount

Side = Literal["buy", "sell"]
OPPOSITE: dict[str, str] = {"buy": "sell", "sell": "buy"}
SIGN = {"buy": 1, "sell": -1}


class Row(NamedTuple):
    """One leg of a bought structure: its right (empty: any, the same for all), sign and ratio."""

    right: str
    sign: int
    ratio: int = 1


class Structure(OutcomeKind, ABC):
    """Options of one underlying in the ratios of `rows`, `size` of each unit.

    minNetPremium (a least credit) or maxNetCost (a debit cap) bounds all legs together, fee
    included. `is_mirrored` says that the same word goes with all sides turned round.
    """

    rows: ClassVar[tuple[Row, ...]]
    is_mirrored: ClassVar[bool] = True
    is_one_expiry: ClassVar[bool] = True

    underlying: Name | None = None
    size: Amount
    min_net_premium: Amount | None = None
    max_net_cost: SignedAmount | None = None

    @abstractmethod
    def wishes(self) -> tuple[Wish, ...]:
        """Returns the legs as asked for, in the order of `rows` (a vertical: long first)."""

    @classmethod
    def strikes_fit(cls, strikes: Sequence[int]) -> bool:
        """Returns whether strikes, in the order of the rows, make the structure."""
        return rising(strikes)

    def legs(self, context: Context) -> tuple[Leg, ...]:
        """Returns one exact leg for each row, contracts chosen jointly."""
        wishes = self.wishes()
        for wish in wishes:
            single(wish)
        book = book_in(self.underlying, wishes, context)
        chosen = together(wishes, book, context, self.strikes_fit, is_one_expiry=self.is_one_expiry)
        size, base = positive(self.size, 18, "request.size"), book.underlying.base.address
        return tuple(
            exact_option(base, wish.side, contract, row.ratio * size)
            for wish, contract, row in zip(wishes, chosen, self.rows, strict=True)
        )

    def limits(self, context: Context) -> Limits:
        """Returns the terms with the structure's own bound on its cost."""
        return limits_of(context, self.min_net_premium, self.max_net_cost)

    def asked(self) -> dict[int, Asked]:
        """Returns each leg's contract as asked for."""
        return {index: shown(wish.contract) for index, wish in enumerate(self.wishes())}

    @classmethod
    def check(cls, signed: Signed) -> None:
        """Refuses other sides, ratios, strikes or expiries than the word means."""
        legs = [(i, leg) for i, leg in enumerate(signed.intent.legs) if leg.kind == "option"]
        if len(legs) != len(cls.rows):
            raise misshapen(f"takes {len(cls.rows)} option legs", "legs")
        for index, leg in legs:
            only_contract(leg, index, signed.snapshot)
        legs.sort(key=lambda row: (row[1].right != "put", row[1].strike_min, row[1].expiry_min))
        cls._check_rows(legs)
        cls._check_contracts(legs)

    @classmethod
    def _check_rows(cls, legs: Sequence[tuple[int, Leg]]) -> None:
        first = legs[0][1]
        turn = SIGN[first.side] * cls.rows[0].sign if cls.is_mirrored else 1
        for (index, leg), row in zip(legs, cls.rows, strict=True):
            if leg.asset != first.asset:
                raise misshapen("the legs name different assets", f"legs.{index}.asset")
            if leg.right != (row.right or first.right):
                raise misshapen("the rights are not those of its legs", f"legs.{index}.right")
            if SIGN[leg.side] != turn * row.sign:
                raise misshapen("the sides are not those of its legs", f"legs.{index}.side")
            if leg.quantity_min != leg.quantity_max:
                raise misshapen("the quantity must be exact", f"legs.{index}.quantityMin")
            if leg.quantity_min * cls.rows[0].ratio != first.quantity_min * row.ratio:
                raise misshapen("the ratio is not that of its legs", f"legs.{index}.quantityMin")

    @classmethod
    def _check_contracts(cls, legs: Sequence[tuple[int, Leg]]) -> None:
        if not cls.strikes_fit([leg.strike_min for _, leg in legs]):
            wrong = (b[0] for a, b in pairwise(legs) if a[1].strike_min >= b[1].strike_min)
            index = next(wrong, legs[-1][0])
            raise misshapen("the strikes are not those of its legs", f"legs.{index}.strikeMin")
        for (_, near), (index, far) in pairwise(legs):
            is_same = near.expiry_min == far.expiry_min
            if is_same != cls.is_one_expiry:
                what = "the legs expire together" if cls.is_one_expiry else "the expiries differ"
                raise misshapen(what, f"legs.{index}.expiryMin")


class SameExpiry(Structure, ABC):
    """A structure of one expiry: `tenorDays` or `expiry` here stand for all legs by selector."""

    tenor_days: TenorDays = None
    expiry: ExpiryDay = None

    def shared(self, contract: str | Selector, field: str) -> str | Selector:
        """Returns the contract with the structure's expiry. Raises Malformed when said twice."""
        if isinstance(contract, str) or (self.tenor_days is None and self.expiry is None):
            return contract
        if contract.has_tenor:
            raise Malformed("the structure says the expiry already", field=f"{field}.tenorDays")
        tenor = {"tenor_days": self.tenor_days, "expiry": self.expiry}
        return contract.model_copy(update=tenor)

    def wish(self, field: str, side: str, right: str, contract: str | Selector) -> Wish:
        """Returns a wish of the request's field with the structure's expiry."""
        path = f"request.{field}"
        return Wish(path, side, right, self.shared(contract, path))


def single(wish: Wish) -> None:
    """Raises Malformed when a leg that must be one contract asks for a range of them."""
    if isinstance(wish.contract, Selector) and wish.contract.is_pair:
        detail = "a range of contracts is for buyOption, sellOption and coveredCall"
        raise Malformed(detail, field=wish.field)


def misshapen(detail: str, field: str) -> Malformed:
    """Returns the error of a signed intent that is not what its word says."""
    return Malformed(detail, code="legShape", field=field)
