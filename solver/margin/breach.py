"""How far prices may move before maintenance is breached, and how likely that is within an hour.

The breach moves are found on the account's own curve: shocked prices, the same requirement as ever,
in a few looks, because the monitor asks for every account. How often a market moves so far is what
its history says (solver.margin.predictive).
"""

import math
from collections.abc import Callable, Sequence

from solver.domain.account import SIMPLE, Account
from solver.domain.instrument import Instrument
from solver.domain.numbers import PPM
from solver.domain.risk import MarketRisk
from solver.domain.snapshot import Snapshot, Underlying
from solver.margin.predictive.breach import LEVELS, UNKNOWN, Span, breach_probability
from solver.margin.predictive.days import HOURS
from solver.margin.requirement import requirement
from solver.margin.simple import figures

Headroom = Callable[[int], int]  # equity less maintenance after a move, settlement atoms
MILLI = 1_000  # moves of an hour are counted in thousandths of its forecast deviation
SURE_PPM = 2_000  # one-sided: nobody who survives such a move both ways is likely to breach
DOWN_MAX_PPM, UP_MAX_PPM, STEP_PPM, GRAIN_PPM = 990_000, 4_000_000, 10_000, 10
RATIO_MAX, RATIO_GRAIN = 16 * MILLI, 10


def breach_ppm(account: Account, snapshot: Snapshot, engine: str = SIMPLE) -> int:
    """Returns the chance, ppm, that the account is below maintenance within the hour; 0 where it is
    certainly below 0.5 %.

    The greatest of: all markets move together by their deviations, or one of them alone.
    """
    held = markets_of(account)
    groups = {held, *((market,) for market in held)} if held else set()
    return max((_chance(account, snapshot, engine, group) for group in groups), default=0)


def markets_of(account: Account) -> tuple[int, ...]:
    """Returns the markets in which an account holds anything, in order."""
    return tuple(sorted({Instrument.unpack(p.instrument).market for p in account.positions}))


def breach_moves(
    account: Account, snapshot: Snapshot, engine: str = SIMPLE, market: int | None = None
) -> tuple[int | None, int | None]:
    """Returns the least fall and rise of the price, ppm, at which maintenance is breached: of one
    market, or of all together; None where there is none down to -99 % or up to +400 %.

    (0, 0) for an account that is breached already. Raises as `requirement`.
    """

    def headroom(move_ppm: int) -> int:
        def moved(held: Underlying) -> Underlying:
            if market is not None and held.market != market:
                return held
            return held._replace(price=held.price * (PPM + move_ppm) // PPM)

        return _headroom(account, _moved(snapshot, moved), engine)

    down = crossing(lambda move: headroom(-move), STEP_PPM, DOWN_MAX_PPM, GRAIN_PPM)
    return down, crossing(headroom, STEP_PPM, UP_MAX_PPM, GRAIN_PPM)


def crossing(headroom: Headroom, first: int, most: int, grain: int = 1) -> int | None:
    """Returns where headroom first falls below zero on (0, most], to the grain and not before it;
    0 when it is below already, None when it never is at first, 2 first, 4 first .. most.
    """
    if headroom(0) < 0:
        return 0
    good, bad = 0, min(first, most)
    while headroom(bad) >= 0:
        if bad == most:
            return None
        good, bad = bad, min(2 * bad, most)
    while bad - good > grain:
        middle = (good + bad) // 2
        good, bad = (good, middle) if headroom(middle) < 0 else (middle, bad)
    return bad


def sure_worlds(snapshot: Snapshot) -> tuple[Snapshot, ...]:
    """Returns the snapshot after moves within the hour that are less likely than SURE_PPM each: all
    markets together and one alone, down and up. Who is above maintenance in all of them has a
    `breach_ppm` of 0.
    """
    groups = {tuple(u.market for u in snapshot.underlyings)}
    groups |= {(u.market,) for u in snapshot.underlyings}
    worlds = []
    for group in sorted(groups):
        fall, rise = _sure([u.risk for u in snapshot.underlyings if u.market in group])
        worlds += [_shifted(snapshot, group, -fall), _shifted(snapshot, group, rise)]
    return tuple(worlds)


def _shifted(snapshot: Snapshot, group: tuple[int, ...], ratio: int) -> Snapshot:
    """Returns the snapshot after the markets of a group moved by so many thousandths of their
    forecast deviations of an hour."""

    def moved(held: Underlying) -> Underlying:
        if held.market not in group:
            return held
        move_ppm = round(PPM * math.expm1(ratio * _unit(held.risk)))
        return held._replace(price=held.price * (PPM + move_ppm) // PPM)

    return _moved(snapshot, moved)


def _chance(account: Account, snapshot: Snapshot, engine: str, group: tuple[int, ...]) -> int:
    def headroom(ratio: int) -> int:
        return _headroom(account, _shifted(snapshot, group, ratio), engine)

    if headroom(0) < 0:
        return PPM
    risks = [u.risk for u in snapshot.underlyings if u.market in group]
    fall, rise = _sure(risks)
    if headroom(-fall) >= 0 and headroom(rise) >= 0:
        return 0
    down = crossing(lambda ratio: headroom(-ratio), fall // 8, RATIO_MAX, RATIO_GRAIN)
    up = crossing(headroom, rise // 8, RATIO_MAX, RATIO_GRAIN)
    return max(_leaves(down, up, risk) for risk in risks)


def _unit(risk: MarketRisk) -> float:
    """Returns the log move of a thousandth of an hour's forecast deviation."""
    return risk.daily / (PPM * math.sqrt(HOURS) * MILLI)


def _sure(risks: Sequence[MarketRisk]) -> tuple[int, int]:
    """Returns the fall and the rise, in thousandths, that are less likely than SURE_PPM each."""
    low, high = LEVELS.index(SURE_PPM), LEVELS.index(PPM - SURE_PPM)
    tails = [risk.tails or UNKNOWN for risk in risks]
    fall = max(-found[low] for found in tails) * MILLI // PPM
    rise = max(found[high] for found in tails) * MILLI // PPM
    return max(fall, MILLI) + 1, max(rise, MILLI) + 1


def _leaves(down: int | None, up: int | None, risk: MarketRisk) -> int:
    low = -1.0 if down is None else math.expm1(-down * _unit(risk))
    high = math.inf if up is None else math.expm1(up * _unit(risk))
    return min(math.ceil(PPM * breach_probability(Span(low, high), risk, 1)), PPM)


def _headroom(account: Account, snapshot: Snapshot, engine: str) -> int:
    if engine == SIMPLE:
        return figures(account, snapshot).maintenance
    found = requirement(account, snapshot, engine)
    return found.equity - found.maintenance


def _moved(snapshot: Snapshot, moved: Callable[[Underlying], Underlying]) -> Snapshot:
    return snapshot._replace(underlyings=tuple(map(moved, snapshot.underlyings)))
