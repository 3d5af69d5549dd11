"""How much of a market can be traded over a margin period, said from the hours before it.

Depth follows the clock and can vanish at once: of each coming hour the median of that hour's last
28 days is expected, all of them scaled down, never up, by what this hour shows against its own.
"""

import numpy as np

from solver.margin.predictive.days import HOUR, HOURS, Floats, Ints

SAME_HOURS = 28


def expected_depth(times: Ints, depths: Floats, seconds: int) -> float:
    """Returns the depth, in the unit of `depths`, of the `seconds` after the newest observation.

    `times` are unix seconds in any order, hours may be missing, the first of two at one hour
    counts. 0.0, which charges nobody, while a coming hour has not been seen 28 times.
    """
    hours, first = np.unique(np.asarray(times, np.int64) // HOUR, return_index=True)
    if len(hours) == 0:
        return 0.0
    depths = depths[first]
    usual = np.array([_usual(hours[:-1], depths[:-1], hour) for hour in range(HOURS)])
    now = int(hours[-1]) % HOURS
    wanted, rest = divmod(seconds, HOUR)
    ahead = [(now + 1 + step) % HOURS for step in range(wanted + (rest > 0))]
    shares = [1.0] * wanted + [rest / HOUR] * (rest > 0)
    expected = float(np.dot(usual[ahead], shares)) if ahead else 0.0
    if not np.isfinite(expected) or not usual[now] > 0:
        return 0.0
    return expected * min(1.0, float(depths[-1]) / float(usual[now]))


def _usual(hours: Ints, depths: Floats, hour: int) -> float:
    """Returns the median of the last 28 observations of an hour of the day, NaN of fewer."""
    same = depths[hours % HOURS == hour][-SAME_HOURS:]
    return float(np.median(same)) if len(same) == SAME_HOURS else float("nan")
