"""The gate over a copy of the account: what the chain would refuse, and what only we see."""

import pytest

from app.simulate import simulate
from solver.domain.account import Account, Position
from solver.domain.errors import Infeasible
from solver.domain.ids import ZERO_ADDRESS
from solver.domain.instrument import Instrument, Kind
from solver.domain.intent import Limits
from solver.domain.program import Program
from solver.domain.route import Certificate, Fill, Solution
from tests.app.api.server import ACCOUNT, USDC, WAD, board

SNAPSHOT = board().snapshot()
PERP = Instrument(1, Kind.PERP).id


def traded(quantity, held=0, state="OK", cash=10**12, **limits):
    """Simulates a fill of the perp at its mark on an account that holds some."""
    market = SNAPSHOT.underlyings[0]._replace(oracle_state=state)
    positions = (Position(PERP, held),) if held else ()
    account = Account(ACCOUNT, cash - held * 4_000 * 10**6 // WAD, positions)
    program = Program(ACCOUNT, ZERO_ADDRESS, limits=Limits(USDC.address, **limits))
    fills = (Fill(0, PERP, quantity, 4_000 * WAD, None),)
    solution = Solution(b"", (), (), (), fills, 0, 0, Certificate(0, 0, 0))
    return simulate(program, solution, account, SNAPSHOT._replace(underlyings=(market,)))


def test_a_margin_bound_holds_at_its_edge_and_not_beyond():
    used = traded(WAD).margin_rise
    assert used == 400 * 10**6
    assert traded(WAD, max_margin_used=used).margin_rise == used
    with pytest.raises(Infeasible) as caught:
        traded(WAD, max_margin_used=used - 1)
    assert caught.value.code == "marginUsed"


def test_an_account_that_would_be_under_margined_is_refused():
    assert traded(WAD, cash=400 * 10**6).margin_after.initial == 0
    with pytest.raises(Infeasible) as caught:
        traded(WAD, cash=400 * 10**6 - 1)
    assert caught.value.code == "marginBreached"


def test_a_breach_that_does_not_grow_may_go_on():
    assert traded(-WAD, held=2 * WAD, cash=10**6).margin_after.initial < 0


@pytest.mark.parametrize("state", ["UNCERTAIN", "DEGRADED", "HALT"])
@pytest.mark.parametrize(("held", "quantity"), [(0, 1), (0, -1), (1, 1), (1, -3)])
def test_no_new_risk_on_a_price_in_dispute(state, held, quantity):
    assert traded(quantity * WAD, held * WAD)
    with pytest.raises(Infeasible) as caught:
        traded(quantity * WAD, held * WAD, state)
    assert caught.value.code == "oracleNotOk"


@pytest.mark.parametrize("state", ["UNCERTAIN", "DEGRADED", "HALT"])
@pytest.mark.parametrize(("held", "quantity"), [(2, -1), (1, -1), (-3, 2)])
def test_less_risk_is_always_allowed(held, quantity, state):
    assert traded(quantity * WAD, held * WAD, state)
