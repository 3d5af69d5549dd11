"""Parameters that would give value away are refused, each by its name."""

from typing import Any

import pytest

from solver.domain.errors import Malformed
from solver.domain.numbers import WAD
from solver.domain.risk import MarketRisk
from solver.margin.portfolio.parameters import (
    DEFAULT,
    Charge,
    Discount,
    Skew,
    Tail,
    validated,
    validated_risk,
)

WRONG: dict[str, Any] = {
    "tails": (Tail(0, WAD),),
    "asset": Discount(WAD + 1, WAD),
    "debt": Discount(WAD - 1, WAD),
    "vol_min": -1,
    "linear": Skew(2 * WAD),
    "absolute": Skew(WAD, 1),
    "width": 0,
    "basis_up": WAD - 1,
    "perp": Charge(0, -1),
    "confidence_min": WAD + 1,
    "peg_factor": -1,
    "maintenance_factor": WAD + 1,
    "correlation": WAD // 2 + 1,
    "floor": -1,
}


def test_the_defaults_are_sound():
    assert validated(DEFAULT) is DEFAULT
    assert validated_risk(MarketRisk()) == MarketRisk()


@pytest.mark.parametrize("field", WRONG)
def test_what_would_give_value_away_is_refused(field):
    with pytest.raises(Malformed) as refused:
        validated(DEFAULT._replace(**{field: WRONG[field]}))
    assert refused.value.code == "unsoundParameters"


@pytest.mark.parametrize(
    "changed",
    [
        {"spot_initial": 170_000},
        {"spot_initial": 950_000},
        {"spot_maintenance": 0},
        {"vol_down": 1_000_001},
        {"vol_up": -1},
        {"depth": -1},
    ],
)
def test_unsound_predictions_are_refused(changed):
    with pytest.raises(Malformed):
        validated_risk(MarketRisk()._replace(**changed))
