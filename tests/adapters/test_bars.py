"""Bars are read as they were written, joined by symbol, and refused when they are not hourly."""

import gzip

import pytest

from adapters.bars import read_bars
from solver.domain.errors import Malformed, NotFound

START = 1_600_000_000 // 3_600 * 3_600


def written(path, stamps, closes=None, header="timestamp,open,high,low,close,volume"):
    closes = closes or [100 + i for i in range(len(stamps))]
    rows = [f"{stamp},1,1,1,{close},7" for stamp, close in zip(stamps, closes, strict=True)]
    text = "\n".join([header, *rows]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return str(path)


HOURS = [START + 3_600 * i for i in range(5)]


@pytest.mark.parametrize(
    "stamps",
    [
        HOURS,
        [1000 * hour for hour in HOURS],
        [f"{hour}.0" for hour in HOURS],
        [f"2020-09-13 {12 + i}:00:00" for i in range(5)],
        [f"2020-09-13T{14 + i}:00:00+02:00" for i in range(5)],
    ],
)
@pytest.mark.parametrize("name", ["x_BTCUSDT_1h.csv", "ETH-USD.csv.gz"])
def test_times_of_every_writing_are_unix_seconds(tmp_path, stamps, name):
    ((key, bars),) = read_bars([written(tmp_path / name, stamps)]).items()
    assert key == (name.removeprefix("x_")[:3], False)
    assert list(bars.times) == HOURS
    assert list(bars.closes) == [100, 101, 102, 103, 104]
    assert list(bars.volumes) == [7] * 5


def test_files_of_one_symbol_are_one_history_and_the_first_counts(tmp_path):
    one = written(tmp_path / "BTCUSDT_a.csv", HOURS[:3])
    two = written(tmp_path / "two.csv", HOURS[2:], [9, 9, 9])
    eth = written(tmp_path / "ETHUSDT.csv", HOURS)
    found = read_bars([one, f"BTC={two}", eth])
    assert set(found) == {("BTC", False), ("ETH", False)}
    assert list(found["BTC", False].times) == [*HOURS[:3], *HOURS[2:]]
    assert list(found["BTC", False].closes) == [100, 101, 102, 9, 9, 9]


def test_a_volatility_index_is_told_from_a_price_by_its_column(tmp_path):
    header = "timestamp,dvol_open,dvol_high,dvol_low,dvol_close,x"
    dvol = written(tmp_path / "deribit_dvol_btc_1h.csv", HOURS, header=header)
    (bars,) = read_bars([dvol]).values()
    assert (bars.symbol, bars.is_volatility, len(bars.volumes)) == ("BTC", True, 0)


@pytest.mark.parametrize(
    ("name", "stamps", "header", "words"),
    [
        ("BTCUSDT.csv", [START + 900 * i for i in range(5)], None, "900 seconds"),
        ("BTCUSDT.csv", HOURS[:1], None, "0 seconds"),
        ("prices.csv", HOURS, None, "SYMBOL=prices.csv"),
        ("BTCUSDT.csv", HOURS, "timestamp,a,b,c,d,e", "no columns"),
        ("BTCUSDT.csv", HOURS, "when,a,b,c,close,e", "no columns"),
        ("BTCUSDT.csv", ["noon"] * 5, None, "holds no bars"),
    ],
)
def test_what_holds_no_hourly_bars_is_refused(tmp_path, name, stamps, header, words):
    more = {} if header is None else {"header": header}
    with pytest.raises(Malformed, match=words):
        read_bars([written(tmp_path / name, stamps, **more)])


@pytest.mark.parametrize("name", ["BTCUSDT.parquet", "BTCUSDT.csv.gz", "BTCUSDT.csv"])
def test_damaged_files_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"PAR1 and no more")
    with pytest.raises(Malformed, match="BTCUSDT"):
        read_bars([str(tmp_path / name)])


def test_a_file_that_is_not_there_is_told_by_its_name(tmp_path):
    with pytest.raises(NotFound, match="BTCUSDT"):
        read_bars([str(tmp_path / "BTCUSDT.csv")])
