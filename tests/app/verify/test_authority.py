"""A signature counts where the chain counts it; every refusal says what was signed, and by whom."""

from typing import Any

import pytest

from adapters.chains.devnet import Devnet
from adapters.chains.devnet.builder import Builder, Tx
from adapters.chains.settlement import encode
from app.verify import authorise, sign
from app.verify.authority import require_signed
from solver.domain.errors import Unauthorized, Unavailable
from solver.domain.intent import OutcomeIntent, SignedIntent
from solver.domain.typed_data import intent_digest, permit2_digest, uid_of
from tests.app.api.server import KEY, OTHER_KEY, OWNER, STRANGER, WALLET_ACCEPTS, FakeChain, swap
from tests.app.verify.chainside import World, world_of
from tests.devnet_fixture import devnet, devnet_home

__all__ = ["devnet", "devnet_home"]

UNDEPLOYED = b"\x01" * 96 + bytes.fromhex("6492" * 16)
NO_CODE = bytes(128)


def _words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(32, "big") for number in numbers)


WALLET_REFUSES = _words(1, 0, 0, 150_000)
WALLET_IS_COSTLY = _words(1, 0, 214_000, 150_000)


def world(answer: bytes) -> World:
    """A chain that answers the probe so."""
    chain = FakeChain()
    chain.answer = answer
    return World(chain)


def digest_of(scheme: str, intent: OutcomeIntent, where: World) -> bytes:
    if scheme == "permit2":
        return permit2_digest(intent, where.domain, where.deployment.permit2)
    return intent_digest(intent, where.domain)


async def judged(
    where: World, scheme: str, signature: bytes, intent: OutcomeIntent | None = None
) -> None:
    """Raises what authorise raises."""
    intent = intent or swap()
    await authorise(where, SignedIntent(intent, scheme, signature), uid_of(intent, where.domain))


async def refused(where: World, scheme: str, signature: bytes, **more: Any) -> Unauthorized:
    with pytest.raises(Unauthorized) as caught:
        await judged(where, scheme, signature, **more)
    return caught.value


def by(key: bytes, scheme: str) -> bytes:
    """Returns a key's signature of what the scheme asks for."""
    where = world(NO_CODE)
    return sign(digest_of(scheme, swap(), where), key)


@pytest.mark.parametrize("scheme", ["eip712", "permit2"])
async def test_a_strangers_key_is_named_beside_the_owners(scheme: str) -> None:
    where = world(NO_CODE)
    error = await refused(where, scheme, by(OTHER_KEY, scheme))
    assert (error.code, error.field) == ("badSignature", "signature")
    assert error.data == {
        "expectedDigest": "0x" + digest_of(scheme, swap(), where).hex(),
        "expectedSigner": OWNER,
        "recovered": STRANGER,
        "scheme": scheme,
    }
    assert error.detail == (
        f"signed by {STRANGER}, the owner is {OWNER}; sign the typed data that the quote answered"
    )


async def test_what_no_key_signed_recovers_to_nobody() -> None:
    error = await refused(world(NO_CODE), "eip712", b"\x01" * 64)
    assert error.data["recovered"] is None
    assert error.detail == "a signature is 65 bytes r, s, v with v 27 or 28"


@pytest.mark.parametrize(("sent", "meant"), [("eip712", "permit2"), ("permit2", "eip712")])
async def test_the_other_schemes_typed_data_is_recognised(sent: str, meant: str) -> None:
    error = await refused(world(NO_CODE), sent, by(KEY, meant))
    assert f"the owner signed the typed data of scheme {meant}" in error.detail


async def test_a_key_that_sends_eip1271_is_told_eip712() -> None:
    error = await refused(world(NO_CODE), "eip1271", by(KEY, "eip1271"))
    assert (error.code, error.data["recovered"]) == ("badSignature", OWNER)
    assert "the scheme is eip712" in error.detail


@pytest.mark.parametrize("answer", [WALLET_ACCEPTS, WALLET_REFUSES])
async def test_a_contract_that_sends_eip712_is_told_eip1271(answer: bytes) -> None:
    error = await refused(world(answer), "eip712", b"\x01" * 99)
    assert error.detail.startswith("the owner is a contract whose isValidSignature")
    assert error.detail.endswith("the scheme is eip1271")


@pytest.mark.parametrize("scheme", ["eip1271", "permit2"])
async def test_a_wallet_that_says_no_is_refused_and_one_that_says_yes_is_not(scheme: str) -> None:
    error = await refused(world(WALLET_REFUSES), scheme, b"\x01" * 99)
    assert error.detail == "the owner is a contract and its isValidSignature did not accept"
    await judged(world(WALLET_ACCEPTS), scheme, b"\x01" * 99)


async def test_delegated_code_counts_after_the_key_but_for_permit2() -> None:
    where = world(WALLET_REFUSES)
    for scheme in ("eip712", "eip1271"):
        await judged(where, scheme, by(KEY, scheme))
    error = await refused(where, "permit2", by(KEY, "permit2"))
    assert "Permit2 asks the code of an owner that has code, never its key" in error.detail


@pytest.mark.parametrize("scheme", ["eip1271", "permit2"])
async def test_a_wallet_that_takes_too_much_gas_is_told_how_much(scheme: str) -> None:
    error = await refused(world(WALLET_IS_COSTLY), scheme, b"\x01" * 99)
    assert error.code == "walletTooCostly"
    assert (error.data["gasUsed"], error.data["gasLimit"]) == ("214000", "150000")
    assert "214000" in error.detail


@pytest.mark.parametrize("scheme", ["eip712", "eip1271", "permit2"])
async def test_a_wallet_yet_to_be_deployed_is_told_so(scheme: str) -> None:
    error = await refused(world(NO_CODE), scheme, UNDEPLOYED)
    assert (error.code, error.data["expectedSigner"]) == ("walletNotDeployed", OWNER)


async def test_a_deployed_wallet_needs_no_wrapping() -> None:
    error = await refused(world(WALLET_REFUSES), "eip1271", UNDEPLOYED)
    assert error.code == "badSignature"
    assert error.detail.endswith("without its ERC-6492 wrapping")


async def test_a_scheme_nobody_knows_is_not_open() -> None:
    assert (await refused(world(NO_CODE), "none", b"")).code == "schemeNotOpen"


class SilentChain:
    """A node that does not answer."""

    async def call(self, *_: object, **__: object) -> bytes:
        raise Unavailable("the node does not answer")


async def test_a_silent_chain_stops_only_those_who_must_ask_it() -> None:
    where = World(SilentChain())
    await judged(where, "eip712", by(KEY, "eip712"))
    assert (await refused(where, "eip712", by(OTHER_KEY, "eip712"))).code == "badSignature"
    for scheme in ("eip1271", "permit2", "presign"):
        with pytest.raises(Unavailable):
            await judged(where, scheme, by(KEY, scheme))


async def test_a_cancel_is_the_keys_or_the_codes() -> None:
    digest = b"\x33" * 32
    await require_signed(world(WALLET_REFUSES), OWNER, digest, sign(digest, KEY))
    await require_signed(world(WALLET_ACCEPTS), OWNER, digest, b"\x01" * 99)
    for answer, code in (
        (NO_CODE, "walletNotDeployed"),
        (WALLET_REFUSES, "badSignature"),
        (WALLET_IS_COSTLY, "walletTooCostly"),
    ):
        with pytest.raises(Unauthorized) as caught:
            await require_signed(world(answer), OWNER, digest, UNDEPLOYED)
        assert caught.value.code == code
        assert caught.value.data["expectedDigest"] == "0x" + digest.hex()
        assert caught.value.data["scheme"] is None


async def test_presign_counts_once_the_owner_has_called_it(devnet: Devnet) -> None:
    where, alice = world_of(devnet), devnet.keys["alice"]
    intent = swap(owner=alice.address)
    error = await refused(where, "presign", b"", intent=intent)
    assert error.detail.startswith("the owner has not called presign")
    builder = Builder(devnet.chain, alice.address)
    await builder.prepare()
    for sender in ("bob", "alice"):
        assert (await refused(where, "presign", b"", intent=intent)).code == "badSignature"
        data = encode("Settlement", "presign", intent_digest(intent, where.domain))
        who = devnet.keys[sender].address
        await builder.send([Tx(where.deployment.settlement, data, sender=who)])
    await judged(where, "presign", b"", intent=intent)


async def test_the_deployed_contracts_agree_about_a_wallet_of_a_key(devnet: Devnet) -> None:
    """The plain wallet takes its key's signature and no other, under both schemes."""
    where, alice = world_of(devnet), devnet.keys["alice"]
    builder = Builder(devnet.chain, alice.address)
    await builder.prepare()
    intent = swap(owner=await builder.deploy("PlainWallet", alice.address))
    for scheme in ("eip1271", "permit2"):
        digest = digest_of(scheme, intent, where)
        await judged(where, scheme, sign(digest, alice.secret), intent)
        error = await refused(where, scheme, sign(digest, OTHER_KEY), intent=intent)
        assert error.data["recovered"] == STRANGER
