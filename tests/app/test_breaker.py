"""The kill switch: less and less comes in, getting out is always allowed."""

import pytest

from app.breaker import Breaker, State
from solver.domain.errors import Refused
from solver.domain.intent import Limits
from tests.app.worlds import USDC, intent

SWAP = intent(outcome="swap")
CLOSE = intent(outcome="closePerp", limits=Limits(USDC, max_margin_used=0))
WITHDRAW = intent(outcome="withdraw")


@pytest.mark.parametrize(
    ("state", "passing"),
    [
        (State.ACTIVE, [SWAP, CLOSE, WITHDRAW]),
        (State.REDUCING, [CLOSE, WITHDRAW]),
        (State.HALTED, [WITHDRAW]),
    ],
)
def test_what_passes(state, passing):
    breaker = Breaker()
    breaker.move(state, "a drill")
    for wanted in (SWAP, CLOSE, WITHDRAW):
        if wanted in passing:
            breaker.admit(wanted)
        else:
            with pytest.raises(Refused, match="a drill") as refused:
                breaker.admit(wanted)
            assert refused.value.code == state.value


def test_a_halted_service_settles_nothing():
    breaker = Breaker()
    assert breaker.may_settle()
    breaker.move(State.HALTED, "a drill")
    assert not breaker.may_settle()


def test_what_is_found_holds_it_until_it_is_over_and_never_loosens():
    breaker = Breaker()
    breaker.hold("oracleHalt", State.REDUCING, "ETH has no price")
    breaker.hold("ledgerDiffers", State.HALTED, "one account")
    assert (breaker.state, breaker.reason) == (State.HALTED, "one account")
    breaker.release("ledgerDiffers")
    assert (breaker.state, breaker.triggers) == (State.REDUCING, ("oracleHalt",))
    breaker.move(State.HALTED, "the operator")
    breaker.release("oracleHalt")
    breaker.release("oracleHalt")
    assert (breaker.state, breaker.reason) == (State.HALTED, "the operator")
    breaker.move(State.ACTIVE, "")
    assert breaker.state is State.ACTIVE
