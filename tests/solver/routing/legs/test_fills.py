"""Fills: the cheapest contract and makers within range, box and budget, or a reason in numbers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.errors import Infeasible
from solver.domain.market import Ladder, Level
from solver.domain.numbers import WAD, format_decimal
from solver.domain.program import DeltaBox, Exposure
from solver.routing.certify import marks, rows, tally
from solver.routing.legs import best_fills, row_prices
from solver.routing.lots import Ground, offers_of
from solver.routing.rounding import LOT
from tests.solver.routing import world
from tests.solver.routing.world import ALICE, MAKER, OTHER_MAKER, PERP, call

SNAPSHOT = world.snapshot()
NOTHING = world.swap(world.WETH, world.USDC, 1)._replace(sells=(), buys=())


def program(*exposures, **changes):
    return NOTHING._replace(
        exposures=exposures, limits=world.limits(max_slippage_bps=2**32 - 1)
    )._replace(**changes)


def sell(quantity, *strikes, limit=0, leg=0):
    return Exposure(leg, "sell", tuple(map(call, strikes)), quantity, quantity, limit)


def perp(side, least, most, leg=1):
    return Exposure(leg, side, (PERP,), least, most, 0)


def fills_of(asked, snapshot=SNAPSHOT, ground=None):
    return best_fills(asked, snapshot, ground or Ground())


def test_the_best_bid_is_hit_and_the_best_ask_lifted():
    (sold,) = fills_of(program(sell(3 * WAD, 4_000)))
    (bought,) = fills_of(program(perp("buy", 2 * WAD, 2 * WAD)))
    bids = [
        level.price for lad in world.LADDERS if lad.instrument == call(4_000) for level in lad.bids
    ]
    asks = [level.price for lad in world.LADDERS if lad.instrument == PERP for level in lad.asks]
    assert (sold.quantity, sold.price) == (-3 * WAD, max(bids))
    assert (bought.quantity, bought.price) == (2 * WAD, min(asks))


def test_more_than_a_level_is_split_over_levels_and_makers():
    fills = fills_of(program(sell(25 * WAD, 4_000)))
    assert sum(fill.quantity for fill in fills) == -25 * WAD
    assert {fill.maker for fill in fills} == {MAKER, OTHER_MAKER}
    assert {fill.instrument for fill in fills} == {call(4_000)}


def test_of_many_contracts_the_dearest_premium_is_sold():
    (fill,) = fills_of(program(sell(5 * WAD, 3_600, 4_000, 4_400)))
    assert fill.instrument == call(3_600)


def test_one_leg_is_one_contract_even_when_two_would_pay_more():
    fills = fills_of(program(sell(28 * WAD, 3_600, 4_000)))
    assert {fill.instrument for fill in fills} == {call(3_600)}


def test_a_dear_quote_is_not_worth_its_gas():
    def asks(maker, price):
        return Ladder(maker, PERP, (), (Level(price, WAD),), False, 0)

    mark = 3_600 * WAD
    ladders = (
        asks(MAKER, mark)._replace(asks=(Level(mark, WAD), Level(mark + WAD // 100, WAD))),
        asks(OTHER_MAKER, mark + WAD // 1_000),
    )
    asked = program(perp("buy", 2 * WAD, 2 * WAD))
    free = fills_of(asked, SNAPSHOT._replace(ladders=ladders, gas_price=0))
    dear = fills_of(asked, SNAPSHOT._replace(ladders=ladders))
    assert {fill.maker for fill in free} == {MAKER, OTHER_MAKER}
    assert {fill.maker for fill in dear} == {MAKER}


def test_the_hedge_finds_its_side_and_ends_inside_the_box():
    asked = world.covered_call(4_000)
    for held, side in ((10 * WAD, -1), (-5 * WAD, 1)):
        fills = fills_of(asked, ground=Ground(delta=held * WAD))
        hedge = sum(fill.quantity for fill in fills if fill.leg == 1)
        delta = held * WAD + sum(f.quantity * marks.delta_of(f.instrument, SNAPSHOT) for f in fills)
        assert hedge * side > 0
        assert abs(delta // WAD) <= asked.delta.tolerance


def test_levels_that_cannot_be_needed_change_nothing():
    deep = tuple(
        lad._replace(bids=(*lad.bids, *(Level(lad.bids[-1].price - n, WAD) for n in range(1, 9))))
        for lad in world.LADDERS
        if lad.bids
    )
    asked = program(sell(12 * WAD + 1, 3_600, 4_000))
    assert fills_of(asked, SNAPSHOT._replace(ladders=deep)) == fills_of(asked)
    assert len(offers_of(asked, SNAPSHOT._replace(ladders=deep))) == 6  # two of each maker's


def test_firm_levels_name_their_quote():
    firm = Ladder(MAKER, PERP, (Level(3_599 * WAD, 3 * WAD, 4),), (), True, 0)
    (fill,) = fills_of(program(perp("sell", WAD, WAD)), SNAPSHOT._replace(ladders=(firm,)))
    assert fill.quote_index == 4


def test_nobody_trades_with_oneself():
    own = Ladder(ALICE, PERP, (Level(9_999 * WAD, 3 * WAD),), (), True, 0)
    asked = program(perp("sell", WAD, WAD))
    (fill,) = fills_of(asked, SNAPSHOT._replace(ladders=(own, *world.LADDERS)))
    assert fill.maker == MAKER


@settings(max_examples=20)
@given(st.integers(1, 20 * WAD))
def test_an_exact_quantity_is_filled_to_the_last_digit(quantity):
    fills = fills_of(program(sell(quantity, 4_000)))
    assert sum(fill.quantity for fill in fills) == -quantity


def test_a_used_up_level_is_completed_at_the_next():
    depth = 10 * WAD  # of each level
    asked = program(sell(depth + 5, 4_000))
    only = tuple(lad for lad in world.LADDERS if lad[:2] == (MAKER, call(4_000)))
    fills = fills_of(asked, SNAPSHOT._replace(ladders=only))
    best, second = (level.price for level in only[0].bids[:2])
    assert [(fill.quantity, fill.price) for fill in fills] == [(-depth, best), (-5, second)]
    shallow = only[0]._replace(bids=(*only[0].bids[:1], Level(second, 4)))
    with pytest.raises(Infeasible) as caught:
        fills_of(asked, SNAPSHOT._replace(ladders=(shallow,)))
    assert caught.value.code == "thinBook"


def test_what_completes_a_quantity_stays_inside_the_box():
    unit = marks.delta_of(call(4_000), SNAPSHOT)
    odd = 9 * LOT // 10
    sold = -(WAD + odd) * unit  # 1e36
    for miss in (0, 1):  # the call alone reaches the end of the box, or lies just beyond it
        box = DeltaBox(world.ETH, sold // WAD + miss, 0)
        asked = program(sell(WAD + odd, 4_000), delta=box)
        ground = Ground(delta=box.target * WAD - sold + miss * WAD)
        if miss:
            with pytest.raises(Infeasible) as caught:
                fills_of(asked, ground=ground)
            assert caught.value.code == "delta"
        else:
            assert fills_of(asked, ground=ground)[0].quantity == -(WAD + odd)


@settings(max_examples=20)
@given(st.integers(0, 20), st.integers(0, 5), st.integers(1, 2000))
def test_quantities_are_lots_inside_the_range(least, width, dust):
    low, high = least * WAD + dust, (least + width + 1) * WAD + dust
    fills = fills_of(program(Exposure(0, "sell", (call(4_000),), low, high, 0)))
    total = -sum(fill.quantity for fill in fills)
    assert low <= total <= high
    assert total % LOT == 0


@settings(max_examples=15)
@given(st.integers(1, 25), st.integers(-15, 15))
def test_no_fills_beat_the_bound_of_the_relaxation(size, held):
    asked = world.covered_call(3_600, 4_000, 4_400, size=size)
    ground = Ground(delta=held * WAD * WAD)
    try:
        fills = best_fills(asked, SNAPSHOT, ground)
    except Infeasible:
        return
    value = tally.credit(fills, SNAPSHOT)
    bound = rows.fill_bound(asked, SNAPSHOT, row_prices(asked, SNAPSHOT, ground), ground.delta)
    assert value <= bound


@pytest.mark.parametrize(
    ("asked", "code", "names"),
    [
        (program(sell(1_000 * WAD, 4_000)), "thinBook", {"required", "available"}),
        (program(sell(WAD, 4_000, limit=500 * WAD)), "legPrice", {"limitPrice", "best"}),
        (program(sell(WAD, 5_000)), "thinBook", {"required", "available"}),
        (
            program(perp("sell", WAD, WAD), limits=world.limits(max_slippage_bps=1)),
            "slippage",
            {"limitBps", "lossAtoms"},
        ),
        (
            program(sell(WAD, 4_000), delta=DeltaBox(world.ETH, 9 * WAD, WAD)),
            "delta",
            {"target", "tolerance", "held"},
        ),
    ],
)
def test_what_cannot_be_says_which_limit_and_by_how_much(asked, code, names):
    with pytest.raises(Infeasible) as caught:
        fills_of(asked)
    assert caught.value.code == code
    assert names <= set(caught.value.data)


def test_a_clash_says_how_far_each_limit_must_give():
    asked = program(sell(WAD, 4_000), delta=DeltaBox(world.ETH, 9 * WAD, WAD))
    with pytest.raises(Infeasible) as caught:
        fills_of(asked)
    limits = caught.value.data["limits"]
    assert isinstance(limits, list)
    told = {limit["limit"]: limit for limit in limits}
    assert set(told) == {"delta"}  # selling no call is too little delta as well
    sold = -marks.delta_of(call(4_000), SNAPSHOT) / WAD
    assert told["delta"]["signed"] == "8"
    assert float(told["delta"]["needed"]) == pytest.approx(sold, abs=1e-4)


def test_ones_own_quote_is_not_told_as_the_best_price():
    own = Ladder(ALICE, call(4_000), (Level(900 * WAD, 3 * WAD),), (), True, 0)
    with pytest.raises(Infeasible) as caught:
        fills_of(
            program(sell(WAD, 4_000, limit=500 * WAD)),
            SNAPSHOT._replace(ladders=(own, *world.LADDERS)),
        )
    bids = [lad.bids[0].price for lad in world.LADDERS if lad.instrument == call(4_000)]
    assert caught.value.data["best"] == format_decimal(max(bids))


def test_buying_pays_no_more_than_the_limit_price():
    asked = Exposure(0, "buy", (call(4_000),), 15 * WAD, 15 * WAD, 128 * WAD + WAD // 2)
    fills = fills_of(program(asked))
    assert all(fill.price <= asked.limit_price for fill in fills)
    assert sum(fill.quantity for fill in fills) == 15 * WAD
