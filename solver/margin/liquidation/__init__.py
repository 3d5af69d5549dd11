"""What a slice of a failing account costs: price over time, how much may go, who pays whom.

The general form of the Dutch auction (parameters as values), so that published vectors and our own
contract are the same few lines. All integers: money in one unit throughout (atoms, or 1e18), ratios
1e18. A fraction that may be taken rounds down, what a bidder pays rounds up: both keep more in the
account that is sold.
"""

from typing import NamedTuple

from solver.domain.numbers import WAD, div_down, mul_down, mul_up


class Terms(NamedTuple):
    """The price falls from `start` to `knee` in `fast` seconds, from there to 0 in `slow` seconds.

    `buffer` is the room beyond maintenance that a sale may restore; `fee` the share of what is
    sold that the fund is paid at the start; `ramp` the seconds in which the fund's own payment
    rises to its most once the price is 0. Ratios 1e18.
    """

    start: int = 98 * WAD // 100
    knee: int = 80 * WAD // 100
    fast: int = 100
    slow: int = 14_400
    buffer: int = 15 * WAD // 100
    fee: int = 2 * WAD // 100
    ramp: int = 3_600


TERMS = Terms()


class Standing(NamedTuple):
    """An account under the hammer: `value` at mark with its cash (MtM), `margin` = value less the
    maintenance requirement (MM_net), and the part of the cash that sales have brought already."""

    value: int
    margin: int
    received: int = 0


def discount(seconds: int, terms: Terms = TERMS) -> int:
    """Returns d(t), 1e18, down: the share of its value that a slice costs after so many seconds."""
    if seconds <= 0:
        return terms.start
    if seconds < terms.fast:
        return terms.start - (terms.start - terms.knee) * seconds // terms.fast
    left = terms.fast + terms.slow - seconds
    return terms.knee * left // terms.slow if left > 0 else 0


def buffered(standing: Standing, terms: Terms = TERMS) -> int:
    """Returns BM = margin + b (margin - value): the margin with its buffer, down."""
    requirement = standing.value - standing.margin
    return standing.margin - mul_up(requirement, terms.buffer)


def fraction_max(standing: Standing, price: int, terms: Terms = TERMS) -> int:
    """Returns f = BM / (BM - MtM d - R (1 - d)), 1e18, down: the most that may be sold at `price`.

    All of it where even that does not restore the buffer, none where the buffer stands.
    """
    missing = buffered(standing, terms)
    if missing >= 0:
        return 0
    gained = standing.value * price + standing.received * (WAD - price)
    if gained <= 0:
        return WAD
    return -missing * WAD * WAD // (gained - missing * WAD)


def cash(standing: Standing, price: int, fraction: int) -> int:
    """Returns what a bidder pays for a fraction: (MtM - R) d f, up; nothing for what has no worth.

    What earlier bidders paid is not for sale: it stays with the account.
    """
    worth = max(standing.value - standing.received, 0)
    return -(-worth * price * fraction // (WAD * WAD))


def after_sale(standing: Standing, paid: int, fraction: int) -> Standing:
    """Returns the account once a fraction of all but the earlier proceeds is sold for `paid`."""
    kept, received = WAD - fraction, standing.received
    value = mul_down(standing.value - received, kept) + received + paid
    margin = mul_down(standing.margin - received, kept) + received + paid
    return Standing(value, margin, received + paid)


def starting_fee(standing: Standing, terms: Terms = TERMS) -> int:
    """Returns what the fund is paid when an auction starts: a share of what is to be sold at its
    full value, fee f(1) MtM, down; nothing of an account that has nothing."""
    if standing.value <= 0:
        return 0
    return mul_down(mul_down(standing.value, fraction_max(standing, WAD, terms)), terms.fee)


def fund_payment(standing: Standing, seconds: int, fraction: int, terms: Terms = TERMS) -> int:
    """Returns what the fund pays whoever takes a fraction of a bankrupt account, down.

    From -min(MtM, 0) to -MM_net, linearly over `ramp` seconds since the price reached 0: at first
    the taker is given what is owed, in the end also what holding it requires.
    """
    least = max(-standing.value, 0)
    most = max(-standing.margin, least)
    elapsed = min(max(seconds, 0), terms.ramp)
    return div_down((least * terms.ramp + (most - least) * elapsed) * fraction, terms.ramp * WAD)


class Perp(NamedTuple):
    """A perp of an account: signed size (1e18), price (1e18), and the rate of its notional that is
    its maintenance requirement (1e18)."""

    size: int
    price: int
    maintenance: int

    @property
    def requirement(self) -> int:
        """Maintenance requirement, settlement units 1e18, up."""
        return mul_up(mul_up(abs(self.size), self.price), self.maintenance)


def fillable_price(perp: Perp, net: int, requirement: int, spread: int, slope: int = WAD) -> int:
    """Returns the worst price at which a failing perp may be closed, 1e18, towards its mark.

    dYdX v4: (PNNV - clamp(BA (1 - TNC / TMMR), 0, 1) SMMR PMMR) / PS with PNNV = size x price,
    TNC = `net` collateral and TMMR = `requirement` of the account (1e18), SMMR = `spread`, BA =
    `slope` (ratios 1e18). Raises ZeroDivisionError for no position.
    """
    health = div_down(net * WAD, requirement)
    bankruptcy = min(max(mul_down(slope, WAD - health), 0), WAD)
    given = mul_down(mul_down(bankruptcy, spread), perp.requirement)
    step = div_down(given * WAD, abs(perp.size))
    return perp.price - step if perp.size > 0 else perp.price + step


def liquidation_price(perp: Perp, margin: int) -> int:
    """Returns the price at which the margin (settlement units 1e18) of one perp is breached, 1e18.

    Hyperliquid: price - side * (margin - requirement) / size / (1 - l * side), l = the maintenance
    rate. Rounded towards the present price, never below 0. Raises ZeroDivisionError for no size.
    """
    side = 1 if perp.size > 0 else -1
    room = (margin - perp.requirement) * WAD * WAD
    step = div_down(room, abs(perp.size) * (WAD - side * perp.maintenance))
    return max(perp.price - side * step, 0)
