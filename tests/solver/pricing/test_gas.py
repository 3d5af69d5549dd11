"""Gas becomes settlement atoms, up."""

from hypothesis import given
from hypothesis import strategies as st

from solver.pricing.gas import gas_cost
from tests.solver.pricing.world import WAD, snapshot


def test_gas_is_priced_in_settlement_atoms():
    # 500,000 gas at 1 gwei = 0.0005 coins of 4,000 = 2.00
    assert gas_cost(500_000, snapshot()) == 2_000_000


@given(st.integers(0, 10**9), st.integers(0, 10**13), st.integers(0, 10**24))
def test_gas_never_rounds_down(gas, wei, price):
    exact = gas * wei * price * 10**6
    cost = gas_cost(gas, snapshot(gas_price=wei, native_price=price))
    assert cost * WAD * WAD >= exact > (cost - 1) * WAD * WAD
