"""The program over lots: no answer, no work left and no program are three different refusals."""

import pytest
from ortools.sat.python import cp_model

from solver.domain.errors import Broken, Infeasible, Unavailable
from solver.domain.market import Level
from solver.domain.numbers import WAD
from solver.domain.program import DeltaBox, Exposure
from solver.routing.legs import best_fills
from solver.routing.lots import Ground, solved
from tests.solver.routing import world
from tests.solver.routing.world import OTHER_MAKER, call

SNAPSHOT = world.snapshot()
BOUND = world.limits(max_slippage_bps=300)
BUY = world.swap(world.WETH, world.USDC, 1)._replace(
    sells=(),
    buys=(),
    exposures=(Exposure(0, "buy", (call(4_000),), 5 * WAD, 5 * WAD, 0),),
    limits=BOUND,
)


def fills_of(program, snapshot=SNAPSHOT, ground=None):
    return best_fills(program, snapshot, ground or Ground())


def test_running_out_of_work_is_not_told_as_a_limit(monkeypatch):
    monkeypatch.setattr("solver.routing.lots.WORK_MAX", 0.0)
    with pytest.raises(Unavailable) as caught:
        fills_of(BUY)
    assert caught.value.code == "solveTimeout"


def test_no_limit_is_blamed_when_the_work_runs_out_while_one_is_looked_for(monkeypatch):
    monkeypatch.setattr("solver.routing.lots.WORK_MAX", 0.0)
    nowhere = DeltaBox(world.ETH, 10**9 * WAD, 0)  # seen to be impossible without any work
    with pytest.raises(Infeasible) as caught:
        fills_of(BUY._replace(delta=nowhere))
    assert caught.value.code == "infeasible"


def test_a_program_that_is_no_program_is_our_defect():
    model = cp_model.CpModel()
    count = model.new_int_var(0, 2**40, "")
    model.maximize(2**40 * count)
    with pytest.raises(Broken):
        solved(model, [count])
    impossible = cp_model.CpModel()
    flag = impossible.new_bool_var("")
    impossible.add(flag == 2)
    assert solved(impossible, [flag]) is None


@pytest.mark.parametrize("price", [10**9, 10**13, 2**128 // WAD])
@pytest.mark.parametrize("side", ["asks", "bids"])
def test_no_maker_makes_the_program_impossible_for_others(price, side):
    absurd = Level(price * WAD, 2**95 - 1)
    hostile = world.ladder(call(4_000), 127, OTHER_MAKER)._replace(asks=(), bids=())
    ladders = (*world.LADDERS, hostile._replace(**{side: (absurd,)}))
    if side == "asks":
        assert fills_of(BUY, SNAPSHOT._replace(ladders=ladders)) == fills_of(BUY)
    asked = BUY._replace(exposures=(BUY.exposures[0]._replace(side="auto"),))
    assert fills_of(asked, SNAPSHOT._replace(ladders=ladders))


@pytest.mark.parametrize("bps", [10_000, 2**31, 2**32 - 2])
def test_every_slippage_bound_that_can_be_signed_makes_a_program(bps):
    limits = world.limits(max_slippage_bps=bps)
    huge = BUY.exposures[0]._replace(quantity_max=2**95 - 1)
    asked = BUY._replace(exposures=(huge,), limits=limits)
    for ground in (Ground(), Ground(loss=-(10**20), notional=10**21)):
        assert fills_of(asked, ground=ground)
    with pytest.raises(Infeasible) as caught:
        fills_of(asked, ground=Ground(loss=10**20))
    assert caught.value.code == "slippage"
