"""The price of gas in a token is the settlement's own, through the marks, and exact."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from solver.domain.numbers import WAD
from solver.pricing.gas import gas_cost
from solver.routing.toll import FREE, Toll, toll
from tests.solver.routing import world
from tests.solver.routing.world import DAI, USDC, WETH

SNAPSHOT = world.snapshot()


def test_gas_in_the_settlement_token_is_the_settlements_cost():
    for gas in (0, 1, 90_000, 10**7):
        assert toll(USDC.address, SNAPSHOT).up(gas) == gas_cost(gas, SNAPSHOT)


def test_gas_in_the_native_coins_token_is_the_gas_price():
    per_gas = toll(WETH.address, SNAPSHOT)
    assert Fraction(*per_gas) == SNAPSHOT.gas_price
    assert float(per_gas) == SNAPSHOT.gas_price


def test_gas_is_free_where_nothing_marks_the_token():
    assert toll(DAI.address, SNAPSHOT) == FREE
    unpriced = world.snapshot(underlyings=(world.underlying(price=0),))
    assert toll(WETH.address, unpriced) == FREE


def test_gas_is_free_where_the_native_coin_has_no_price():
    assert toll(USDC.address, world.snapshot(native_price=0)).up(10**9) == 0


@given(st.integers(0, 10**9), st.integers(0, 10**40), st.integers(1, 10**40), st.integers(1, WAD))
def test_both_roundings_enclose_the_fraction(gas, numerator, denominator, unit):
    per_gas = Toll(numerator, denominator)
    exact = Fraction(gas * numerator, denominator)
    assert per_gas.down(gas) <= exact <= per_gas.up(gas) < exact + 1
    assert per_gas.down(gas, unit) <= exact * unit < per_gas.down(gas, unit) + 1
