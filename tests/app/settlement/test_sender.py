"""One key, one nonce stream: same bytes for the same words, fees that always replace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Reverted
from app.settlement.sender import FEE_WEI_MAX, Fees, Sender, Sent, market_fees, raised_fees
from solver.domain.errors import Unavailable
from tests.app.settlement.fake_chain import FakeChain, decode_raw
from tests.app.settlement.worlds import KEY
from tests.app.worlds import CHAIN_ID

TO = "0x" + "5e" * 20
FEES = Fees(3 * 10**9, 10**9)


def sender(chain: FakeChain | None = None) -> Sender:
    return Sender(chain or FakeChain(), CHAIN_ID, KEY)


def test_the_same_call_signs_to_the_same_bytes_and_says_what_was_asked():
    one, two = (sender().sign(TO, b"\1\2", 7, 90_000, FEES) for _ in range(2))
    tx = decode_raw(one.raw)
    assert one == two
    assert (tx.nonce, tx.to, tx.data, tx.max_fee, tx.hash) == (7, TO, b"\1\2", 3 * 10**9, one.hash)
    assert tx.sender == sender().address


def test_a_cancel_moves_nothing_to_nobody_else():
    tx = decode_raw(sender().sign_cancel(7, FEES).raw)
    assert (tx.to, tx.data, tx.nonce) == (sender().address, b"", 7)


@given(st.integers(1, 10**11), st.integers(1, 10**11), st.integers(0, 10**11))
def test_raised_fees_replace_for_every_node(max_fee: int, tip: int, base_fee: int):
    old = Fees(max(max_fee, tip), tip)
    new = raised_fees(old, base_fee)
    assert new is not None
    for before, after in zip(old, new, strict=True):
        assert after * 1000 >= before * 1125
    assert new.max_fee >= market_fees(base_fee).max_fee


def test_fees_stop_at_the_most_we_pay():
    assert raised_fees(Fees(FEE_WEI_MAX, 1), 1) is None


async def test_the_nonce_is_the_higher_of_what_is_stored_and_what_the_node_knows():
    chain = FakeChain()
    assert await sender(chain).next_nonce(None) == 0
    assert await sender(chain).next_nonce(4) == 5
    for nonce in range(3):
        await chain.send_raw(sender().sign(TO, b"", nonce, 21_000, FEES).raw)
    assert await sender(chain).next_nonce(0) == 3


async def test_a_nonce_is_given_out_until_it_is_stored():
    ours = sender()
    assert await ours.next_nonce(None) == await ours.next_nonce(None) == 0
    ours.took(0)
    assert await ours.next_nonce(None) == 1


async def test_every_answer_of_the_node_has_a_meaning():
    chain = FakeChain()
    ours = sender(chain)
    attempt = ours.sign(TO, b"", 0, 21_000, FEES)
    assert await ours.send(attempt) is Sent.ACCEPTED
    assert await ours.send(attempt) is Sent.ACCEPTED, "already known is accepted"
    cheap = ours.sign(TO, b"", 0, 21_000, Fees(FEES.max_fee + 1, FEES.tip))
    assert await ours.send(cheap) is Sent.UNDERPRICED
    chain.mine()
    assert await ours.send(attempt) is Sent.NONCE_SPENT
    chain.is_down = True
    with pytest.raises(Unavailable):
        await ours.send(attempt)


async def test_a_node_that_runs_what_it_is_sent_refuses_it(monkeypatch: pytest.MonkeyPatch):
    chain = FakeChain()
    ours = sender(chain)

    async def reverting(raw: bytes) -> str:
        raise Reverted("execution reverted")

    monkeypatch.setattr(chain, "send_raw", reverting)
    assert await ours.send(ours.sign(TO, b"", 0, 21_000, FEES)) is Sent.REFUSED
