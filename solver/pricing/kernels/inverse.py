"""The inverse of Black-76 for one option in plain arithmetic: what is scalar, and numba compiles.

With b the out-of-the-money value over sqrt(F K), x = -|ln(F/K)|, s = sigma sqrt(T), h = x/s and
t = s/2 (P. Jaeckel, "Let's be rational", Wilmott 2015): b' = phi, b = phi (Y(h+t) - Y(h-t)) and
e^(x/2) - b = phi (Y(-h-t) + Y(h-t)), phi = exp(-(h^2 + t^2)/2) / sqrt(2 pi), Y(z) = N(z)/n(z). So
the ratio b/b' has no exponential in it, nor any digit to lose: in its series where t is small.
"""

import math

from solver.pricing.kernels.formula import DENSITY_MAX, DEVIATION_MAX, PRICE_MIN, log_ratio

STEPS_MAX = 60
LAST_STEP = 2e-4  # relative: the error after a step is half its fourth power
SERIES_MAX = 0.05  # of t, up to which six terms are exact to the last bit
SLACK = 1e-15  # of the intrinsic value: what is less below it is there but for rounding
PULL_MIN = 1e-3  # of p below, which far from the money would turn negative
TINY = 1e-290  # below, a quotient may have lost digits
FLAT = 1e-8  # at the money, up to which value and volatility are in proportion to the last bit
OK, BELOW, ABOVE, SENSELESS = 0, 1, 2, 3  # why there is no volatility

MILLS_AT_0 = math.sqrt(math.pi / 2)
# (1 + a) Y(-a) is a polynomial of (a - CENTRE) / (a + CENTRE): its Chebyshev sum of degree 23 by 60
# digits of mpmath, after M. Shepherd, J. Laframboise, Math. Comp. 36 (1981).
CENTRE = 5.0


def mills(a: float) -> float:
    """Returns N(-a) / n(a) of the normal law for a >= 0, with a relative error below 4e-16."""
    u = (a - CENTRE) / (a + CENTRE)
    w = u * u
    even = -7.073898575561589e-10 * w + 9.092476134019147e-09
    even = (even * w - 6.588974491108954e-08) * w + 3.2054316652589574e-07
    even = (even * w - 1.7633239265736746e-07) * w - 2.480583845192319e-05
    even = (even * w + 0.00045704392357953655) * w - 0.004201290329187307
    even = (even * w - 0.03802659218584139) * w - 0.0661776007790963
    even = (even * w + 0.07778159886873769) * w + 1.1568486282918946
    odd = -9.564832934712551e-10 * w + 1.1032071151574336e-08
    odd = (odd * w - 7.758520236786343e-08) * w + 4.91996233147834e-07
    odd = (odd * w - 3.277287633208865e-06) * w + 2.270961270923768e-05
    odd = (odd * w - 0.0001343742785571135) * w + 1.9530638370790786e-05
    odd = (odd * w + 0.01634823128102938) * w + 0.0615050458401865
    odd = (odd * w + 0.0250721793016388) * w - 0.22948753825211315
    return (even + u * odd) / (1.0 + a)


def series(h: float, t: float) -> float:
    """Returns b/b' = Y(h+t) - Y(h-t) for t up to SERIES_MAX and h <= 0: Taylor's odd terms, the
    derivatives of Y by Y' = 1 + z Y."""
    before = mills(-h)
    now = 1.0 + h * before
    total, weight = now, 1.0
    for n in range(1, 11, 2):
        before, now = now, n * before + h * now
        before, now = now, (n + 1) * before + h * now
        weight *= t * t / ((n + 1) * (n + 2))
        total += weight * now
    return 2.0 * t * total


def volatility(price: float, forward: float, strike: float, years: float, sign: float) -> float:
    """Returns the volatility of an undiscounted price, or minus the reason why there is none.

    Inputs are not negative and finite; the volatility is 0 at the intrinsic value.
    """
    if not (years > 0 and min(forward, strike) >= PRICE_MIN):
        return -SENSELESS
    if price >= (forward if sign > 0 else strike):
        return -ABOVE
    floor = max(0.0, sign * (forward - strike))
    value = price - floor
    if value <= 0:
        return 0.0 if value >= -SLACK * floor else -BELOW
    return deviation(value, forward, strike) / math.sqrt(years)


def deviation(value: float, forward: float, strike: float) -> float:
    """Returns sigma sqrt(T) of an out-of-the-money value above 0."""
    x, scale = -abs(log_ratio(forward, strike)), math.sqrt(forward * strike)
    top, turn = min(forward, strike) / scale, math.sqrt(-2.0 * x)
    middle = 0.5 * turn  # at s = turn the value is steepest, and h + t = 0
    ratio = series(-middle, middle) if middle < SERIES_MAX else MILLS_AT_0 - mills(turn)
    steepest = DENSITY_MAX * top
    beta = value / scale
    if beta >= top:
        return DEVIATION_MAX
    if x == 0.0 and beta < FLAT:
        return beta / DENSITY_MAX
    if beta >= steepest * ratio:
        return _upper(beta, x, top, turn + (beta - steepest * ratio) / steepest)
    target = math.log(beta) if beta > TINY else math.log(value) - math.log(scale)
    return _lower(target, x, turn, _start(target - math.log(steepest * ratio), x, turn / ratio))


def _start(below: float, x: float, pull: float) -> float:
    """Returns s / turn where -x^2 / 2s^2 + p ln s is `below` what it is at the turn, p such that it
    is as steep there as ln b: two steps of Newton, from a side on which they cannot overshoot."""
    a, p = -0.25 * x, max(pull + 0.5 * x, PULL_MIN)
    w = max(-0.5 * math.log(1.0 - below / a), below / p)
    for _ in range(2):
        spread = a * math.exp(-2.0 * w)
        w -= (a - spread + p * w - below) / (2.0 * spread + p)
    return math.exp(w)


def _lower(target: float, x: float, turn: float, share: float) -> float:
    """Returns the deviation below `turn`, by Householder's third order on ln b."""
    low, high, s = 0.0, turn, turn * share
    for _ in range(STEPS_MAX):
        h, t = x / s, 0.5 * s
        ratio = series(h, t) if t < SERIES_MAX else mills(-h - t) - mills(t - h)
        miss = math.log(DENSITY_MAX * ratio) - 0.5 * (h * h + t * t) - target
        if miss < 0:
            low = s
        else:
            high = s
        slant = h * h / s - 0.5 * t
        second = slant - 1 / ratio
        third = _bend(slant, h / s) + (2 / ratio - 3 * slant) / ratio
        step = _kept(s, -miss * ratio * _householder(-miss * ratio, second, third), low, high)
        s += step
        if abs(step) <= LAST_STEP * s:
            break
    return s


def _upper(beta: float, x: float, top: float, s: float) -> float:
    """Returns the deviation from the steepest point on, by the same on b, and on -ln(top - b) where
    more than half of what there is has been reached."""
    low, high, s = 0.0, DEVIATION_MAX, min(s, 0.5 * DEVIATION_MAX)
    for _ in range(STEPS_MAX):
        h, t = x / s, 0.5 * s
        slope = DENSITY_MAX * math.exp(-0.5 * (h * h + t * t))
        slant = h * h / s - 0.5 * t
        second, third = slant, _bend(slant, h / s)
        if t < SERIES_MAX:
            newton = beta / slope - series(h, t)
        else:
            missing = mills(abs(h + t)) + mills(t - h)
            newton = (beta - top) / slope + missing
            if beta > 0.5 * top:
                newton = missing * math.log(slope * missing / (top - beta))
                third += (2 / missing + 3 * slant) / missing
                second += 1 / missing
        if newton > 0:
            low = s
        else:
            high = s
        step = _kept(s, newton * _householder(newton, second, third), low, high)
        s += step
        if abs(step) <= LAST_STEP * s:
            break
    return s


def _bend(slant: float, tilt: float) -> float:
    """Returns the third derivative of b over the first, of the second over the first and h/s."""
    return slant * slant - 3.0 * tilt * tilt - 0.25


def _householder(newton: float, second: float, third: float) -> float:
    """Returns what Newton's step is multiplied by, of the higher derivatives over the first."""
    below = 1 + newton * (second + newton * third / 6)
    return (1 + 0.5 * newton * second) / below if below > 0.1 else 1.0


def _kept(s: float, step: float, low: float, high: float) -> float:
    """Returns the step, or one to the middle of the bracket where it would leave it."""
    return step if low <= s + step <= high else 0.5 * (low + high) - s
