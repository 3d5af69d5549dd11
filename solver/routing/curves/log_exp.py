"""Powers of 18-decimal numbers in the integers of Balancer's LogExpMath and FixedPoint.

Source: LogExpMath.pow, exp, _ln, _ln_36 (MIT) and FixedPoint.powUp of Balancer v2 and v3. Divisions
there cut toward zero, so a negative logarithm is a positive one with its sign changed.
"""

from solver.domain.errors import Infeasible
from solver.domain.numbers import WAD, mul_up

ONE20, ONE36 = 10**20, 10**36
EXPONENT_MAX, EXPONENT_MIN = 130 * WAD, -41 * WAD
_MILD_EXPONENT = 2**254 // ONE20
_NEAR_LOW, _NEAR_HIGH = WAD - 10**17, WAD + 10**17
_POWER_ERROR = 10**4  # 1e-14, what powUp adds so that it is never below the real power

# (x, e**x) without decimals in the power, x with 18.
_WHOLE = (
    (128 * WAD, 38877084059945950922200000000000000000000000000000000000),
    (64 * WAD, 6235149080811616882910000000),
)
# (x, e**x), both with 20 decimals; the last two serve the logarithm only.
_STEPS = (
    (32 * ONE20, 7896296018268069516100000000000000),
    (16 * ONE20, 888611052050787263676000000),
    (8 * ONE20, 298095798704172827474000),
    (4 * ONE20, 5459815003314423907810),
    (2 * ONE20, 738905609893065022723),
    (ONE20, 271828182845904523536),
    (ONE20 // 2, 164872127070012814685),
    (ONE20 // 4, 128402541668774148407),
    (ONE20 // 8, 113314845306682631683),
    (ONE20 // 16, 106449445891785942956),
)
_EXP_STEPS = _STEPS[:8]


def power_up(base: int, exponent: int, *, is_exact: bool) -> int:
    """Returns base**exponent (1e18 each), never below the real one; `is_exact`: 1, 2, 4 multiply.

    Raises Infeasible where the contract reverts.
    """
    if is_exact and exponent == WAD:
        return base
    if is_exact and exponent == 2 * WAD:
        return mul_up(base, base)
    if is_exact and exponent == 4 * WAD:
        square = mul_up(base, base)
        return mul_up(square, square)
    raw = power(base, exponent)
    return raw + mul_up(raw, _POWER_ERROR) + 1


def power(base: int, exponent: int) -> int:
    """Returns LogExpMath.pow of two 18-decimal numbers. Raises Infeasible outside its domain."""
    if exponent == 0:
        return WAD
    if base == 0:
        return 0
    if base >> 255 or exponent >= _MILD_EXPONENT:
        raise Infeasible(f"power {base}**{exponent} is outside the contract's domain")
    if _NEAR_LOW < base < _NEAR_HIGH:
        precise = _ln36(base)
        product = (precise // WAD) * exponent + (precise % WAD) * exponent // WAD
    else:
        product = _ln(base if base >= WAD else ONE36 // base) * exponent
    product //= WAD
    if product > (EXPONENT_MAX if base >= WAD else -EXPONENT_MIN):
        raise Infeasible(f"power {base}**{exponent} is outside the contract's domain")
    return _exp(product) if base >= WAD else ONE36 // _exp(product)


def _exp(x: int) -> int:
    """e**x for 0 <= x <= 130e18: whole powers first, then a series of twelve terms."""
    whole = 1
    for step, factor in _WHOLE:
        if x >= step:
            x -= step
            whole = factor
            break
    x *= 100
    product = ONE20
    for step, factor in _EXP_STEPS:
        if x >= step:
            x -= step
            product = product * factor // ONE20
    total, term = ONE20 + x, x
    for divisor in range(2, 13):
        term = term * x // ONE20 // divisor
        total += term
    return product * total // ONE20 * whole // 100


def _ln(a: int) -> int:
    """ln of a >= 1e18, with 18 decimals."""
    total = 0
    for step, factor in _WHOLE:
        if a >= factor * WAD:
            a //= factor
            total += step
    total, a = total * 100, a * 100
    for step, factor in _STEPS:
        if a >= factor:
            a = a * ONE20 // factor
            total += step
    z = (a - ONE20) * ONE20 // (a + ONE20)
    return (total + 2 * _odd_series(z, ONE20, 11)) // 100


def _ln36(x: int) -> int:
    """|ln x| with 36 decimals, for x within a tenth of one."""
    x *= WAD
    return 2 * _odd_series(abs(x - ONE36) * ONE36 // (x + ONE36), ONE36, 15)


def _odd_series(z: int, unit: int, last: int) -> int:
    """z + z**3/3 + ... + z**last/last."""
    square, total, term = z * z // unit, z, z
    for divisor in range(3, last + 1, 2):
        term = term * square // unit
        total += term // divisor
    return total
