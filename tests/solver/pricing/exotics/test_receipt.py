"""Receipts: made again they agree, and a change of any field is found out."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from solver.domain.errors import Malformed
from solver.domain.instrument import Instrument, Kind
from solver.domain.risk import Fixing
from solver.pricing.exotics.asian import average_of
from solver.pricing.exotics.bridge import Watched
from solver.pricing.exotics.receipt import document, from_json, issue, to_json, verify
from solver.pricing.exotics.sampling import Effort
from solver.pricing.surface.calibrated import built_in
from tests.solver.pricing.world import EXPIRY, TIME, WAD

ASIAN = average_of(
    Instrument(1, Kind.ASIAN_CALL, EXPIRY, 4000 * WAD),
    built_in("ETH"),
    4010 * WAD,
    TIME,
    Fixing(EXPIRY, 0, 0),
)
BARRIER = Watched(True, False, False, 100.0, 100.0, 95.0, 0.96, (101.0, 102.0), (0.01, 0.03))
RECEIPTS = [
    issue(ASIAN, Effort(0.4), 7, b"\x01\x02"),
    issue(ASIAN, Effort(0.001, 2**14), 8),
    issue(BARRIER, Effort(0.01), 9),
    issue(ASIAN._replace(strike=-5.0), Effort(0.4), 7),
]


@pytest.mark.parametrize("receipt", RECEIPTS)
def test_a_receipt_survives_json_and_is_verified(receipt):
    read = from_json(to_json(receipt))
    assert read == receipt
    assert read.hash == receipt.hash
    assert verify(read)


def test_another_process_with_other_threads_and_kernels_agrees():
    """OpenBLAS takes the kernel that is named, or ignores it where it has none of that name."""
    code = (
        "import sys; from solver.pricing.exotics.receipt import from_json, verify;"
        "print([verify(from_json(line)) for line in sys.stdin])"
    )
    other = {"OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Nehalem", "OMP_NUM_THREADS": "1"}
    found = subprocess.run(
        [sys.executable, "-c", code],
        input="\n".join(map(to_json, RECEIPTS)),
        env=os.environ | other,
        cwd=pathlib.Path(__file__).parents[4],
        text=True,
        capture_output=True,
        check=True,
    )
    assert found.stdout.split() == str([True] * len(RECEIPTS)).split()


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 11},
        {"points": 8192},
        {"points": 0},
        {"price": RECEIPTS[0].price + 1e-5},
        {"error": RECEIPTS[0].error + 1e-5},
        {"parameters": ASIAN._replace(strike=4000.001)},
        {"parameters": ASIAN._replace(is_call=False)},
    ],
)
def test_any_change_is_found_out(changes):
    assert not verify(RECEIPTS[0]._replace(**changes))


def test_the_price_must_agree_to_1e_8_of_itself():
    receipt = RECEIPTS[0]
    assert verify(receipt._replace(price=receipt.price * (1 + 5e-9)))
    assert not verify(receipt._replace(price=receipt.price * (1 + 5e-8)))


def test_what_commits_to_a_receipt_changes_with_every_field():
    hashes = {r.hash for r in RECEIPTS} | {RECEIPTS[0]._replace(snapshot="0x03").hash}
    assert len(hashes) == len(RECEIPTS) + 1
    assert document(RECEIPTS[0])["snapshotHash"] == "0x0102"


@pytest.mark.parametrize(
    "spoilt",
    [
        {"model": "unknown"},
        {"parameters": {}},
        {"price": "nan"},
        {"points": 2**40},
        {"points": -1},
        {"seed": -1},
        {"seed": None},
    ],
)
def test_nonsense_is_refused(spoilt):
    with pytest.raises(Malformed):
        from_json(json.dumps(document(RECEIPTS[0]) | spoilt))


@pytest.mark.parametrize(
    "spoilt",
    [
        {"variances": ["0.2", "0.1"]},
        {"forwards": []},
        {"discount": "0.0"},
        {"strike": "inf"},
        {"years": "x"},
        {"extra": "1.0"},
    ],
)
def test_parameters_out_of_range_are_refused(spoilt):
    told = document(RECEIPTS[0])
    with pytest.raises(Malformed):
        from_json(json.dumps(told | {"parameters": told["parameters"] | spoilt}))


@pytest.mark.parametrize("text", ["", "[]", "{}", "1", "null", '{"model": []}'])
def test_what_is_no_document_is_refused(text):
    with pytest.raises(Malformed):
        from_json(text)
