"""What a large position must hold on top: the cost of closing it into the liquidity there will be.

Cost by the square-root law of impact (J.-P. Bouchaud et al., "Trades, Quotes and Prices", Cambridge
2018, ch. 12), as Drift's initial margin fraction rises with the root of the size.
"""

from math import isqrt

from solver.domain.numbers import WAD, div_up


def concentration(size: int, price: int, daily: int, depth: int, impact: int = WAD) -> int:
    """Returns impact x daily x price x |size| x sqrt(|size| / depth), settlement units 1e18, up.

    `size` and `depth` are 1e18 of the underlying, `daily` one day's deviation 1e18. Unknown depth
    (0) charges nothing.
    """
    size = abs(size)
    if depth <= 0 or size == 0:
        return 0
    square = div_up(size * WAD * WAD, depth)
    root = isqrt(square - 1) + 1  # of a positive number, up
    return div_up(impact * daily * price * size * root, WAD**4)


def exposure(rise: int, fall: int) -> int:
    """Returns the most of the underlying that closing a book can take: its delta after an extreme
    rise or an extreme fall, whichever is larger."""
    return max(abs(rise), abs(fall))
