"""The descent both engines share: Newton on log prices, each step searched to the least dual.

`look`, `settle`, `measure` and `direct` are the engine's own; this module is compiled as it stands
with the loops in place of the vectors, so one algorithm gives both answers.
"""

from solver.routing.kernel.reach import abandon
from solver.routing.kernel.state import NOISE, SOFTNESS, WIDTH, Problem
from solver.routing.kernel.vectors.look import direct, kindle, look, measure, retain, settle

STEP_MAX = 4.0  # of a log price in one step
OVERSHOT = 0.35  # of the first slope: what may be left of it, uphill, at the end of a step
UNDERSHOT = 0.5  # the same downhill, before the step is made longer
EXACT = 1e-3  # the same, once the descent turns out to be long: no step may then lose value
LOOSE_MAX = 15  # steps before that
LOOKS_MAX = 40  # of one search

RESIDUAL_MAX = 5e-10  # aimed at
RESIDUAL_MAX_OF_BOOKS = 1e-13
NEAR, SMALL = 1e-6, 1e-9  # residuals: digits may be all that is left, or surely are
PATIENCE = 6  # steps in a row that bring nothing more near the end, counted thrice where small
IDLE_MIN = 0.5  # of the residual: nearly nothing trades yet
STEPS_MAX = 100
RESIDUAL_MAX_OF_GATED, STEPS_MAX_OF_GATED = 1e-7, 40  # only their prices matter
WIDTH_OF_GATED = 1e-5  # of levels whose book has a fixed cost
ROUNDS_MAX = 60  # of the multipliers of the books' levels
WIDTH_FIRST, WIDTH_LEAST = 1e-3, 1e-6
LOSS_MAX = 1e-13  # of the value, by levels used at a loss


def converge(problem: Problem) -> tuple[float, float, int]:
    """Returns (residual, value that books lose, steps) at the solution, or the best found."""
    steps = 0
    for is_last in (False, True):
        residual, lost, more = balance(problem)
        steps += more
        is_done = residual <= SMALL or problem.knobs[SOFTNESS] > 0.0
        if is_last or is_done or not abandon(problem):
            break
    return residual, lost, steps


def balance(problem: Problem) -> tuple[float, float, int]:
    """Returns the same, of one descent or, where there are books, of as many as they take."""
    knobs, is_gated = problem.knobs, problem.knobs[SOFTNESS] > 0.0
    is_one, steps, lost = is_gated or problem.books.price.size == 0, 0, 0.0
    tolerance = RESIDUAL_MAX if is_one else RESIDUAL_MAX_OF_BOOKS
    tolerance = RESIDUAL_MAX_OF_GATED if is_gated else tolerance
    steps_max = STEPS_MAX_OF_GATED if is_gated else STEPS_MAX
    knobs[WIDTH] = WIDTH_OF_GATED if is_gated else WIDTH_FIRST
    for _ in range(ROUNDS_MAX):
        residual, more = descend(problem, tolerance, steps_max)
        steps += more
        if is_one:
            break
        lost = retain(problem)
        if residual > NEAR or lost <= max(LOSS_MAX * value_of(problem), knobs[NOISE]):
            break
        knobs[WIDTH] = max(0.1 * knobs[WIDTH], WIDTH_LEAST)
    return residual, lost, steps


def value_of(problem: Problem) -> float:
    """Returns the value of the dual, but for what books lose."""
    value = 0.0
    for token in range(problem.tokens.pull.size):
        value += problem.tokens.pull[token]
    return value


def descend(problem: Problem, tolerance: float, steps_max: int) -> tuple[float, int]:
    """Returns (residual, steps) once the residual is below the tolerance or no step helps."""
    look(problem, 0.0)
    residual, steps = measure(problem), 0
    if residual > IDLE_MIN:
        kindle(problem)
    stale = 0
    while residual > tolerance and steps < steps_max and stale < PATIENCE:
        longest = direct(problem, residual)
        if longest == 0.0:
            break
        most = STEP_MAX / longest
        search(problem, min(1.0, 0.25 * most), most, OVERSHOT if steps < LOOSE_MAX else EXACT)
        settle(problem)
        steps += 1
        before, residual = residual, measure(problem)
        if residual > 0.5 * before and residual < NEAR and longest < NEAR:
            stale += 1 if residual > SMALL else 3
        else:
            stale = 0
    return residual, steps


def search(problem: Problem, first: float, most: float, overshot: float) -> None:
    """Looks along the step until the slope of the dual is all but gone: the root of what rises,
    found by false position that halves a stale end.
    """
    pull, step, is_free = problem.tokens.pull, problem.tokens.step, problem.tokens.is_free
    start = 0.0
    for token in range(pull.size):
        if is_free[token]:
            start += pull[token] * step[token]
    low, low_slope, high, high_slope = 0.0, start, -1.0, 0.0
    at = first
    stale = 0
    for _ in range(LOOKS_MAX):
        slope = look(problem, at)
        if slope > -overshot * start:
            high, high_slope = at, slope
            if stale > 0:
                low_slope *= 0.5
            stale = 1
        elif slope < UNDERSHOT * start and (high >= 0.0 or at < most):
            low, low_slope = at, slope
            if stale < 0:
                high_slope *= 0.5
            stale = -1
        else:
            return
        if high < 0.0:
            at = min(at * 3.0, most)
        else:
            at = low - low_slope * (high - low) / (high_slope - low_slope)
            at = min(max(at, low + 0.02 * (high - low)), high - 0.02 * (high - low))
            if high - low <= 1e-15 * high:
                return
