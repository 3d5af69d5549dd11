"""Recorded crashes: one as a sample in every run, all of them with 20,000 users at night."""

import json

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.stress.candles import finest, read_candles
from app.stress.windows import WINDOWS, chosen, stage_of
from solver.domain.errors import Infeasible, Malformed, NotFound
from solver.margin.contagion import Faults, World, populated, replay
from tests.recorded import SHARED, needs

OHLCV = SHARED / "data/ohlcv"
HOURLY = sorted(OHLCV.glob("binance_spot_*_1h_*.parquet"))
SHORT = sorted(OHLCV.glob("*stress*.parquet"))


@pytest.fixture(scope="module")
def candles():
    return read_candles(map(str, [*HOURLY, *SHORT]))


@needs(OHLCV, "candles")
def test_a_recorded_crash_leaves_no_debt_unnamed(candles):
    (window,) = chosen(["2024-08-05"])
    whole = stage_of(window, candles, 1)
    first, last = whole.storm
    cut = whole._replace(path=whole.path[first - 5 : last], storm=(5, last - first + 5))
    people = populated(cut, World(cut, Faults()).step(0), 200, 1)
    found = replay(cut, people, Faults(lag=2, is_reestimated=True))
    assert found.liquidated
    assert found.audited == len(cut.path)
    assert (found.pending, found.misraised) == (0, 0)
    assert whole.risks[0].version.startswith("until")


@needs(OHLCV, "candles")
def test_the_finest_candles_that_cover_a_window_are_taken_and_gaps_are_refused(candles):
    spans = {window.name: window.span for window in WINDOWS}
    for name, symbol, seconds in (
        ("2024-08-05", "BTC", 900), ("2021-05-19", "ETH", 1_800), ("2020-03-12", "BTC", 3_600)
    ):  # fmt: skip
        taken = finest(candles, symbol, *spans[name])
        assert taken is not None
        assert taken.seconds == seconds
    with pytest.raises(Infeasible, match="2025-10-10"):
        stage_of(WINDOWS[-1], candles, 1)


def test_what_is_no_window_or_no_file_is_refused_by_name(tmp_path):
    with pytest.raises(NotFound, match="2020-03-12"):
        chosen(["2020-03-13"])
    with pytest.raises(NotFound, match="there is no file"):
        read_candles(["BTC=missing.parquet"])
    (tmp_path / "BTCUSDT_1h.parquet").write_bytes(b"PAR1 no parquet PAR1")
    with pytest.raises(Malformed, match="holds no candles"):
        read_candles([str(tmp_path / "BTCUSDT_1h.parquet")])
    (tmp_path / "x.parquet").write_bytes(b"")
    with pytest.raises(Malformed, match="symbol"):
        read_candles([str(tmp_path / "x.parquet")])


@pytest.mark.night
@needs(OHLCV, "candles")
def test_every_recorded_crash_passes_with_twenty_thousand_users(tmp_path):
    files = [str(path) for path in [*HOURLY, *SHORT]]
    found = CliRunner().invoke(app, ["stress", *files, "-o", str(tmp_path), "--json"])
    told = json.loads(found.stdout)
    assert list(told["windows"]) == [window.name for window in WINDOWS[:-1]]
    failed = {
        (name, check["name"]): (check["value"], check["bound"])
        for name, each in told["windows"].items()
        for check in each["checks"]
        if not check["passed"] and not check["is_goal"]
    }
    assert (failed, found.exit_code) == ({}, 0)
    assert len(list(tmp_path.glob("*.png"))) == 4
