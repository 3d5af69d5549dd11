"""What no trade on a concave curve can gain, proved by three exact quotes around the best one.

For curves without a closed maximum, such as Curve's stableswap: the search may use floats, the
bound does not.
"""

from collections.abc import Callable
from math import inf, sqrt

Curve = Callable[[int], int]

PROBE_BITS = 36  # a slope is measured over at most this many bits more than a rounding
WIDTH_BITS = 17  # the proof's first width, of the best input: the bound is loose by its square
SEARCH_STEPS = 40
WIDENING = 4
REACH = 16  # widths that a parabola is trusted beyond its points


def secant_bound(
    quote: Curve,
    price_in: int,
    price_out: int,
    most: int,
    slack: int,
    *,
    near: int | None = None,
) -> int:
    """Returns an upper bound of price_out*f(x) - price_in*x over the integers 0 <= x <= most.

    f is any concave function with |f - quote| <= slack on that range, and `quote` must answer all
    of it. The unit is the prices' times the quote's. `near` is a guess of the best x, which saves
    the search; no guess makes the bound wrong, only slower or looser.

    Proof. g = price_out*f - price_in*x is concave and known to e = price_out*slack. For a < m < b
    with g(a) <= g(m) >= g(b), g is at most g(m) below a and above b. From m to b the line through
    a and m is above g, so g <= g(m) + (g(m) - g(a))*(b - m)/(m - a); from a to m the line through
    m and b is. Loose by the square of the width, plus a few e.
    """

    def gain(x: int) -> int:
        return price_out * quote(x) - price_in * x

    error = price_out * slack
    middle = _peak(quote, (price_in, price_out), most, slack) if near is None else near
    width = max(1, middle >> WIDTH_BITS, 4 * error // max(1, price_in))  # less shows no fall
    while 2 * width < most:
        middle = min(max(middle, width), most - width)
        first, last = middle - width, middle + width
        left, here, right = gain(first), gain(middle), gain(last)
        is_left_sure = first == 0 or here - left >= 2 * error
        is_right_sure = last == most or here - right >= 2 * error
        if is_left_sure and is_right_sure:
            return here + error + max(0, here - left + 2 * error, here - right + 2 * error)
        bend, shift = 2 * here - left - right, 0
        if bend > 8 * error:  # to the vertex of the parabola through the three
            shift = width * (right - left) // (2 * bend)
            middle += min(max(shift, -REACH * width), REACH * width)
        elif max(left, right) > here:
            middle = first if left >= right else last
        is_near = 0 < abs(shift) <= REACH * width
        width = width + width // 8 + 1 if is_near else width * WIDENING
    ends = gain(0), gain(most // 2), gain(most)
    return 3 * max(ends) - 2 * min(ends) + 5 * error  # as above; a half is at most twice the other


def _peak(quote: Curve, prices: tuple[int, int], most: int, slack: int) -> int:
    """Returns about the input at which one more atom buys what it costs, by difference quotients
    wide enough to see over the roundings.
    """
    price_in, price_out = prices
    fine = (price_out * slack << PROBE_BITS) // max(1, price_in)

    def excess(x: int) -> float:
        step = max(1, fine >> 28, min(x >> 9 if x else most >> 20, fine))
        first, last = max(0, x - step), min(most, x + step)
        rise = quote(last) - quote(first)
        run = last - first
        return sqrt(price_in * run / (price_out * rise)) - 1 if rise > 0 and price_out else inf

    return root(excess, most - (most >> 5))


def root(excess: Callable[[int], float], high: int) -> int:
    """Returns about the x in 0..high at which a rising function meets 0, or the nearer end.

    Secant steps held inside the bracket, quick where the function is nearly straight: give it
    1/sqrt(slope) - 1, the slope in units of price, straight for a constant product. Only float
    operations that every machine rounds alike.
    """
    low, past, past_excess = 0, 0, excess(0)
    if past_excess >= 0:
        return 0
    x = max(1, high >> 10)
    for _ in range(SEARCH_STEPS):
        here = excess(x)
        if here < 0:
            low = x
        else:
            high = x
        x, past, past_excess = _next(x, past, here, past_excess), x, here
        if not low < x < high:
            x = min(4 * low, (low + high) // 2) if low else high // 16
        if abs(x - past) <= x >> (WIDTH_BITS + 1) or high - low <= 1:
            break
    return x


def _next(x: int, past: int, here: float, past_excess: float) -> int:
    if inf in (here, past_excess) or here == past_excess:
        return -1
    return x - int(here * ((x - past) / (here - past_excess)))
