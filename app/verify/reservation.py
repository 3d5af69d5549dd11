"""What an intent may cost its account at most, held from admission until the intent is terminal.

Only collateral-funded intents reserve: permit2 intents bring their own money. The measure is SIMPLE
initial margin, because cash alone says little once perps are held. Exits are never refused: what
makes positions smaller holds what there is to hold, and the chain judges it by the margin after.
All figures: settlement atoms.
"""

from typing import NamedTuple

from solver.domain.account import Account
from solver.domain.errors import InsufficientFunds, Refused
from solver.domain.event import ReservationPlaced
from solver.domain.intent import NO_COST_LIMIT, NO_MARGIN_LIMIT, Leg, OutcomeIntent, SignedIntent
from solver.domain.numbers import format_decimal, mul_up
from solver.domain.snapshot import Snapshot
from solver.intents.closing import is_exit
from solver.margin.attested import fenced, statement
from solver.margin.simple import figures

OPEN_MAX = 256  # every admission reads them all


class Caps(NamedTuple):
    """The signed caps. `debit_min` is what any settlement takes, `debit_max` the most it may."""

    debit_min: int
    debit_max: int
    fee: int
    margin: int


def reservation(
    uid: str, signed: SignedIntent, account: Account, snapshot: Snapshot
) -> ReservationPlaced | None:
    """Returns what to hold; None when nothing of the account's can be spent or held.

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
    required = caps.debit_min + caps.fee + caps.margin
    if required + caps.debit_max == 0:
        return None
    free = available(account, snapshot)
    if required > free:
        token = snapshot.settlement_token
        raise InsufficientFunds(
            "the account cannot cover what the intent may cost",
            field="intent.limits",
            data={
                "token": token.address,
                "required": format_decimal(required, token.decimals),
                "available": format_decimal(max(free, 0), token.decimals),
            },
        )
    debit = min(caps.debit_max, free - caps.fee - caps.margin)
    return ReservationPlaced(uid, debit=debit, fee=caps.fee, margin=caps.margin)


def _of_what_is_there(
    uid: str, caps: Caps, account: Account, snapshot: Snapshot
) -> ReservationPlaced | None:
    """Returns the caps of an exit as far as the account's free margin goes; None where it is used
    up, or where as many intents hold it already as may."""
    rest = max(available(account, snapshot), 0)
    if len(account.reservations) >= OPEN_MAX:
        return None
    fee = min(caps.fee, rest)
    margin = min(caps.margin, rest - fee)
    debit = min(caps.debit_max, rest - fee - margin)
    if fee + margin + debit == 0:
        return None
    return ReservationPlaced(uid, debit=debit, fee=fee, margin=margin)


def available(account: Account, snapshot: Snapshot) -> int:
    """Returns the initial margin that no open intent has reserved, by the engine that leaves more;
    negative when over-committed."""
    held = sum(r.debit + r.fee + r.margin for r in account.reservations)
    free = figures(account, snapshot).initial
    if free < held and account.positions:  # as the chain would find it if signers state it
        free = max(free, fenced(account, snapshot, statement(account, snapshot)).initial)
    return free - held


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
    return mul_up(
        leg.quantity_max, leg.limit_price, 10 ** (36 - snapshot.settlement_token.decimals)
    )
