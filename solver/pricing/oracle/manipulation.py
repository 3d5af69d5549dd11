"""What it costs to move a pool's mean price, and so how much may hang on it.

Constant product with quote reserve y. To move a geometric mean over W seconds by a factor m with n
blocks in hand, the spot price has to stand at ms = m^(W/12n) in them: capital (sqrt(ms) - 1) y.
Held against arbitrage that loses n (sqrt(ms) + 1/sqrt(ms) - 2) y; whoever also proposes the blocks
unwinds before anybody trades and pays two fees. Steps of more than 1 % a block are cut before the
mean is taken, so a short capture moves little, whatever is paid.
"""

import math
from typing import NamedTuple

from solver.domain.market import ConcentratedPool
from solver.domain.numbers import PPM, WAD

BLOCK_SECONDS = 12
STEP_TICKS = 100  # 1.0001**100 is 1 % a block
STEP = 1.0001**STEP_TICKS
MOVE = 1.05  # of the mean: what an attacker would want of it
BLOCKS = 2  # proposed in a row by one hand
COVER = 10  # times the value that hangs on it
REACH_TICKS = 1_700  # how far spot must go for MOVE over ten minutes under the cut steps


class Mean(NamedTuple):
    """A pool's mean as a source: the quote side of its depth in whole settlement units 1e18, the
    window in seconds, the fee in ppm."""

    reserve: int
    window: int
    fee_ppm: int


def mean_weight(mean: Mean, guarded: int) -> int:
    """Returns 1 when moving the mean costs at least ten times the value it guards, else 0: such a
    source has no vote. `guarded` is what could be liquidated on the market, 1e18."""
    return 1 if manipulation_cost(mean) >= COVER * guarded else 0


def manipulation_cost(mean: Mean, move: float = MOVE, blocks: int = BLOCKS) -> int:
    """Returns the least cost, 1e18 settlement units down, of moving the cut mean by `move`."""
    needed = blocks_needed(mean.window, move)
    unit = mean.reserve
    if needed > blocks:  # more than one hand proposes: somebody arbitrages between
        lost = sum(_lost(STEP**count) for count in range(1, needed + 1))
        return int(lost * unit)
    lost, fees = held_cost(mean.window, needed, move, mean.fee_ppm)
    return int(min(lost, fees) * unit)


def held_cost(window: int, blocks: int, move: float, fee_ppm: int) -> tuple[float, float]:
    """Returns (loss when arbitraged, fees when unwound) of holding spot through `blocks`, where no
    step is cut, as shares of the quote reserve."""
    spot = move ** (window / (BLOCK_SECONDS * blocks))
    return blocks * _lost(spot), 2 * fee_ppm / PPM * (math.sqrt(spot) - 1)


def blocks_needed(window: int, move: float) -> int:
    """Returns the blocks whose cut steps, up and then back, add up to the move of the mean."""
    wanted = math.log(move) * window / (BLOCK_SECONDS * math.log(STEP))
    blocks = 1
    while blocks * blocks < wanted:  # 1 + 2 + .. + n up and n - 1 + .. + 1 back
        blocks += 1
    return blocks


def mean_of(pool: ConcentratedPool, window: int, *, is_base_first: bool, quote_unit: int) -> Mean:
    """Returns a concentrated pool as a mean. Its reserve is that of the thinnest liquidity within
    the reach of an attack: what stands closer does not stop one. `quote_unit` is 10**decimals."""
    least = active = pool.liquidity
    for tick, net in pool.ticks:
        if pool.tick < tick <= pool.tick + REACH_TICKS:
            active += net
            least = min(least, active)
    active = pool.liquidity
    for tick, net in reversed(pool.ticks):
        if pool.tick - REACH_TICKS < tick <= pool.tick:
            active -= net
            least = min(least, active)
    root = pool.sqrt_price_x96
    atoms = least * root >> 96 if is_base_first else (least << 96) // root
    return Mean(atoms * WAD // quote_unit, window, pool.fee_ppm)


def _lost(spot: float) -> float:
    """Returns what pushing the price by a factor loses to whoever pushes it back, of y."""
    root = math.sqrt(spot)
    return root + 1 / root - 2
