"""A wallet is asked as the chain asks it, and none can break or burden whoever asks."""

from adapters.base import Reverted
from adapters.chains.abi import artifact
from adapters.chains.devnet import Devnet
from adapters.chains.devnet.builder import Builder
from app.verify import sign
from app.verify.wallet import Opinion, opinion
from tests.app.verify.chainside import World, world_of
from tests.devnet_fixture import devnet, devnet_home

__all__ = ["devnet", "devnet_home"]

WALLET, DIGEST = "0x" + "aa" * 20, b"\x22" * 32
GAS = 150_000
ACCEPT = "631626ba7e60e01b5f5260205ff3"  # returns the word that says yes
HOSTILE = {
    "burns all its gas": "5b5f56",
    "reverts": "5f5ffd",
    "is no code at all": "fe",
    "returns nothing": "00",
    "says yes in four bytes": "631626ba7e60e01b5f5260045ff3",
    "says yes with a dirty word": "631626ba7e60e01b600117" + "5f5260205ff3",
    "says no": "63ffffffff60e01b5f5260205ff3",
    "returns all the memory its gas pays for": "620186a05ff3",
    "returns a megabyte when it can": "5a620f4240106010576207d0005ff35b620f42405ff3",
    "reverts with a megabyte": "620f42405ffd",
}


async def _asked(world: World, code: str, signature: bytes = b"") -> Opinion:
    await world.chain.rpc.request("anvil_setCode", WALLET, "0x" + code)
    return await opinion(world, world.domain.verifying_contract, WALLET, DIGEST, signature)


async def test_whoever_does_not_say_yes_says_no(devnet: Devnet) -> None:
    world = world_of(devnet)
    for why, code in HOSTILE.items():
        assert await _asked(world, code) == Opinion(True, False, 0, GAS), why
    assert await _asked(world, "") == Opinion(False, False, 0, GAS)


async def test_a_wallet_within_the_limit_is_accepted_and_one_above_is_told_its_gas(
    devnet: Devnet,
) -> None:
    world = world_of(devnet)
    assert (await _asked(world, ACCEPT)).is_accepted
    memory = "{:06x}".format  # to read this far out is to pay for it: 3 w + w^2 / 512
    within = await _asked(world, f"62{memory(7_900 * 32)}5150" + ACCEPT)
    above = await _asked(world, f"62{memory(8_200 * 32)}5150" + ACCEPT)
    assert within.is_accepted
    assert 145_000 < within.gas_used < GAS == within.gas_limit
    assert not above.is_accepted
    assert GAS < above.gas_used < 160_000


async def test_the_caller_is_the_contract_that_asks_on_chain(devnet: Devnet) -> None:
    world = world_of(devnet)
    for asker in (devnet.deployment.settlement, devnet.deployment.permit2):
        only = "3373" + asker[2:] + "14" + "631626ba7e60e01b02" + "5f5260205ff3"
        await devnet.chain.rpc.request("anvil_setCode", WALLET, "0x" + only)
        for caller in (devnet.deployment.settlement, devnet.deployment.permit2):
            said = await opinion(world, caller, WALLET, DIGEST, b"")
            assert said.is_accepted is (caller == asker)


async def test_the_longest_signature_that_we_take_can_be_asked_about(devnet: Devnet) -> None:
    assert (await _asked(world_of(devnet), ACCEPT, b"\xff" * 8192)).is_accepted


async def test_a_wallet_of_a_key_accepts_its_signature(devnet: Devnet) -> None:
    world, alice = world_of(devnet), devnet.keys["alice"]
    builder = Builder(devnet.chain, alice.address)
    await builder.prepare()
    plain = await builder.deploy("PlainWallet", alice.address)
    asker, signature = world.domain.verifying_contract, sign(DIGEST, alice.secret)
    said = await opinion(world, asker, plain, DIGEST, signature)
    assert said.is_accepted
    assert 3_000 < said.gas_used < 10_000
    assert not (await opinion(world, asker, plain, bytes(32), signature)).is_accepted


class ShortOfGas:
    """A node whose own limit of a call ends it."""

    async def call(self, *_: object, **__: object) -> bytes:
        raise Reverted("out of gas")


async def test_a_node_that_gives_up_is_no_acceptance() -> None:
    said = await opinion(World(ShortOfGas()), "0x" + "5e" * 20, WALLET, DIGEST, b"")
    assert said == Opinion(has_code=True)


def test_the_probe_needs_nothing_filled_in() -> None:
    probe = artifact("SignatureProbe")
    assert (probe.links, len(probe.runtime) > 1_000) == ((), True)
