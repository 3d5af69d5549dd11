"""A contract by what it is like: the wire form that may stand wherever a contract is named."""

import re
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Discriminator, Tag, WithJsonSchema

from solver.domain.calendar import DAY, seconds_of_day
from solver.domain.errors import Malformed
from solver.domain.instrument import EXPIRY_SECOND_OF_DAY
from solver.domain.numbers import WAD, parse_decimal
from solver.intents.base import Asked
from solver.intents.wire import Name, Wire

DAYS_MAX = 3_660
MEASURES = ("delta", "moneyness", "strike")
TAGS = ("byName", "bySelector")  # of the union below: pydantic puts them into a field's path

_DECIMAL = "^(0|[1-9][0-9]{0,39})(\\.[0-9]{1,18})?$"
_DAY = "^[0-9]{4}(-?)[0-9]{2}\\1[0-9]{2}$"


def _is_decimal(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(_DECIMAL[1:-1], value) is not None


def _is_days(value: object) -> bool:
    return type(value) is int and 0 <= value <= DAYS_MAX


def _one_or_pair(value: object) -> object:
    if value is None or _is_decimal(value):
        return value
    if isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_decimal, value)):
        if parse_decimal(value[0]) <= parse_decimal(value[1]):
            return tuple(value)
    raise ValueError("a decimal string, or a list of the least and the most")


def _days(value: object) -> object:
    if value is None or _is_days(value):
        return value
    if isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_days, value)):
        if value[0] <= value[1]:
            return tuple(value)
    raise ValueError(f"whole days from 0 to {DAYS_MAX}, or a list of the least and the most")


def _day(value: object) -> object:
    if value is None or (isinstance(value, str) and re.fullmatch(_DAY[1:-1], value)):
        return value
    raise ValueError("a day such as 2026-12-25 or 20261225")


def _schema(one: dict[str, Any]) -> WithJsonSchema:
    pair = {"type": "array", "items": one, "minItems": 2, "maxItems": 2}
    return WithJsonSchema({"anyOf": [one, pair]}, mode="validation")


OneOrPair = Annotated[
    str | tuple[str, str] | None,
    BeforeValidator(_one_or_pair),
    _schema({"type": "string", "pattern": _DECIMAL}),
]
TenorDays = Annotated[
    int | tuple[int, int] | None,
    BeforeValidator(_days),
    _schema({"type": "integer", "minimum": 0, "maximum": DAYS_MAX}),
]
ExpiryDay = Annotated[
    str | None,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "pattern": _DAY}, mode="validation"),
]


class Selector(Wire):
    """What a contract is like: exactly one of delta, moneyness and strike; tenorDays or expiry.

    `delta` is without its sign, `moneyness` is strike / price. One value means the listed contract
    nearest to it that a maker quotes; of two equally near the one further out of the money. A pair
    (least, most) means every listed contract between: only buyOption, sellOption and coveredCall
    take one. `tenorDays` is a number of days, meaning the nearest expiry, or a pair, within which
    the expiry nearest to the middle is taken. `right` is left out where the kind says it.
    """

    right: Literal["call", "put"] | None = None
    delta: OneOrPair = None
    moneyness: OneOrPair = None
    strike: OneOrPair = None
    tenor_days: TenorDays = None
    expiry: ExpiryDay = None

    @property
    def is_pair(self) -> bool:
        """Returns whether it asks for a range of strikes."""
        return any(isinstance(getattr(self, name), tuple) for name in MEASURES)

    @property
    def has_target(self) -> bool:
        """Returns whether it says anything about the strike."""
        return any(getattr(self, name) is not None for name in MEASURES)

    @property
    def has_tenor(self) -> bool:
        """Returns whether it says anything about the expiry."""
        return self.tenor_days is not None or self.expiry is not None


def _form(value: object) -> str:
    return TAGS[0] if isinstance(value, str) else TAGS[1]


Contract = Annotated[
    Annotated[Name, Tag(TAGS[0])] | Annotated[Selector, Tag(TAGS[1])], Discriminator(_form)
]


class Target(NamedTuple):
    """What the strike is measured by, and between which values, 1e18; equal ones mean nearest."""

    measure: str
    low: int
    high: int


class Window(NamedTuple):
    """Expiries from `low` to `high`, unix seconds, best nearest to half of `twice_middle`."""

    low: int
    high: int
    twice_middle: int

    def holds(self, expiry: int) -> bool:
        """Returns whether an expiry lies inside."""
        return self.low <= expiry <= self.high

    def nearness(self, expiry: int) -> tuple[int, int]:
        """Returns a key that sorts the nearest to the middle first, of two the earlier."""
        return abs(2 * expiry - self.twice_middle), expiry


class Wish(NamedTuple):
    """One leg before its contract is known. `field` is where the request says it.

    `is_free` means that the strike follows from the other legs: then no target is needed. `aside`
    is how far it lies from that of the leg with a target, 1e18; 0 where no such distance is asked.
    """

    field: str
    side: str
    right: str
    contract: str | Selector
    is_free: bool = False
    aside: int = 0


def shown(contract: str | Selector) -> Asked:
    """Returns how a contract was asked for, in the words of the wire; None: not at all."""
    if isinstance(contract, str):
        return contract
    return contract.model_dump(mode="json", by_alias=True, exclude_none=True) or None


def target_of(selector: Selector, field: str) -> Target:
    """Returns what the selector says about the strike. Raises Malformed unless it is one thing."""
    said = [name for name in MEASURES if getattr(selector, name) is not None]
    if len(said) != 1:
        raise Malformed("give exactly one of delta, moneyness and strike", field=field)
    (measure,) = said
    given = getattr(selector, measure)
    low, high = map(parse_decimal, given if isinstance(given, tuple) else (given, given))
    if low == 0 or (measure == "delta" and high >= WAD):
        limits = "between 0 and 1, without its sign" if measure == "delta" else "above zero"
        raise Malformed(f"must be {limits}", field=f"{field}.{measure}")
    return Target(measure, low, high)


def window_of(selector: Selector, time: int, field: str) -> Window | None:
    """Returns the expiries that the selector allows, None when it says nothing about them.

    `time` is unix seconds. Raises Malformed when it says it twice, or names no day.
    """
    days = selector.tenor_days
    if selector.expiry is not None:
        if days is not None:
            raise Malformed("give tenorDays or expiry, not both", field=f"{field}.tenorDays")
        try:
            at = seconds_of_day(selector.expiry.replace("-", "")) + EXPIRY_SECOND_OF_DAY
        except Malformed as error:
            raise Malformed(error.detail, field=f"{field}.expiry") from None
        return Window(at, at, 2 * at)
    if isinstance(days, tuple):
        low, high = (time + count * DAY for count in days)
        return Window(low, high, low + high)
    return None if days is None else Window(0, 2**64, 2 * (time + days * DAY))
