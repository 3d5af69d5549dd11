"""The tangent's bound: above every point of the curve, and no higher than its best."""

from decimal import Context, Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from solver.routing.curves.tangent import Line, gain_up

REAL = Context(prec=150)  # far more than the bound's own 60: here the curve is the truth


def line_of(held_in, held_out, bend_parts):
    """Returns the line through two balances; the bend is so many millionths of their product."""
    x, y = Decimal(held_in), Decimal(held_out)
    pull = REAL.divide(REAL.multiply(REAL.add(x, y), bend_parts), 10**6)
    bend = REAL.multiply(pull, REAL.multiply(x, y))
    return Line(bend, REAL.subtract(REAL.add(x, y), pull), (x, y))


def other(line, x):
    """Returns Y beside X: the positive root of X*Y**2 + X*(X - level)*Y = bend."""
    half = REAL.divide(REAL.subtract(line.level, x), 2)
    root = REAL.sqrt(REAL.add(REAL.multiply(half, half), REAL.divide(line.bend, x)))
    return REAL.add(half, root)


def gain(line, prices, x):
    paid, worth = prices
    held_in, held_out = line.held
    out = REAL.subtract(REAL.subtract(held_out, other(line, x)), 1)
    return REAL.subtract(REAL.multiply(worth, out), REAL.multiply(paid, REAL.subtract(x, held_in)))


BALANCE = st.integers(10**12, 10**30)
LINES = st.builds(line_of, BALANCE, BALANCE, st.integers(1, 10**7))
PRICE = st.integers(1, 10**30).map(Decimal)


@given(LINES, PRICE, PRICE, st.lists(st.integers(0, 10**9), min_size=8, max_size=8))
def test_no_point_of_the_curve_gains_more(line, paid, worth, parts):
    bound = gain_up(line, paid, worth)
    for part in parts:
        x = REAL.add(line.held[0], REAL.divide(REAL.multiply(line.held[0], part), 10**6))
        assert gain(line, (paid, worth), x) <= bound


@settings(max_examples=15)  # each one searches its curve in 150 digits
@given(LINES, st.integers(1, 300))
def test_the_best_point_gains_the_bound(line, skew):
    x, y = line.held
    pull = REAL.divide(line.bend, REAL.multiply(x, y))
    # The price at which nothing is gained, and the token out worth so many thousandths more.
    paid, worth = REAL.add(1, REAL.divide(pull, x)), REAL.add(1, REAL.divide(pull, y))
    prices = paid, REAL.divide(REAL.multiply(worth, 1000 + skew), 1000)
    low, high = x, REAL.multiply(REAL.add(x, y), 10**6)
    for _ in range(400):
        third = REAL.divide(REAL.subtract(high, low), 3)
        left, right = REAL.add(low, third), REAL.subtract(high, third)
        if gain(line, prices, left) < gain(line, prices, right):
            low = left
        else:
            high = right
    best, bound = gain(line, prices, low), gain_up(line, *prices)
    assert best <= bound <= best + abs(best) * Decimal("1e-12") + Decimal("1e-9")


def test_a_gift_is_worth_the_whole_balance():
    line = line_of(10**20, 10**21, 100)
    assert gain_up(line, Decimal(0), Decimal(3)) == 3 * 10**21
