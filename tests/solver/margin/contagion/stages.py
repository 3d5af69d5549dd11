"""Made-up paths for replays: a crash, steady falls, and prices that stay."""

import numpy as np

from solver.domain.risk import MarketRisk
from solver.margin.contagion import Faults, Stage, World, populated

START = 1_583_971_200
LATER = MarketRisk("later", 288_000, 288_000, 800_000, 480_000, 60_000)


def stage(moves=(0.0, 0.0, -0.35, -0.3), ticks=30, name="made up"):
    """Returns two markets that go through these log moves, evenly apart."""
    at = np.linspace(0, ticks - 1, len(moves))
    line = np.interp(np.arange(ticks), at, moves)
    noise = 1e-4 * np.random.default_rng(3).standard_normal((ticks, 2))
    path = np.array([8_000.0, 200.0]) * np.exp(line[:, None] + noise)
    risks = (MarketRisk(), MarketRisk())
    storm = (ticks // 3, 2 * ticks // 3)
    return Stage(name, ("BTC", "ETH"), path, START, risks, (LATER, LATER), (150_000,) * 2, storm)


def people(at, count=100, seed=7):
    return populated(at, World(at, Faults()).step(0), count, seed)
