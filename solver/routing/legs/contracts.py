"""Multipliers of the linear relaxation, and which contracts can still be the best at them.

A wide range has hundreds of contracts, and an exposure takes one. At the multipliers every contract
has a bound of its own; those below what is known to be reached are left out of the search for whole
lots without losing the optimum.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from solver.domain.numbers import WAD
from solver.domain.program import Program
from solver.domain.snapshot import Snapshot
from solver.routing.certify.marks import unit_cost
from solver.routing.charge import fill_toll
from solver.routing.legs.linear import Linear
from solver.routing.legs.menu import STAKE, Floats, Menu
from solver.routing.legs.restricted import USED
from solver.routing.lots import (
    DELTA_UNIT,
    MILLI,
    Ground,
    Offer,
    best_lots,
    delta_range,
    lots_range,
    offers_of,
)
from solver.routing.rounding import LOT

FIRST = 3  # contracts of each exposure that are tried first
SLACK = 1e-7  # relative: what floats may be wrong by

Contract = tuple[int, int, int]  # leg, instrument, sign


def row_prices(program: Program, snapshot: Snapshot, ground: Ground) -> dict[str, int]:
    """Returns the multipliers of the linear relaxation, atoms per unit, 1e18; none if unsolved."""
    found = _relaxed(program, snapshot, ground, offers_of(program, snapshot))
    if found is None:
        return {}
    names = [f"leg:{exposure.leg}" for exposure in program.exposures]
    scales = [1.0] * len(names)  # milli-atoms a lot to atoms a unit
    if program.delta is not None:
        names, scales = [*names, "delta"], [*scales, LOT / DELTA_UNIT * WAD]
    out = {}
    for name, scale, dual in zip(names, scales, found.tolist(), strict=True):
        amount = int(abs(dual) * scale / MILLI / LOT * WAD * WAD)
        if amount:
            out[f"{name}:{'max' if dual > 0 else 'min'}"] = amount
    return out


def narrowed_lots(
    program: Program, snapshot: Snapshot, ground: Ground, table: list[Offer]
) -> list[int] | None:
    """Returns `best_lots`, over the contracts that can be best only. Raises as `best_lots`."""
    contracts = {_contract(offer) for offer in table}
    found = None
    if len(contracts) > FIRST * len(program.exposures):
        found = _relaxed(program, snapshot, ground, table)
    if found is None:
        return best_lots(program, snapshot, ground, table)
    values = _values(program, snapshot, table, found)
    first = {c for e in program.exposures for c in _best(values, e.leg)}
    lots = _lots_of(program, snapshot, ground, (table, first))
    if lots is None:
        return best_lots(program, snapshot, ground, table)
    toll = fill_toll(snapshot) * MILLI
    reached = _worth(table, lots, toll)
    tops = {leg: max(v for c, v in values.items() if c[0] == leg) for leg, _, _ in values}
    most = _bound(program, ground, tops, found)
    spare = SLACK * max(abs(most), 1.0)
    rest = {c for c, value in values.items() if most - tops[c[0]] + value >= reached - spare}
    if rest <= first:
        return lots
    return _lots_of(program, snapshot, ground, (table, rest | first))


def _relaxed(
    program: Program, snapshot: Snapshot, ground: Ground, table: list[Offer]
) -> Floats | None:
    """Returns the rows' multipliers, milli-atoms per lot and per DELTA_UNIT, above zero where the
    upper end binds; None where no quantities hold every row.
    """
    if not table:
        return None
    scale = 10**snapshot.settlement_token.decimals * MILLI * LOT / WAD**2
    costs = {i: unit_cost(i, 0, snapshot) for i in {o.ladder.instrument for o in table}}
    prices = [o.level.price + costs[o.ladder.instrument] for o in table]
    credit = np.array([-o.sign * p * scale for o, p in zip(table, prices, strict=True)], float)
    legs = [exposure.leg for exposure in program.exposures]
    rows = [[float(offer.exposure.leg == leg) for offer in table] for leg in legs]
    ends = [(e.quantity_min / LOT, e.quantity_max / LOT) for e in program.exposures]
    if program.delta is not None:
        rows.append([float(offer.delta) for offer in table])
        ends_of_delta = delta_range(program, ground)
        ends.append((ends_of_delta[0] / DELTA_UNIT, ends_of_delta[1] / DELTA_UNIT))
    matrix, (low, high) = np.array(rows), np.array(ends).T
    size = np.array([offer.level.quantity / LOT for offer in table])
    whole = np.maximum(np.abs(matrix * size).max(axis=1), 1.0)
    stake, none = max(float(np.abs(credit * size).max()), 1.0), np.zeros(len(ends))
    one, no_legs = np.zeros(len(table), dtype=np.int64), np.zeros(1)
    menu = Menu(
        -credit * size / stake, np.ones(len(table)), one, one, no_legs,
        matrix * size / whole[:, None], low / whole, high / whole, none, 0.0, 0.0, 1,
    )  # fmt: skip
    linear = Linear(menu, STAKE)
    linear.add(menu.cost, menu.size, menu.rows.T)
    point = linear.solve()
    return None if point.slack > USED else -point.prices * stake / whole


def _values(
    program: Program, snapshot: Snapshot, table: list[Offer], found: Floats
) -> dict[Contract, float]:
    """Returns the most each contract can add at the delta's multiplier, milli-atoms: its best
    levels, and the gas of one maker. What lacks the depth is left out.
    """
    slope = float(found[-1]) if program.delta is not None else 0.0
    levels: dict[Contract, list[tuple[float, int]]] = {}
    for offer in table:
        levels.setdefault(_contract(offer), []).append(
            (offer.credit - slope * offer.delta, offer.lots)
        )
    ranges = {exposure.leg: lots_range(exposure) for exposure in program.exposures}
    toll, values = fill_toll(snapshot) * MILLI, {}
    for contract, own in levels.items():
        least, most = ranges[contract[0]]
        value, taken = 0.0, 0
        for gain, lots in sorted(own, reverse=True):
            part = min(lots, (most if gain > 0 else least) - taken)
            if part > 0:
                value, taken = value + gain * part, taken + part
        if taken >= least:
            values[contract] = value - toll if least else max(value - toll, 0.0)
    return values


def _best(values: dict[Contract, float], leg: int) -> Sequence[Contract]:
    own = [contract for contract in values if contract[0] == leg]
    return sorted(own, key=lambda contract: (-values[contract], contract))[:FIRST]


def _bound(program: Program, ground: Ground, tops: Mapping[int, float], found: Floats) -> float:
    """Returns what no choice of contracts exceeds at the multipliers, milli-atoms."""
    total = sum(tops.values())
    if program.delta is not None:
        low, high = (end / DELTA_UNIT for end in delta_range(program, ground))
        slope = float(found[-1])
        total += slope * (high if slope > 0 else low)
    return total


def _lots_of(
    program: Program,
    snapshot: Snapshot,
    ground: Ground,
    some: tuple[list[Offer], set[Contract]],
) -> list[int] | None:
    """Returns `best_lots` over some contracts of the table, 0 for the others."""
    table, contracts = some
    kept = [place for place, offer in enumerate(table) if _contract(offer) in contracts]
    lots = best_lots(program, snapshot, ground, [table[place] for place in kept])
    if lots is None:
        return None
    out = [0] * len(table)
    for place, count in zip(kept, lots, strict=True):
        out[place] = count
    return out


def _worth(table: list[Offer], lots: list[int], toll: int) -> int:
    used = [(offer, count) for offer, count in zip(table, lots, strict=True) if count]
    makers = {(_contract(offer), offer.ladder.maker) for offer, _ in used}
    return sum(offer.credit * count for offer, count in used) - toll * len(makers)


def _contract(offer: Offer) -> Contract:
    return offer.exposure.leg, offer.ladder.instrument, offer.sign
