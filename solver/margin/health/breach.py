"""How far prices may move before maintenance is breached, and how likely that is within an hour.

The breach moves are found on the account's own curve: shocked prices, the same requirement as ever,
in a few looks, because the monitor asks for every account. How often a market moves so far is what
its history says (solver.margin.predictive).
"""

import math
from collections.abc import Callable, Iterable, Sequence

from solver.domain.account import SIMPLE, Account
from solver.domain.numbers import PPM
from solver.domain.risk import MarketRisk
from solver.domain.snapshot import Snapshot, Underlying
from solver.margin.portfolio.decide import margins
from solver.margin.portfolio.grid import moved_grid, risk_grid
from solver.margin.predictive.breach import LEVELS, UNKNOWN, Span, breach_probability
from solver.margin.predictive.days import HOURS
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
    return tuple(sorted({p.instrument >> 144 for p in account.positions}))


def breach_moves(
    account: Account, snapshot: Snapshot, engine: str = SIMPLE, market: int | None = None
) -> tuple[int | None, int | None]:
    """Returns the least fall and rise of the price, ppm, at which maintenance is breached: of one
    market, or of all together; None where there is none down to -99 % or up to +400 %.

    (0, 0) for an account that is breached already. Raises as `requirement`.
    """

    group = markets_of(account) if market is None else (market,)
    room = _Room(account, snapshot, engine, group)

    def headroom(move_ppm: int) -> int:
        def moved(held: Underlying) -> Underlying:
            return held._replace(price=held.price * (PPM + move_ppm) // PPM)

        return room.at(_moved(snapshot, group, moved))

    down = crossing(lambda move: headroom(-move), STEP_PPM, DOWN_MAX_PPM, GRAIN_PPM)
    return down, crossing(headroom, STEP_PPM, UP_MAX_PPM, GRAIN_PPM)


def crossing(headroom: Headroom, first: int, most: int, grain: int = 1) -> int | None:
    """Returns where headroom first falls below zero on (0, most], to the grain and not before it;
    0 when it is below already, None when it never is at first, 2 first, 4 first .. most.
    """
    high = headroom(0)
    if high < 0:
        return 0
    good, bad = 0, min(first, most)
    while (low := headroom(bad)) >= 0:
        if bad == most:
            return None
        good, high, bad = bad, low, min(2 * bad, most)
    width = 2 * (bad - good)
    while bad - good > grain:
        # where a straight line would cross, or a grain to either side of it; the middle where that
        # did not halve what is left
        line = good + (bad - good) * high // (high - low)
        aim = line - grain // 2 if bad - line < line - good else line + grain // 2 + 1
        middle = min(max(aim, good + 1), bad - 1)
        if 2 * (bad - good) > width:
            middle = (good + bad) // 2
        width = bad - good
        found = headroom(middle)
        if found < 0:
            bad, low = middle, found
        else:
            good, high = middle, found
    return bad


def sure_worlds(
    snapshot: Snapshot, held: Iterable[tuple[int, ...]] | None = None
) -> tuple[Snapshot, ...]:
    """Returns the snapshot after moves within the hour that are less likely than SURE_PPM each: the
    markets that are held together (all of them, unless they are given) and one alone, down and up.
    Who holds such a set and is above maintenance in all of them has a `breach_ppm` of 0.
    """
    groups = set(held or [tuple(sorted(u.market for u in snapshot.underlyings))])
    groups |= {(market,) for group in groups for market in group}
    worlds = []
    for group in sorted(filter(None, groups)):
        fall, rise = _sure([u.risk for u in snapshot.underlyings if u.market in group])
        worlds += [_shifted(snapshot, group, -fall), _shifted(snapshot, group, rise)]
    return tuple(worlds)


def _shifted(snapshot: Snapshot, group: tuple[int, ...], ratio: int) -> Snapshot:
    """Returns the snapshot after the markets of a group moved by so many thousandths of their
    forecast deviations of an hour."""

    def moved(held: Underlying) -> Underlying:
        move_ppm = round(PPM * math.expm1(ratio * _unit(held.risk)))
        return held._replace(price=held.price * (PPM + move_ppm) // PPM)

    return _moved(snapshot, group, moved)


def _chance(account: Account, snapshot: Snapshot, engine: str, group: tuple[int, ...]) -> int:
    room = _Room(account, snapshot, engine, group)

    def headroom(ratio: int) -> int:
        return room.at(_shifted(snapshot, group, ratio))

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


class _Room:
    """Equity less maintenance of one account wherever a group of markets moves: what the others are
    worth is priced once."""

    def __init__(
        self, account: Account, snapshot: Snapshot, engine: str, group: tuple[int, ...]
    ) -> None:
        self._account, self._group = account, group
        held = (position.instrument for position in account.positions)
        self._grid = None if engine == SIMPLE else risk_grid(held, snapshot)

    def at(self, snapshot: Snapshot) -> int:
        """Returns it at a snapshot in which nothing else moved."""
        if self._grid is None:
            return figures(self._account, snapshot).maintenance
        grid = moved_grid(self._grid, snapshot, self._group)
        equity, _, maintenance = margins(self._account, grid)
        return equity - maintenance


def _moved(
    snapshot: Snapshot, group: tuple[int, ...], moved: Callable[[Underlying], Underlying]
) -> Snapshot:
    rows = (moved(held) if held.market in group else held for held in snapshot.underlyings)
    return snapshot._replace(underlyings=tuple(rows))
