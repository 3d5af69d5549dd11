"""The dual bound in integers: what no plan can exceed, whatever found the multipliers.

Part of the checker. Any non-negative prices give a valid bound (weak duality); good ones give a
tight one. Token part: sum of nu*sold plus each pool's best arbitrage at nu. Derivative part, given
the token part: the Lagrangian of the linear program over ladder levels.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from solver.domain.account import Account
from solver.domain.errors import Unproven
from solver.domain.ids import Address
from solver.domain.market import Ladder, Level
from solver.domain.numbers import PPM, WAD, div_up
from solver.domain.program import Exposure, Program
from solver.domain.route import Certificate, Solution
from solver.domain.snapshot import Snapshot
from solver.routing import curves
from solver.routing.certify import tally

Prices = Mapping[Address, int]  # PRICE_UNIT
Rows = Mapping[str, int]  # leg:<i>:max, leg:<i>:min, delta:max, delta:min; atoms per unit, 1e18


def gap_ppm(value: int, bound: int) -> int:
    """Returns ceil((bound - value) * 1e6 / max(|value|, 1))."""
    return div_up((bound - value) * PPM, max(abs(value), 1))


def certificate(value: int, bound: int, prices: Prices, rows: Rows) -> Certificate:
    """Returns the claim in its one canonical form."""
    tokens, multipliers = tuple(sorted(prices.items())), tuple(sorted(rows.items()))
    return Certificate(value, bound, gap_ppm(value, bound), tokens, multipliers)


def numeraire(programs: Sequence[Program], snapshot: Snapshot) -> Address | None:
    """Returns the token whose atoms the objective counts: what the first program buys, or the
    settlement token where fills earn premium too; None without a token part.
    """
    bought = [flow.token for program in programs for flow in program.buys]
    if any(program.exposures for program in programs) and bought:
        return snapshot.settlement_token.address
    return bought[0] if bought else None


def value_and_bound(
    programs: Sequence[Program],
    snapshot: Snapshot,
    solutions: Sequence[Solution],
    accounts: Sequence[Account],
    multipliers: tuple[Prices, Rows],
) -> tuple[int, int]:
    """Returns the objective's value and its bound at the multipliers, atoms of the numeraire."""
    prices, rows = multipliers
    sold, value, earned, bound = Counter[Address](), 0, 0, 0
    for program, solution, account in zip(programs, solutions, accounts, strict=True):
        given, received = _traded(program, solution)
        sold.update(given)
        value += sum(prices.get(token, 0) * amount for token, amount in received.items())
        earned += tally.credit(solution.fills, snapshot)
        held = 0
        if program.delta is not None and program.exposures:
            held = tally.held_delta(program, snapshot, solution, account)
        bound += fill_bound(program, snapshot, rows, held)
    if sold:
        bound += div_up(token_bound(sold, snapshot, prices), curves.PRICE_UNIT)
    return value // curves.PRICE_UNIT + earned, bound


def token_bound(sold: Mapping[Address, int], snapshot: Snapshot, prices: Prices) -> int:
    """Returns the most that `sold` can become, times PRICE_UNIT: sum nu*sold + sum arbitrage."""
    bound = sum(prices.get(token, 0) * amount for token, amount in sold.items())
    for pool in snapshot.pools:
        if any(prices.get(token) for token in pool.tokens):
            bound += curves.arbitrage_up(pool, prices)
    return bound


def fill_bound(program: Program, snapshot: Snapshot, rows: Rows, held_delta: int) -> int:
    """Returns the most net credit any fills can earn, settlement atoms; `held_delta` is 1e36.

    max over x of sum credit*x, 0 <= x <= size, each leg's sum of x in its range (leg rows), the
    signed sum of delta*x in the box less what is held (delta rows).
    """
    if not program.exposures:
        return 0
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
        for ladder, sign, level in offers(program, exposure, snapshot):
            gain = _gain(program, snapshot, (ladder.instrument, sign, level), slope)
            total += level.quantity * max(0, gain - (above - below) * WAD)
    return div_up(total, WAD**3)


def offers(
    program: Program, exposure: Exposure, snapshot: Snapshot
) -> Iterator[tuple[Ladder, int, Level]]:
    """Yields (ladder, +1 to buy or -1 to sell, level) of all that the exposure may take."""
    limit = exposure.limit_price
    for ladder in snapshot.ladders:
        if ladder.instrument not in exposure.candidates or ladder.maker == program.account:
            continue
        if exposure.side != "sell":
            for level in ladder.asks:
                if not limit or level.price <= limit:
                    yield ladder, 1, level
        if exposure.side != "buy":
            for level in ladder.bids:
                if level.price >= limit:
                    yield ladder, -1, level


def _gain(program: Program, snapshot: Snapshot, offer: tuple[int, int, Level], slope: int) -> int:
    """Returns credit less the delta row's price of one unit, atoms * 1e36."""
    instrument, sign, level = offer
    unit = 10**snapshot.settlement_token.decimals
    gain: int = -sign * tally.unit_cost(instrument, level.price, snapshot) * unit * WAD
    if slope and program.delta is not None and instrument >> 144 == program.delta.market:
        gain -= slope * sign * tally.delta_of(instrument, snapshot)
    return gain


def _traded(program: Program, solution: Solution) -> tuple[Counter[Address], Counter[Address]]:
    """Returns what went into venues and what came out, fee held back on its own side."""
    sells = {flow.leg for flow in program.sells}
    given, received = Counter[Address](), Counter[Address]()
    for pull in solution.pulls:
        if pull.leg in sells:
            given[pull.token] += pull.amount
    for out in solution.outs:
        received[out.token] += out.amount
    settlement = program.limits.settlement_token
    if tally.is_fee_held_back(program, solution):
        if given[settlement]:
            given[settlement] -= solution.fee
        else:
            received[settlement] += solution.fee
    return given, received
