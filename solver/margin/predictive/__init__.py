"""Requirements that see volatility coming: from hourly prices to one market's `MarketRisk`."""

from solver.margin.predictive.breach import Span, breach_probability
from solver.margin.predictive.charge import Charges, charges, peer
from solver.margin.predictive.days import Days, days_of
from solver.margin.predictive.depth import expected_depth
from solver.margin.predictive.ranges import Estimate, estimate, has_moved, in_force

__all__ = [
    "Charges",
    "Days",
    "Estimate",
    "Span",
    "breach_probability",
    "charges",
    "days_of",
    "estimate",
    "expected_depth",
    "has_moved",
    "in_force",
    "peer",
]
