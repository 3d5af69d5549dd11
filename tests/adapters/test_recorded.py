"""A recorded chain says what it says: the nearest snapshot, each row's own prices, gaps as gaps."""

import gzip
import pathlib

import pytest

from adapters.recorded import TOLERANCE_SECONDS, OptionChain, read_chain, read_chains
from solver.domain.errors import Malformed, NotFound
from solver.domain.numbers import WAD
from tests.app.recorded_world import DERIBIT, TIME, chain, needs_recorded, text, unix


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "chain.csv.gz"
    path.write_bytes(gzip.compress(text().encode()))
    return path


def by_name(found: OptionChain) -> dict:
    return {row.expiry: [r for r in found.rows if r.expiry == row.expiry] for row in found.rows}


def test_a_text_file_is_read_to_the_last_digit(file):
    assert by_name(read_chain(file, TIME + 47, "ETH")) == by_name(chain())


def test_a_plain_text_file_is_the_same(tmp_path, file):
    plain = tmp_path / "chain.csv"
    plain.write_text(text())
    assert read_chain(plain, TIME, "ETH") == read_chain(file, TIME, "ETH")


def test_missing_quotes_stay_missing(file):
    rows = read_chain(file, TIME, "ETH").rows
    assert any(row.bid is None and row.ask is not None for row in rows)
    assert any(row.ask is None and row.bid is not None for row in rows)
    assert all(coin is None or coin > 0 for row in rows for coin in (row.bid, row.ask))


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(NotFound) as missing:
        read_chain(tmp_path / "none.parquet", TIME, "ETH")
    assert missing.value.code == "chainFileMissing"


@pytest.mark.parametrize("off", [TOLERANCE_SECONDS + 1, -TOLERANCE_SECONDS - 1])
def test_a_time_far_from_any_snapshot_is_refused(file, off):
    with pytest.raises(NotFound) as missing:
        read_chain(file, TIME + off, "ETH")
    assert (missing.value.code, missing.value.field) == ("chainTimeMissing", "asOf")


def test_a_currency_without_options_is_refused(file):
    with pytest.raises(NotFound) as missing:
        read_chain(file, TIME, "BTC")
    assert missing.value.code == "chainEmpty"


@pytest.mark.parametrize(
    "broken",
    [
        "no,columns\n1,2\n",
        text().replace(",call,", ",straddle,"),
        text().replace("2026-", "once-"),
        text().replace(",ETH,3", ",ETH,-3"),
    ],
)
def test_what_is_no_chain_is_malformed(tmp_path, broken):
    path = tmp_path / "broken.csv"
    path.write_text(broken)
    with pytest.raises(Malformed):
        read_chain(path, TIME, "ETH")


def test_bytes_that_are_no_parquet_are_malformed(tmp_path):
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(Malformed):
        read_chain(path, TIME, "ETH")


@needs_recorded
def test_the_snapshot_of_a_morning_is_found_by_the_minute():
    found = read_chains(DERIBIT, unix("2026-02-05T09:36:00Z"), ("ETH", "BTC"))
    assert {each.time for each in found.values()} == {unix("2026-02-05T09:36:47Z")}
    eth = found["ETH"]
    assert (len(eth.rows), len(found["BTC"].rows)) == (860, 792)
    assert sum(row.bid is None for row in eth.rows) == 57
    assert eth.index_price == 2_127_570 * WAD // 1000
    assert len({row.index_price for row in eth.rows}) > 1


@needs_recorded
def test_both_forms_of_a_snapshot_are_one_chain():
    raw = DERIBIT.with_name("raw_deribit_options_snapshot_20260205T212937Z.csv.gz")
    at = unix("2026-02-05T21:29:37Z")
    assert read_chain(raw, at, "ETH") == read_chain(DERIBIT, at, "ETH")


CUT = gzip.compress(text().encode())
ROW = text().splitlines()[1]


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("cut.csv.gz", CUT[: len(CUT) // 2]),
        ("bad.csv.gz", CUT[:20] + b"\xff" * 40 + CUT[60:]),
        ("plain.csv.gz", text().encode()),
        ("short.csv", (text() + ROW[:25] + "\n").encode()),
        ("blank.csv", text().replace(ROW.partition(",")[0], "", 1).encode()),
        ("wide.csv", (text() + '"' + "x" * 200_000).encode()),
        ("more.csv", (text() + ROW + ",1,2\n").replace("ETH", "E", 1).encode()),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path, name, raw):
    (tmp_path / name).write_bytes(raw)
    with pytest.raises((Malformed, NotFound)):
        read_chain(tmp_path / name, TIME, "BTC" if name == "more.csv" else "ETH")
