"""The chain client against a real node: what it reads, what it refuses, how a send can end."""

import time

import httpx
import pytest
from eth_account import Account

from adapters.base import AlreadyKnown, Call, NonceTooLow, Reverted, Underpriced
from adapters.chains.abi import artifact, function
from adapters.chains.evm import EvmChain, Overrides
from adapters.chains.rpc import RpcRefused
from solver.domain.errors import InsufficientFunds, Unavailable
from solver.domain.numbers import WAD

BALANCE = function("balanceOf(address)", ["uint256"])
NOBODY = "0x" + "99" * 20
BLOCK_TIME_CODE = "0x4260005260206000f3"  # returns TIMESTAMP
REVERT_CODE = "0x63deadbeef6000526004601cfd"  # reverts with 0xdeadbeef
INVALID_CODE = "0xfe"


def signed(devnet, nonce, **terms):
    """Returns a raw transfer by bob."""
    body = {
        "type": 2,
        "to": NOBODY,
        "value": 1,
        "data": b"",
        "gas": 21_000,
        "nonce": nonce,
        "chainId": devnet.deployment.chain_id,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 1,
    }
    return bytes(Account.sign_transaction(body | terms, devnet.keys["bob"].secret).raw_transaction)


async def test_head_and_block_agree_and_a_future_block_is_none(devnet):
    head = await devnet.chain.head()
    assert await devnet.chain.block(head.number) == head
    parent = await devnet.chain.block(head.number - 1)
    assert parent is not None
    assert parent.hash == head.parent
    assert await devnet.chain.block(head.number + 1_000) is None


async def test_chain_id_is_not_the_one_permit2_has_cached(devnet):
    assert await devnet.chain.chain_id() == devnet.deployment.chain_id != 31_337


async def test_many_calls_are_answered_in_order_and_a_revert_is_an_answer(devnet):
    weth, alice = devnet.deployment.weth, devnet.keys["alice"].address
    good = Call(weth, BALANCE.encode(alice))
    bad = Call(weth, artifact("DevToken").interface.functions["transfer"].encode(NOBODY, 1))
    answers = await devnet.chain.call_many([good, bad] * 700)
    assert len(answers) == 1_400
    assert all(BALANCE.one(answer) > 0 for answer in answers[::2])
    assert all(isinstance(answer, Reverted) for answer in answers[1::2])


async def test_no_calls_ask_nothing(devnet):
    assert await devnet.chain.call_many([]) == []


async def test_a_revert_carries_its_raw_data(devnet):
    overrides = Overrides(state={NOBODY: {"code": REVERT_CODE}})
    with pytest.raises(Reverted) as caught:
        await devnet.chain.call(NOBODY, b"", overrides=overrides)
    assert caught.value.raw == bytes.fromhex("deadbeef")


async def test_an_invalid_opcode_is_a_revert_without_data(devnet):
    overrides = Overrides(state={NOBODY: {"code": INVALID_CODE}})
    with pytest.raises(Reverted) as caught:
        await devnet.chain.call(NOBODY, b"", overrides=overrides)
    assert caught.value.raw == b""


async def test_a_call_can_be_asked_as_of_another_time(devnet):
    later = (await devnet.chain.head()).timestamp + 86_400
    overrides = Overrides({NOBODY: {"code": BLOCK_TIME_CODE}}, {"time": hex(later)})
    assert int.from_bytes(await devnet.chain.call(NOBODY, b"", overrides=overrides), "big") == later


async def test_estimating_what_reverts_raises_reverted(devnet):
    call = artifact("DevToken").interface.functions["transfer"].encode(NOBODY, 2**255)
    with pytest.raises(Reverted):
        await devnet.chain.estimate_gas(devnet.deployment.usdc, call, devnet.keys["bob"].address)


async def test_a_sent_transaction_gets_a_receipt_and_is_then_known(devnet):
    bob = devnet.keys["bob"].address
    nonce = await devnet.chain.nonce(bob)
    raw = signed(devnet, nonce)
    tx_hash = await devnet.chain.send_raw(raw)
    deadline = time.monotonic() + 5  # the node mines at once, but not before it answers
    while (receipt := await devnet.chain.receipt(tx_hash)) is None:
        assert time.monotonic() < deadline
    assert receipt.status
    assert receipt.gas_used == 21_000
    while (found := await devnet.chain.transaction(tx_hash)) is None or found.block_hash is None:
        assert time.monotonic() < deadline
    assert (found.sender, found.to, found.nonce) == (bob, NOBODY, nonce)
    assert found.block_hash == receipt.block_hash
    assert await devnet.chain.balance(NOBODY) == 1
    with pytest.raises(NonceTooLow):
        await devnet.chain.send_raw(raw)


async def test_what_nobody_sent_has_neither_receipt_nor_transaction(devnet):
    assert await devnet.chain.receipt("0x" + "11" * 32) is None
    assert await devnet.chain.transaction("0x" + "11" * 32) is None


async def test_the_pool_knows_the_same_bytes_and_refuses_a_cheap_replacement(devnet):
    await devnet.chain.rpc.request("evm_setAutomine", False)
    bob = devnet.keys["bob"].address
    nonce = await devnet.chain.nonce(bob)
    tx_hash = await devnet.chain.send_raw(signed(devnet, nonce))
    assert await devnet.chain.receipt(tx_hash) is None
    pending = await devnet.chain.transaction(tx_hash)
    assert pending is not None
    assert pending.block_number is None
    assert await devnet.chain.nonce(bob, "pending") == nonce + 1
    with pytest.raises(AlreadyKnown):
        await devnet.chain.send_raw(signed(devnet, nonce))
    with pytest.raises(Underpriced):
        await devnet.chain.send_raw(signed(devnet, nonce, value=2))
    await devnet.chain.rpc.request("anvil_dropTransaction", tx_hash)


async def test_a_fee_under_the_base_fee_is_underpriced(devnet):
    await devnet.chain.rpc.request("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    await devnet.chain.rpc.request("evm_mine")
    nonce = await devnet.chain.nonce(devnet.keys["bob"].address)
    with pytest.raises(Underpriced):
        await devnet.chain.send_raw(signed(devnet, nonce, maxFeePerGas=10))


async def test_more_than_the_balance_is_insufficient_funds(devnet):
    nonce = await devnet.chain.nonce(devnet.keys["bob"].address)
    with pytest.raises(InsufficientFunds):
        await devnet.chain.send_raw(signed(devnet, nonce, value=10**12 * WAD))


async def test_logs_are_in_chain_order_and_filtered_by_topic(devnet):
    house = devnet.deployment.clearinghouse
    every = await devnet.chain.logs([house], devnet.deployment.start_block)
    assert every
    assert list(every) == sorted(every, key=lambda log: (log.block_number, log.log_index))
    one = await devnet.chain.logs([house], 0, None, [(every[0].topics[0],)])
    assert {log.topics[0] for log in one} == {every[0].topics[0]}
    assert await devnet.chain.logs([house], 0, None, [("0x" + "12" * 32,)]) == ()


async def test_code_and_gas_price_are_read(devnet):
    assert await devnet.chain.code(devnet.deployment.settlement)
    assert await devnet.chain.code(NOBODY) == b""
    assert await devnet.chain.gas_price() > 0


async def test_a_write_the_node_does_not_know_is_refused_by_name(devnet):
    with pytest.raises(RpcRefused):
        await devnet.chain.rpc.request("no_such_method", is_read=False)


async def test_a_read_the_node_will_not_answer_is_unavailable(devnet):
    head = await devnet.chain.head()
    with pytest.raises(Unavailable):
        await devnet.chain.rpc.request("no_such_method")
    with pytest.raises(Unavailable):
        await devnet.chain.nonce(NOBODY, hex(head.number + 1_000))
    with pytest.raises(Unavailable):
        await devnet.chain.call_many([Call(NOBODY, b"")], head.number + 1_000)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500])
async def test_a_door_that_refuses_us_is_unavailable_whatever_it_says(status):
    async with EvmChain("http://node.test") as chain:
        transport = httpx.MockTransport(lambda _: httpx.Response(status))
        chain.rpc._http = httpx.AsyncClient(transport=transport, base_url="http://node.test")
        with pytest.raises(Unavailable):
            await chain.head()
        with pytest.raises(Unavailable):
            await chain.send_raw(b"\x01")


async def test_a_node_that_is_not_there_is_unavailable():
    async with EvmChain("http://127.0.0.1:9", timeout_s=0.5) as chain:
        with pytest.raises(Unavailable):
            await chain.head()
        with pytest.raises(Unavailable):
            await chain.send_raw(b"\x01")
