"""What a set of legs is worth at every price: the picture beside what is signed.

At expiry the curve is linear between strikes, so values, break-evens and extremes are exact
integers. Only legs that outlive the first expiry need a model there, and then the answer says so:
extremes are then of a grid, break-evens still zeros of the curve. A trade that closes a position is
drawn as what it changes: the difference to keeping it.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from solver.domain.account import Account
from solver.domain.instrument import ASIAN_KINDS, FIXINGS, Instrument, Kind
from solver.domain.numbers import WAD, div_up
from solver.domain.program import Program
from solver.domain.route import Solution
from solver.domain.snapshot import Snapshot, Underlying
from solver.pricing.exotics.asian import asian_value
from solver.pricing.marks import greeks_at, intrinsic, mark_of, mean_at, to_wad

GRID_STEPS = 40  # from half to one and a half times the price
NEAR_STRIKE = (160, 80)  # parts of the price: more points just beside each strike
FAR = (2, 4, 8)  # times the highest price drawn: where a model's curve has levelled out
ROOT_WIDTH = 10**12  # 1e-6: how closely a model's break-even is enclosed


class PayoffLeg(NamedTuple):
    """A holding: whole units 1e18 (base too), signed, entered at `price` 1e18."""

    instrument: Instrument
    quantity: int
    price: int


class Point(NamedTuple):
    """Profit at one price of the underlying, 1e18 settlement units, rounded down."""

    price: int
    at_expiry: int
    today: int


class Payoff(NamedTuple):
    """`expiry` is the first one (0: none). Profit or loss None = without bound. All 1e18."""

    expiry: int
    points: tuple[Point, ...]
    break_evens: tuple[int, ...]
    profit_max: int | None
    loss_max: int | None  # >= 0, rounded up; a profit is rounded down
    is_exact: bool


def payoff(legs: Sequence[PayoffLeg], underlying: Underlying, time: int, cost: int = 0) -> Payoff:
    """Returns the curve of legs on one underlying; `cost` (1e18, say the fee) is taken off."""
    expiries = [leg.instrument.expiry for leg in legs if leg.instrument.is_option]
    expiry = min(expiries, default=0)
    is_exact = all(each == expiry for each in expiries) and not _averages(legs)
    strikes = {leg.instrument.strike for leg in legs if leg.instrument.is_option}
    grid = _grid(underlying.price, strikes)
    wide = grid if is_exact else [*grid, *(grid[-1] * times for times in FAR)]

    def profit(price: int) -> int:
        return _value(legs, underlying, price, expiry) - cost * WAD

    curve = [(price, profit(price)) for price in wide]
    slope = sum(_slope(leg, underlying) for leg in legs)
    break_evens = _break_evens(curve, slope, None if is_exact else profit)
    prices = sorted({*grid, *break_evens})
    best, worst = max(value for _, value in curve), min(value for _, value in curve)
    return Payoff(
        expiry=expiry,
        points=tuple(_point(legs, underlying, price, (time, expiry, cost)) for price in prices),
        break_evens=break_evens,
        profit_max=None if slope > 0 else best // WAD,
        loss_max=None if slope < 0 else div_up(max(-worst, 0), WAD),
        is_exact=is_exact,
    )


def legs_of(program: Program, solution: Solution, snapshot: Snapshot) -> dict[int, list[PayoffLeg]]:
    """Returns the legs of a solution by market: its fills, and base held or bought as cover.

    Cover counts from the mark of now: the curve tells what the outcome changes from here on.
    """
    legs: dict[int, list[PayoffLeg]] = {}
    for fill in solution.fills:
        instrument = Instrument.unpack(fill.instrument)
        leg = PayoffLeg(instrument, fill.quantity, fill.price)
        legs.setdefault(instrument.market, []).append(leg)
    for token, atoms in _cover(program, solution):
        underlying = snapshot.underlying_of(token)
        if underlying is not None and underlying.market in legs:
            base = Instrument(underlying.market, Kind.BASE)
            quantity = atoms * 10 ** (18 - underlying.base.decimals)
            legs[underlying.market].append(PayoffLeg(base, quantity, mark_of(base, snapshot)))
    return legs


def closed_by(solution: Solution, after: Account) -> tuple[int, ...]:
    """Returns the instruments of which a solution only makes a position smaller, packed ids.

    `after` is the account as the solution leaves it.
    """
    traded: dict[int, int] = {}
    for fill in solution.fills:
        traded[fill.instrument] = traded.get(fill.instrument, 0) + fill.quantity
    before = {instrument: after.quantity(instrument) - n for instrument, n in traded.items()}
    return tuple(
        instrument
        for instrument, quantity in traded.items()
        if before[instrument] * quantity < 0 and abs(quantity) <= abs(before[instrument])
    )


def _averages(legs: Sequence[PayoffLeg]) -> bool:
    """True when what a leg pays depends on more than the price at its expiry."""
    return any(leg.instrument.kind in ASIAN_KINDS for leg in legs)


def _slope(leg: PayoffLeg, underlying: Underlying) -> int:
    """Returns what a leg gains per unit of price far above every strike, 1e18."""
    if leg.instrument.kind in (Kind.PUT, Kind.ASIAN_PUT):
        return 0
    if leg.instrument.kind is Kind.ASIAN_CALL:
        left = FIXINGS - underlying.fixing_of(leg.instrument.expiry).fixed
        return leg.quantity * left // FIXINGS
    return leg.quantity


def _cover(program: Program, solution: Solution) -> Iterable[tuple[str, int]]:
    for flow in program.collateral:
        if flow.side == "auto" and flow.amount_min:
            yield flow.token, flow.amount_min
    for out in solution.outs:
        yield out.token, out.amount


def _grid(price: int, strikes: set[int]) -> list[int]:
    """Returns prices, ascending: zero, around the price, every strike and beside it, one above."""
    prices = {0, *(price // 2 + price * step // GRID_STEPS for step in range(GRID_STEPS + 1))}
    for strike in strikes:
        aside = [price // parts for parts in NEAR_STRIKE]
        prices |= {strike, *(max(strike + sign * by, 0) for by in aside for sign in (-1, 1))}
    highest = max(strikes, default=0)
    return sorted(prices | {max(highest * 5 // 4, price)})


def _value(legs: Sequence[PayoffLeg], underlying: Underlying, price: int, time: int) -> int:
    """Returns profit at `price` and `time`, 1e36."""
    return sum(
        leg.quantity * (_worth(leg.instrument, underlying, price, time) - leg.price) for leg in legs
    )


def _worth(instrument: Instrument, underlying: Underlying, price: int, time: int) -> int:
    if not instrument.is_option:
        return price
    fixing = underlying.fixing_of(instrument.expiry)
    if instrument.expiry <= time:
        is_asian = instrument.kind in ASIAN_KINDS  # whose open fixings are all taken at `price`
        return intrinsic(instrument, mean_at(fixing, price) if is_asian else price)
    if instrument.kind in ASIAN_KINDS:
        now = underlying.price
        return to_wad(asian_value(instrument, underlying.surface, price, time, fixing, base=now))
    return to_wad(greeks_at(instrument, underlying.surface, price, time).price)


def _point(
    legs: Sequence[PayoffLeg], underlying: Underlying, price: int, when: tuple[int, int, int]
) -> Point:
    time, expiry, cost = when
    at_expiry = _value(legs, underlying, price, max(expiry, time))
    today = _value(legs, underlying, price, time)
    return Point(price, at_expiry // WAD - cost, today // WAD - cost)


def _break_evens(
    curve: Sequence[tuple[int, int]], slope: int, profit: Callable[[int], int] | None
) -> tuple[int, ...]:
    """Returns where the curve crosses or touches zero, beyond the last price too: down to 1e-18
    where it is linear in between, to ROOT_WIDTH where `profit` tells that it is not.
    """
    signs = [0, *(value for _, value in curve), slope]
    found = {
        price
        for (price, value), before, after in zip(curve, signs, signs[2:], strict=False)
        if value == 0 and (before or after)  # of a stretch at zero only the ends
    }
    for (left, a), (right, b) in pairwise(curve):
        if (a < 0 < b) or (b < 0 < a):
            if profit is not None:
                left, right = _enclosed((left, right), a, profit)
                a, b = profit(left), profit(right)
            found.add(left + (right - left) * abs(a) // max(abs(a) + abs(b), 1))
    last, value = curve[-1]
    if value and slope and (value < 0) == (slope > 0):
        found.add(last + abs(value) // abs(slope))
    return tuple(sorted(found))


def _enclosed(ends: tuple[int, int], at_left: int, profit: Callable[[int], int]) -> tuple[int, int]:
    """Returns ends nearer than ROOT_WIDTH between which the curve still changes its sign."""
    left, right = ends
    while right - left > ROOT_WIDTH:
        middle = (left + right) // 2
        if (profit(middle) < 0) == (at_left < 0):
            left = middle
        else:
            right = middle
    return left, right
