"""`solvent risk fit` signs what history says over what was in force, and `show` reads it back."""

import pytest
from typer.testing import CliRunner

from adapters.chains.devnet.keys import dev_keys
from app.cli import app
from app.parameters import load
from solver.domain.calendar import DAY
from solver.domain.risk import MarketRisk
from solver.margin.predictive import days_of, estimate
from tests.app.backtest.history import written
from tests.solver.margin.predictive.history import prices

AT = 1_795_000_000
CHAIN = 31338


def run(*arguments):
    return CliRunner().invoke(app, ["risk", *map(str, arguments)], catch_exceptions=True)


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    return written(tmp_path_factory.mktemp("bars") / "ETHUSDT.csv.gz", count=700)


def test_what_is_fitted_is_signed_and_succeeds_the_file_before(history, tmp_path):
    out = tmp_path / "p.json"
    assert run("fit", history, "-o", out, "--at", AT).exit_code == 0
    first = load(out, CHAIN)
    ((symbol, eth),) = first.markets
    assert (symbol, first.issued_at, first.signer) == ("ETH", AT, dev_keys()["risk1"].address)
    made = estimate(days_of(*prices(700)), None, version=first.version, depth=24 * 50 * 10**18)
    assert (eth.charge, eth.now, eth.before) == (made.charge, made.risk, MarketRisk())
    found = run("fit", history, "-o", out, "--at", AT + 2 * DAY, "--role", "risk2",
                "--margin-period-hours", 48)  # fmt: skip
    assert "a day's notice" in found.stdout
    second = load(out, CHAIN)
    assert second.signer == dev_keys()["risk2"].address
    ((_, later),) = second.markets
    assert later.before == eth.now
    assert later.now.spot_initial > eth.now.spot_initial or eth.now.spot_initial == 288_000


def test_an_older_issue_and_a_broken_predecessor_change_nothing(history, tmp_path):
    out = tmp_path / "p.json"
    run("fit", history, "-o", out, "--at", AT)
    kept = out.read_bytes()
    found = run("fit", history, "-o", out, "--at", AT - 1)
    assert "later" in str(found.exception)
    assert out.read_bytes() == kept
    out.write_text("{}")
    assert run("fit", history, "-o", out, "--at", AT).exception is not None
    assert out.read_text() == "{}"


def test_show_tells_a_file_or_the_built_in_parameters(history, tmp_path, monkeypatch):
    out = tmp_path / "p.json"
    run("fit", history, "-o", out, "--at", AT)
    for shown in (run("show", out), _by_setting(monkeypatch, out)):
        assert "ETH" in shown.stdout
        assert dev_keys()["risk1"].address in shown.stdout
    monkeypatch.delenv("SOLVENT_RISK_PARAMETERS")
    assert "default" in run("show").stdout


def _by_setting(monkeypatch, path):
    monkeypatch.setenv("SOLVENT_RISK_PARAMETERS", str(path))
    return run("show")


def test_volatility_alone_fits_nothing(tmp_path):
    path = tmp_path / "dvol_eth.csv"
    rows = [f"{3_600 * hour},50" for hour in range(60)]
    path.write_text("\n".join(["timestamp,dvol_close", *rows]))
    found = run("fit", path, "-o", tmp_path / "p.json")
    assert "no prices beside" in str(found.exception)
    assert not (tmp_path / "p.json").exists()
