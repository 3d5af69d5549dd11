"""From charges to what a market's margin reads: ranges of spot and volatility, with their notice.

A range never leaves .6 to 1.6 times its default, so no estimate, and no key that signs one, can
free or bury an account. What raises the maintenance requirement waits a day, unless the market has
just moved by half a day's charge: a re-estimate alone liquidates nobody.
"""

import math
from typing import NamedTuple

from solver.domain.calendar import DAY
from solver.domain.errors import Infeasible
from solver.domain.numbers import PPM
from solver.domain.risk import MarketRisk
from solver.margin.predictive.breach import tails_of
from solver.margin.predictive.charge import charges
from solver.margin.predictive.days import Days

MARGIN_PERIOD_SECONDS = DAY  # what closing a book may take where others have to come and quote
RANGE_LEAST, RANGE_MOST = 600_000, 1_600_000  # of the default
MOVE_SHARE = 2  # a market has moved when an hour does a day's charge over this
DEFAULT = MarketRisk()


class Estimate(NamedTuple):
    """What one market's history says of tomorrow. `charge` is a day's move that margin covers, ppm;
    `risk` what follows at once, before any notice."""

    charge: int
    risk: MarketRisk


def estimate(
    spot: Days,
    volatility: Days | None,
    *,
    version: str,
    depth: int = 0,
    margin_period_seconds: int = MARGIN_PERIOD_SECONDS,
) -> Estimate:
    """Returns the estimate for the day after the last. Raises Infeasible of too short a history.

    `volatility` are days of at-the-money implied volatility; without them its ranges stay at their
    defaults. `depth` is 1e18 of base over the margin period.
    """
    found = charges(spot)
    charge, daily = float(found.charge[-1]), float(found.deviation[-1])
    if not math.isfinite(charge):
        detail = f"{len(spot.number)} days are too few to fit to: some 620 are needed"
        raise Infeasible(detail, code="historyTooShort")
    periods = math.sqrt(margin_period_seconds / DAY)
    spot_range = within(charge * periods, DEFAULT.spot_initial)
    vol_up, vol_down = DEFAULT.vol_up, DEFAULT.vol_down
    if volatility is not None and math.isfinite(change := float(charges(volatility).charge[-1])):
        vol_up = within(math.expm1(change * periods), DEFAULT.vol_up)
        vol_down = within(-math.expm1(-change * periods), DEFAULT.vol_down)
    risk = MarketRisk(
        version=version,
        spot_initial=spot_range,
        spot_maintenance=spot_range,
        vol_up=vol_up,
        vol_down=vol_down,
        daily=min(math.ceil(daily * PPM), PPM),
        depth=depth,
        tails=tails_of(spot, found.deviation),
    )
    return Estimate(math.ceil(charge * PPM), risk)


def within(share: float, default: int) -> int:
    """Returns a range in ppm, up, inside what its default allows."""
    least, most = default * RANGE_LEAST // PPM, default * RANGE_MOST // PPM
    return min(max(math.ceil(share * PPM), least), most)


def in_force(now: MarketRisk, before: MarketRisk, age_seconds: int, *, moved: bool) -> MarketRisk:
    """Returns what holds `age_seconds` after `now` was issued over what was in force `before`.

    Initial margin reads the new range of spot at once. Everything that maintenance reads takes the
    milder of both for a day; the ranges of volatility serve both margins, so they wait too.
    """
    if moved or age_seconds >= DAY:
        return now._replace(spot_maintenance=now.spot_initial)
    depths = (now.depth, before.depth)
    return now._replace(
        spot_maintenance=min(now.spot_initial, before.spot_maintenance),
        vol_up=min(now.vol_up, before.vol_up),
        vol_down=min(now.vol_down, before.vol_down),
        daily=min(now.daily, before.daily),
        depth=0 if 0 in depths else max(depths),
    )


def has_moved(price: int, hour_ago: int, charge: int) -> bool:
    """True when the price, 1e18, moved within an hour by more than half a day's charge (ppm); an
    unknown price an hour ago, 0, tells of no move."""
    return hour_ago > 0 and MOVE_SHARE * abs(price - hour_ago) * PPM > charge * hour_ago
