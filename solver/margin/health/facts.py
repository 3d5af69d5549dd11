"""What one snapshot says of one account: the bridge from prices and positions to the state machine.

Maintenance is judged at P; while the oracle is not sure a breach is one only at the bound of the
confidence that favours the account. Parameters younger than a day are in no maintenance: what the
snapshot carries is what is in force (solver.margin.predictive.ranges).
"""

from typing import NamedTuple

from solver.domain.account import SIMPLE, Account
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import div_down
from solver.domain.snapshot import Snapshot, Underlying
from solver.margin.health import HALT, OK, ORACLE_STATES, Facts
from solver.margin.health.breach import breach_ppm, markets_of
from solver.margin.requirement import requirement
from solver.margin.simple import figures
from solver.pricing.marks import mark_of, underlying_of


class _Figures(NamedTuple):
    equity: int
    initial: int
    maintenance: int

    @property
    def headroom(self) -> int:
        return self.equity - self.maintenance


def risk_view(snapshot: Snapshot) -> Snapshot:
    """Returns the snapshot with what margin depends on and nothing else, so that its hash changes
    with prices, parameters and time, not with pools and ladders."""
    return snapshot._replace(gas_price=0, pools=(), ladders=(), native_price=0)


def facts(
    account: Account,
    snapshot: Snapshot,
    engine: str = SIMPLE,
    *,
    is_sold_out: bool = False,
) -> Facts:
    """Returns what a snapshot (a `risk_view`) says of an account.

    A market that the snapshot does not hold counts as one whose oracle is silent. Raises nothing:
    every account has facts.
    """
    markets = markets_of(account)
    held = [snapshot.underlying(market) for market in markets]
    known = [underlying for underlying in held if underlying is not None]
    oracle = max((u.oracle_state for u in known), key=ORACLE_STATES.index, default=OK)
    if len(known) < len(held) or any(u.price <= 0 for u in known):
        oracle = HALT
    if oracle == HALT:
        now = best = _Figures(account.cash, 0, 0)
    else:
        now = _figures(account, snapshot, engine)
        best = now if oracle == OK else _best(account, snapshot, engine)
        if (
            engine != SIMPLE and best.headroom < 0
        ):  # who passes SIMPLE is safe: nobody's word counts
            best = max(best, _figures(account, snapshot, SIMPLE), key=_headroom)
    is_open = has_positions(account) or account.cash < 0
    return Facts(
        snapshot=snapshot.hash.hex(),
        time_ms=snapshot.time_ms,
        prices=tuple((u.market, u.price) for u in known),
        oracle=oracle,
        engine=engine,
        equity=now.equity,
        initial=now.initial,
        maintenance=now.maintenance,
        best_equity=best.equity,
        best_maintenance=best.maintenance,
        is_open=is_open,
        breach_ppm=breach_ppm(account, snapshot, engine) if is_open and oracle != HALT else 0,
        is_sold_out=is_sold_out,
        worth=_worth(account, snapshot) if oracle != HALT and best.equity <= 0 else None,
    )


def has_positions(account: Account) -> bool:
    """Returns whether the account holds anything but cash and base collateral."""
    return any(Instrument.unpack(p.instrument).kind is not Kind.BASE for p in account.positions)


def _headroom(found: _Figures) -> int:
    return found.headroom


def _figures(account: Account, snapshot: Snapshot, engine: str) -> _Figures:
    if engine == SIMPLE:
        found = figures(account, snapshot)
        return _Figures(found.equity, found.requirement, found.equity - found.maintenance)
    full = requirement(account, snapshot, engine)
    return _Figures(full.equity, full.initial, full.maintenance)


def _best(account: Account, snapshot: Snapshot, engine: str) -> _Figures:
    """Returns the figures at the prices within confidence that favour the account, market by market
    where the oracle is not sure: a requirement is a sum over markets."""
    at = snapshot
    for market in markets_of(account):
        underlying = at.underlying(market)
        if underlying is None or underlying.oracle_state == OK:
            continue
        sure = max(underlying.price - underlying.confidence, 1)
        prices = (underlying.price, sure, underlying.price + underlying.confidence)
        tried = [_with(at, underlying._replace(price=price)) for price in prices]
        at = max(tried, key=lambda each: _figures(account, each, engine).headroom)
    return _figures(account, at, engine)


def _worth(account: Account, snapshot: Snapshot) -> int:
    """Returns cash and everything held at its mark, settlement atoms, down: SIMPLE counts no long
    option, and nobody is bankrupt who only owns what SIMPLE does not see."""
    total = 0
    for position in account.positions:
        instrument = Instrument.unpack(position.instrument)
        market = underlying_of(instrument, snapshot)
        price = mark_of(instrument, snapshot)
        if instrument.kind is Kind.PERP:
            price -= market.funding_index
        elif instrument.kind is Kind.BASE:
            price *= 10 ** (18 - market.base.decimals)
        total += position.quantity * price
    return account.cash + div_down(total, snapshot.atom)


def _with(snapshot: Snapshot, changed: Underlying) -> Snapshot:
    rows = (changed if u.market == changed.market else u for u in snapshot.underlyings)
    return snapshot._replace(underlyings=tuple(rows))
