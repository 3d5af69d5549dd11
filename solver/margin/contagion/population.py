"""Who is in the market: thousands of users with books that people hold, and makers opposite them.

Users are drawn from a seed: what they hold, how large, and how far above initial margin. Makers
take the other side of everything, so that each perp and option sums to zero.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from solver.domain.account import PORTFOLIO, SIMPLE, Account, Position
from solver.domain.ids import AccountId
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import WAD
from solver.domain.snapshot import Snapshot
from solver.margin.contagion.world import Stage
from solver.margin.portfolio.decide import margins
from solver.margin.portfolio.grid import RiskGrid, risk_grid
from solver.margin.simple import figures

MAKERS = 24
MAKER_COVER = 4.0  # of initial margin: what they hold elsewhere against it comes in as they lose
PORTFOLIO_SHARE = 0.5
GRAIN = 10**14  # contracts are traded in steps of 1e-4
SIZE_DOLLARS, SIZE_SPREAD = 20_000.0, 1.5  # median notional, and its log deviation
ROOM_LEAST, ROOM_MEDIAN, ROOM_SPREAD = 1.02, 0.9, 1.0  # equity over initial margin, log-normal
# Book and how many of a hundred users have it. Near, far are steps of strikes from the money.
BOOKS = (
    ("long perp", 36), ("short perp", 12), ("covered call", 14), ("put spread", 9),
    ("call spread", 6), ("short straddle", 8), ("hedged strangle", 6), ("basis", 5),
    ("protected perp", 4),
)  # fmt: skip

Draft = list[tuple[Instrument, float]]


class Population(NamedTuple):
    """All accounts at the first tick: users under SIMPLE, then users under PORTFOLIO, then makers.
    `books` names each user's; `fund` is atoms; `interest` is dollars of users' exposure."""

    accounts: tuple[Account, ...]
    books: tuple[str, ...]
    simple: int
    users: int
    fund: int
    interest: float


def populated(
    stage: Stage, snapshot: Snapshot, count: int, seed: int, fund_share: float = 0.002
) -> Population:
    """Returns `count` users and the makers, all above initial margin at the snapshot. The fund has
    a share of open interest."""
    rng = np.random.default_rng(seed)
    simple = count - round(count * PORTFOLIO_SHARE)
    names = rng.choice([n for n, _ in BOOKS], count, p=[share / 100 for _, share in BOOKS])
    sizes = SIZE_DOLLARS * np.exp(SIZE_SPREAD * rng.standard_normal(count))
    rooms = ROOM_LEAST + ROOM_MEDIAN * np.exp(ROOM_SPREAD * rng.standard_normal(count))
    grid = risk_grid((i.id for i in stage.instruments()), snapshot)
    accounts = []
    for number, (name, size) in enumerate(zip(names, sizes, strict=True)):
        market = int(rng.integers(len(stage.symbols)))
        units = size / (snapshot.underlyings[market].price / WAD)
        draft = _book(str(name), market, units, stage, rng)
        engine = SIMPLE if number < simple else PORTFOLIO
        account = _account(number, draft, engine)
        accounts.append(_funded(account, snapshot, grid, float(rooms[number])))
    makers = _makers(accounts, len(accounts))
    accounts += [_funded(maker, snapshot, grid, MAKER_COVER) for maker in makers]
    interest = exposure(accounts[:count], snapshot)
    fund = round(fund_share * interest * 10**snapshot.settlement_token.decimals)
    return Population(tuple(accounts), tuple(map(str, names)), simple, count, fund, interest)


def exposure(accounts: Sequence[Account], snapshot: Snapshot) -> float:
    """Returns dollars of what perps and short options are on: open interest of these accounts."""
    prices = {u.market: u.price / WAD for u in snapshot.underlyings}
    total = 0.0
    for account in accounts:
        for position in account.positions:
            instrument = Instrument.unpack(position.instrument)
            if instrument.kind is not Kind.BASE and (
                instrument.kind is Kind.PERP or position.quantity < 0
            ):
                total += abs(position.quantity) / WAD * prices[instrument.market]
    return total


def _book(name: str, market: int, units: float, stage: Stage, rng: np.random.Generator) -> Draft:
    """Returns instruments and units of one user's book."""
    perp, base = Instrument(market + 1, Kind.PERP), Instrument(market + 1, Kind.BASE)
    strikes = stage.strikes(market)
    expiry = stage.expiries[int(rng.integers(len(stage.expiries)))]
    money = len(strikes) // 2
    near = int(rng.integers(0, 2))
    far = near + int(rng.integers(1, 3))

    def option(kind: Kind, steps: int) -> Instrument:
        at = money + steps if kind is Kind.CALL else money - steps
        return Instrument(market + 1, kind, expiry, strikes[min(max(at, 0), len(strikes) - 1)])

    put, call = Kind.PUT, Kind.CALL
    drafts: Mapping[str, Draft] = {
        "long perp": [(perp, units)],
        "short perp": [(perp, -units)],
        "covered call": [(base, units), (option(call, near + 1), -units)],
        "put spread": [(option(put, near), -units), (option(put, far), units)],
        "call spread": [(option(call, near), -units), (option(call, far), units)],
        "short straddle": [(option(call, 0), -units), (option(put, 0), -units)],
        "hedged strangle": [
            (option(call, far), -units), (option(put, far), -units), (perp, 0.1 * units),
        ],
        "basis": [(base, units), (perp, -units)],
        "protected perp": [(perp, units), (option(put, far), units)],
    }  # fmt: skip
    return drafts[name]


def _account(number: int, draft: Draft, engine: str) -> Account:
    positions = (
        Position(instrument.id, max(round(abs(units) * WAD) // GRAIN, 1) * GRAIN * _sign(units))
        for instrument, units in draft
    )
    return Account(id_of(number), 0, tuple(positions), engine=engine)


def id_of(number: int) -> AccountId:
    """Returns the identity of an account by its place."""
    return AccountId(31338, f"0x{number + 1:040x}", 0)


def _sign(value: float) -> int:
    return 1 if value >= 0 else -1


def _funded(account: Account, snapshot: Snapshot, grid: RiskGrid, room: float) -> Account:
    """Returns the account with the cash that makes its equity `room` times its requirement."""
    if account.engine == SIMPLE:
        found = figures(account, snapshot)
        equity, initial = found.equity, found.requirement
    else:
        equity, initial, _ = margins(account, grid)
    floor = 10 ** (snapshot.settlement_token.decimals + 1)
    return account._replace(cash=math.ceil(room * max(initial, floor)) - equity)


def _makers(users: Sequence[Account], first: int) -> list[Account]:
    """Returns makers who together hold the opposite of all users, perps and options alike."""
    totals: dict[int, int] = {}
    for account in users:
        for position in account.positions:
            held = totals.get(position.instrument, 0)
            totals[position.instrument] = held + position.quantity
    makers = []
    for maker in range(MAKERS):
        positions = []
        for instrument, total in sorted(totals.items()):
            part = -total // MAKERS
            if maker == MAKERS - 1:
                part = -total - (MAKERS - 1) * part
            is_base = Instrument.unpack(instrument).kind is Kind.BASE
            positions.append(Position(instrument, 0 if is_base else part))
        makers.append(Account(id_of(first + maker), 0, tuple(positions), engine=PORTFOLIO))
    return makers
