"""One signature, one form: every variant that some library takes is refused."""

import pytest
from eth_account import Account

from app.verify import address_of, recover, sign
from solver.domain.errors import Unauthorized

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
