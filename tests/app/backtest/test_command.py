"""`solvent backtest margin` says what it found, draws it, and fails where acceptance does."""

import json
import sys

import pytest
from typer.testing import CliRunner

from app.cli import app
from solver.domain.errors import Refused
from tests.app.backtest.history import written
from tests.app.backtest.test_margin import BTC, ETH, OHLCV
from tests.recorded import needs

PNG = b"\x89PNG\r\n\x1a\n"


def run(*arguments):
    return CliRunner().invoke(app, ["backtest", "margin", *map(str, arguments)])


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    return written(tmp_path_factory.mktemp("bars") / "ETHUSDT.csv.gz")


def test_tables_and_picture_tell_every_check_and_the_verdict(history, tmp_path):
    found = run(history, "-o", tmp_path / "x.png")
    for words in ("coverage", "Kupiec p", "Christoffersen p", "peak to trough", "5-day rise",
                  "FHS-EWMA", "overshoot", "dip on the way", "Stress days"):  # fmt: skip
        assert words in found.stdout
    assert ("FAIL" in found.stdout) == (found.exit_code == 1)
    assert (tmp_path / "x.png").read_bytes().startswith(PNG)


def test_json_holds_the_same_in_full_and_needs_no_matplotlib(history, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    found = run(history, "--json", "--no-draw")
    told = json.loads(found.stdout)["ETH"]
    assert told["days"] == 299
    assert told["passed"] == all(check["passed"] for check in told["checks"])
    assert found.exit_code == (0 if told["passed"] else 1)


def test_without_matplotlib_the_picture_is_refused_by_name(history, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    found = run(history, "-o", tmp_path / "x.png")
    assert isinstance(found.exception, Refused)
    assert found.exception.code == "reportsMissing"
    assert "`reports`" in found.exception.detail


@pytest.mark.night
@needs(OHLCV, "hourly prices")
def test_both_recorded_markets_are_accepted_and_every_crash_is_told(tmp_path):
    found = run(*BTC, *ETH, "-o", tmp_path / "x.png")
    assert (found.exit_code, found.stdout.count("FAIL")) == (0, 0)
    assert found.stdout.count("pass") == 16
    for day in ("2020-03-12", "2021-05-19", "2022-11-08", "2022-11-09", "2024-08-05"):
        assert day in found.stdout
    assert (tmp_path / "x.png").stat().st_size > 50_000
