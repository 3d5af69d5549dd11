"""Recorded candles of any length, read from parquet files that tell their symbol in their name."""

import io
import pathlib
import re
from collections.abc import Iterable, Sequence

import numpy as np

from adapters.recorded import DAMAGED, require_whole
from solver.domain.errors import Malformed, NotFound
from solver.margin.contagion import Candles

COLUMNS = ("open", "high", "low", "close")
SECONDS_MAX = 3_600  # a longer candle says too little of a crash
_NAME = re.compile(r"(?<![A-Z])([A-Z0-9]{2,6}?)[-_/]?USD[TC]?(?![A-Z])")


def read_candles(sources: Iterable[str]) -> list[Candles]:
    """Returns the candles of every file, as named: a file whose name tells the symbol, such as
    BTCUSDT_30m.parquet, or SYMBOL=FILE.

    Raises NotFound without the file, Malformed for one that holds no candles of an hour or less.
    """
    return [_read(source) for source in sources]


def finest(found: Sequence[Candles], symbol: str, begin: int, end: int) -> Candles | None:
    """Returns the shortest candles of a symbol that cover [begin, end) whole, None without."""
    able = [
        each
        for each in found
        if each.symbol == symbol
        and not begin % each.seconds
        and np.count_nonzero((each.times >= begin) & (each.times < end))
        == (end - begin) // each.seconds
    ]
    return min(able, key=lambda each: each.seconds, default=None)


def _read(source: str) -> Candles:
    from fastparquet import ParquetFile  # half a second with pandas, which nothing else here needs

    name, _, rest = source.partition("=")
    path = pathlib.Path(rest or source)
    if not path.is_file():
        raise NotFound(f"there is no file {path}", code="barsMissing")
    symbol = name if rest else _symbol(path)
    try:
        raw = path.read_bytes()
        require_whole(raw)
        table = ParquetFile(io.BytesIO(raw)).to_pandas()
        times = np.array([int(at.timestamp()) for at in table["timestamp"]], dtype=np.int64)
        prices = np.array([table[column] for column in COLUMNS], dtype=np.float64).T
        order = np.argsort(times, kind="stable")
        seconds = int(np.median(np.diff(times[order])))
    except DAMAGED as error:
        detail = f"{path.name} holds no candles: {error!r}"[:200]
        raise Malformed(detail, code="barsMalformed") from error
    if not 0 < seconds <= SECONDS_MAX or seconds % 60 or not bool(np.all(prices > 0)):
        detail = f"{path.name} has candles of {seconds} seconds: whole minutes to an hour are meant"
        raise Malformed(detail, code="barsMalformed")
    return Candles(symbol, times[order], seconds, prices[order])


def _symbol(path: pathlib.Path) -> str:
    told = _NAME.search(path.name)
    if told is None:
        detail = f"{path.name} does not tell its symbol: write SYMBOL={path.name}"
        raise Malformed(detail, code="barsMalformed")
    return told.group(1).upper()
