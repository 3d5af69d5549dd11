"""Twenty recorded chains: legs chosen in lots, certified, and held against HiGHS's optimum.

Sizes and the spreads of two of three venues are synthetic: bench/reference/chains.py says how.
"""

import sys
import time

import pytest

from bench.reference.chains import LEGS_MAX, LOT, recorded_tasks, table
from bench.reference.peers.milp import GAP, optimum
from solver.domain.errors import Infeasible
from solver.domain.program import Choice
from solver.routing.legs.search import Search
from solver.routing.legs.whole import in_lots
from solver.solve import solve
from tests.recorded import SHARED, needs

CHAINS = SHARED / "data/options/deribit_chain_snapshots.parquet"
COUNT, OFF_MAX, SECONDS = 20, 0.01, 45.0
needs_chains = needs(CHAINS, "chains")


@pytest.mark.night
@needs_chains
def test_recorded_chains_are_filled_within_one_per_cent_of_the_optimum(capsys):
    for task in recorded_tasks(CHAINS, COUNT):
        menu = table(task).menu
        began = time.perf_counter()
        found = Search(menu).found()
        assert found is not None
        whole = in_lots(menu, found, LOT)
        seconds = time.perf_counter() - began
        assert whole is not None
        proved = optimum(menu, SECONDS)
        solution = solve(task.program, task.account, task.snapshot)  # certified, or it raises
        assert 0 < len({(f.instrument, f.maker) for f in solution.fills}) <= LEGS_MAX
        assert proved is not None
        off = (found.cost - proved.cost) / abs(proved.cost)
        lots = (whole.cost - found.cost) / abs(found.cost)
        is_proved = "proved" if proved.gap <= GAP else f"not proved, gap {proved.gap:.2%}"
        with capsys.disabled():
            sys.stdout.write(
                f"\n{task.name:<28} {seconds * 1e3:4.0f} ms  {off:8.3%} off HiGHS ({is_proved})  "
                f"lots cost {lots:.3%}  own bound {(found.cost - found.bound) / -found.cost:.2%}"
            )
        assert off <= OFF_MAX, task.name
        assert found.bound <= proved.cost + 1e-6 * abs(proved.cost)


@pytest.mark.night
@needs_chains
def test_impossible_boxes_on_recorded_chains_are_explained(capsys):
    for task in recorded_tasks(CHAINS, 4):
        choice = task.program.choice
        assert isinstance(choice, Choice)
        box = choice.greeks[0]
        hard = choice._replace(greeks=(box._replace(low=10**6 * box.high, high=10**7 * box.high),))
        with pytest.raises(Infeasible) as caught:
            solve(task.program._replace(choice=hard), task.account, task.snapshot)
        assert caught.value.code == "limitsClash"
        with capsys.disabled():
            sys.stdout.write(f"\n{task.name}: {caught.value.detail} {caught.value.data}")
