"""A crash replayed through the real risk code: thousands of made-up accounts on a recorded path."""

from solver.margin.contagion.checks import Check, checks
from solver.margin.contagion.crowding import Crowding, crowding
from solver.margin.contagion.paths import Candles, path_of
from solver.margin.contagion.population import Population, populated
from solver.margin.contagion.replay import Clock, Outcome, Tick, replay
from solver.margin.contagion.world import AUCTION, CLOSE, CURE, Faults, Stage, World

__all__ = [
    "AUCTION",
    "CLOSE",
    "CURE",
    "Candles",
    "Check",
    "Clock",
    "Crowding",
    "Faults",
    "Outcome",
    "Population",
    "Stage",
    "Tick",
    "World",
    "checks",
    "crowding",
    "path_of",
    "populated",
    "replay",
]
