"""What the auction of one account wants next: a pure answer to what one block of the chain says.

Nothing is remembered. Whoever acts on it twice, late or beside somebody else does no harm: the
contract takes no more than restores the account, and the next block says what is left.
"""

import enum
from typing import NamedTuple

from solver.domain.numbers import PPM, WAD, div_up
from solver.margin.liquidation.auction import (
    UNSOLD_SECONDS,
    Sale,
    offer_of,
    payment_of,
    price_at,
    slice_of,
)

MAX_PAY_SLACK_PPM = 20_000  # what a slice is worth may have risen a little by the time it is sold
LATE_SECONDS = 30  # that a bid may wait for its block, at a price that falls meanwhile


class Act(enum.Enum):
    """A call to the Auction."""

    START = "start"
    BID = "bid"
    BANKRUPT = "bankrupt"
    END = "end"
    ABSORB = "absorb"


class Seen(NamedTuple):
    """One block's word about an account. Times are unix seconds, 0 = not (yet); money settlement
    atoms; equity and maintenance as they are judged, `worth` the equity that a report prices a
    slice by; `deficit` is the id of an open one, `fund` what the insurance fund has."""

    equity: int
    maintenance: int
    cash: int
    has_positions: bool
    started_at: int = 0
    bankrupt_at: int = 0
    unsold: int = 0
    deficit: int = 0
    fund: int = 0
    worth: int | None = None


class Terms(NamedTuple):
    """At which price (1e18 of its worth) we take a slice, and how long a bankrupt account waits for
    others before we take it for what the fund pays."""

    price_max: int = 95 * WAD // 100
    patience: int = 60


class Duty(NamedTuple):
    """The next call; of a bid the fraction (1e18), and the most that the whole account may cost
    (negative: what it must at least bring)."""

    act: Act
    fraction: int = 0
    price: int = 0

    def max_pay(self, fraction: int) -> int:
        """Returns the most that a fraction may cost, settlement atoms."""
        return div_up(self.price * fraction, WAD)


def price_of(seen: Seen, time: int) -> int | None:
    """Returns the price of a running auction, 1e18; None where there is none."""
    return price_at(max(time - seen.started_at, 0)) if seen.started_at else None


def duty(seen: Seen, time: int, terms: Terms, *, may_sell: bool) -> Duty | None:
    """Returns what to call now; `may_sell` is the service's own leave to start and to bid. What
    ends an auction needs no leave."""
    price = price_of(seen, time)
    if price is None:
        return Duty(Act.START) if may_sell and seen.maintenance < 0 else None
    if not seen.has_positions:
        if seen.cash >= 0:
            return Duty(Act.END)
        is_new = not seen.deficit or seen.fund > 0
        return Duty(Act.ABSORB) if is_new else None
    worth = seen.equity if seen.worth is None else seen.worth
    sale = Sale(worth, seen.maintenance, seen.cash, seen.unsold, judged=seen.equity)
    if sale.buffer >= 0:
        return Duty(Act.END)
    if sale.equity <= 0 or price == 0:
        if not seen.bankrupt_at:
            return Duty(Act.BANKRUPT)
        waited = time - seen.bankrupt_at
        least = offer_of(sale, WAD, waited, seen.fund) * (PPM - MAX_PAY_SLACK_PPM) // PPM
        patience = terms.patience if sale.equity <= 0 else max(terms.patience, UNSOLD_SECONDS)
        return Duty(Act.BID, WAD, -least) if may_sell and waited >= patience else None
    if not may_sell or price > terms.price_max:
        return None
    whole = payment_of(sale, WAD, price)
    most = div_up(whole * (PPM + MAX_PAY_SLACK_PPM), PPM)
    # at the lower price more has to be sold: of what we ask for too much the contract takes no more
    # than restores the account, of too little a crumb is left that needs a bid of its own
    late = price_of(seen, time + LATE_SECONDS) or price
    return Duty(Act.BID, slice_of(sale, late), most)
