"""The optimal split over parallel pools and routes, as a second-order cone program.

Maximise what reaches the sink. A piece with input a loses kappa*m of its rate where
m >= a^2/(1 + kappa*a), a second-order cone: (1 + kappa*a + m, 2a, 1 + kappa*a - m). The problem is
compiled by cvxpy once for each size and solved again with other numbers (DPP), by Clarabel: each
time from the start, so that an answer does not depend on what was solved before it.
"""

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.ids import Address
from solver.routing.network import Network

Floats = NDArray[np.float64]

ITERATIONS_MAX = 100  # of the interior point method: a work limit, never a time limit
FLOW_MIN = 1e-7  # of the trade: less is the solver's noise
SIZES = (4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)


class Split(NamedTuple):
    """Input of each edge in token units, and the marginal value of each token in sink units."""

    flows: Floats
    prices: dict[Address, float]
    output: float  # sink units


class _Compiled(NamedTuple):
    problem: Any
    gain: Any  # tokens x pieces: what a unit of input does to each token's balance
    loss: Any
    kappa: Any
    cap: Any
    balance: Any  # the constraint whose dual is the tokens' price
    flow: Any


_idle: dict[tuple[int, int], list[_Compiled]] = {}


def split(network: Network, is_open: NDArray[np.bool_] | None = None) -> Split | None:
    """Returns the best split over the open edges; None when the solver has no answer.

    With all edges open (the default), those back from the sink too, the duals are the prices of the
    tightest bound; a plan to execute takes the onward edges only.

    Floats: only a plan. Rounding turns it into integers, and the exact curves say what it is worth.
    """
    pieces, tokens = network.pieces, {token: i for i, token in enumerate(network.tokens)}
    if not pieces:
        return None
    width = next(size for size in SIZES if size >= len(pieces))
    shape = (len(tokens), width)
    gain, loss, kappa, cap = np.zeros(shape), np.zeros(shape), np.zeros(width), np.zeros(width)
    for k, piece in enumerate(pieces):
        edge = network.edges[piece.edge]
        gain[tokens[edge.token_in], k] -= 1.0
        gain[tokens[edge.token_out], k] += piece.rate
        loss[tokens[edge.token_out], k] = piece.rate * piece.kappa
        kappa[k] = piece.kappa
        cap[k] = piece.cap if is_open is None or is_open[piece.edge] else 0.0
    idle = _idle.setdefault(shape, [])  # taken out while in use: two threads never share one
    compiled = idle.pop() if idle else _compiled(*shape)
    answer = _solve(compiled, (gain, loss, kappa, cap))
    idle.append(compiled)
    if answer is None:
        return None
    inputs, duals, output = answer
    flows = np.zeros(len(network.edges))
    np.add.at(flows, [piece.edge for piece in pieces], inputs[: len(pieces)])
    flows[flows < FLOW_MIN] = 0.0
    scale = duals[-1]
    return Split(flows, {t: float(duals[i] / scale) for t, i in tokens.items()}, output)


def _solve(
    compiled: _Compiled, numbers: tuple[Floats, Floats, Floats, Floats]
) -> tuple[Floats, Floats, float] | None:
    import cvxpy as cp

    gain, loss, kappa, cap = numbers
    compiled.gain.value, compiled.loss.value = gain, loss
    compiled.kappa.value, compiled.cap.value = kappa, cap
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # integers judge inaccurate answers
            compiled.problem.solve(
                solver=cp.CLARABEL, warm_start=False, max_iter=ITERATIONS_MAX, max_threads=1
            )
    except cp.SolverError:
        return None
    if compiled.problem.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
        return None
    duals = np.abs(np.asarray(compiled.balance.dual_value, dtype=np.float64))
    inputs = np.asarray(compiled.flow.value, dtype=np.float64)
    return inputs, duals, float(compiled.problem.value)


def _compiled(tokens: int, width: int) -> _Compiled:
    import cvxpy as cp  # a second of imports: only for who routes

    gain, loss = cp.Parameter((tokens, width)), cp.Parameter((tokens, width))
    kappa, cap = cp.Parameter(width, nonneg=True), cp.Parameter(width, nonneg=True)
    flow, curved = cp.Variable(width, nonneg=True), cp.Variable(width, nonneg=True)
    output = cp.Variable()
    source, sink = np.zeros(tokens), np.zeros(tokens)
    source[0], sink[-1] = 1.0, 1.0
    balance = source + gain @ flow - loss @ curved >= output * sink
    bent = cp.multiply(kappa, flow)  # type: ignore[attr-defined]
    bend = cp.vstack([2 * flow, 1 + bent - curved])  # type: ignore[attr-defined]
    cone = cp.SOC(1 + bent + curved, bend, axis=0)
    problem = cp.Problem(cp.Maximize(output), [balance, flow <= cap, cone])
    return _Compiled(problem, gain, loss, kappa, cap, balance, flow)
