"""Prices of a thin book, and the last digits of a thick one: an interior-point method.

Prices and fills move together, a fill phi in 0..1 with its slacks: ratio - limit is over - under,
under*phi = over*(1 - phi) = mu -> 0, and what is bought of a token is what is sold of it. Orders
known to be filled whole join as constants. Mehrotra's predictor and corrector, one small matrix a
step.
"""

from typing import NamedTuple

import numpy as np
import scipy.linalg

from solver.routing.clearing.curves import Curves
from solver.routing.clearing.orders import Floats, Places
from solver.routing.clearing.ramps import jacobian, token_weights, with_curves

STEPS_MAX = 120
IDLE_MAX = 5  # steps without a much better point after the first good one
GAP_MAX = 1e-13  # mean of slack times fill, log price
RESIDUAL_MAX = 1e-11  # of the value traded, or of a hundredth of all there is
PROXIMAL = 1e-7  # of a token's value: what holds a price that nothing else does
SHORT = 0.995  # of the way to where a fill or slack would be 0
STEP_MAX = 0.5  # of a log price


class Window(NamedTuple):
    """Orders whose fill is open, by column, and the value filled whole already at unit prices."""

    sell: Places
    buy: Places
    limit: Floats
    value: Floats
    whole: Floats  # of row for column


class Interior(NamedTuple):
    """Log prices, fills of the window's orders, and sum |bought - sold| of the value traded."""

    prices: Floats
    fills: Floats
    residual: float
    steps: int


class _State(NamedTuple):
    prices: Floats
    fills: Floats
    rest: Floats  # 1 - fill, kept apart for its own digits
    under: Floats
    over: Floats


def interior(window: Window, pieces: Curves, prices: Floats, width: float) -> Interior:
    """Returns the best point found from log prices that are right to about `width`."""
    state = _start(window, prices, width)
    most = float(window.value.sum() + window.whole.sum())
    weight = token_weights(window.sell, window.buy, window.value, prices.size)
    weight = weight + window.whole.sum(0) + window.whole.sum(1)
    best = Interior(prices, state.fills, np.inf, 0)
    for step in range(STEPS_MAX):
        worth = window.value * np.exp(state.prices[window.sell])
        stiff = 1 / (state.over / state.rest + state.under / state.fills)
        matrices = _matrices(window, pieces, state, (worth, stiff))
        excess = matrices[0].sum(0) - matrices[0].sum(1)
        off = float(np.abs(excess).sum()) / max(float(matrices[0].sum()), 1e-2 * most, 1e-300)
        gap = _gap(state)
        if not np.isfinite(off):
            break
        if gap <= 10 * GAP_MAX and off < best.residual / 2:
            best = Interior(state.prices, state.fills, off, step)
        if (gap <= GAP_MAX and off <= RESIDUAL_MAX) or step > best.steps + IDLE_MAX > IDLE_MAX:
            break
        matrix = jacobian(*matrices)
        matrix[np.diag_indices_from(matrix)] *= 1 + 1e-13
        matrix[np.diag_indices_from(matrix)] += PROXIMAL * weight
        state = _moved(window, state, (excess, worth * stiff, stiff), matrix, gap)
    if not np.isfinite(best.residual) and np.isfinite(state.fills).all():
        return Interior(state.prices, state.fills, 1.0, STEPS_MAX)
    return best


def _start(window: Window, prices: Floats, width: float) -> _State:
    """Returns the point of the central path at these prices."""
    x = (prices[window.sell] - prices[window.buy] - window.limit) / width
    root = np.sqrt(x * x + 4)
    small = 2 / (np.abs(x) + 2 + root)
    fills, rest = np.where(x > 0, 1 - small, small), np.where(x > 0, small, 1 - small)
    return _State(prices, fills, rest, width / fills, width / rest)


def _matrices(
    window: Window, pieces: Curves, state: _State, terms: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    worth, stiff = terms
    tokens = state.prices.size
    cell, shape = window.sell * tokens + window.buy, (tokens, tokens)
    sold = np.bincount(cell, worth * state.fills, tokens * tokens).astype(np.float64)
    sold = sold.reshape(shape)
    sold += window.whole * np.exp(state.prices)[:, None]
    slope = np.bincount(cell, worth * stiff, tokens * tokens).astype(np.float64)
    return with_curves((sold, slope.reshape(shape)), pieces, state.prices)


def _gap(state: _State) -> float:
    if not state.fills.size:
        return 0.0
    return float((state.under * state.fills + state.over * state.rest).mean()) / 2


def _moved(
    window: Window, state: _State, terms: tuple[Floats, Floats, Floats], matrix: Floats, gap: float
) -> _State:
    excess, heavy, stiff = terms
    factors = scipy.linalg.lu_factor(matrix, check_finite=False)
    apart = state.prices[window.sell] - state.prices[window.buy] - window.limit

    def direction(under: Floats | float, over: Floats | float) -> _State:
        shift = apart - over / state.rest + under / state.fills
        moved = heavy * shift
        tokens = state.prices.size
        net = np.bincount(window.buy, moved, tokens) - np.bincount(window.sell, moved, tokens)
        prices = scipy.linalg.lu_solve(factors, excess + net, check_finite=False)
        fills = stiff * (prices[window.sell] - prices[window.buy] + shift)
        below = (under - state.under * (state.fills + fills)) / state.fills
        above = (over - state.over * (state.rest - fills)) / state.rest
        return _State(prices, fills, -fills, below, above)

    ahead = direction(0.0, 0.0)
    length = _length(state, ahead)
    then = _gap(_State(*(s + length * d for s, d in zip(state, ahead, strict=True))))
    mu = max(min(max((then / gap) ** 3, 1e-3), 0.8) * gap if gap else 0.0, GAP_MAX / 10)
    if length < 0.1:
        mu = max(mu, 0.5 * gap)
    bend = length * length * ahead.fills
    move = direction(mu - bend * ahead.under, mu + bend * ahead.over)
    length = SHORT * _length(state, move)
    length = min(length, STEP_MAX / max(float(np.abs(move.prices).max(initial=0.0)), 1e-300))
    return _State(*(s + length * d for s, d in zip(state, move, strict=True)))


def _length(state: _State, move: _State) -> float:
    """Returns the most of a move that keeps fills and slacks positive, at most 1."""
    fastest = 1.0
    for now, change in zip(state[1:], move[1:], strict=True):
        fastest = max(fastest, float((-change / now).max(initial=0.0)))
    return 1 / fastest
