"""A backtest judges what would have been in force, and the recorded markets accept it."""

import numpy as np
import pytest

from adapters.bars import Bars, read_bars
from app.backtest.margin import FIRST_DAY, backtest, first_judged
from solver.domain.errors import Infeasible
from solver.margin.predictive import charges, days_of, peer
from solver.margin.predictive.coverage import judge
from tests.recorded import SHARED, needs
from tests.solver.margin.predictive.history import prices

OHLCV = SHARED / "data/ohlcv"
BTC = [OHLCV / f"binance_spot_BTCUSDT_1h_{years}.parquet" for years in ("2017_2024", "2024_2025")]
ETH = [OHLCV / f"binance_spot_ETHUSDT_1h_{years}.parquet" for years in ("2017_2020", "2020_2025")]


def bars(count=1_100):
    times, closes = prices(count)
    return Bars("ETH", False, times, closes, np.empty(0))


def test_days_from_the_eight_hundredth_on_are_judged_by_the_charge_of_their_morning():
    found = backtest(bars())
    assert found.first == FIRST_DAY
    assert found.coverage.days == 1_099 - FIRST_DAY
    days = days_of(bars().times, bars().closes)
    charge = charges(days).charge
    broke = [day for day in range(FIRST_DAY, 1_099) if abs(days.returns[day]) > charge[day]]
    assert found.coverage.breaches == len(broke)
    assert [row.ratio > 1 for row in found.stress].count(True) == len(broke)
    assert len(found.checks) == 8


def test_a_day_to_begin_from_is_kept_unless_it_is_too_early():
    days = days_of(bars().times, bars().closes)
    assert first_judged(days, None) == first_judged(days, "2017-09-01") == FIRST_DAY
    first = first_judged(days, "2019-11-05")
    assert str(days.number[first].astype("datetime64[D]")) == "2019-11-05"


def test_a_history_that_leaves_too_little_to_judge_is_refused():
    with pytest.raises(Infeasible, match="needed"):
        backtest(bars(900))


@needs(OHLCV, "hourly prices")
@pytest.mark.parametrize("paths", [BTC, ETH], ids=["BTC", "ETH"])
def test_recorded_markets_accept_the_charge_out_of_sample(paths):
    (read,) = read_bars(str(path) for path in paths).values()
    days = days_of(read.times, read.closes)
    first = FIRST_DAY
    assert str(days.number[first].astype("datetime64[D]")) == "2019-10-27"
    assert str(days.number[-1].astype("datetime64[D]")) == "2025-06-30"
    found = judge(days.returns[first:], charges(days).charge[first:-1], peer(days)[first:-1])
    assert {check.name: check.value for check in found.checks if not check.passed} == {}
    assert found.days == 2_074
