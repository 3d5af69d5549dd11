"""What must be refused, one row a request: where it goes, what it says, what it must answer."""

from typing import Any, NamedTuple

from solver.domain.ids import checksummed
from solver.domain.intent import Limits
from solver.domain.typed_data import uid_of
from tests.app.api.requests import (
    DAY,
    FRESH,
    UID,
    all_below,
    app_data,
    call,
    cancel,
    firm,
    fresh,
    high_s,
    legs,
    many,
    moved,
    option,
    perp,
    quote,
    raw,
    resigned,
    signed,
    sold,
    wire,
)
from tests.app.api.server import (
    ACCOUNT,
    DOMAIN,
    OTHER_KEY,
    OWNER,
    SETTLEMENT,
    STRANGER,
    USDC,
    WAD,
    WETH,
    submission,
    swap,
)
from tests.app.worlds import NOW

JSON, TEXT = {"content-type": "application/json"}, {"content-type": "text/plain"}
SSE = {"accept": "text/event-stream"}
MARKER = "zqxj-no-echo"
SUBMIT, QUOTE, DIGEST = "POST /v1/intents", "POST /v1/quotes", "POST /v1/intents/digest"
CANCEL, MANY, RFQ = f"DELETE /v1/intents/{UID}", "POST /v1/intents/cancel", "POST /v1/rfq/quotes"
PAGE, EVENTS = f"GET /v1/intents?owner={OWNER}", f"GET /v1/events?log={ACCOUNT.log}"


class Row(NamedTuple):
    """`told` is status, code and field (- for none, * for any); `data` what must come with it."""

    to: str
    body: Any  # bytes go as they are
    told: str
    data: str = ""
    headers: dict[str, str] = JSON


CHECKED = checksummed(OWNER)
MISTYPED = "0x" + CHECKED[2:].swapcase()
NOTHING = "0x" + "00" * 56
NOWHERE = "0x" + "99" * 20
LEG = wire("scheme", "eip712")["intent"]["legs"][0]
BOMB = b'{"intent":' + b"[" * 30_000 + b"]" * 30_000 + b"}"
LARGE = b'{"a":"' + b"b" * (64 * 1024 - 7) + b'"}'
BOUND, FREE = Limits(USDC.address, max_slippage_bps=100), Limits(USDC.address)
PERP = {"outcome": "openPerp", "limits": BOUND}
CALL = {"outcome": "coveredCall"}
DELTA = Limits(WETH.address, delta_tolerance=WAD)
WETH_BOUND = Limits(WETH.address, max_slippage_bps=100)
PAST = option(expiry_min=NOW - 1, expiry_max=NOW - 1)
SIGNERS = "expectedDigest expectedSigner recovered"
SHORT = "token required available"
EXACT = {"sellToken": "WETH", "buyToken": "USDC", "sellAmount": "1.0000000000000000001"}

# fmt: off
BYTES: dict[str, Row] = {
    "a JSON float": Row(SUBMIT, raw('"maxFee":1.5'), "400 invalidJson -"),
    "an exponent": Row(SUBMIT, raw('"maxFee":1e6'), "400 invalidJson -"),
    "NaN": Row(SUBMIT, raw('"maxFee":NaN'), "400 invalidJson -"),
    "Infinity": Row(SUBMIT, raw('"maxFee":-Infinity'), "400 invalidJson -"),
    "an integer beyond 2^53": Row(SUBMIT, raw(f'"maxFee":{2**53}'), "400 invalidJson -"),
    "a key twice": Row(SUBMIT, raw('"scheme":"","scheme":"eip712"', '"scheme":"eip712"'),
                       "400 invalidJson -"),
    "a nested key twice": Row(SUBMIT, raw('"maxFee":"1","maxFee":"2"'), "400 invalidJson -"),
    "a depth bomb": Row(SUBMIT, BOMB, "400 invalidJson -"),
    "one byte above 64 KiB": Row(SUBMIT, LARGE, "413 bodyTooLarge -"),
    "another content type": Row(QUOTE, b"{}", "415 unsupportedMediaType -", headers=TEXT),
    "not UTF-8": Row(QUOTE, b'{"request":"\xff\xfe"}', "400 invalidJson -"),
    "half a surrogate pair, escaped": Row(QUOTE, rb'{"request":"\ud800"}', "400 invalidJson -"),
    "half a surrogate pair": Row(QUOTE, b'{"request":"\xed\xa0\x80"}', "400 invalidJson -"),
    "nothing": Row(SUBMIT, b"", "400 invalidJson -"),
    "a list": Row(DIGEST, b"[]", "400 invalidJson -"),
    "two documents": Row(DIGEST, b"{}{}", "400 invalidJson -"),
}
WORDS: dict[str, Row] = {
    "an unknown field": Row(SUBMIT, signed() | {MARKER: "1"}, "422 malformed *"),
    "an unknown field of a leg": Row(SUBMIT, wire("intent.legs.0.venue", "x"),
                                     "422 malformed intent.legs.0.venue"),
    "a missing field": Row(SUBMIT, wire("intent.nonce", ...), "422 malformed intent.nonce"),
    "no signature": Row(SUBMIT, wire("signature", ...), "422 malformed signature"),
    "a number for a string": Row(SUBMIT, wire("intent.nonce", 5), "422 malformed intent.nonce"),
    "a string for a boolean": Row(SUBMIT, wire("intent.partiallyFillable", "false"),
                                  "422 malformed intent.partiallyFillable"),
    "leading zeros": Row(SUBMIT, wire("intent.nonce", "007"), "422 malformed intent.nonce"),
    "minus zero": Row(SUBMIT, wire("intent.limits.maxNetCost", "-0"),
                      "422 malformed intent.limits.maxNetCost"),
    "a negative uint": Row(SUBMIT, wire("intent.limits.maxFee", "-1"),
                           "422 malformed intent.limits.maxFee"),
    "an exponent in a string": Row(SUBMIT, wire("intent.limits.maxFee", "1e6"),
                                   "422 malformed intent.limits.maxFee"),
    "a uint32 out of range": Row(SUBMIT, wire("intent.validTo", str(2**32)),
                                 "422 malformed intent.validTo"),
    "a uint256 out of range": Row(SUBMIT, wire("intent.nonce", str(2**256)),
                                  "422 malformed intent.nonce"),
    "a short address": Row(SUBMIT, wire("intent.receiver", "0x12"),
                           "422 malformed intent.receiver"),
    "a wrong checksum": Row(SUBMIT, wire("intent.owner", MISTYPED),
                            "422 wrongChecksum intent.owner"),
    "no legs": Row(SUBMIT, wire("intent.legs", []), "422 malformed intent.legs"),
    "21 legs": Row(SUBMIT, wire("intent.legs", [LEG] * 21), "422 malformed intent.legs"),
    "a control character": Row(SUBMIT, wire("intent.outcome", "swap\n"),
                               "422 malformed intent.outcome"),
    "an endless clientOrderId": Row(SUBMIT, signed() | {"clientOrderId": "x" * 65},
                                    "422 malformed clientOrderId"),
    "an unknown scheme": Row(SUBMIT, signed() | {"scheme": MARKER}, "422 malformed scheme"),
    "a signature that is no hex": Row(SUBMIT, signed() | {"signature": MARKER},
                                      "422 malformed signature"),
    "9,000 bytes of signature": Row(SUBMIT, signed() | {"signature": "0x" + "11" * 9_000},
                                    "422 malformed signature"),
    "appData of another hash": Row(SUBMIT, signed() | {"appData": "{}"},
                                   "422 appDataMismatch appData"),
    "appData that is not JSON": Row(SUBMIT, app_data("{"), "400 invalidJson appData"),
    "a digest of text": Row(DIGEST, {"intent": MARKER}, "422 malformed intent"),
    "a digest's unknown field": Row(DIGEST, {"intent": signed()["intent"], "key": "1"},
                                    "422 malformed key"),
}
OUTCOMES: dict[str, Row] = {
    "expired": Row(SUBMIT, signed(valid_to=NOW), "409 tooLate intent.validTo"),
    "validFrom after validTo": Row(SUBMIT, signed(valid_from=NOW + 601),
                                   "422 malformed intent.validFrom"),
    "a stale epoch": Row(SUBMIT, submission(swap(FRESH - 1)), "409 epochStale intent.nonce"),
    "another under a used nonce": Row(SUBMIT, submission(swap(FRESH + 1, valid_to=NOW + 99)),
                                      "409 nonceUsed intent.nonce", "uid"),
    "a replacement under another nonce": Row(SUBMIT, app_data({"replaces": UID}),
                                             "422 malformed intent.nonce"),
    "a replacement of nothing": Row(SUBMIT, app_data({"replaces": NOTHING}),
                                    "409 conflict appData.replaces"),
    "an unknown outcome": Row(SUBMIT, signed(outcome="moon"), "422 malformed intent.outcome"),
    "an unknown token": Row(SUBMIT, signed(legs=legs({"asset": NOWHERE})),
                            "422 tokenNotListed intent.legs.0.asset"),
    "a token for itself": Row(SUBMIT, signed(legs=legs(buy={"asset": USDC.address})),
                              "422 malformed intent.legs.1.asset"),
    "a swap below its gas": Row(SUBMIT, sold(9), "409 dust intent.legs.0.quantityMax",
                                "least unit"),
    "a swap of nothing": Row(SUBMIT, sold(0), "409 dust intent.legs.0.quantityMax"),
    "a perp below one lot": Row(SUBMIT, signed(**PERP, legs=perp(WAD // 1001)),
                                "409 dust intent.legs.0.quantityMax", "least unit"),
    "a call below one lot": Row(SUBMIT, signed(**CALL, legs=option(quantity_min=1, quantity_max=9)),
                                "409 dust intent.legs.0.quantityMax", "least unit"),
    "a perp of size zero": Row(SUBMIT, signed(**PERP, legs=perp(0)),
                               "422 legQuantity intent.legs.0.quantityMax"),
    "more at least than at most": Row(SUBMIT, signed(legs=legs({"quantity_min": 10**9})),
                                      "422 legQuantity intent.legs.0.quantityMin"),
    "a leg of another chain": Row(SUBMIT, signed(legs=legs({"chain_id": 1})),
                                  "422 wrongChain intent.legs.0.chainId"),
    "a bridge leg": Row(SUBMIT, signed(legs=legs({"kind": "bridge"})),
                        "422 wrongChain intent.legs.0.chainId"),
    "an unknown kind of leg": Row(SUBMIT, signed(legs=legs({"kind": "nft"})),
                                  "422 legKind intent.legs.0.kind"),
    "a side a leg cannot have": Row(SUBMIT, signed(legs=legs({"side": "auto"})),
                                    "422 legSide intent.legs.0.side"),
    "a leg too few": Row(SUBMIT, signed(legs=legs()[:1]), "422 legShape intent.legs"),
    "a price of a token leg": Row(SUBMIT, signed(legs=legs({"limit_price": 1})),
                                  "422 legPrice intent.legs.0.limitPrice"),
    "a swap at any price": Row(SUBMIT, signed(legs=legs(buy={"quantity_min": 0})),
                               "422 unbounded intent.limits.maxSlippageBps"),
    "a perp at any price": Row(SUBMIT, signed(**PERP | {"limits": FREE}, legs=perp()),
                               "422 unbounded intent.legs.0"),
    "parts of a delta target": Row(SUBMIT, signed(is_partially_fillable=True, limits=DELTA),
                                   "422 partialDelta intent.limits.deltaTolerance"),
    "parts by permit2": Row(SUBMIT, submission(fresh(is_partially_fillable=True),
                                               scheme="permit2"),
                            "422 notPartial intent.partiallyFillable"),
    "a deposit without permit2": Row(SUBMIT, moved("deposit"),
                                     "422 walletPullNeedsPermit2 intent.legs.0"),
    "a withdrawal to nobody": Row(SUBMIT, moved("withdraw"),
                                  "422 receiverMissing intent.receiver"),
    "a receiver that is our contract": Row(SUBMIT, signed(receiver=SETTLEMENT),
                                           "422 receiverIsOurs intent.receiver"),
    "a perp settled in WETH": Row(SUBMIT, signed(**PERP | {"limits": WETH_BOUND}, legs=perp()),
                                  "422 notQuoteToken intent.limits.settlementToken"),
    "an option on no underlying": Row(SUBMIT, signed(**CALL, legs=option(asset=USDC.address)),
                                      "422 legRange intent.legs.0.asset"),
    "a right nobody lists": Row(SUBMIT, signed(**CALL, legs=option(right="digitalCall")),
                                "422 legRange intent.legs.0.right"),
    "an expired option": Row(SUBMIT, signed(**CALL, legs=PAST), "409 noContract intent.legs.0"),
    "more than the account has": Row(SUBMIT, sold(10**12), "409 insufficientFunds intent.limits",
                                     SHORT),
}
SIGNATURES: dict[str, Row] = {
    "a short signature": Row(SUBMIT, resigned(lambda s: s[:64]), "403 badSignature signature",
                             SIGNERS),
    "v 0": Row(SUBMIT, resigned(lambda s: s[:64] + b"\0"), "403 badSignature signature", SIGNERS),
    "a high s": Row(SUBMIT, resigned(high_s), "403 badSignature signature", SIGNERS),
    "somebody else's signature": Row(SUBMIT, submission(fresh(), OTHER_KEY),
                                     "403 badSignature signature", SIGNERS),
    "a signature of another scheme": Row(SUBMIT, signed() | {"scheme": "permit2"},
                                         "403 badSignature signature", SIGNERS),
    "a cancel by somebody else": Row(CANCEL, cancel(key=OTHER_KEY), "403 badSignature signature"),
    "a cancel of somebody else's": Row(MANY, many(owner=STRANGER), "403 badSignature uids"),
    "a cancel of all by somebody else": Row(MANY, all_below(9, OTHER_KEY),
                                            "403 badSignature signature"),
    "a cancel that is too late": Row(CANCEL, cancel(NOW), "409 tooLate validTo"),
    "a cancel signed too far ahead": Row(CANCEL, cancel(NOW + 601), "422 malformed validTo"),
    "a cancel of no uid": Row(MANY, many(uids=[]), "422 malformed uids"),
    "a cancel of a malformed uid": Row(MANY, many(uids=["0x12"]), "422 malformed uids"),
    "a cancel of what nobody stored": Row(MANY, many(str(uid_of(fresh(), DOMAIN))),
                                          "404 notFound uids"),
    "uids and an epoch": Row(MANY, many(epoch="9"), "422 malformed uids"),
    "a mistyped owner of a cancel": Row(MANY, many(owner=MISTYPED), "422 wrongChecksum owner"),
}
QUOTES: dict[str, Row] = {
    "19 decimals": Row(QUOTE, quote(EXACT), "422 malformed request.sellAmount"),
    "more decimals than the token": Row(QUOTE, quote({"sellAmount": "1.0000001"}),
                                        "422 malformed request.sellAmount"),
    "an unknown kind": Row(QUOTE, quote({"outcome": MARKER}), "422 malformed *"),
    "an unknown term": Row(QUOTE, quote(surprise="1"), "422 malformed terms.surprise"),
    "a mistyped owner": Row(QUOTE, quote(owner=MISTYPED), "422 wrongChecksum terms.owner"),
    "a mistyped token": Row(QUOTE, quote({"sellToken": MISTYPED}),
                            "422 wrongChecksum request.sellToken"),
    "a symbol nobody lists": Row(QUOTE, quote({"sellToken": MARKER}),
                                 "422 tokenNotListed request.sellToken"),
    "a size of zero": Row(QUOTE, quote({"sellAmount": "0"}), "422 malformed request.sellAmount"),
    "dust": Row(QUOTE, quote({"sellAmount": "0.000001"}), "409 dust legs.0.quantityMax",
                "least unit"),
    "an unknown instrument": Row(QUOTE, call("DOGE-20261225-4000-C"),
                                 "422 unknownInstrument request.instrument"),
    "no name of an instrument": Row(QUOTE, call("ETH-25DEC26-4000-C-X"),
                                    "422 unknownInstrument request.instrument"),
    "an option that has expired": Row(QUOTE, call("ETH-20240105-4000-C"),
                                      "409 instrumentExpired request.instrument"),
    "a strike that is not listed": Row(QUOTE, call(f"ETH-{DAY}-4001-C"),
                                       "422 instrumentNotListed request.instrument"),
    "a perp nobody holds": Row(QUOTE, quote({"outcome": "closePerp", "instrument": "ETH-PERP"}),
                               "409 nothingToClose request.instrument"),
    "a bound no plan meets": Row(QUOTE, quote({"minBuyAmount": "1"}), "409 legQuantity -"),
}
PARAMETERS: dict[str, Row] = {
    "a malformed uid": Row("GET /v1/intents/0x12", None, "422 malformed uid"),
    "a uid in capitals": Row(f"DELETE /v1/intents/0x{UID[2:].upper()}", cancel(),
                             "422 malformed uid"),
    "a uid of nothing": Row(f"GET /v1/intents/{NOTHING}", None, "404 notFound uid"),
    "a cursor of garbage": Row(f"{PAGE}&cursor={MARKER}", None, "422 malformed cursor"),
    "a limit of 1001": Row(f"{PAGE}&limit=1001", None, "422 malformed limit"),
    "a state that is none": Row(f"{PAGE}&state={MARKER}", None, "422 malformed state"),
    "a mistyped owner of a page": Row(f"GET /v1/intents?owner={MISTYPED}", None,
                                      "422 wrongChecksum owner"),
    "a mistyped account": Row(f"GET /v1/accounts/{MISTYPED}/0", None, "422 wrongChecksum owner"),
    "a log that is none": Row("GET /v1/events?log=secrets", None, "422 unknownChannel log"),
    "events before the first": Row(f"{EVENTS}&after=-1", None, "422 malformed after"),
    "too many events": Row(f"{EVENTS}&limit=1001", None, "422 malformed limit"),
    "a stream of no log": Row("GET /v1/events?log=market:01", None, "422 unknownChannel log",
                              headers=SSE),
    "no such path": Row("GET /v1/nothing", None, "404 notFound -"),
    "no such method": Row("PUT /v1/intents", signed(), "405 methodNotAllowed -"),
    "a quote for no request": Row(RFQ, firm(), "409 requestClosed requestId"),
    "a quote with a limit": Row(RFQ, firm() | {"limit": "1"}, "422 malformed limit"),
    "a quote without its request": Row(RFQ, {"quote": {}, "signature": "0x"},
                                       "422 malformed requestId"),
}
# fmt: on
ROWS = BYTES | WORDS | OUTCOMES | SIGNATURES | QUOTES | PARAMETERS
