"""Requests to the API, each lawful as it is; a test changes one thing and sees it refused."""

import json
from collections.abc import Callable
from typing import Any

from app.verify import sign
from solver.domain.calendar import day_of
from solver.domain.ids import IntentUid
from solver.domain.intent import Leg, OutcomeIntent
from solver.domain.typed_data import cancel_all_digest, cancel_digest, keccak, uid_of
from tests.app.api.server import (
    DOMAIN,
    EXPIRY,
    KEY,
    OWNER,
    STRANGER,
    USDC,
    WAD,
    WETH,
    submission,
    swap,
)
from tests.app.worlds import NOW

Json = dict[str, Any]

EPOCH = 3  # raised by the owner before anything is asked
FRESH = EPOCH << 192
STORED = swap(FRESH + 1)  # is open already
UID = str(uid_of(STORED, DOMAIN))
DAY = day_of(EXPIRY)
BUY_WETH = {"outcome": "swap", "sellToken": "USDC", "buyToken": "WETH", "sellAmount": "1000"}


def fresh(**changes: Any) -> OutcomeIntent:
    """An intent that would be taken as it is."""
    return swap(FRESH + 2, **changes)


def signed(**changes: Any) -> Json:
    """Its submission."""
    return submission(fresh(**changes))


def wire(path: str, value: Any = None) -> Json:
    """A submission with one place changed on the wire, where no value could say it; `...` drops."""
    body: Json = json.loads(json.dumps(signed()))
    *parents, last = path.split(".")
    holder: Any = body
    for name in parents:
        holder = holder[int(name) if name.isdigit() else name]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return body


def raw(text: str, instead_of: str = '"maxFee":"1000000"') -> bytes:
    """The bytes of a submission with one piece of text in place of another."""
    whole = json.dumps(signed(), separators=(",", ":"))
    assert instead_of in whole
    return whole.replace(instead_of, text).encode()


def legs(sell: Json | None = None, buy: Json | None = None) -> tuple[Leg, ...]:
    """The swap's two legs with changes."""
    first, second = swap().legs
    return (first._replace(**(sell or {})), second._replace(**(buy or {})))


def sold(atoms: int) -> Json:
    """A submission that sells so much exactly."""
    return signed(legs=legs({"quantity_min": atoms, "quantity_max": atoms}))


def perp(quantity: int = WAD) -> tuple[Leg, ...]:
    """A perp bought."""
    return (Leg("perp", WETH.address, "buy", quantity_min=quantity, quantity_max=quantity),)


def option(**changes: Any) -> tuple[Leg, ...]:
    """A listed call, one contract sold for 1 at least, and the base that covers it."""
    strike, words = 4000 * WAD, ("option", WETH.address, "sell", "call")
    call = Leg(*words, strike, strike, EXPIRY, EXPIRY, WAD, WAD, limit_price=WAD)
    cover = Leg("collateral", WETH.address, "auto", quantity_min=WAD, quantity_max=2**256 - 1)
    return (call._replace(**changes), cover)


def moved(side: str) -> Json:
    """The submission of a deposit or a withdrawal."""
    leg = Leg("collateral", USDC.address, side, quantity_min=10**6, quantity_max=10**6)
    return signed(outcome=side, legs=(leg,))


def app_data(document: Json | str) -> Json:
    """A submission whose appData is this document."""
    text = document if isinstance(document, str) else json.dumps(document)
    return submission(fresh(app_data=keccak(text.encode())), appData=text)


def resigned(change: Callable[[bytes], bytes]) -> Json:
    """A submission whose signature was changed after signing."""
    body = signed()
    return body | {"signature": "0x" + change(bytes.fromhex(body["signature"][2:])).hex()}


def high_s(signature: bytes) -> bytes:
    """The other signature of the same key over the same digest (EIP-2)."""
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = order - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes((55 - signature[64],))


def quote(request: Json | None = None, **terms: Any) -> Json:
    """A quote of a swap, some of its words changed, or of another outcome altogether."""
    words = request or {}
    asked = {"owner": OWNER, "slippageBps": "500", "maxFee": "5"} | terms
    return {"request": words if "outcome" in words else BUY_WETH | words, "terms": asked}


def call(name: str) -> Json:
    """A quote of a covered call by the name of its option."""
    return quote({"outcome": "coveredCall", "underlying": "ETH", "size": "1", "instrument": name})


def cancel(valid_to: int = NOW + 60, key: bytes = KEY, uid: str = UID) -> Json:
    """A signed cancel of one intent."""
    digest = cancel_digest(OWNER, [IntentUid.parse(uid)], valid_to, DOMAIN)
    return {"validTo": str(valid_to), "signature": "0x" + sign(digest, key).hex()}


def many(uid: str = UID, **changes: Any) -> Json:
    """The same as a list of one."""
    return cancel(uid=uid) | {"owner": OWNER, "uids": [uid]} | changes


def all_below(epoch: int, key: bytes) -> Json:
    """A signed cancel of all below an epoch."""
    signature = sign(cancel_all_digest(OWNER, epoch, NOW + 60, DOMAIN), key).hex()
    body = {"owner": OWNER, "epoch": str(epoch), "validTo": str(NOW + 60)}
    return body | {"signature": "0x" + signature}


def firm(**changes: Any) -> Json:
    """A maker's firm quote, of a request that nobody made."""
    quoted = {"maker": OWNER, "subaccount": "0", "solver": STRANGER, "instrument": str(1 << 144)}
    quoted |= {"price": str(4000 * WAD), "maxQuantity": str(WAD), "validTo": str(NOW + 30)}
    quoted |= {"makerSells": True, "nonce": "1"}  # type: ignore[dict-item]
    return {"requestId": "r1", "signature": "0x" + "11" * 65, "quote": quoted | changes}
