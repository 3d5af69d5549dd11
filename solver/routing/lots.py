"""How many lots of each offer: the mixed-integer program behind fills, solved by CP-SAT.

One contract and one side a leg, within each leg's range, the delta box and the slippage budget.
Integers of 64 bits on one thread, with a limit of work and never of time. That there is no answer,
that the work ran out and that the program itself is wrong are three things, and told apart.
"""

from collections import Counter
from typing import Any, NamedTuple

from solver.domain.errors import Broken, Unavailable
from solver.domain.intent import NO_SLIPPAGE_LIMIT
from solver.domain.market import Ladder, Level
from solver.domain.numbers import BPS, WAD
from solver.domain.program import Exposure, Program
from solver.domain.snapshot import Snapshot
from solver.routing.certify.marks import GRID, delta_of, mark_of, unit_cost
from solver.routing.certify.rows import offers
from solver.routing.charge import fill_toll
from solver.routing.rounding import LOT, lots_down, lots_up

WORK_MAX = 2.0  # deterministic time of CP-SAT
MILLI = 1_000  # the objective counts thousandths of an atom
SUM_MAX = 2**60  # of each sum in the program: CP-SAT counts in 64 bits
DELTA_UNIT = LOT * GRID  # one lot times one step of the deltas' grid, 1e36
ATOMS_OF_ROUNDING = 2  # that each fill may lose against the budget


class Ground(NamedTuple):
    """What the rest of the plan leaves to the fills: delta held (1e36), slippage spent (atoms)."""

    delta: int = 0
    loss: int = 0
    notional: int = 0


class Offer(NamedTuple):
    """A level that an exposure may take, `lots` of it at most: 0 where it is below one lot."""

    exposure: Exposure
    ladder: Ladder
    sign: int
    level: Level
    credit: int  # milli-atoms a lot
    loss: int  # milli-atoms a lot, rounded up
    delta: int  # DELTA_UNIT a lot
    lots: int


def offers_of(program: Program, snapshot: Snapshot) -> list[Offer]:
    """Returns every offer. A price so absurd that not one lot of it can be summed up is none, and
    of an absurd size only a part is: no maker may make the program impossible for the others.
    """
    table, unit = [], 10**snapshot.settlement_token.decimals
    is_valued = program.limits.max_slippage_bps != NO_SLIPPAGE_LIMIT
    # One Black-76 an instrument, not a level.
    costs, marks, deltas = dict[int, int](), dict[int, int](), dict[int, int]()
    for exposure in program.exposures:
        _, most = lots_range(exposure)
        for ladder, sign, level in offers(program, exposure, snapshot):
            if ladder.instrument not in costs:
                costs[ladder.instrument] = unit_cost(ladder.instrument, 0, snapshot)
            price = level.price + costs[ladder.instrument]
            in_box = program.delta is not None and ladder.instrument >> 144 == program.delta.market
            if is_valued and ladder.instrument not in marks:
                marks[ladder.instrument] = mark_of(ladder.instrument, snapshot)
            if in_box and ladder.instrument not in deltas:
                deltas[ladder.instrument] = delta_of(ladder.instrument, snapshot) // GRID
            off = level.price - marks[ladder.instrument] if is_valued else 0
            delta = deltas[ladder.instrument] if in_box else 0
            scale = LOT * unit * MILLI
            credit, loss = -sign * price * scale // WAD**2, -(-sign * off * scale // WAD**2)
            lots = min(lots_down(level.quantity), most)
            table.append(Offer(exposure, ladder, sign, level, credit, loss, sign * delta, lots))
    share = SUM_MAX // max(len(table), 1)
    summable = ((o, share // max(abs(o.credit), abs(o.loss), abs(o.delta), 1)) for o in table)
    return _needed([o._replace(lots=min(o.lots, most)) for o, most in summable if most])


def _needed(table: list[Offer]) -> list[Offer]:
    """Returns the offers without those whose maker offers all that the leg can take at better
    prices: they would cost the same gas and more besides."""
    better: Counter[tuple[int, int, object]] = Counter()
    needed = set()
    for offer in sorted(table, key=lambda o: o.sign * o.level.price):
        ladder = offer.ladder
        place = (offer.exposure.leg, ladder.instrument, (ladder.maker, offer.sign))
        if better[place] < offer.exposure.quantity_max:
            needed.add(id(offer))
            better[place] += offer.lots * LOT
    return [offer for offer in table if id(offer) in needed]


def lots_range(exposure: Exposure) -> tuple[int, int]:
    """Returns least and most lots; see `odd_quantity`."""
    least, most = lots_up(exposure.quantity_min), lots_down(exposure.quantity_max)
    return min(least, most), most


def odd_quantity(exposure: Exposure) -> int:
    """Returns what an exact quantity needs beyond whole lots, 1e18: completed afterwards."""
    return max(exposure.quantity_min - LOT * lots_range(exposure)[1], 0)


def delta_range(program: Program, ground: Ground) -> tuple[int, int]:
    """Returns the ends of what the fills may add to the delta, 1e36."""
    assert program.delta is not None
    target, tolerance = program.delta.target, program.delta.tolerance
    return (target - tolerance) * WAD - ground.delta, (target + tolerance) * WAD - ground.delta


def best_lots(
    program: Program, snapshot: Snapshot, ground: Ground, table: list[Offer]
) -> list[int] | None:
    """Returns the lots of each offer, of greatest net credit less the gas of each maker used; None
    when no lots satisfy the limits. Raises as `solved`.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    counts = [model.new_int_var(0, offer.lots, "") for offer in table]
    contracts: dict[tuple[int, int, int], Any] = {}
    makers: dict[tuple[int, int, object], Any] = {}
    for offer, count in zip(table, counts, strict=True):
        leg, instrument, maker = offer.exposure.leg, offer.ladder.instrument, offer.ladder.maker
        contract, user = (leg, instrument, offer.sign), (leg, instrument, (maker, offer.sign))
        if contract not in contracts:
            contracts[contract] = model.new_bool_var("")
        if user not in makers:
            makers[user] = model.new_bool_var("")
            model.add_implication(makers[user], contracts[contract])
        model.add(count <= offer.lots * makers[user])
    for exposure in program.exposures:
        own = [n for o, n in zip(table, counts, strict=True) if o.exposure is exposure]
        model.add_linear_constraint(sum(own), *lots_range(exposure))
        model.add_at_most_one([flag for key, flag in contracts.items() if key[0] == exposure.leg])
    if program.delta is not None:
        low, high = _delta_lots(program, ground, table)
        if low > high or low > SUM_MAX or high < -SUM_MAX:
            return None
        moved = sum(o.delta * n for o, n in zip(table, counts, strict=True))
        model.add_linear_constraint(moved, max(low, -SUM_MAX), min(high, SUM_MAX))
    _limit_slippage(model, (program, snapshot, ground), table, counts)
    toll = fill_toll(snapshot) * MILLI
    credit = sum(o.credit * n for o, n in zip(table, counts, strict=True))
    model.maximize(credit - toll * sum(makers.values()))
    return solved(model, counts)


def solved(model: Any, variables: list[Any]) -> list[int] | None:
    """Returns the variables' values, None when there is provably no solution.

    Raises Unavailable `solveTimeout` when the work ran out before either was known, and Broken for
    a program that CP-SAT does not take.
    """
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = WORK_MAX
    solver.parameters.cp_model_probing_level = 0  # it spent all work before any plan was found
    status = solver.solve(model)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return [int(solver.value(variable)) for variable in variables]
    if status == cp_model.INFEASIBLE:
        return None
    if status == cp_model.UNKNOWN:
        detail = "the work allowed to the solver ran out before it found a plan"
        raise Unavailable(detail, code="solveTimeout")
    raise Broken(f"CP-SAT does not take the program: {model.validate()[:200]}")


def _delta_lots(program: Program, ground: Ground, table: list[Offer]) -> tuple[int, int]:
    """Returns the ends for whole lots, DELTA_UNIT: odd quantities must stay inside too, whichever
    contract they complete.
    """
    low, high = delta_range(program, ground)
    for exposure in program.exposures:
        deltas = [GRID * offer.delta for offer in table if offer.exposure is exposure]
        low -= odd_quantity(exposure) * min(deltas, default=0)
        high -= odd_quantity(exposure) * max(deltas, default=0)
    return -(-low // DELTA_UNIT), high // DELTA_UNIT


def _limit_slippage(
    model: Any, context: tuple[Program, Snapshot, Ground], table: list[Offer], counts: list[Any]
) -> None:
    """Loss <= bps of one leg's notional: the greatest, so of the one that may become greatest.

    The budget of a lot is rounded down to thousandths of an atom, so that sums stay within 64 bits;
    one that no sum reaches is cut off.
    """
    program, snapshot, ground = context
    bps = program.limits.max_slippage_bps
    if bps == NO_SLIPPAGE_LIMIT or not program.exposures:
        return
    marks = {e.leg: mark_of(e.candidates[0] >> 144 << 144, snapshot) for e in program.exposures}
    largest = max(
        program.exposures,
        key=lambda e: (e.quantity_min * marks[e.leg], e.quantity_max * marks[e.leg], -e.leg),
    )
    spot = marks[largest.leg] * LOT * 10**snapshot.settlement_token.decimals
    spare = (ground.loss + ATOMS_OF_ROUNDING * len(program.exposures)) * MILLI
    lost = sum(o.loss * n for o, n in zip(table, counts, strict=True)) + _cut(spare)
    if ground.notional * WAD**2 > spot * lots_down(largest.quantity_max):
        model.add(lost <= _cut(ground.notional * bps * MILLI // BPS))
        return
    most = sum(offer.lots for offer in table if offer.exposure is largest)
    a_lot = min(spot * MILLI * bps // (WAD**2 * BPS), SUM_MAX // max(most, 1))  # milli-atoms
    taken = sum(n for o, n in zip(table, counts, strict=True) if o.exposure is largest)
    model.add(lost <= a_lot * taken)


def _cut(milli_atoms: int) -> int:
    """Returns the amount no further from zero than the greatest sum."""
    return max(-SUM_MAX, min(SUM_MAX, milli_atoms))
