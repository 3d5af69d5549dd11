"""Days in seconds: the local chain moves past an expiry, and what the stream tells is kept.

The price rises on the way and moves inside the last half hour, so that the mean that is paid by is
neither the first price nor the last.
"""

from collections.abc import Callable
from typing import NamedTuple

from app.demo.client import Client, Json, Outcome
from app.local import Stack
from solver.domain.calendar import rfc3339
from solver.domain.instrument import Instrument
from solver.domain.numbers import format_decimal, parse_decimal

WINDOW_SECONDS = 1_800  # that the expiry price is the mean of
RISE_PERCENT = 5
LATE_SECONDS = 30  # how far past the expiry the chain is taken


class Expired(NamedTuple):
    """What the receipt says of one holding, and the lines that tell it."""

    row: Json
    told: tuple[tuple[str, str], ...]


async def travelled(running: Stack, holder: Client, bought: Outcome) -> Expired:
    """Returns how the option of `bought` ended, once its holder has been paid."""
    quote = bought.quote
    fill, subaccount = quote["fills"][0], quote["intent"]["subaccount"]
    instrument = Instrument.unpack(int(fill["instrumentId"]))
    markets = (await holder.get("/v1/markets"))["markets"]
    market = next(row for row in markets if row["market"] == instrument.market)
    path = _rising(parse_decimal(market["price"]), instrument.expiry)
    async with holder.listening(f"account:{holder.holder.address}/{subaccount}") as heard:
        past = instrument.expiry + LATE_SECONDS
        await running.devnet.travel_to(past, {market["symbol"]: path})
        events = await heard(lambda event: _is_paid(event, instrument))
    paid = events[-1]["body"]
    together = [e["body"] for e in events if e["body"].get("txHash") == paid["txHash"]]
    row = {
        "name": f"Alice's {fill['instrument']}",
        "owner": holder.holder.address,
        "subaccount": subaccount,
        "market": str(instrument.market),
        "expiry": str(instrument.expiry),
        **{key: paid[key] for key in ("instrument", "quantity", "price", "cash", "txHash")},
        "accountCash": str(sum(int(body["cash"]) for body in together if "cash" in body)),
    }
    decimals = running.deployment.settlement_token.decimals
    now = (await holder.get("/v1/markets"))["markets"]
    spot = next(row["price"] for row in now if row["market"] == instrument.market)
    told = (
        ("expired", f"{fill['instrument']} at {rfc3339(instrument.expiry)}"),
        ("price", f"{format_decimal(int(paid['price']))}, the mean of 30 minutes; now {spot}"),
        ("paid", f"{format_decimal(int(paid['cash']), decimals)} for {fill['quantity']} calls"),
        ("premium", f"{quote['netPremium']} when they were bought"),
        (f"event seq {events[-1]['seq']}", "OptionExpired"),
        ("transaction", paid["txHash"]),
    )
    return Expired(row, told)


def _rising(price: int, expiry: int) -> Callable[[int], int]:
    """Returns the price by unix seconds: up by then, and up once more inside the window."""

    def at(now: int) -> int:
        risen = price * (100 + RISE_PERCENT) // 100
        inside = min(max(now - (expiry - WINDOW_SECONDS), 0), WINDOW_SECONDS)
        return risen + price * inside // (100 * WINDOW_SECONDS)

    return at


def _is_paid(event: Json, instrument: Instrument) -> bool:
    body = event["body"]
    return event["type"] == "OptionExpired" and int(body["instrument"]) == instrument.id
