"""The arithmetic of bids equals the deployed contract's, to the atom, on sales drawn at random."""

import random

from hypothesis import given
from hypothesis import strategies as st

from adapters.chains.settlement import decode, view
from solver.domain.account import Position
from solver.domain.numbers import WAD
from solver.margin.liquidation.auction import (
    Sale,
    buffer_of,
    fee_of,
    offer_of,
    payment_of,
    payout_of,
    price_at,
    purpose_of,
    slice_of,
    slice_taken,
)
from tests.devnet_fixture import devnet, devnet_home  # noqa: F401
from tests.solver.pricing.world import CALL, PERP, account

SALES = 60


def drawn(dice):
    """A sale with what may be asked of it: fraction, price, seconds."""
    size = 10 ** dice.randint(1, 13)
    equity = dice.randint(-size, size)
    cash = dice.randint(-2 * size, 2 * size)
    maintenance = equity - dice.randint(0, 2 * size)
    unsold = cash - dice.choice((0, 0, dice.randint(-size, size)))
    sale = Sale(equity, maintenance, cash, unsold)
    return sale, dice.randint(1, WAD), price_at(dice.randint(0, 15_000)), dice.randint(0, 7200)


async def test_every_figure_is_the_contracts(devnet):  # noqa: F811
    dice, auction = random.Random(7), devnet.deployment.auction
    asked, wanted = [], []
    for _ in range(SALES):
        sale, fraction, price, seconds = drawn(dice)
        money = sale.equity, sale.reserved, fraction, price
        rows = (
            ("priceAt", (seconds * 3,), price_at(seconds * 3)),
            ("bufferOf", sale[:2], buffer_of(*sale[:2])),
            ("sliceOf", (sale.buffer, *money[:2], price), slice_of(sale, price)),
            ("paymentOf", money, payment_of(sale, fraction, price)),
            ("feeOf", (abs(sale.equity),), fee_of(abs(sale.equity))),
            ("payoutOf", (*sale[:2], fraction, seconds), payout_of(sale, fraction, seconds)),
            ("purposeOf", (7, abs(sale.cash), seconds), purpose_of(7, abs(sale.cash), seconds)),
        )
        asked += [view("Auction", auction, name, *arguments) for name, arguments, _ in rows]
        wanted += [(name, arguments, value) for name, arguments, value in rows]
    answers = await devnet.chain.call_many(asked)
    for (name, arguments, value), answer in zip(wanted, answers, strict=True):
        assert decode("Auction", name, answer) == value, (name, arguments)


@given(st.integers(-(10**24), 10**24), st.integers(0, WAD), st.integers(-(10**12), 10**12))
def test_a_slice_is_truncated_towards_zero(quantity, fraction, unsold):
    held = account((PERP, quantity or 1), (CALL, -1), cash=unsold)
    moved, cash = slice_taken(held, Sale(0, 0, unsold, unsold), fraction)
    for position in moved:
        whole = held.quantity(position.instrument)
        assert 0 < abs(position.quantity) <= abs(whole)
        assert position.quantity * whole > 0
    assert abs(cash) <= abs(unsold)
    taken = {p.instrument: p.quantity for p in moved}
    assert abs(abs(taken.get(PERP.id, 0)) - abs(quantity or 1) * fraction // WAD) == 0


def test_of_a_bankrupt_account_all_cash_is_part_of_a_slice():
    held = account((PERP, WAD), cash=-100)
    sale = Sale(-50, -90, -100, -20, is_bankrupt=True)
    assert sale.reserved == 0
    assert slice_taken(held, sale, WAD) == ((Position(PERP.id, WAD),), -100)


@given(
    st.integers(-(10**12), 10**12),
    st.integers(0, 10**12),
    st.integers(10**16, WAD),
    st.integers(0, 7200),
    st.integers(-1, 10**12),
)
def test_a_bidder_gets_no_more_than_fund_and_debt_can_give(equity, asked, fraction, time, fund):
    sale = Sale(equity, equity - asked, 0, 0, is_bankrupt=True)
    payout, offer = payout_of(sale, fraction, time), offer_of(sale, fraction, time, fund)
    assert 0 <= offer <= payout
    assert offer - max(fund, 0) <= max(-equity, 0) * fraction // WAD
    assert offer == payout or fund < payout
