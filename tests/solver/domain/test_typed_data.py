"""The hand-written hasher equals the published vector and an independent library's."""

from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from solver.domain.intent import Leg, Limits, OutcomeIntent
from solver.domain.typed_data import (
    INTENT_TYPE,
    LEG_TYPE,
    LIMITS_TYPE,
    Domain,
    intent_digest,
    intent_hash,
    permit2_digest,
    typed_data,
    uid_of,
)

OWNER = "0xe05fcc23807536bee418f142d19fa0d21bb0cff7"
ASSET = "0x000000000000000000000000000000000000000e"
USDC = "0x000000000000000000000000000000000000000c"
DOMAIN = Domain(31337, "0x0000000000000000000000000000000000005e77")
PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3"
WAD = 10**18


def covered_call() -> OutcomeIntent:
    option = Leg(
        "option", ASSET, "sell", "call", 4000 * WAD, 4200 * WAD, 1798185600, 1798185600,
        10 * WAD, 10 * WAD,
    )  # fmt: skip
    perp = Leg("perp", ASSET, "auto", quantity_max=10 * WAD)
    limits = Limits(USDC, -280_000_000, 5_000_000, 30, 0, 10**17, 9_000_000_000, 11 * 10**17)
    return OutcomeIntent(
        OWNER, 3, "0x" + "00" * 20, "coveredCall", (option, perp), limits, False, 0, 1798000000,
        7 * 2**192 + 12345, b"\x11" * 32,
    )  # fmt: skip


def test_type_hashes_are_the_published_ones() -> None:
    assert INTENT_TYPE.hex() == "32e3b91c3b9e9a9ac2a148fb8df397d4153ff09b0c764fe36e60cd9566be12d5"
    assert LEG_TYPE.hex() == "72aa29143aa8d8c2beee98fa2918f067402bd5369c61fd4f28f94d59bf3e8e29"
    assert LIMITS_TYPE.hex() == "3dc7358e374cf5da51dd4d828a69c393a1ff0790b8388fcc06f6b201415ef28c"


def test_vector_digest() -> None:
    intent = covered_call()
    assert intent_hash(intent).hex() == (
        "5c391afd771eb485dc02dedc57d85a7dda058aeeb947990ee90efab418c570db"
    )
    assert intent_digest(intent, DOMAIN).hex() == (
        "714f2e3633152edcf271b9ff0943b805e433ccd33c4f3a2e544fcba63d0c9123"
    )
    assert len(str(uid_of(intent, DOMAIN))) == 2 + 112


def test_integers_read_as_doubles_hash_differently() -> None:
    legs = covered_call().legs
    nonce = int(float(covered_call().nonce))
    lossy = covered_call()._replace(legs=legs, nonce=nonce)
    assert intent_hash(lossy) != intent_hash(covered_call())


@pytest.mark.parametrize("scheme", ["eip712", "permit2"])
def test_equals_eth_account(scheme: str) -> None:
    intent = covered_call()
    legs = (
        *intent.legs,
        Leg("token", USDC, "sell", quantity_max=5),
        Leg("collateral", ASSET, "deposit", quantity_min=1, quantity_max=7),
    )
    intent = intent._replace(legs=legs)
    document = typed_data(intent, DOMAIN, scheme, PERMIT2)
    ours = (
        intent_digest(intent, DOMAIN)
        if scheme == "eip712"
        else permit2_digest(intent, DOMAIN, PERMIT2)
    )
    signable = encode_typed_data(full_message=_numbers(document))
    account = Account.from_key((0xA11CE).to_bytes(32, "big"))
    assert account.sign_message(signable).message_hash == ours


def _numbers(value: Any) -> Any:
    """eth-account wants integers where a wallet takes decimal strings."""
    if isinstance(value, dict):
        kept = ("version",)
        return {k: item if k in kept else _numbers(item) for k, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return value


def _leaves(intent: OutcomeIntent) -> list[OutcomeIntent]:
    changed = []
    for name, value in zip(intent._fields, intent, strict=True):
        if name in ("legs", "limits"):
            continue
        changed.append(intent._replace(**{name: _other(value)}))
    for name, value in zip(Limits._fields, intent.limits, strict=True):
        changed.append(intent._replace(limits=intent.limits._replace(**{name: _other(value)})))
    for name, value in zip(Leg._fields, intent.legs[0], strict=True):
        leg = intent.legs[0]._replace(**{name: _other(value)})
        changed.append(intent._replace(legs=(leg, *intent.legs[1:])))
    return changed


def _other(value: object) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, bytes):
        return b"\x12" + value[1:]
    assert isinstance(value, str)
    return value[:-1] + ("1" if value[-1:] != "1" else "2") if value[:2] == "0x" else value + "x"


def test_every_signed_field_changes_the_digest() -> None:
    intent = covered_call()
    digests = {intent_digest(changed, DOMAIN) for changed in _leaves(intent)}
    assert len(digests) == len(_leaves(intent))
    assert intent_digest(intent, DOMAIN) not in digests
