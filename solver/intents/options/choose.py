"""From what a contract is like to the one contract, or the range of contracts, that is signed.

Deterministic: the same snapshot answers the same contract. Only what a maker quotes on the needed
side is chosen, so that what is signed can be met; distances are exact integers.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, product
from typing import NamedTuple

from solver.domain.calendar import rfc3339
from solver.domain.errors import Infeasible, Malformed
from solver.domain.instrument import KIND_OF_RIGHT, Instrument, format_name
from solver.domain.intent import Leg
from solver.domain.numbers import WAD
from solver.intents.base import Context
from solver.intents.listing import Book, book_of, described, instrument_of, underlying_of
from solver.intents.options.selector import (
    Selector,
    Target,
    Window,
    Wish,
    target_of,
    window_of,
)
from solver.pricing import marks
from solver.pricing.greeks import delta_of

NEAREST = 6  # listed strikes that may stand for what is asked: one further off is another thing
NAMED_MAX = 8  # contracts named in an error

StrikesFit = Callable[[Sequence[int]], bool]


class _Candidate(NamedTuple):
    distance: int
    rank: int
    contract: Instrument


def book_in(symbol: str | None, wishes: Sequence[Wish], context: Context) -> Book:
    """Returns the market that the request is about. Raises Malformed when nothing names one."""
    snapshot = context.snapshot
    if symbol is not None:
        market = underlying_of(symbol, snapshot, "request.underlying")
    else:
        named = next((wish for wish in wishes if isinstance(wish.contract, str)), None)
        if named is None:
            detail = "is needed where no contract is named"
            raise Malformed(detail, field="request.underlying")
        market = marks.underlying_of(_named(named, context), snapshot)
    for wish in wishes:
        if isinstance(wish.contract, str) and _named(wish, context).market != market.market:
            raise Malformed(f"is not an option on {market.symbol}", field=wish.field)
    return book_of(market, context.account.id, snapshot)


def together(
    wishes: Sequence[Wish],
    book: Book,
    context: Context,
    strikes_fit: StrikesFit,
    *,
    is_one_expiry: bool = True,
    after: int = 0,
) -> tuple[Instrument, ...]:
    """Returns one contract for each wish, chosen jointly: the best expiry, then the least distance.

    With `is_one_expiry` False the expiries rise from wish to wish. All of them are after `after`,
    unix seconds. Raises Malformed, or Infeasible `noContract` with what came nearest.
    """
    windows = [_later(_window(wish, book, context), after, wish) for wish in wishes]
    targets = [_target(wish) for wish in wishes]
    found: dict[tuple[int, int], list[_Candidate]] = {}
    for expiries in _expiries(wishes, windows, book, is_one_expiry):
        keys = list(enumerate(expiries))
        for index, expiry in keys:
            if (index, expiry) not in found:
                wish, target = wishes[index], targets[index]
                found[index, expiry] = _candidates(wish, target, expiry, (book, context))
        best = _best(wishes, _aside(wishes, [found[key] for key in keys]), strikes_fit)
        if best is not None:
            return best
    raise _nothing(wishes, targets, windows, book)


def spanned(wish: Wish, book: Book, context: Context) -> Leg:
    """Returns a leg, without quantities, whose ranges hold the contracts of a pair and no other.

    Raises Malformed `rangeTooWide` when the least rectangle of strikes and expiries would hold a
    listed contract that the selector does not mean, Infeasible `noContract` when nothing fits.
    """
    target, window = _target(wish), _window(wish, book, context)
    if target is None or window is None:
        raise Malformed("needs tenorDays or expiry", field=wish.field)
    expiries = _within(window, book)
    if _is_nearest(wish):
        expiries = [e for e in expiries if book.quoted(wish.right, wish.side, e)][:1]
    all_of_them = [c for expiry in expiries for c in book.contracts(wish.right, expiry)]
    meant = {c for c in all_of_them if _is_between(c, target, book)}
    if not any(book.is_quoted(contract, wish.side) for contract in meant):
        raise _nothing((wish,), (target,), (window,), book)
    strikes, dates = {c.strike for c in meant}, {c.expiry for c in meant}
    ends = (min(strikes), max(strikes)), (min(dates), max(dates))
    _check_rectangle(wish, ends, meant, book)
    base = book.underlying.base.address
    return Leg("option", base, wish.side, wish.right, *ends[0], *ends[1])


def rising(strikes: Sequence[int]) -> bool:
    """Returns whether each strike is above the one before it."""
    return all(low < high for low, high in pairwise(strikes))


def any_strike(strikes: Sequence[int]) -> bool:
    """Returns True: one leg alone has no order to keep."""
    return True


# ---- what a wish allows


def _named(wish: Wish, context: Context) -> Instrument:
    kinds = (KIND_OF_RIGHT[wish.right],)
    return instrument_of(str(wish.contract), kinds, context.snapshot, wish.field)[0]


def _window(wish: Wish, book: Book, context: Context) -> Window | None:
    if isinstance(wish.contract, str):
        expiry = _named(wish, context).expiry
        return Window(expiry, expiry, 2 * expiry)
    if wish.contract.right not in (None, wish.right):
        raise Malformed(f"this leg is a {wish.right}", field=f"{wish.field}.right")
    return window_of(wish.contract, book.time, wish.field)


def _later(window: Window | None, after: int, wish: Wish) -> Window | None:
    """Returns the part of a window after `after`. Raises Infeasible when there is none."""
    if window is None or window.low > after:
        return window
    if window.high <= after:
        detail = f"what is asked for does not expire after {rfc3339(after)}"
        raise Infeasible(detail, code="noContract", field=wish.field, data={"nearest": []})
    return window._replace(low=after + 1)


def _target(wish: Wish) -> Target | None:
    contract = wish.contract
    if isinstance(contract, str) or (wish.is_free and not contract.has_target):
        return None
    return target_of(contract, wish.field)


def _is_nearest(wish: Wish) -> bool:
    return isinstance(wish.contract, Selector) and isinstance(wish.contract.tenor_days, int)


def _expiries(
    wishes: Sequence[Wish],
    windows: Sequence[Window | None],
    book: Book,
    is_one_expiry: bool,
) -> Iterator[tuple[int, ...]]:
    """Yields the expiries of all legs together, best first."""
    said = [window for window in windows if window is not None]
    if not said or not (is_one_expiry or len(said) == len(wishes)):
        missing = next(w.field for w, window in zip(wishes, windows, strict=True) if not window)
        raise Malformed("needs tenorDays or expiry", field=missing)
    if is_one_expiry:
        common = [e for e in book.expiries() if all(window.holds(e) for window in said)]
        yield from ((e,) * len(wishes) for e in sorted(common, key=said[0].nearness))
        return
    orders = [_within(window, book) for window in said]
    yield from (expiries for expiries in product(*orders) if rising(expiries))


def _within(window: Window, book: Book) -> list[int]:
    """Returns the expiries of a window that still trade, best first."""
    return sorted((e for e in book.expiries() if window.holds(e)), key=window.nearness)


def _candidates(
    wish: Wish, target: Target | None, expiry: int, world: tuple[Book, Context]
) -> list[_Candidate]:
    """Returns the contracts a wish may become at one expiry, best first."""
    book, context = world
    if isinstance(wish.contract, str):
        contract = _named(wish, context)
        return [_Candidate(0, 0, contract)] if contract.expiry == expiry else []
    if target is None:
        quoted = book.quoted(wish.right, wish.side, expiry)
        return [_Candidate(0, rank, contract) for rank, contract in enumerate(quoted)]
    sign = -1 if wish.right == "call" else 1  # the further out of the money of two
    far = {each: _distance(each, target, book) for each in book.contracts(wish.right, expiry)}
    nearest = sorted(far, key=lambda c: (far[c], sign * c.strike))[:NEAREST]
    met = [contract for contract in nearest if book.is_quoted(contract, wish.side)]
    return [_Candidate(far[contract], rank, contract) for rank, contract in enumerate(met)]


def _aside(wishes: Sequence[Wish], rows: Sequence[list[_Candidate]]) -> Sequence[list[_Candidate]]:
    """Returns the rows without strikes that lie at no leg's asked distance."""
    pairs = list(zip(wishes, rows, strict=True))
    said = {each.contract.strike for wish, row in pairs if not wish.is_free for each in row}
    return [
        [c for c in row if not wish.aside or c.contract.strike - wish.aside in said]
        for wish, row in pairs
    ]


def _best(
    wishes: Sequence[Wish], rows: Sequence[Sequence[_Candidate]], strikes_fit: StrikesFit
) -> tuple[Instrument, ...] | None:
    def fits(row: Sequence[_Candidate]) -> bool:
        pairs = [(wish, each.contract.strike) for wish, each in zip(wishes, row, strict=True)]
        said = {strike for wish, strike in pairs if not wish.is_free}
        is_aside = all(not wish.aside or strike - wish.aside in said for wish, strike in pairs)
        return is_aside and strikes_fit([strike for _, strike in pairs])

    fitting = (row for row in product(*rows) if fits(row))
    best = min(
        fitting,
        key=lambda row: (sum(each.distance for each in row), tuple(each.rank for each in row)),
        default=None,
    )
    return None if best is None else tuple(each.contract for each in best)


# ---- distances, 1e36


def _measured(contract: Instrument, measure: str, book: Book) -> int:
    """Returns delta or strike / price times price, so that nothing is rounded."""
    if measure == "delta":
        unit = delta_of(contract, book.underlying, book.time)
        return abs(unit) * book.underlying.price
    return contract.strike * WAD


def _scaled(value: int, measure: str, book: Book) -> int:
    return value * (WAD if measure == "strike" else book.underlying.price)


def _distance(contract: Instrument, target: Target, book: Book) -> int:
    """Returns how far a contract is from the target, or from the middle of a pair."""
    low, high = (_scaled(end, target.measure, book) for end in target[1:])
    return abs(2 * _measured(contract, target.measure, book) - low - high)


def _is_between(contract: Instrument, target: Target, book: Book) -> bool:
    low, high = (_scaled(end, target.measure, book) for end in target[1:])
    return low <= _measured(contract, target.measure, book) <= high


# ---- refusals


def _check_rectangle(
    wish: Wish,
    ends: tuple[tuple[int, int], tuple[int, int]],
    meant: set[Instrument],
    book: Book,
) -> None:
    (low, high), (first, last) = ends
    outside = [
        contract
        for expiry in book.expiries()
        if first <= expiry <= last
        for contract in book.contracts(wish.right, expiry)
        if low <= contract.strike <= high and contract not in meant
    ]
    if outside:
        symbol = book.underlying.symbol
        names = [format_name(contract, symbol) for contract in outside[:NAMED_MAX]]
        raise Malformed(
            f"strikes and expiries that hold all of it would hold {names[0]} too: narrow the tenor",
            code="rangeTooWide",
            field=wish.field,
            data={"outside": names},
        )


def _nothing(
    wishes: Sequence[Wish],
    targets: Sequence[Target | None],
    windows: Sequence[Window | None],
    book: Book,
) -> Infeasible:
    """Returns the error that no listed and quoted contract fits, with the nearest for each leg."""
    nearest, field = [], None
    for wish, target, window in zip(wishes, targets, windows, strict=True):
        some = [c for expiry in book.expiries() for c in book.quoted(wish.right, wish.side, expiry)]
        inside = [c for c in some if window is None or window.holds(c.expiry)]
        if not inside and field is None:
            field = wish.field
        if some:
            found = min(some, key=lambda c: _far(c, target, window, book))
            told = described(found, book.underlying, book.time)._asdict()
            nearest.append({"field": wish.field, **told})
    what = "makers quote no contract like this"
    if field is None and len(wishes) > 1:
        what = "no expiry has contracts for all legs in the order that their strikes must have"
    if nearest:
        one = next((row for row in nearest if row["field"] == field), nearest[0])
        what += f"; nearest: {one['instrument']}, delta {one['delta']}, {one['days']} days"
    return Infeasible(
        what, code="noContract", field=field or wishes[0].field, data={"nearest": nearest}
    )


def _far(
    contract: Instrument, target: Target | None, window: Window | None, book: Book
) -> tuple[int, int, int]:
    """Returns a key: how far outside the window, then from the target, then the earlier."""
    expiry, out = contract.expiry, 0
    if window is not None:
        out = max(window.low - expiry, expiry - window.high, 0)
    return out, 0 if target is None else _distance(contract, target, book), expiry
