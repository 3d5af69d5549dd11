"""One price out of several sources, some of which lie: votes, memory, and what a lie would cost."""

from solver.pricing.oracle.aggregate import (
    CONFIDENCE_PPM_MAX,
    Aggregate,
    OracleParams,
    aggregate,
)
from solver.pricing.oracle.manipulation import Mean, manipulation_cost, mean_of, mean_weight
from solver.pricing.oracle.memory import Sample, Track, remember

__all__ = [
    "CONFIDENCE_PPM_MAX",
    "Aggregate",
    "Mean",
    "OracleParams",
    "Sample",
    "Track",
    "aggregate",
    "manipulation_cost",
    "mean_of",
    "mean_weight",
    "remember",
]
