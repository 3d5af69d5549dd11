"""One signature, one form: every variant that some library takes is refused."""

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from app.verify import address_of, recover, sign, signer_of
from app.verify.signature import is_undeployed, nested_fault
from solver.domain.errors import Unauthorized
from solver.domain.typed_data import keccak

KEY, DIGEST = b"\x11" * 32, b"\x22" * 32
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def test_sign_and_recover_agree_with_eth_account():
    signature = sign(DIGEST, KEY)
    assert recover(DIGEST, signature) == address_of(KEY) == Account.from_key(KEY).address.lower()
    assert signature == bytes(Account.unsafe_sign_hash(DIGEST, KEY).signature)


def test_another_digest_is_another_signer():
    assert recover(b"\x23" * 32, sign(DIGEST, KEY)) != address_of(KEY)


GOOD = sign(DIGEST, KEY)
HIGH_S = (ORDER - int.from_bytes(GOOD[32:64], "big")).to_bytes(32, "big")
COMPACT = GOOD[:32] + bytes((GOOD[32] | (GOOD[64] - 27) << 7,)) + GOOD[33:64]


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        bytes(65),
        bytes(64) + b"\x1b",
        GOOD[:64],
        GOOD + b"\0",
        GOOD[:64] + b"\0",
        GOOD[:64] + b"\1",
        GOOD[:64] + b"\x1d",
        GOOD[:32] + HIGH_S + bytes((55 - GOOD[64],)),
        COMPACT,
        b"\xff" * 32 + GOOD[32:],
        GOOD[:32] + bytes(32) + GOOD[64:],
    ],
)
def test_every_other_form_is_refused(signature):
    with pytest.raises(Unauthorized) as refused:
        recover(DIGEST, signature)
    assert refused.value.code == "badSignature"


def test_what_no_key_signed_has_no_signer():
    assert signer_of(DIGEST, GOOD) == address_of(KEY)
    assert signer_of(DIGEST, GOOD + b"\0") is None


def test_the_wrapping_of_a_wallet_to_come_is_seen():
    assert is_undeployed(GOOD + bytes.fromhex("6492" * 16))
    assert not is_undeployed(bytes.fromhex("6492" * 16) + GOOD)
    assert not is_undeployed(b"")


SEPARATOR, CONTENTS = b"\x01" * 32, b"\x02" * 32
NESTED_DIGEST = keccak(b"\x19\x01" + SEPARATOR + CONTENTS)


def nested(description: bytes, contents: bytes = CONTENTS) -> bytes:
    return GOOD + SEPARATOR + contents + description + len(description).to_bytes(2, "big")


def test_a_nested_signature_is_told_what_is_wrong_with_it():
    assert nested_fault(NESTED_DIGEST, nested(b"A(uint256 x)B(A a)B")) is None
    implicit = nested_fault(NESTED_DIGEST, nested(b"B(A a)A(uint256 x)"))
    assert implicit is not None
    assert "explicit mode" in implicit
    other = nested_fault(NESTED_DIGEST, nested(b"A(uint256 x)B(A a)B", b"\x03" * 32))
    assert other == "what is nested in it is not the typed data to sign"


@given(st.binary(max_size=400))
def test_any_bytes_may_be_a_signature(signature):
    for fault in (nested_fault(DIGEST, signature), nested_fault(DIGEST, signature + b"\0\x05")):
        assert fault is None or fault.startswith(("what is", "its contents"))
