"""What a market's margin parameters are at one instant, and what its Asian options have averaged.

Integers, hashed with the snapshot: a requirement can be computed again bit for bit.
"""

from typing import NamedTuple


class MarketRisk(NamedTuple):
    """The part of PORTFOLIO margin that prediction moves, parts per million.

    Spot is shocked by up to `spot_initial` for what a new position must hold, and by
    `spot_maintenance` for what an old one must: the smaller of now and a day ago unless the market
    has just moved, so that no re-estimate liquidates anybody. Volatilities of 30 days rise by
    `vol_up` and fall by `vol_down`. `daily` is one day's deviation, `depth` the predicted liquidity
    in 1e18 of base over a margin period (0: unknown, no charge for concentration). `tails` are the
    quantiles of an hour's move over its forecast at the levels of solver.margin.predictive.breach,
    empty where nothing was fitted.
    """

    version: str = "default"
    spot_initial: int = 180_000
    spot_maintenance: int = 180_000
    vol_up: int = 500_000
    vol_down: int = 300_000
    daily: int = 40_000
    depth: int = 0
    tails: tuple[int, ...] = ()


class Fixing(NamedTuple):
    """What a series of Asian options has averaged so far: `fixed` fixings, their sum 1e18."""

    expiry: int
    fixed: int
    total: int
