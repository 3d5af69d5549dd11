"""PORTFOLIO as the chain takes it: what signers state, held inside what the feed alone allows.

Twin of `Gate._weigh` and `libraries/Fences.sol` to the atom, so that a quote shows the margin that
the contract will find, and nobody signs what it would not believe.
"""

from collections.abc import Iterable
from typing import NamedTuple

from solver.domain.account import Account, Position
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import div_down, div_up
from solver.domain.route import MarginFigures
from solver.domain.snapshot import Snapshot
from solver.margin.portfolio.decide import margins
from solver.margin.portfolio.grid import RiskGrid, risk_grid
from solver.margin.simple.rules import option_range
from solver.pricing.marks import underlying_of, valuation_price

FLOOR_PERCENT = 1  # of gross perp and short-option notional


class Statement(NamedTuple):
    """What signers state of an account's options and requirement, settlement atoms."""

    options: int
    initial: int
    maintenance: int


class Fence(NamedTuple):
    """What the feed allows, 1e36: perps and base, the range of the options' worth, the floor."""

    linear: int
    lowest: int
    highest: int
    floor: int


def statement(account: Account, snapshot: Snapshot, *, grid: RiskGrid | None = None) -> Statement:
    """Returns PORTFOLIO as it would be stated: options' worth down, requirements up.

    Raises NotFound for a market outside the snapshot or an instrument outside `grid`.
    """
    if grid is None:
        grid = risk_grid((held.instrument for held in account.positions), snapshot)
    equity, initial, maintenance = margins(account, grid)
    linear = div_down(fence(account.positions, snapshot).linear, snapshot.atom)
    return Statement(equity - account.cash - linear, initial, maintenance)


def fenced(account: Account, snapshot: Snapshot, stated: Statement) -> MarginFigures:
    """Returns the margin that the chain finds for a statement: equity with the options' worth
    clamped, no requirement below the floor. Settlement atoms."""
    limit, unit = fence(account.positions, snapshot), snapshot.atom
    lowest, highest = div_down(limit.lowest, unit), div_down(limit.highest, unit)
    options = min(max(stated.options, lowest), highest)
    equity = account.cash + div_down(limit.linear, unit) + options
    required = max(stated.initial, div_up(limit.floor, unit))
    return MarginFigures(equity - required, equity - stated.maintenance, equity, required)


def fence(positions: Iterable[Position], snapshot: Snapshot) -> Fence:
    """Returns the fence of the feed around a book. Raises NotFound for an unknown market."""
    linear = lowest = highest = gross = 0
    for position in positions:
        instrument, quantity = Instrument.unpack(position.instrument), position.quantity
        market = underlying_of(instrument, snapshot)
        if instrument.kind is Kind.BASE:
            linear += quantity * market.price * 10 ** (18 - market.base.decimals)
        elif instrument.kind is Kind.PERP:
            linear += quantity * (market.price - market.funding_index)
            gross += abs(quantity) * market.price
        else:
            price, fixing = valuation_price(instrument, market), market.fixing_of(instrument.expiry)
            least, most = option_range(
                instrument, price, market.sigma_cap_ppm, snapshot.time, fixing
            )
            lowest += min(quantity, 0) * most
            highest += quantity * (most if quantity > 0 else least)
            gross += max(-quantity, 0) * price
    return Fence(linear, lowest, highest, div_up(gross * FLOOR_PERCENT, 100))
