"""The board serves one immutable present: nothing stale or invented, rebuilt on change only."""

import pytest

from app.board import Block, Board, Listing, Price
from solver.domain.errors import NotFound, Unavailable
from solver.domain.ids import AccountId
from solver.domain.instrument import Kind, Token
from solver.domain.market import ConstantProductPool, Ladder, Level
from solver.domain.risk import Fixing
from solver.domain.snapshot import Underlying
from solver.domain.surface import flat

WAD = 10**18
FLAT = flat(650_000)
WETH = Token("0x" + "11" * 20, "WETH", 18)
USDC = Token("0x" + "22" * 20, "USDC", 6)
ETH = Underlying(1, "ETH", WETH, 0, 0, FLAT, 1_500_000, 0, 100_000, 65_000, 750_000, 800_000)
MAKER = AccountId(1, "0x" + "33" * 20, 0)
OTHER = AccountId(1, "0x" + "44" * 20, 0)


def board() -> Board:
    return Board(Listing(1, USDC, (WETH, USDC), (ETH,), WETH.address), ladder_seconds_max=10)


def ladder(maker: AccountId = MAKER, seconds: int = 1_000) -> Ladder:
    return Ladder(maker, 7, (Level(99, WAD),), (Level(101, WAD),), False, seconds * 1000)


def test_no_snapshot_before_the_first_block():
    with pytest.raises(Unavailable):
        board().snapshot()


def test_equal_state_is_the_same_object_and_a_change_makes_a_new_one():
    b = board()
    b.set_block(Block(5, 1_000, 7))
    first = b.snapshot()
    b.set_block(Block(5, 1_000, 7))
    b.set_prices([Price(1, 0, 0, "OK")])
    assert b.snapshot() is first
    b.set_prices([Price(1, 2500 * WAD, WAD, "OK")])
    assert b.snapshot().native_price == 2500 * WAD
    assert first.native_price == 0


def test_an_unreadable_chain_serves_nothing_until_a_block_is_read_again():
    b = board()
    b.set_block(Block(5, 1_000, 7))
    b.set_unreadable()
    assert b.unreadable_since == 1_000
    with pytest.raises(Unavailable):
        b.snapshot()
    b.set_block(Block(6, 1_012, 7))
    assert b.snapshot().block_number == 6
    assert b.unreadable_since is None


def test_old_ladders_are_left_out_by_chain_time():
    b = board()
    b.set_block(Block(5, 1_000, 7))
    b.set_ladder(ladder())
    assert b.snapshot().ladders == (ladder(),)
    b.set_block(Block(6, 1_010, 7))
    assert b.ladder(7, MAKER) == ladder()
    b.set_block(Block(7, 1_011, 7))
    assert b.snapshot().ladders == ()
    assert b.ladder(7, MAKER) is None


def test_ladders_that_are_too_old_are_not_kept():
    b = board()
    for second in range(1_000, 1_100):
        b.set_block(Block(second, second, 7))
        b.set_ladder(ladder(seconds=second)._replace(instrument=second))
        b.snapshot()
    assert len(b._ladders) == 11


def test_a_dropped_maker_and_an_empty_ladder_are_gone():
    b = board()
    b.set_block(Block(5, 1_000, 7))
    b.set_ladder(ladder())
    b.set_ladder(ladder(OTHER))
    b.drop_maker(MAKER)
    assert b.snapshot().ladders == (ladder(OTHER),)
    b.set_ladder(ladder(OTHER)._replace(bids=(), asks=()))
    assert b.snapshot().ladders == ()


def test_pools_in_any_order_make_the_same_snapshot():
    b = board()
    b.set_block(Block(5, 1_000, 7))
    pools = [
        ConstantProductPool("uniswap_v2", address, WETH.address, USDC.address, 1, 1, 3000, 0)
        for address in ("0x" + "aa" * 20, "0x" + "bb" * 20)
    ]
    b.set_pools(pools)
    first = b.snapshot()
    b.set_pools(reversed(pools))
    assert b.snapshot() is first


def test_funding_fixings_and_listings_reach_the_snapshot():
    b = board()
    b.set_block(Block(5, 1_000, 7))
    b.set_funding(1, -3)
    b.set_listing(1, (2_000,), (2500 * WAD,))
    b.set_asians(1, (2_000, 3_000), (2400 * WAD,))
    b.set_fixed(1, {800: WAD}, [Fixing(1_000, 1, 5)])
    b.set_fixed(1, {900: 2400 * WAD}, [Fixing(3_000, 2, 11), Fixing(2_000, 2, 9)])
    eth = b.snapshot().underlyings[0]
    assert eth.strikes_of(Kind.ASIAN_PUT, 3_000) == (2400 * WAD,)
    assert eth.strikes_of(Kind.PUT, 3_000) == ()
    assert eth.fixings == (Fixing(2_000, 2, 9), Fixing(3_000, 2, 11))
    assert (eth.funding_index, eth.expiry_prices) == (-3, ((900, 2400 * WAD),))
    assert (eth.expiries, eth.strikes) == ((2_000,), (2500 * WAD,))


def test_an_unlisted_market_is_refused():
    with pytest.raises(NotFound):
        board().set_funding(9, 1)


def test_the_state_of_markets_is_the_snapshot_without_its_ladders():
    b = board()
    with pytest.raises(Unavailable):
        b.market_state()
    b.set_block(Block(5, 1_000, 7))
    b.set_ladder(ladder())
    assert b.market_state() == b.snapshot()._replace(ladders=())
