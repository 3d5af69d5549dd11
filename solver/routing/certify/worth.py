"""What a choice among many contracts is worth, and what none can be worth more than.

Part of the checker. The bound is the Lagrangian of the rows that choice holds, in the same integers
and so exact: legs are capped in number and each pays its gas, the margin its rate. Any multipliers
that are not negative give a valid bound.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from solver.domain.account import Account
from solver.domain.market import Level
from solver.domain.numbers import PPM, WAD, div_down, div_up
from solver.domain.program import Program, Scenario
from solver.domain.route import Solution
from solver.domain.snapshot import Snapshot
from solver.routing.certify.choice import Count, is_of, sign_of
from solver.routing.certify.rows import offers
from solver.routing.toll import toll

GAS_LEG = 60_000  # of one more maker: a quote, its signature, the position slots it writes

Rows = Mapping[str, int]


def choice_value_and_bound(
    program: Program, snapshot: Snapshot, solution: Solution, account: Account, rows: Rows
) -> tuple[int, int]:
    """Returns what the fills are worth above what they cost, with theta, less the margin's rate and
    the legs' gas, rounded down; and what no fills can be worth more than. Settlement atoms.
    """
    count = Count(program, snapshot, solution, account)
    choice, tolled = count.choice, toll(snapshot.settlement_token.address, snapshot).up(GAS_LEG)
    total = sum(
        abs(f.quantity) * count.gain(f.instrument, sign_of(f), f.price) for f in solution.fills
    )
    if choice.scenarios is not None:
        total -= div_up(count.margin() * choice.scenarios.rate_ppm * count.atoms * WAD, PPM)
    legs = len({(f.instrument, f.maker) for f in solution.fills})
    return div_down(total, WAD**3) - legs * tolled, _bound(count, rows, tolled)


def _bound(count: Count, rows: Rows, tolled: int) -> int:
    """Returns the greatest of sum gain*x - rate*M - toll*legs plus every row at its multiplier,
    over the levels' sizes and the cap on legs, atoms.
    """
    choice, snapshot = count.choice, count.snapshot
    priced, total = _priced(count, rows)
    losses = rows.get("loss:max", 0) if choice.loss_max is not None else 0
    total += losses * (choice.loss_max or 0) * WAD * WAD // count.atoms + WAD * losses
    ends = [_ends(rows, f"structure:{number}") for number in range(len(choice.structure))]
    for (above, below), row in zip(ends, choice.structure, strict=True):
        total += (above * row.quantity_max - below * row.quantity_min) * WAD
    legs, slopes = Counter[tuple[int, object]](), dict[int, int]()
    for exposure in count.program.exposures:
        above, below = _ends(rows, f"leg:{exposure.leg}")
        total += (above * exposure.quantity_max - below * exposure.quantity_min) * WAD
        runs: dict[tuple[int, int, object], list[Level]] = {}
        for ladder, sign, level in offers(count.program, exposure, snapshot):
            runs.setdefault((ladder.instrument, sign, ladder.maker), []).append(level)
        for (instrument, sign, maker), levels in runs.items():
            if instrument not in slopes:
                rows_in = (row for row in priced if row[1] == instrument >> 144)
                slopes[instrument] = sum(p * count.unit(r, instrument) for p, _, r in rows_in)
            counted = [n for n, r in enumerate(choice.structure) if is_of(r, instrument, sign)]
            slope = sign * slopes[instrument] + (above - below) * WAD
            slope += WAD * sum(ends[n][0] - ends[n][1] for n in counted)
            room = min(
                [exposure.quantity_max, *(choice.structure[n].quantity_max for n in counted)]
            )
            levels.sort(key=lambda level, sign=sign: sign * level.price)  # type: ignore[misc]
            legs[instrument, maker] += _run(
                count, (instrument, sign), levels, (slope, losses, room)
            )
    gains = sorted((gain - tolled * WAD**3 for gain in legs.values()), reverse=True)
    total += sum(max(0, gain) for gain in gains[: choice.legs_max])
    return div_up(total, WAD**3)


def _run(
    count: Count, key: tuple[int, int], levels: Sequence[Level], terms: tuple[int, int, int]
) -> int:
    """Returns the most that one side of a leg gains, 1e54. Best levels first is best, for gains
    fall and losses rise along them: so none takes more than those before it leave of the row on the
    quantity and of the budget for losses.
    """
    (slope, losses, room), total = terms, 0
    budget = count.choice.loss_max
    left = None if budget is None else div_up(budget * WAD * WAD, count.atoms)  # 1e36
    (instrument, sign), mark = key, count.unit("mark", key[0])
    worth = count.worth(instrument)
    for level in levels:
        lost = max(0, sign * (level.price - mark))
        gain = sign * (worth - level.price * WAD) * count.atoms - slope - losses * lost
        taken = max(0, min(level.quantity, room))
        if left is not None and lost:
            taken = min(taken, div_up(left, lost))
            left = max(0, left - taken * lost)
        if gain <= 0:
            break
        room, total = room - taken, total + gain * taken
    return total


def _priced(count: Count, rows: Rows) -> tuple[list[tuple[int, int, str | Scenario]], int]:
    """Returns (multiplier, market, row) of delta, greeks and scenarios with a multiplier, and what
    their ends add, 1e54.
    """
    choice, total = count.choice, 0
    priced: list[tuple[int, int, str | Scenario]] = []
    for name, market, greek, low, high in _boxes(count):
        above, below = _ends(rows, name)
        if above or below:
            held = count.held(market, greek)
            total += above * (high - held) - below * (low - held)
            priced.append((above - below, market, greek))
    budget = choice.scenarios
    if budget is not None:
        prices = [rows.get(f"scenario:{n}", 0) for n in range(len(budget.scenarios))]
        for price, scenario in zip(prices, budget.scenarios, strict=True):
            if price:
                total += price * count.held(budget.market, scenario)
                priced.append((-price, budget.market, scenario))
        spared = max(0, sum(prices) - budget.rate_ppm * count.atoms * WAD // PPM)
        total += spared * div_up(budget.budget * WAD * WAD, count.atoms)
    return priced, total


def _boxes(count: Count) -> list[tuple[str, int, str, int, int]]:
    """Returns (name of its rows, market, greek, low, high) of each box, 1e36."""
    boxes = [
        (f"greek:{n}", b.market, b.greek, b.low * WAD, b.high * WAD)
        for n, b in enumerate(count.choice.greeks)
    ]
    box = count.program.delta
    if box is not None:  # the contract's delta is rounded down: the box is wider by less than one
        low, high = (box.target - box.tolerance) * WAD, (box.target + box.tolerance + 1) * WAD
        boxes.append(("delta", box.market, "delta", low, high))
    return boxes


def _ends(rows: Rows, name: str) -> tuple[int, int]:
    return rows.get(f"{name}:max", 0), rows.get(f"{name}:min", 0)
