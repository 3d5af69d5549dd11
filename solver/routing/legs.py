"""Which contracts and makers fill the exposures: a mixed-integer program over ladder levels.

Maximise net credit less the gas of each maker used, in whole lots, one contract and one side a leg,
within each leg's range, the delta box and the slippage budget. CP-SAT in integers with a limit of
work, never of time, on one thread. The prices of the certificate are the linear relaxation's.
"""

from typing import Any, NamedTuple

from solver.domain.errors import Infeasible
from solver.domain.intent import NO_SLIPPAGE_LIMIT
from solver.domain.market import Ladder, Level
from solver.domain.numbers import BPS, WAD, format_decimal
from solver.domain.program import Exposure, Program
from solver.domain.route import Fill
from solver.domain.snapshot import Snapshot
from solver.routing.certify import tally
from solver.routing.certify.duality import offers
from solver.routing.charge import fill_toll
from solver.routing.rounding import LOT, lots_down, lots_up

WORK_MAX = 2.0  # deterministic time of CP-SAT
MILLI = 1_000  # the objective counts thousandths of an atom
DELTA_UNIT = LOT * tally.GRID  # one lot times one step of the deltas' grid, 1e36
BOUND_MAX = 10**17
ATOMS_OF_ROUNDING = 2  # that each fill may lose against the budget


class Ground(NamedTuple):
    """What the rest of the plan leaves to the fills: delta held (1e36), slippage spent (atoms)."""

    delta: int = 0
    loss: int = 0
    notional: int = 0


class _Offer(NamedTuple):
    exposure: Exposure
    ladder: Ladder
    sign: int
    level: Level
    credit: int  # milli-atoms a lot
    loss: int  # milli-atoms a lot, rounded up
    delta: int  # DELTA_UNIT a lot


def best_fills(program: Program, snapshot: Snapshot, ground: Ground) -> tuple[Fill, ...]:
    """Returns the fills. Raises Infeasible saying which limit no fills meet, and by how much."""
    table = _offers(program, snapshot)
    for exposure in program.exposures:
        _check_depth(exposure, table, snapshot)
    lots = _lots(program, snapshot, ground, table)
    if lots is None:
        raise _infeasible(program, snapshot, ground, table)
    fills = [
        Fill(
            offer.exposure.leg,
            offer.ladder.instrument,
            offer.sign * count * LOT,
            offer.level.price,
            offer.ladder.maker,
            offer.level.quote_index,
        )
        for offer, count in zip(table, lots, strict=True)
        if count
    ]
    return tuple(_exact(program, table, fills))


def row_prices(program: Program, snapshot: Snapshot, ground: Ground) -> dict[str, int]:
    """Returns the multipliers of the linear relaxation, atoms per unit, 1e18; none if unsolved."""
    from ortools.linear_solver import pywraplp

    table, unit = _offers(program, snapshot), 10**snapshot.settlement_token.decimals
    solver = pywraplp.Solver.CreateSolver("GLOP")
    rows = {
        f"leg:{exposure.leg}": solver.Constraint(
            exposure.quantity_min / WAD, exposure.quantity_max / WAD
        )
        for exposure in program.exposures
    }
    if program.delta is not None:
        ends = _box(program, ground)
        rows["delta"] = solver.Constraint(*(end / WAD**2 for end in ends))
    objective = solver.Objective()
    for offer in table:
        flow = solver.NumVar(0.0, offer.level.quantity / WAD, "")
        price = tally.unit_cost(offer.ladder.instrument, offer.level.price, snapshot)
        objective.SetCoefficient(flow, -offer.sign * price * unit / WAD)
        rows[f"leg:{offer.exposure.leg}"].SetCoefficient(flow, 1.0)
        if offer.delta:
            rows["delta"].SetCoefficient(flow, offer.delta * tally.GRID / WAD)
    objective.SetMaximization()
    if solver.Solve() != pywraplp.Solver.OPTIMAL:
        return {}
    duals = {name: int(row.dual_value() * WAD) for name, row in rows.items()}
    return {
        f"{name}:{'max' if dual > 0 else 'min'}": abs(dual) for name, dual in duals.items() if dual
    }


def _offers(program: Program, snapshot: Snapshot) -> list[_Offer]:
    table, unit = [], 10**snapshot.settlement_token.decimals
    is_valued = program.limits.max_slippage_bps != NO_SLIPPAGE_LIMIT
    for exposure in program.exposures:
        for ladder, sign, level in offers(program, exposure, snapshot):
            price = tally.unit_cost(ladder.instrument, level.price, snapshot)
            off = level.price - tally.mark_of(ladder.instrument, snapshot) if is_valued else 0
            in_box = program.delta is not None and ladder.instrument >> 144 == program.delta.market
            delta = tally.delta_of(ladder.instrument, snapshot) // tally.GRID if in_box else 0
            scale = LOT * unit * MILLI
            table.append(
                _Offer(
                    exposure,
                    ladder,
                    sign,
                    level,
                    -sign * price * scale // WAD**2,
                    -(-sign * off * scale // WAD**2),
                    sign * delta,
                )
            )
    return table


def _box(program: Program, ground: Ground) -> tuple[int, int]:
    """Returns the ends of what the fills may add to the delta, 1e36."""
    assert program.delta is not None
    target, tolerance = program.delta.target, program.delta.tolerance
    return (target - tolerance) * WAD - ground.delta, (target + tolerance) * WAD - ground.delta


def _range(exposure: Exposure) -> tuple[int, int]:
    """Returns least and most lots; an exact quantity between two lots is completed afterwards."""
    least, most = lots_up(exposure.quantity_min), lots_down(exposure.quantity_max)
    return min(least, most), most


def _lots(
    program: Program, snapshot: Snapshot, ground: Ground, table: list[_Offer]
) -> list[int] | None:
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    counts = [  # no more than the leg's most: the sums below stay within 64 bits
        model.new_int_var(0, min(lots_down(o.level.quantity), _range(o.exposure)[1]), "")
        for o in table
    ]
    contracts: dict[tuple[int, int, int], Any] = {}
    makers: dict[tuple[int, int, object], Any] = {}
    for offer, count in zip(table, counts, strict=True):
        size, leg = lots_down(offer.level.quantity), offer.exposure.leg
        contract = (leg, offer.ladder.instrument, offer.sign)
        maker = (leg, offer.ladder.instrument, (offer.ladder.maker, offer.sign))
        chosen = contracts.setdefault(contract, model.new_bool_var(""))
        used = makers.setdefault(maker, model.new_bool_var(""))
        model.add(count <= size * used)
        model.add_implication(used, chosen)
    for exposure in program.exposures:
        least, most = _range(exposure)
        own = [n for o, n in zip(table, counts, strict=True) if o.exposure is exposure]
        model.add_linear_constraint(sum(own), least, most)
        model.add_at_most_one([flag for key, flag in contracts.items() if key[0] == exposure.leg])
    if program.delta is not None:
        low, high = (max(-BOUND_MAX, min(BOUND_MAX, e)) for e in _box_lots(program, ground))
        if low > high:
            return None
        moved = sum(o.delta * n for o, n in zip(table, counts, strict=True))
        model.add_linear_constraint(moved, low, high)
    _limit_slippage(model, (program, snapshot, ground), table, counts)
    toll = fill_toll(snapshot) * MILLI
    credit = sum(o.credit * n for o, n in zip(table, counts, strict=True))
    model.maximize(credit - toll * sum(makers.values()))
    return _solved(model, counts)


def _solved(model: Any, counts: list[Any]) -> list[int] | None:
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = WORK_MAX
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return [int(solver.value(count)) for count in counts]


def _box_lots(program: Program, ground: Ground) -> tuple[int, int]:
    low, high = _box(program, ground)
    return -(-low // DELTA_UNIT), high // DELTA_UNIT


def _limit_slippage(
    model: Any, context: tuple[Program, Snapshot, Ground], table: list[_Offer], counts: list[Any]
) -> None:
    """Loss <= bps of one leg's notional: the greatest, so of the one that may become greatest.

    The budget of a lot is rounded down to thousandths of an atom, so that sums stay within 64 bits.
    """
    program, snapshot, ground = context
    bps = program.limits.max_slippage_bps
    if bps == NO_SLIPPAGE_LIMIT or not program.exposures:
        return
    marks = {
        e.leg: tally.mark_of(e.candidates[0] >> 144 << 144, snapshot) for e in program.exposures
    }
    largest = max(
        program.exposures,
        key=lambda e: (e.quantity_min * marks[e.leg], e.quantity_max * marks[e.leg], -e.leg),
    )
    spot = marks[largest.leg] * LOT * 10**snapshot.settlement_token.decimals
    a_lot = spot * MILLI * bps // (WAD**2 * BPS)  # milli-atoms of budget
    spare = (ground.loss + ATOMS_OF_ROUNDING * len(program.exposures)) * MILLI
    loss = sum(o.loss * n for o, n in zip(table, counts, strict=True)) + spare
    if ground.notional * WAD**2 > spot * lots_down(largest.quantity_max):
        model.add(loss <= ground.notional * bps * MILLI // BPS)
        return
    budget = model.new_int_var(*_range(largest), "")
    model.add(budget == sum(n for o, n in zip(table, counts, strict=True) if o.exposure is largest))
    model.add(loss <= budget * a_lot)


def _exact(program: Program, table: list[_Offer], fills: list[Fill]) -> list[Fill]:
    """Completes quantities that are no whole number of lots, where the level has room for it."""
    for exposure in program.exposures:
        own = [index for index, fill in enumerate(fills) if fill.leg == exposure.leg]
        rest = exposure.quantity_min - sum(abs(fills[index].quantity) for index in own)
        if rest <= 0:
            continue
        for offer in table:
            taken = next((i for i in own if _is_at(fills[i], offer)), None)
            used = abs(fills[taken].quantity) if taken is not None else 0
            if offer.exposure is not exposure or offer.level.quantity - used < rest:
                continue
            if taken is not None:
                quantity = fills[taken].quantity + offer.sign * rest
                fills[taken] = fills[taken]._replace(quantity=quantity)
                break
            if not own:
                name, level = offer.ladder.instrument, offer.level
                maker, index = offer.ladder.maker, level.quote_index
                fills.append(Fill(exposure.leg, name, offer.sign * rest, level.price, maker, index))
                break
    return fills


def _is_at(fill: Fill, offer: _Offer) -> bool:
    place = (offer.ladder.instrument, offer.level.price, offer.ladder.maker)
    return (fill.instrument, fill.price, fill.maker) == place and (
        fill.quote_index == offer.level.quote_index
    )


def _check_depth(exposure: Exposure, table: list[_Offer], snapshot: Snapshot) -> None:
    """Says what is missing when no single contract has the depth the leg asks for."""
    depth: dict[tuple[int, int], int] = {}
    for offer in table:
        if offer.exposure is exposure:
            key = (offer.ladder.instrument, offer.sign)
            depth[key] = depth.get(key, 0) + offer.level.quantity
    deepest = max(depth.values(), default=0)
    if deepest >= exposure.quantity_min:
        return
    told: dict[str, object] = {
        "leg": exposure.leg,
        "required": format_decimal(exposure.quantity_min),
        "available": format_decimal(deepest),
    }
    best = _best_price(exposure, snapshot)
    if exposure.limit_price and best is not None:
        told |= {"limitPrice": format_decimal(exposure.limit_price), "best": format_decimal(best)}
        detail = f"leg {exposure.leg}: too little is offered within the limit price"
        raise Infeasible(detail, code="legPrice", data=told)
    detail = f"leg {exposure.leg}: makers offer less than it needs"
    raise Infeasible(detail, code="thinBook", data=told)


def _best_price(exposure: Exposure, snapshot: Snapshot) -> int | None:
    is_buy = exposure.side == "buy"
    prices = [
        level.price
        for ladder in snapshot.ladders
        if ladder.instrument in exposure.candidates
        for level in (ladder.asks if is_buy else ladder.bids)
    ]
    return (min if is_buy else max)(prices) if prices else None


def _infeasible(
    program: Program, snapshot: Snapshot, ground: Ground, table: list[_Offer]
) -> Infeasible:
    """Returns the error for the bound without which fills exist, with its numbers."""
    bps = program.limits.max_slippage_bps
    free = program._replace(limits=program.limits._replace(max_slippage_bps=NO_SLIPPAGE_LIMIT))
    lots = _lots(free, snapshot, ground, table)
    if lots is not None:
        loss = sum(o.loss * n for o, n in zip(table, lots, strict=True)) // MILLI + ground.loss
        detail = "no fills stay within the slippage bound"
        return Infeasible(detail, code="slippage", data={"limitBps": bps, "lossAtoms": str(loss)})
    if program.delta and _lots(free._replace(delta=None), snapshot, ground, table) is not None:
        told = {
            "target": format_decimal(program.delta.target),
            "tolerance": format_decimal(program.delta.tolerance),
            "held": format_decimal(ground.delta // WAD),
        }
        return Infeasible("no fills bring the delta into its range", code="delta", data=told)
    return Infeasible("no fills meet the legs' ranges together", code="legQuantity")
