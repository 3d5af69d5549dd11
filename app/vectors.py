"""Signing vectors: one intent per kind and scheme with every hash and signature on the way.

For whoever writes a client: hash the intent, compare; sign with the published key, compare. The
world they are drafted in is fixed here, so the file changes only when what is signed changes.
"""

import json
from typing import Any

from app.verify import address_of, sign
from solver.domain.account import Account, Position
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind, Token
from solver.domain.intent import OutcomeIntent
from solver.domain.mandate import Mandate
from solver.domain.mandate_document import mandate_document, revoke_document
from solver.domain.market import Ladder, Level
from solver.domain.numbers import WAD
from solver.domain.snapshot import Snapshot, Underlying
from solver.domain.surface import flat
from solver.domain.typed_data import (
    Domain,
    intent_digest,
    intent_hash,
    mandate_digest,
    permit2_digest,
    revoke_digest,
    separator,
    typed_data,
    uid_of,
)
from solver.intents import draft, examples, parse_wanted
from solver.intents.typed_json import to_json

KEY = (0xA11CE).to_bytes(32, "big")  # published on purpose; never for money
TIME = 1_795_168_800
PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3"
DOMAIN = Domain(31338, "0x0000000000000000000000000000000000005e77")
_WETH = Token("0x000000000000000000000000000000000000000e", "WETH", 18)
_USDC = Token("0x000000000000000000000000000000000000000c", "USDC", 6)
_ETH = Underlying(
    market=1,
    symbol="ETH",
    base=_WETH,
    price=3_600 * WAD,
    confidence=WAD,
    surface=flat(650_000),
    sigma_cap_ppm=1_500_000,
    funding_index=0,
    perp_initial_ppm=100_000,
    perp_maintenance_ppm=65_000,
    base_initial_ppm=750_000,
    base_maintenance_ppm=800_000,
    expiries=(1_796_371_200, 1_797_580_800, 1_798_185_600, 1_801_209_600),
    strikes=tuple(strike * WAD for strike in range(2_400, 5_001, 200)),
)
_MAKER, _ONE = AccountId(31338, "0x" + "77" * 20, 0), (Level(WAD, WAD),)
_LADDERS = tuple(
    Ladder(_MAKER, Instrument(1, kind, expiry, strike).id, _ONE, _ONE, False, TIME * 1000)
    for expiry in _ETH.expiries
    for strike in _ETH.strikes
    for kind in (Kind.CALL, Kind.PUT)
)  # only that somebody quotes a contract matters to which one is chosen
SNAPSHOT = Snapshot(31338, 1, TIME * 1000, 10**9, _USDC, (_WETH, _USDC), (_ETH,), (), _LADDERS, WAD)


def vectors() -> dict[str, Any]:
    """Returns the content of openapi/signing_vectors.json."""
    rows = [_row(kind, example) for kind, example in sorted(examples().items())]
    return {
        "about": "digest = keccak256(0x1901 | domainSeparator | structHash); sign it with key",
        "key": "0x" + KEY.hex(),
        "address": address_of(KEY),
        "domain": {"chainId": str(DOMAIN.chain_id), "verifyingContract": DOMAIN.verifying_contract},
        "domainSeparator": "0x" + separator(DOMAIN).hex(),
        "permit2": PERMIT2,
        "vectors": rows,
        "mandates": _mandates(),
    }


def _row(kind: str, example: dict[str, Any]) -> dict[str, Any]:
    owner = address_of(KEY)
    wanted = parse_wanted(
        {
            "request": {k: owner if k == "receiver" else v for k, v in example["request"].items()},
            "terms": {k: owner if k == "receiver" else v for k, v in example["terms"].items()}
            | {"owner": owner},
        }
    )
    account = _account(owner)
    scheme = wanted.terms.scheme
    intent = draft(wanted.request, account, SNAPSHOT, wanted.terms)
    digest = _digest(intent, scheme)
    return {
        "outcome": kind,
        "scheme": scheme,
        "intent": to_json(intent),
        "typedData": typed_data(intent, DOMAIN, scheme, PERMIT2),
        "structHash": "0x" + intent_hash(intent).hex(),
        "intentDigest": "0x" + intent_digest(intent, DOMAIN).hex(),
        "digest": "0x" + digest.hex(),
        "uid": str(uid_of(intent, DOMAIN)),
        "signature": "0x" + sign(digest, KEY).hex(),
    }


def _mandates() -> list[dict[str, Any]]:
    """Returns a grant and its revocation."""
    owner = address_of(KEY)
    mandate = Mandate(
        owner=owner,
        subaccount=3,
        agent="0x" + "a9" * 20,
        valid_from=TIME,
        valid_to=TIME + 7 * 86_400,
        outcomes=("openPerp", "closePerp"),
        assets=(_WETH.address, _USDC.address),
        notional_per_day=100_000 * 10**6,
        loss_per_day=250 * 10**6,
        max_slippage_bps=30,
        max_margin_used=10_000 * 10**6,
        min_health=11 * WAD // 10,
        nonce=7 << 192 | 12345 << 8,
    )
    digest = mandate_digest(mandate, DOMAIN)
    rows = (
        (mandate_document(mandate, DOMAIN), digest),
        (
            revoke_document(owner, digest, TIME + 300, DOMAIN),
            revoke_digest(owner, digest, TIME + 300, DOMAIN),
        ),
    )
    return [
        {
            "primaryType": document["primaryType"],
            "typedData": document,
            "digest": "0x" + signed.hex(),
            "signature": "0x" + sign(signed, KEY).hex(),
        }
        for document, signed in rows
    ]


def _digest(intent: OutcomeIntent, scheme: str) -> bytes:
    is_permit2 = scheme == "permit2"
    return permit2_digest(intent, DOMAIN, PERMIT2) if is_permit2 else intent_digest(intent, DOMAIN)


def _account(owner: str) -> Account:
    base = Position(Instrument(1, Kind.BASE).id, 20 * WAD)
    perp = Position(Instrument(1, Kind.PERP).id, 5 * WAD)
    call = Position(Instrument(1, Kind.CALL, 1_798_185_600, 4_000 * WAD).id, -2 * WAD)
    return Account(AccountId(31338, owner, 0), cash=100_000 * 10**6, positions=(base, perp, call))


def text() -> str:
    """Returns the file's text."""
    return json.dumps(vectors(), indent=1) + "\n"
