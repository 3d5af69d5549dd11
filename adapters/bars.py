"""Recorded hourly bars of prices and of implied volatility, read from parquet or csv files.

Several files of one symbol are one history; where two tell of one hour the first file named counts.
A file whose bars are not hourly is refused: its days would vary less than they did.
"""

import csv
import gzip
import io
import pathlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.recorded import DAMAGED, require_whole
from solver.domain.errors import Malformed, NotFound

HOUR = 3_600
TIMES = ("timestamp", "open_time", "date", "time")
CLOSES = {"close": False, "dvol_close": True}  # column -> is it a volatility
MILLISECONDS_FROM = 10**11  # unix seconds of the year 5138
_PRICE_NAME = re.compile(r"(?<![A-Z])([A-Z0-9]{2,6}?)[-_/]?USD[TC]?(?![A-Z])")
_VOLATILITY_NAME = re.compile(r"dvol[-_]([a-z0-9]{2,6})(?![a-z0-9])", re.IGNORECASE)


class Bars(NamedTuple):
    """One symbol's bars: unix seconds of each open, closes (dollars, or volatility in percent), and
    volumes in base units, empty where none are told."""

    symbol: str
    is_volatility: bool
    times: NDArray[np.int64]
    closes: NDArray[np.float64]
    volumes: NDArray[np.float64]


def read_bars(sources: Iterable[str]) -> dict[tuple[str, bool], Bars]:
    """Returns (symbol, is volatility) -> bars. A source is a file whose name tells the symbol, as
    BTCUSDT_1h.parquet or dvol_btc.csv.gz, or SYMBOL=FILE.

    Raises NotFound without the file, Malformed for one that holds no hourly bars.
    """
    found: dict[tuple[str, bool], list[Bars]] = {}
    for source in sources:
        name, _, rest = source.partition("=")
        path = pathlib.Path(rest or source)
        bars = _read(path, name if rest else None)
        found.setdefault((bars.symbol, bars.is_volatility), []).append(bars)
    return {key: _joined(each) for key, each in found.items()}


def _joined(parts: Sequence[Bars]) -> Bars:
    times = np.concatenate([part.times for part in parts])
    closes = np.concatenate([part.closes for part in parts])
    have_volumes = all(len(part.volumes) for part in parts)
    volumes = np.concatenate([part.volumes for part in parts]) if have_volumes else np.empty(0)
    return Bars(parts[0].symbol, parts[0].is_volatility, times, closes, volumes)


def _read(path: pathlib.Path, symbol: str | None) -> Bars:
    if not path.is_file():
        raise NotFound(f"there is no file {path}", code="barsMissing")
    try:
        table = _parquet(path) if path.suffix == ".parquet" else _csv(path)
        at = next(name for name in TIMES if name in table)
        close = next(name for name in CLOSES if name in table)
        times = np.array([_seconds(stamp) for stamp in table[at]], np.int64)
        closes = np.array(table[close], np.float64)
        volumes = np.array(table.get("volume", ()), np.float64)
    except StopIteration:
        wanted = f"a time ({', '.join(TIMES)}) and a close ({', '.join(CLOSES)})"
        raise Malformed(f"{path.name} has no columns for {wanted}", code="barsMalformed") from None
    except DAMAGED as error:
        detail = f"{path.name} holds no bars: {error!r}"[:200]
        raise Malformed(detail, code="barsMalformed") from error
    spacing = float(np.median(np.diff(np.sort(times)))) if len(times) > 1 else 0.0
    if spacing != HOUR:
        detail = f"{path.name} has bars of {spacing:g} seconds; hourly ones are needed"
        raise Malformed(detail, code="barsMalformed")
    is_volatility = CLOSES[close]
    return Bars(symbol or _symbol(path, is_volatility), is_volatility, times, closes, volumes)


def _symbol(path: pathlib.Path, is_volatility: bool) -> str:
    told = (_VOLATILITY_NAME if is_volatility else _PRICE_NAME).search(path.name)
    if told is None:
        detail = f"{path.name} does not tell its symbol: write SYMBOL={path.name}"
        raise Malformed(detail, code="barsMalformed")
    return told.group(1).upper()


def _parquet(path: pathlib.Path) -> Mapping[str, Sequence[Any]]:
    from fastparquet import ParquetFile  # half a second with pandas, which nothing else here needs

    raw = path.read_bytes()
    require_whole(raw)
    table = ParquetFile(io.BytesIO(raw)).to_pandas()
    wanted = [name for name in (*TIMES, *CLOSES, "volume") if name in table.columns]
    return {name: table[name].tolist() for name in wanted}


def _csv(path: pathlib.Path) -> Mapping[str, Sequence[Any]]:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    rows = list(csv.reader(io.StringIO(text)))
    header = [name.strip().lower() for name in rows[0]]
    columns = zip(*(row for row in rows[1:] if row), strict=True)
    return dict(zip(header, columns, strict=True))


def _seconds(stamp: Any) -> int:
    """Returns unix seconds of a stamp: a time, ISO 8601 (UTC unless it says), seconds or ms."""
    if isinstance(stamp, datetime):
        return int(stamp.timestamp())
    text = str(stamp)
    if re.fullmatch(r"\d+(\.0*)?", text):
        number = int(float(text))
        return number // 1000 if number >= MILLISECONDS_FROM else number
    found = datetime.fromisoformat(text)
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
