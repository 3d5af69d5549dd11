"""Recorded option chains: one snapshot of Deribit's BTC and ETH options, read from a file.

Parquet holds many snapshots; a .csv or .csv.gz holds one, with its time in `timestamp`. Prices are
in coin, and every row has the index and forward of the moment it was read: a snapshot is not
atomic, so no row is valued at another row's index. A quote that was missing stays missing.
"""

import csv
import gzip
import io
import math
import pathlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from solver.domain.calendar import rfc3339
from solver.domain.errors import Malformed, NotFound

TOLERANCE_SECONDS = 1_800  # a snapshot no further than this from the asked time is the one meant
PLACES = 18
PARQUET_MAGIC = b"PAR1"  # at both ends; before the last one the length of the footer
# What the readers of text, gzip and Parquet raise of bytes that are none.
DAMAGED = (
    LookupError, ValueError, ArithmeticError, TypeError, AttributeError, OSError, EOFError,
    csv.Error, zlib.error,
)  # fmt: skip
COLUMNS = (
    "instrument_name", "currency", "option_type", "strike", "expiry_datetime", "bid_price",
    "ask_price", "mark_price", "underlying", "index_price",
)  # fmt: skip


class OptionRow(NamedTuple):
    """One option. Prices in coin, 1e18, None where nobody quoted; index, forward and strike in
    dollars, 1e18; expiry unix seconds."""

    name: str
    is_call: bool
    expiry: int
    strike: int
    bid: int | None
    ask: int | None
    mark: int | None
    index_price: int
    forward: int


class OptionChain(NamedTuple):
    """One currency at one time (unix seconds); options that had expired are left out."""

    currency: str
    time: int
    rows: tuple[OptionRow, ...]

    @property
    def index_price(self) -> int:
        """The median of the rows' index prices, 1e18."""
        ordered = sorted(row.index_price for row in self.rows)
        return ordered[len(ordered) // 2]


def read_chain(path: str | pathlib.Path, at: int, currency: str) -> OptionChain:
    """Returns the options of a currency in the snapshot nearest to `at` (unix seconds).

    Raises NotFound without the file, without a snapshot within half an hour of `at`, or without
    options of the currency in it; Malformed where the file is not a chain.
    """
    return read_chains(path, at, (currency,))[currency]


def read_chains(
    path: str | pathlib.Path, at: int, currencies: Iterable[str]
) -> dict[str, OptionChain]:
    """Returns `read_chain` of several currencies, reading the file once."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise NotFound(f"there is no option chain at {path.name}", code="chainFileMissing")
    try:
        time, records = _parquet(path, at) if path.suffix == ".parquet" else _csv(path, at)
        rows = [(str(record["currency"]), _row(record)) for record in records]
    except DAMAGED as error:
        raise Malformed(f"{path.name} is not an option chain: {error!r}"[:200]) from error
    chains = {}
    for currency in currencies:
        kept = [row for owner, row in rows if owner == currency and row.expiry > time]
        if not kept:
            detail = f"no {currency} options were recorded at {rfc3339(time)}"
            raise NotFound(detail, code="chainEmpty")
        kept.sort(key=lambda row: (row.expiry, row.strike, row.is_call))
        chains[currency] = OptionChain(currency, time, tuple(kept))
    return chains


def _parquet(path: pathlib.Path, at: int) -> tuple[int, Iterator[Mapping[str, Any]]]:
    from fastparquet import ParquetFile  # half a second with pandas, which nothing else here needs

    raw = path.read_bytes()
    require_whole(raw)
    table = ParquetFile(io.BytesIO(raw)).to_pandas(columns=["snapshot", *COLUMNS])
    times = {int(stamp.timestamp()): stamp for stamp in table["snapshot"].unique()}
    time = _nearest(times, at)
    found = table[table["snapshot"] == times[time]]
    columns = [found[name].tolist() for name in COLUMNS]
    return time, (dict(zip(COLUMNS, values, strict=True)) for values in zip(*columns, strict=True))


def require_whole(raw: bytes) -> None:
    """Raises ValueError for bytes that are cut off or no Parquet: the reader itself would crash."""
    footer = int.from_bytes(raw[-8:-4], "little")
    if not (raw[:4] == raw[-4:] == PARQUET_MAGIC and 0 < footer <= len(raw) - 12):
        raise ValueError("not a whole Parquet file")


def _csv(path: pathlib.Path, at: int) -> tuple[int, list[dict[str, str]]]:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    records = list(csv.DictReader(io.StringIO(text)))
    times = {int(datetime.fromisoformat(record["timestamp"]).timestamp()) for record in records}
    time = _nearest(times, at)
    return time, [r for r in records if int(_seconds(r["timestamp"])) == time]


def _nearest(times: Iterable[int], at: int) -> int:
    """Returns the time nearest to `at`, the earlier of two. Raises NotFound beyond TOLERANCE."""
    nearest = min(times, key=lambda time: (abs(time - at), time), default=None)
    if nearest is None or abs(nearest - at) > TOLERANCE_SECONDS:
        told = "none at all" if nearest is None else rfc3339(nearest)
        raise NotFound(
            f"no snapshot within {TOLERANCE_SECONDS // 60} minutes of {rfc3339(at)}; "
            f"the nearest is {told}",
            code="chainTimeMissing",
            field="asOf",
        )
    return nearest


def _row(record: Mapping[str, Any]) -> OptionRow:
    if record["option_type"] not in ("call", "put"):
        raise ValueError(f"{record['option_type']} is no option type")
    strike, index, forward = (
        _wad(record[name]) for name in ("strike", "index_price", "underlying")
    )
    if strike is None or not index or not forward:
        raise ValueError(f"{record['instrument_name']} lacks its strike, index or forward")
    return OptionRow(
        name=str(record["instrument_name"]),
        is_call=record["option_type"] == "call",
        expiry=_seconds(record["expiry_datetime"]),
        strike=strike,
        bid=_wad(record["bid_price"]) or None,
        ask=_wad(record["ask_price"]) or None,
        mark=_wad(record["mark_price"]),
        index_price=index,
        forward=forward,
    )


def _wad(value: Any) -> int | None:
    """Returns a recorded number as 1e18, exactly as it prints; None for a blank or NaN."""
    text = repr(value) if isinstance(value, float) else str(value).strip()
    if not text or text in ("nan", "None"):
        return None
    number = Decimal(text)
    if not (number.is_finite() and number >= 0):
        raise ValueError(f"{text[:20]} is not a price")
    return int(number.scaleb(PLACES).to_integral_value())


def _seconds(value: Any) -> int:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    seconds = moment.timestamp()
    if not math.isfinite(seconds):
        raise ValueError("a time is missing")
    return int(seconds)
