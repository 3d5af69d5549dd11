"""Random stableswap pools, and the invariant solved in 80 digits, independently of the contracts'
iterations.
"""

from decimal import Decimal, localcontext
from fractions import Fraction

from hypothesis import strategies as st

from solver.domain.market import StableswapPool

NAMES = ("0xa", "0xb", "0xc", "0xd")


def pool(amounts, rates, amplification=200, fee=4_000_000, unit=1):
    """Returns a pool of 18-decimal `amounts` in the atoms that the rates make of them."""
    balances = tuple(amount * 10**18 // rate for amount, rate in zip(amounts, rates, strict=True))
    return StableswapPool(
        "curve",
        "0x" + "5" * 40,
        NAMES[: len(balances)],
        balances,
        amplification,
        tuple(rates),
        fee,
        120_000,
        fee // 2,
        unit,
    )


RATES = st.sampled_from((10**18, 10**30, 10**28, 1_039_823_717_209_616_949))


@st.composite
def pools(draw):
    """Draws 2 to 4 coins, a thousand to a billion of each, at most a thousandfold apart."""
    count = draw(st.integers(2, 4))
    size = draw(st.integers(10**21, 10**26))
    amounts = [size * draw(st.integers(1, 1000)) for _ in range(count)]
    unit = draw(st.sampled_from((1, 100)))
    rates = [draw(RATES) for _ in range(count)]
    amplification = draw(st.integers(2, 5000)) * unit
    drawn = pool(amounts, rates, amplification, draw(st.integers(0, 10**8)), unit)
    return drawn._replace(edition=draw(st.integers(1, 3 if count == 2 else 2)))


def _root(function, low, high):
    """Returns the root of a function rising from below to above 0, by halving to 70 digits."""
    for _ in range(300):
        middle = (low + high) / 2
        if function(middle) < 0:
            low = middle
        else:
            high = middle
    return high


def true_invariant(pool_, scaled):
    """Returns D as a decimal of 80 digits."""
    with localcontext() as context:
        context.prec = 80
        count, total = len(scaled), Decimal(sum(scaled))
        amp = Decimal(pool_.amplification * count) / pool_.amplification_unit
        product = Decimal(1)
        for held in scaled:
            product *= Decimal(held) * count
        excess = lambda d: amp * d + d ** (count + 1) / product - amp * total - d  # noqa: E731
        return _root(excess, Decimal(0), total + 1)


def true_balance(pool_, others, total):
    """Returns the missing coin's balance at D = total, an integer, as a decimal of 80 digits."""
    with localcontext() as context:
        context.prec = 80
        count = len(others) + 1
        amp = Fraction(pool_.amplification * count, pool_.amplification_unit)
        constant = Fraction(total) ** (count + 1) / count**count
        for held in others:
            constant /= held
        ample, fixed = Decimal(amp.numerator) / amp.denominator, Decimal(constant.numerator)
        fixed /= constant.denominator
        rest, whole = Decimal(sum(others)), Decimal(total)
        excess = lambda y: ample * (rest + y) + whole - ample * whole - fixed / y  # noqa: E731
        return _root(excess, Decimal(10) ** -40, 2 * whole + fixed)
