"""What makers and the desk say to each other, parsed strictly: strings in, domain values out.

Ladders speak human decimals and instrument names; a signed quote holds the exact signed integers.
"""

import re
from collections.abc import Mapping
from typing import Any

from solver.domain.errors import Malformed
from solver.domain.ids import AccountId, Address, address
from solver.domain.instrument import QUANTITY_MAX, parse_name
from solver.domain.intent import MakerQuote, SignedQuote
from solver.domain.market import Ladder, Level
from solver.domain.numbers import parse_decimal
from solver.domain.snapshot import Snapshot
from solver.domain.typed_data import keccak

LEVELS_MAX = 10  # per side

Message = dict[str, Any]

_QUOTE_FIELDS = {
    "maker", "subaccount", "solver", "instrument", "makerSells", "price", "maxQuantity",
    "validTo", "nonce",
}  # fmt: skip
_DIGITS = re.compile("0|[1-9][0-9]{0,77}")
_UINT = {"type": "string", "pattern": f"^({_DIGITS.pattern})$"}
_ADDRESS = {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
QUOTE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": sorted(_QUOTE_FIELDS),
    "additionalProperties": False,
    "properties": dict.fromkeys(sorted(_QUOTE_FIELDS), _UINT)
    | {"maker": _ADDRESS, "solver": _ADDRESS, "makerSells": {"type": "boolean"}},
}


def challenge_digest(challenge: str) -> bytes:
    """Returns the EIP-191 digest of the text a maker signs to connect."""
    words = f"Solvent maker {challenge}".encode()
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(words)).encode() + words)


def parse_auth(message: Message) -> tuple[Address, int, bytes]:
    """Returns (maker, subaccount, signature) of the first message. Raises Malformed."""
    subaccount = _integer(message, "subaccount", 2**64 - 1)
    return address(text(message, "maker"), "maker"), subaccount, _bytes(message, "signature")


def parse_quote(message: Message) -> SignedQuote:
    """Returns the signed quote of a wire message; integers are decimal strings. Malformed."""
    body = message.get("quote")
    if not isinstance(body, dict) or set(body) != _QUOTE_FIELDS:
        raise Malformed("quote must hold exactly the signed fields", field="quote")
    if not isinstance(body["makerSells"], bool):
        raise Malformed("makerSells must be true or false", field="makerSells")
    quote = MakerQuote(
        maker=address(text(body, "maker"), "maker"),
        subaccount=_integer(body, "subaccount", 2**64 - 1),
        solver=address(text(body, "solver"), "solver"),
        instrument=_integer(body, "instrument", 2**160 - 1),
        maker_sells=body["makerSells"],
        price=_integer(body, "price", 2**128 - 1),
        max_quantity=_integer(body, "maxQuantity", QUANTITY_MAX),
        valid_to=_integer(body, "validTo", 2**32 - 1),
        nonce=_integer(body, "nonce", 2**256 - 1),
    )
    return SignedQuote(quote, _bytes(message, "signature"))


def parse_ladder(maker: AccountId, message: Message, snapshot: Snapshot) -> Ladder:
    """Returns an indicative ladder: decimal strings, bids falling, asks rising, not crossed."""
    names = {u.symbol: u.market for u in snapshot.underlyings}
    instrument = parse_name(text(message, "instrument"), names)
    bids, asks = (_levels(message, side) for side in ("bids", "asks"))
    if [b.price for b in bids] != sorted({b.price for b in bids}, reverse=True):
        raise Malformed("bids must fall", field="bids")
    if [a.price for a in asks] != sorted({a.price for a in asks}):
        raise Malformed("asks must rise", field="asks")
    if bids and asks and bids[0].price >= asks[0].price:
        raise Malformed("the ladder is crossed", field="bids")
    return Ladder(maker, instrument.id, bids, asks, False, snapshot.time_ms)


def _levels(message: Message, side: str) -> tuple[Level, ...]:
    rows = message.get(side)
    if not isinstance(rows, list) or len(rows) > LEVELS_MAX:
        raise Malformed(f"{side} must be at most {LEVELS_MAX} [price, quantity] pairs", field=side)
    out = []
    for row in rows:
        if not isinstance(row, list) or len(row) != 2 or not all(isinstance(x, str) for x in row):
            raise Malformed("a level is a pair of decimal strings", field=side)
        price, quantity = (_decimal(cell, side) for cell in row)
        if not (0 < price < 2**128 and 0 < quantity <= QUANTITY_MAX):
            raise Malformed("price and quantity must be positive", field=side)
        out.append(Level(price, quantity))
    return tuple(out)


def _decimal(digits: str, side: str) -> int:
    try:
        return parse_decimal(digits)
    except Malformed as error:
        raise Malformed(error.detail, field=side) from None


def text(values: Mapping[str, Any], name: str) -> str:
    """Returns a field that must be a string. Raises Malformed."""
    value = values.get(name)
    if not isinstance(value, str):
        raise Malformed(f"{name} must be a string", field=name)
    return value


def _integer(values: Mapping[str, Any], name: str, most: int) -> int:
    digits = text(values, name)
    if not _DIGITS.fullmatch(digits) or int(digits) > most:
        raise Malformed(f"{name} must be a whole number as a string, at most {most}", field=name)
    return int(digits)


def _bytes(values: Mapping[str, Any], name: str) -> bytes:
    digits = text(values, name)
    try:
        return bytes.fromhex(digits.removeprefix("0x"))
    except ValueError:
        raise Malformed(f"{name} must be hex", field=name) from None
