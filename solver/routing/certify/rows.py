"""The dual bound of the derivative part: the Lagrangian of a linear program over ladder levels.

Part of the checker. Any multipliers that are not negative give a valid bound (weak duality).
"""

from collections.abc import Iterator, Mapping

from solver.domain.errors import Unproven
from solver.domain.market import Ladder, Level
from solver.domain.numbers import WAD, div_up
from solver.domain.program import Exposure, Program
from solver.domain.snapshot import Snapshot
from solver.routing.certify.marks import delta_of, unit_cost

Rows = Mapping[str, int]  # leg:<i>:max, leg:<i>:min, delta:max, delta:min; atoms per unit, 1e18


def fill_bound(program: Program, snapshot: Snapshot, rows: Rows, held_delta: int) -> int:
    """Returns the most net credit any fills can earn, settlement atoms; `held_delta` is 1e36.

    max over x of sum credit*x, 0 <= x <= size, each leg's sum of x in its range (leg rows), the
    signed sum of delta*x in the box less what is held (delta rows).
    """
    if not program.exposures:
        return 0
    atoms = 10**snapshot.settlement_token.decimals * WAD  # of one settlement unit, 1e18
    total, slope = 0, rows.get("delta:max", 0) - rows.get("delta:min", 0)
    if program.delta is not None:
        most = (program.delta.target + program.delta.tolerance) * WAD - held_delta
        least = (program.delta.target - program.delta.tolerance) * WAD - held_delta
        # The contract's delta is rounded down: the box is wider by less than one.
        total += rows.get("delta:max", 0) * (most + WAD) - rows.get("delta:min", 0) * least
    elif slope:
        raise Unproven("a price on a delta that nothing bounds")
    for exposure in program.exposures:
        above, below = (rows.get(f"leg:{exposure.leg}:{end}", 0) for end in ("max", "min"))
        total += (above * exposure.quantity_max - below * exposure.quantity_min) * WAD
        units = dict[int, int]()  # each instrument's once, not each level's
        for ladder, sign, level in offers(program, exposure, snapshot):
            if ladder.instrument not in units:
                units[ladder.instrument] = _unit(program, snapshot, ladder.instrument, slope)
            gain = -sign * (level.price * atoms + units[ladder.instrument])
            total += level.quantity * max(0, gain - (above - below) * WAD)
    return div_up(total, WAD**3)


def offers(
    program: Program, exposure: Exposure, snapshot: Snapshot
) -> Iterator[tuple[Ladder, int, Level]]:
    """Yields (ladder, +1 to buy or -1 to sell, level) of all that the exposure may take."""
    limit, candidates = exposure.limit_price, frozenset(exposure.candidates)
    for ladder in snapshot.ladders:
        if ladder.instrument not in candidates or ladder.maker == program.account:
            continue
        if exposure.side != "sell":
            for level in ladder.asks:
                if not limit or level.price <= limit:
                    yield ladder, 1, level
        if exposure.side != "buy":
            for level in ladder.bids:
                if level.price >= limit:
                    yield ladder, -1, level


def _unit(program: Program, snapshot: Snapshot, instrument: int, slope: int) -> int:
    """Returns what a unit costs beyond its price, the delta row's included, atoms * 1e36."""
    cost: int = unit_cost(instrument, 0, snapshot) * 10**snapshot.settlement_token.decimals * WAD
    if slope and program.delta is not None and instrument >> 144 == program.delta.market:
        cost += slope * delta_of(instrument, snapshot)
    return cost
