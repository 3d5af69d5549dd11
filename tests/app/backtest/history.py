"""Bars of a made market, as a file: enough days to judge, few enough to be quick."""

import gzip

from tests.solver.margin.predictive.history import prices

DAYS = 1_100


def written(path, seed=7, count=DAYS):
    """Returns the path of `count` days of hourly bars."""
    times, closes = prices(count, seed)
    rows = [f"{time},{close:.6f},50" for time, close in zip(times, closes, strict=True)]
    path.write_bytes(gzip.compress("\n".join(["timestamp,close,volume", *rows]).encode()))
    return str(path)
