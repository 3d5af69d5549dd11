"""The one state transition: account + event -> account. Ledger, quote and recovery are all this.

Slots keep the contract's list order: a new instrument is appended, an emptied slot takes the last
one's place. So `positions_hash` of a fold equals the chain's.
"""

from collections.abc import Iterable

from solver.domain.account import PORTFOLIO, POSITIONS_MAX, Account, Position, Reservation
from solver.domain.errors import Broken, Infeasible
from solver.domain.event import (
    BaseMoved,
    CashMoved,
    EpochRaised,
    Event,
    HealthChanged,
    LegFilled,
    OptionExpired,
    PortfolioEntered,
    PositionSeized,
    ReservationPlaced,
    ReservationReleased,
)
from solver.domain.health import CLOSED, folded
from solver.domain.ids import ZERO_ADDRESS
from solver.domain.instrument import QUANTITY_MAX, Instrument, Kind
from solver.domain.program import Program
from solver.domain.route import Fill, Pull, Solution
from solver.domain.snapshot import Snapshot

NO_SLOT = "noSlot"  # of a planned account an answer, of a settled one an impossibility


def apply(account: Account, event: Event) -> Account:
    """Returns the account after one event of its log; events about other things leave it as it is.

    Raises Broken when the event cannot have happened to this account.
    """
    match event:
        case LegFilled():
            return _moved(account, event.instrument, event.quantity, event.cash)
        case CashMoved():
            return _funded(account._replace(cash=account.cash + event.amount), event.amount)
        case BaseMoved():
            return _funded(_moved(account, event.instrument, event.quantity, 0), event.quantity)
        case PositionSeized():
            return _moved(account, event.instrument, event.quantity, 0)
        case OptionExpired():
            return _expired(account, event)
        case EpochRaised():
            return account._replace(epoch=max(account.epoch, event.epoch))
        case PortfolioEntered():
            return account._replace(engine=PORTFOLIO)
        case ReservationPlaced():
            return _reserved(account, Reservation(*event))
        case ReservationReleased():
            return _released(account, event.uid)
        case HealthChanged():
            return _judged(account, event)
        case _:
            return account


def fold(account: Account, events: Iterable[Event]) -> Account:
    """Returns the account after all events, in order."""
    for event in events:
        account = apply(account, event)
    return account


def preview(account: Account, program: Program, solution: Solution, snapshot: Snapshot) -> Account:
    """Returns the account as the contracts would leave it after `solution`, in their order and with
    their rounding: wallet deposits, collateral out, bought tokens in, fee, fills.

    Raises Infeasible when more collateral would leave than is there, which is never lent, or when
    the account has no slot for what it would hold.
    """
    try:
        return _previewed(account, program, solution, snapshot)
    except Broken as error:
        if error.code != NO_SLOT:
            raise
        raise Infeasible(error.detail, code=NO_SLOT) from error


def _previewed(
    account: Account, program: Program, solution: Solution, snapshot: Snapshot
) -> Account:
    deposits = [pull for pull in solution.pulls if _is_deposit(pull, program)]
    for pull in sorted(deposits):  # Permit2's list is in leg order
        account = apply(account, _collateral(pull.token, pull.amount, snapshot))
    for pull in solution.pulls:
        if not pull.is_from_wallet:
            account = _release(account, pull, snapshot)
    if program.receiver == ZERO_ADDRESS:
        for out in solution.outs:
            account = apply(account, _collateral(out.token, out.amount, snapshot))
    if solution.fee and not _is_fee_in_tokens(program, solution):
        account = apply(account, CashMoved(-solution.fee, "", 0))
    return fold(account, (_filled(fill, snapshot) for fill in solution.fills))


def trade_cash(fill: Fill, snapshot: Snapshot) -> int:
    """Returns the settlement atoms the owner receives (negative: pays) for a fill.

    The payer's side is rounded up, once, and both sides use the same integer. A perp trades at its
    price less the funding index.
    """
    instrument = Instrument.unpack(fill.instrument)
    price = fill.price
    if instrument.kind is Kind.PERP:
        underlying = snapshot.underlying(instrument.market)
        if underlying is None:
            raise Broken(f"market {instrument.market} is not in the snapshot of its own solution")
        price -= underlying.funding_index
    cost = fill.quantity * price
    unit = snapshot.atom
    atoms = -(-abs(cost) // unit)
    return -atoms if cost > 0 else atoms


def _moved(account: Account, instrument: int, quantity: int, cash: int) -> Account:
    slots = list(account.positions)
    place = next((i for i, slot in enumerate(slots) if slot.instrument == instrument), len(slots))
    held = slots[place].quantity if place < len(slots) else 0
    after = held + quantity
    if abs(after) > QUANTITY_MAX:
        raise Broken(f"a quantity of {after} does not fit a slot", code=NO_SLOT)
    if after:
        slots[place : place + 1] = [Position(instrument, after)]
    elif held:
        slots[place] = slots[-1]
        slots.pop()
    if len(slots) > POSITIONS_MAX:
        detail = f"{account.id.log} would hold more than {POSITIONS_MAX} positions"
        raise Broken(detail, code=NO_SLOT)
    return account._replace(positions=tuple(slots), cash=account.cash + cash)


def _expired(account: Account, event: OptionExpired) -> Account:
    held = account.quantity(event.instrument)
    if held != event.quantity:
        raise Broken(
            f"{account.id.log} holds {held} of an expired option, the chain settled it as "
            f"{event.quantity}"
        )
    return _moved(account, event.instrument, -event.quantity, event.cash)


def _reserved(account: Account, reservation: Reservation) -> Account:
    others = _released(account, reservation.uid).reservations
    return account._replace(reservations=(*others, reservation))


def _released(account: Account, uid: str) -> Account:
    kept = tuple(r for r in account.reservations if r.uid != uid)
    return (
        account if len(kept) == len(account.reservations) else account._replace(reservations=kept)
    )


def _judged(account: Account, event: HealthChanged) -> Account:
    try:
        return account._replace(health=folded(account.health, event))
    except Broken as error:
        raise Broken(f"{account.id.log} {error.detail}") from error


def _funded(account: Account, amount: int) -> Account:
    """A deposit opens a closed account again: the next judgement says so."""
    if amount <= 0 or account.health.state != CLOSED:
        return account
    return account._replace(health=account.health._replace(is_funded=True))


def _release(account: Account, pull: Pull, snapshot: Snapshot) -> Account:
    event = _collateral(pull.token, -pull.amount, snapshot)
    after = apply(account, event)
    if isinstance(event, BaseMoved):
        left = after.quantity(event.instrument)
    else:
        left = after.cash
    if left < 0:
        raise Infeasible(
            "the account holds less collateral than the plan takes",
            code="insufficientCollateral",
            data={
                "token": pull.token,
                "requiredAtoms": str(pull.amount),
                "availableAtoms": str(left + pull.amount),
            },
        )
    return after


def _is_deposit(pull: Pull, program: Program) -> bool:
    return any(flow.leg == pull.leg and flow.side == "deposit" for flow in program.collateral)


def _collateral(token: str, amount: int, snapshot: Snapshot) -> CashMoved | BaseMoved:
    if token == snapshot.settlement_token.address:
        return CashMoved(amount, "", 0)
    underlying = snapshot.underlying_of(token)
    if underlying is None:
        raise Broken(f"{token} is no collateral, yet a solution moves it through the account")
    return BaseMoved(Instrument(underlying.market, Kind.BASE).id, amount, "", 0)


def _is_fee_in_tokens(program: Program, solution: Solution) -> bool:
    """The fee is held back from settlement tokens that a token leg sells or buys, if any moved."""
    settlement = program.limits.settlement_token
    legs = {f.leg for f in (*program.sells, *program.buys) if f.token == settlement}
    moved = [(pull.leg, pull.amount) for pull in solution.pulls]
    moved += [(out.leg, out.amount) for out in solution.outs]
    return any(leg in legs and amount for leg, amount in moved)


def _filled(fill: Fill, snapshot: Snapshot) -> LegFilled:
    cash = trade_cash(fill, snapshot)
    return LegFilled(None, fill.instrument, fill.quantity, fill.price, cash, "", "", 0)
