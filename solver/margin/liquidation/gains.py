"""What an account has won and not yet taken: entry prices folded from its log, at average cost.

Deleveraging asks those who gained, and only signers can say who did: each of them folds the same
log. A perp trades at its price less the funding index and is valued so, which puts funding into
the gain. Rounding is for the account: its cost up, its gain down.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from solver.domain.account import Account
from solver.domain.event import Event, LegFilled, OptionExpired, PositionSeized
from solver.domain.instrument import Instrument, Kind
from solver.domain.numbers import div_down, div_up
from solver.domain.snapshot import Snapshot
from solver.pricing.marks import mark_of, underlying_of

PUTS = (Kind.PUT, Kind.ASIAN_PUT)


class Entry(NamedTuple):
    """What is open of one instrument, 1e18 of one sign: `priced` was traded and cost so many atoms
    (negative: brought them), `unpriced` came out of an auction with other things, and no log says
    what it alone cost: it has won nothing."""

    priced: int = 0
    unpriced: int = 0
    cost: int = 0

    @property
    def quantity(self) -> int:
        """Returns the signed quantity open."""
        return self.priced + self.unpriced


Entries = Mapping[int, Entry]  # by instrument


def entries_of(events: Iterable[Event]) -> dict[int, Entry]:
    """Returns what is open after all events of an account's log, and what it cost."""
    entries: dict[int, Entry] = {}
    for event in events:
        match event:
            case LegFilled():
                cost: int | None = -event.cash
            case PositionSeized() | OptionExpired():
                cost = None
            case _:
                continue
        sign = -1 if isinstance(event, OptionExpired) else 1
        entry = entries.pop(event.instrument, Entry())
        after = moved(entry, sign * event.quantity, cost)
        if after.quantity:
            entries[event.instrument] = after
    return entries


def moved(entry: Entry, quantity: int, cost: int | None) -> Entry:
    """Returns the entry after a move of so much (1e18) that cost so many atoms, None: unknown.

    A move against it closes as much of both parts; what goes beyond opens the other side at its
    share of the cost.
    """
    held = entry.quantity
    if held * quantity >= 0:
        if cost is None:
            return entry._replace(unpriced=entry.unpriced + quantity)
        return Entry(entry.priced + quantity, entry.unpriced, entry.cost + cost)
    left = held + quantity
    if left * held > 0:
        sign = 1 if held > 0 else -1
        priced = sign * (abs(entry.priced) * abs(left) // abs(held))
        kept = div_up(entry.cost * abs(priced), abs(entry.priced)) if priced else 0
        return Entry(priced, left - priced, kept)
    if cost is None:
        return Entry(0, left, 0)
    return Entry(left, 0, div_up(cost * abs(left), abs(quantity)))


def gain(entries: Entries, market: int, snapshot: Snapshot) -> int:
    """Returns the unrealised gain in one market at the snapshot's marks, atoms, down; negative: a
    loss. Raises as `mark_of` does."""
    total, unit = 0, snapshot.atom
    for key, entry in entries.items():
        instrument = Instrument.unpack(key)
        if instrument.market != market or instrument.kind is Kind.BASE:
            continue
        price = mark_of(instrument, snapshot)
        if instrument.kind is Kind.PERP:
            price -= underlying_of(instrument, snapshot).funding_index
        total += div_down(entry.priced * price, unit) - entry.cost
    return total


def net_of(account: Account, market: int) -> int | None:
    """Returns the net contracts in a market, puts counted negative, 1e18; None where it holds none:
    what the contract calls a side."""
    found = [
        (Instrument.unpack(p.instrument), p.quantity)
        for p in account.positions
        if Instrument.unpack(p.instrument).market == market
    ]
    signed = [-q if i.kind in PUTS else q for i, q in found if i.kind is not Kind.BASE]
    return sum(signed) if signed else None


def is_entitled(account: Account, market: int, side: int) -> bool:
    """Returns whether the account is on the other side of what `side` (its sign) lost."""
    net = net_of(account, market)
    if net is None:
        return False
    return side == 0 or net * side < 0
