"""Everything a risk page shows of one account, from one snapshot: requirements, ladder, odds.

A pure function of values, so that it can be computed in another process and again next year.
"""

from collections.abc import Sequence
from typing import NamedTuple

from solver.domain.account import PORTFOLIO, POSITIONS_MAX, SIMPLE, Account
from solver.domain.errors import Infeasible
from solver.domain.health import HEALTHY, LIQUIDATING, REDUCE_ONLY, WARNING
from solver.domain.instrument import QUANTITY_MAX, Instrument, Kind
from solver.domain.numbers import PPM
from solver.domain.snapshot import Snapshot
from solver.margin.attested import fenced, statement
from solver.margin.health import WARNING_PERCENT
from solver.margin.health.breach import breach_moves, breach_ppm, markets_of
from solver.margin.portfolio.decide import margins
from solver.margin.portfolio.grid import risk_grid
from solver.margin.requirement import Order, Requirement, filled, requirement
from solver.margin.simple import figures

LADDER_PPM = tuple(percent * PPM // 100 for percent in (-50, -35, -25, -15, -10, -5, 0)) + tuple(
    percent * PPM // 100 for percent in (5, 10, 15, 25, 35, 50)
)


class Rung(NamedTuple):
    """The account if every price moved so far at once, volatilities as they are; atoms."""

    move_ppm: int
    equity: int
    initial: int
    maintenance: int
    state: str


class Breach(NamedTuple):
    """The prices, 1e18, at which one market alone brings maintenance down; None: none does."""

    market: int
    falls_to: int | None
    rises_to: int | None


class Profile(NamedTuple):
    """`requirements` by SIMPLE and PORTFOLIO; `free` is initial margin by the engine that leaves
    more, as the chain would find it; the rest by the engine in force."""

    engine: str
    requirements: tuple[Requirement, Requirement]
    free: int
    breaches: tuple[Breach, ...]
    breach_ppm: int
    ladder: tuple[Rung, ...]

    @property
    def in_force(self) -> Requirement:
        """The requirement of the account's own engine."""
        return self.requirements[self.engine == PORTFOLIO]


def profile(account: Account, snapshot: Snapshot) -> Profile:
    """Returns the account's risk by the engine in force, its own.

    Raises NotFound for a market outside the snapshot.
    """
    engine = account.engine
    grid = risk_grid((held.instrument for held in account.positions), snapshot)
    both = (
        requirement(account, snapshot, SIMPLE),
        requirement(account, snapshot, PORTFOLIO, grid=grid),
    )
    stated = fenced(account, snapshot, statement(account, snapshot, grid=grid))
    return Profile(
        engine,
        both,
        max(both[0].equity - both[0].initial, stated.initial),
        tuple(_breach(account, snapshot, engine, market) for market in markets_of(account)),
        breach_ppm(account, snapshot, engine),
        tuple(_rung(account, snapshot, engine, move) for move in LADDER_PPM),
    )


def whatif(account: Account, legs: Sequence[tuple[int, int]], cash: int) -> Account:
    """Returns the account with signed quantities of instruments (packed ids) added and the cash
    they cost or bring. Raises Infeasible where it could not hold that."""
    after = filled(account, [Order("whatif", tuple(legs), cash)])
    if len(after.positions) > POSITIONS_MAX:
        detail = f"an account holds at most {POSITIONS_MAX} positions"
        raise Infeasible(detail, code="noSlot")
    for held in after.positions:
        is_base = Instrument.unpack(held.instrument).kind is Kind.BASE
        if abs(held.quantity) > QUANTITY_MAX or (is_base and held.quantity < 0):
            raise Infeasible("an account cannot hold that much", code="insufficientCollateral")
    return after


def state_at(equity: int, initial: int, maintenance: int) -> str:
    """Returns the health that figures alone ask for, without memory or odds."""
    if equity < maintenance:
        return LIQUIDATING
    if equity < initial:
        return REDUCE_ONLY
    return WARNING if 100 * equity < WARNING_PERCENT * initial else HEALTHY


def moved(snapshot: Snapshot, move_ppm: int) -> Snapshot:
    """Returns the snapshot with every price moved at once, at least 1."""
    rows = (
        u._replace(price=max(u.price * (PPM + move_ppm) // PPM, 1)) for u in snapshot.underlyings
    )
    return snapshot._replace(underlyings=tuple(rows))


def _breach(account: Account, snapshot: Snapshot, engine: str, market: int) -> Breach:
    down, up = breach_moves(account, snapshot, engine, market)
    found = snapshot.underlying(market)
    price = found.price if found else 0
    return Breach(
        market,
        None if down is None else price * (PPM - down) // PPM,
        None if up is None else price * (PPM + up) // PPM,
    )


def _rung(account: Account, snapshot: Snapshot, engine: str, move_ppm: int) -> Rung:
    world = moved(snapshot, move_ppm)
    if engine == SIMPLE:
        found = figures(account, world)
        sums = found.equity, found.requirement, found.equity - found.maintenance
    else:
        sums = margins(account, risk_grid((held.instrument for held in account.positions), world))
    return Rung(move_ppm, *sums, state_at(*sums))
