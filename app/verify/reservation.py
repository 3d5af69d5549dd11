"""What an intent may cost its account at most, held from admission until the intent is terminal.

Only collateral-funded intents reserve: permit2 intents bring their own money. The measure is
initial margin, because cash alone says little once perps are held. An intent that signs no bound on
margin holds what it would take if it were filled, so that intents cannot stand open together that
only one of could be filled. Exits are never refused: what makes positions smaller holds what there
is to hold, and the chain judges it by the margin after. All figures: settlement atoms.
"""

from typing import NamedTuple

from solver.domain.account import Account
from solver.domain.errors import InsufficientFunds, Refused
from solver.domain.event import ReservationPlaced
from solver.domain.instrument import Instrument, Kind
from solver.domain.intent import NO_COST_LIMIT, NO_MARGIN_LIMIT, Leg, OutcomeIntent, SignedIntent
from solver.domain.numbers import format_decimal, mul_up
from solver.domain.program import Program
from solver.domain.route import Fill
from solver.domain.snapshot import Snapshot
from solver.intents.closing import is_exit
from solver.ledger import trade_cash
from solver.margin.attested import fenced, statement
from solver.margin.requirement import ENGINES, Order, requirement, with_orders
from solver.margin.simple import figures
from solver.pricing.marks import mark_of

OPEN_MAX = 256  # every admission reads them all


class Caps(NamedTuple):
    """The signed caps. `debit_min` is what any settlement takes, `debit_max` the most it may."""

    debit_min: int
    debit_max: int
    fee: int
    margin: int


def reservation(
    uid: str,
    signed: SignedIntent,
    account: Account,
    snapshot: Snapshot,
    program: Program | None = None,
) -> ReservationPlaced | None:
    """Returns what to hold; None when nothing of the account's can be spent or held. `program` is
    the intent compiled: without it only signed caps are held.

    Raises InsufficientFunds with what is required and available, but for no exit.
    """
    if signed.scheme == "permit2":
        return None
    caps = caps_of(signed.intent, snapshot)
    if is_exit(signed.intent, account, snapshot):
        return _of_what_is_there(uid, caps, account, snapshot)
    if len(account.reservations) >= OPEN_MAX:
        detail = f"the account has {OPEN_MAX} open intents that hold its collateral"
        raise Refused(detail, code="tooManyOpen", data={"open": str(OPEN_MAX)})
    most = caps.debit_max + caps.fee + caps.margin
    free = available(account, snapshot, most)
    required = caps.debit_min + caps.fee + caps.margin
    if required > free:
        raise _lacks(required, free, snapshot)
    if program is not None and signed.intent.limits.max_margin_used == NO_MARGIN_LIMIT:
        caps = caps._replace(margin=_unbounded(uid, program, account, snapshot, caps))
    if caps.debit_max + caps.fee + caps.margin == 0:
        return None
    debit = min(caps.debit_max, max(free - caps.fee - caps.margin, caps.debit_min))
    return ReservationPlaced(uid, debit=debit, fee=caps.fee, margin=caps.margin)


def _lacks(required: int, free: int, snapshot: Snapshot) -> InsufficientFunds:
    token = snapshot.settlement_token
    return InsufficientFunds(
        "the account cannot cover what the intent may cost",
        field="intent.limits",
        data={
            "token": token.address,
            "required": format_decimal(required, token.decimals),
            "available": format_decimal(max(free, 0), token.decimals),
        },
    )


def _unbounded(uid: str, program: Program, account: Account, snapshot: Snapshot, caps: Caps) -> int:
    """Returns the margin that the intent takes at the worse of filled and unfilled.

    Raises InsufficientFunds where the account could fill it alone but not with what is open. What
    it could not even fill alone is none of admission's: the price may yet come, or a deposit.
    """
    order = order_of(uid, program, snapshot)
    if order is None:
        return 0
    spent, held = caps.debit_min + caps.fee, _held(account)
    found = []
    for engine in ENGINES:
        now = requirement(account, snapshot, engine)
        worst = with_orders(account, (order,), snapshot, engine)
        free, left = now.equity - now.initial, worst.equity - worst.initial
        if left - spent >= held:
            return free - left
        found.append((left, free))
    left, free = max(found)
    if left >= spent:
        raise _lacks(spent + free - left, free - held, snapshot)
    return 0


def order_of(uid: str, program: Program, snapshot: Snapshot) -> Order | None:
    """Returns the intent as margin sees it, whole and at the marks; None where it trades no
    derivative, swaps tokens for it, or where the solver has a choice of which.

    Premium paid is not counted: it is held as a debit.
    """
    fills, cash = [], 0
    for leg in program.exposures:
        if leg.side == "auto" or len(leg.candidates) > 1:
            return None
        key = leg.candidates[0]
        quantity = leg.quantity_max if leg.side == "buy" else -leg.quantity_max
        fills.append((key, quantity))
        if leg.side == "sell" or not Instrument.unpack(key).is_option:
            cash += trade_cash(Fill(leg.leg, key, quantity, mark_of(key, snapshot), None), snapshot)
    if not fills or program.sells or program.buys:
        return None
    for flow in program.collateral:
        atoms = {"deposit": flow.amount_min, "withdraw": -flow.amount_max}.get(flow.side, 0)
        market = snapshot.underlying_of(flow.token)
        if market is None:
            cash += max(atoms, 0)  # a withdrawal of cash is held as a debit
        else:
            fills.append((Instrument(market.market, Kind.BASE).id, atoms))
    return Order(uid, tuple(fills), cash)


def _of_what_is_there(
    uid: str, caps: Caps, account: Account, snapshot: Snapshot
) -> ReservationPlaced | None:
    """Returns the caps of an exit as far as the account's free margin goes; None where it is used
    up, or where as many intents hold it already as may."""
    rest = max(available(account, snapshot, caps.debit_max + caps.fee + caps.margin), 0)
    if len(account.reservations) >= OPEN_MAX:
        return None
    fee = min(caps.fee, rest)
    margin = min(caps.margin, rest - fee)
    debit = min(caps.debit_max, rest - fee - margin)
    if fee + margin + debit == 0:
        return None
    return ReservationPlaced(uid, debit=debit, fee=fee, margin=margin)


def available(account: Account, snapshot: Snapshot, enough: int | None = None) -> int:
    """Returns the initial margin that no open intent has reserved, by the engine that leaves more;
    negative when over-committed. Where SIMPLE leaves `enough`, that is the answer."""
    held = _held(account)
    free = figures(account, snapshot).initial
    if account.positions and (enough is None or free - held < enough):
        # as the chain would find it if signers state it
        free = max(free, fenced(account, snapshot, statement(account, snapshot)).initial)
    return free - held


def _held(account: Account) -> int:
    return sum(r.debit + r.fee + r.margin for r in account.reservations)


def caps_of(intent: OutcomeIntent, snapshot: Snapshot) -> Caps:
    """Returns the caps that are signed. A finite maxNetCost includes the fee (PRODUCT)."""
    limits, token = intent.limits, snapshot.settlement_token.address
    margin = 0 if limits.max_margin_used == NO_MARGIN_LIMIT else limits.max_margin_used
    withdrawn = [leg for leg in intent.legs if (leg.kind, leg.side) == ("collateral", "withdraw")]
    least, most = _tokens(withdrawn, token)
    if limits.settlement_token == token and limits.max_net_cost != NO_COST_LIMIT:
        ceiling = max(0, limits.max_net_cost)
        fee = min(limits.max_fee, ceiling)
        spent = ceiling - fee
        return Caps(least + spent, most + spent, fee, margin)
    sold = [leg for leg in intent.legs if (leg.kind, leg.side) == ("token", "sell")]
    sold_least, sold_most = _tokens(sold, token)
    premium = sum(_premium(leg, snapshot) for leg in intent.legs)
    most = most + sold_most + premium
    # A fee in another token is held back from what is traded: cash cannot pay it.
    fee = limits.max_fee if limits.settlement_token == token else 0
    return Caps(least + sold_least + premium, most, fee, margin)


def _tokens(legs: list[Leg], token: str) -> tuple[int, int]:
    mine = [leg for leg in legs if leg.asset == token]
    return sum(leg.quantity_min for leg in mine), sum(leg.quantity_max for leg in mine)


def _premium(leg: Leg, snapshot: Snapshot) -> int:
    if (leg.kind, leg.side) != ("option", "buy"):
        return 0
    return mul_up(leg.quantity_max, leg.limit_price, snapshot.atom)
