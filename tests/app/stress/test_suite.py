"""One made-up crash under every fault: the table, the report and the picture tell the same."""

import json

import pytest

from app.stress.draw import draw
from app.stress.report import document, markdown
from app.stress.suite import COMPARED, FAULTS, HARMLESS, run_stage, ticks_of
from app.stress.windows import calm_of, storm_of
from solver.margin.contagion import CLOSE
from tests.solver.margin.contagion.stages import stage

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def result(told):
    at = stage(ticks=8)
    return run_stage(
        at, accounts=100, seed=2, clock=lambda: 0.0, tell=lambda *row: told.append(row)
    )


def test_every_fault_is_replayed_and_the_harmless_ones_alone_as_well(result, told):
    assert [each.faults for each in result.outcomes] == list(FAULTS)
    assert [each.faults.policy for each in result.baselines] == [CLOSE] * len(COMPARED)
    assert {each.faults.name for each in result.alone} == {each.name for each in HARMLESS}
    assert [len(each.liquidated) for each in result.alone] == [0, 0, 0]
    assert len(told) == told[0][1] == ticks_of(result.stage, calm_of(result.stage, 2))
    assert result.crowd.largest <= 1


def test_the_storm_alone_is_a_part_of_the_same_path():
    whole = stage(ticks=200)._replace(storm=(60, 120))
    part = storm_of(whole)
    assert part.storm == (10, 70)
    assert (part.path == whole.path[50:130]).all()
    assert part.start - whole.start == 50 * 60


def test_the_report_has_each_check_and_fault_and_says_what_was_not_replayed(result):
    text = markdown([result], [("2025-10-10", "no file")], ["a.png"], accounts=100, seed=2)
    for check in result.checks:
        assert f"| {check.name} |" in text
    for faults in FAULTS:
        assert f"| {faults.name} |" in text
    assert "Not replayed: 2025-10-10: no file" in text
    assert ("CHECKS FAILED" in text) == (not result.passed)
    whole = json.loads(json.dumps(document([result], [("2025-10-10", "no file")])))
    assert whole["passed"] == result.passed
    replays = whole["windows"][result.stage.name]["replays"]
    assert len(replays) == len(FAULTS) + len(COMPARED) + 1 + len(HARMLESS)


def test_a_failed_check_fails_the_report(result):
    failed = result._replace(checks=(result.checks[0]._replace(value=1),))
    assert not failed.passed
    assert "CHECKS FAILED" in markdown([failed], [], [], accounts=100, seed=2)


def test_the_picture_is_one(result, tmp_path):
    draw(result, tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(PNG)
