"""A small recorded chain that tests make themselves, and the real one where it is at hand."""

from collections.abc import Iterator
from datetime import UTC, datetime

from adapters.recorded import OptionChain, OptionRow
from solver.domain.calendar import DAY
from solver.domain.numbers import WAD
from solver.domain.surface import Surface
from solver.pricing.black import price_and_greeks
from solver.pricing.surface import implied_volatility
from solver.pricing.surface.calibrated import BUILT_IN
from tests.recorded import SHARED, needs

DERIBIT = SHARED / "data/options/deribit_chain_snapshots.parquet"
needs_recorded = needs(DERIBIT, "chains")
TIME = 1_790_000_000  # 2026-09-21 14:13:20 UTC
EXPIRIES = tuple(1_790_323_200 + weeks * 7 * DAY for weeks in (0, 1, 4, 12))  # Fridays, 08:00
STRIKES = range(2_000, 4_401, 200)
INDEX = 3_000 * WAD
HEADER = (
    "timestamp,instrument_name,underlying,option_type,strike,expiry_datetime,bid_price,ask_price,"
    "mark_price,currency,index_price"
)


def unix(text: str) -> int:
    """Returns unix seconds of an RFC 3339 time."""
    return int(datetime.fromisoformat(text).timestamp())


def chain(currency: str = "ETH", time: int = TIME) -> OptionChain:
    """Options on the built-in surface at a forward of 1 % a year, half a point wide a side; every
    fifth has no bid, every seventh no ask, and index and forward move from row to row."""
    rows = tuple(
        _row(index, expiry, strike, is_call, BUILT_IN["ETH"])
        for index, (expiry, strike, is_call) in enumerate(_names())
    )
    return OptionChain(currency, time, rows)


def text(currency: str = "ETH") -> str:
    """The same chain as a file of comma-separated values; blanks are missing quotes."""
    lines = [HEADER]
    for row in chain(currency).rows:
        right = "call" if row.is_call else "put"
        expiry = datetime.fromtimestamp(row.expiry, UTC).isoformat()
        stamp = datetime.fromtimestamp(TIME, UTC).isoformat()
        coins = ["" if coin is None else _plain(coin) for coin in (row.bid, row.ask, row.mark)]
        lines.append(
            f"{stamp},{row.name},{_plain(row.forward)},{right},{_plain(row.strike)},{expiry},"
            f"{','.join(coins)},{currency},{_plain(row.index_price)}"
        )
    return "\n".join(lines) + "\n"


def _names() -> Iterator[tuple[int, int, bool]]:
    for expiry in EXPIRIES:
        for strike in STRIKES:
            for is_call in (False, True):
                yield expiry, strike, is_call


def _row(index: int, expiry: int, strike: int, is_call: bool, surface: Surface) -> OptionRow:
    seconds, right = expiry - TIME, "call" if is_call else "put"
    spot = 3_000 * (1 + (index % 7 - 3) * 2e-4)
    forward = round(spot * (1 + 0.01 * seconds / (365 * DAY)), 4)
    vol = implied_volatility(surface, strike, forward, seconds)
    years = seconds / (365 * DAY)

    def coin(off: float) -> int:
        worth = price_and_greeks(forward, strike, years, vol + off, right).price / forward
        return round(worth * 10**6) * 10**12

    return OptionRow(
        name=f"ETH-{expiry}-{strike}-{right[0].upper()}",
        is_call=is_call,
        expiry=expiry,
        strike=strike * WAD,
        bid=(coin(-0.005) or None) if index % 5 else None,
        ask=(coin(0.005) or None) if index % 7 else None,
        mark=coin(0.0),
        index_price=round(spot * 100) * WAD // 100,
        forward=round(forward * 10**4) * WAD // 10**4,
    )


def _plain(wad: int) -> str:
    whole, places = divmod(wad, WAD)
    return f"{whole}.{places:018d}"
