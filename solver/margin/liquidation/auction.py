"""The arithmetic of contracts/src/Auction.sol, by integers: what a bid takes and pays.

Money is settlement atoms, fractions and prices 1e18. Change a line only together with the contract:
a differential test compares both. The general form, for other venues' numbers, is `liquidation`.
"""

from typing import NamedTuple

from solver.domain.account import Account, Position
from solver.domain.numbers import WAD, div_up
from solver.domain.typed_data import keccak
from solver.margin.liquidation import discount

BUFFER_PERCENT, FEE_PERCENT = 15, 2
RAMP_SECONDS = 3_600
MARGIN_OF_SLICE = 10**12  # more than is needed, so that truncation leaves no crumb to sell
UNSOLD_SECONDS = 600  # of bankruptcy in public before what is worth something is given away
PURPOSE = keccak(b"solvent.deleverage")


class Sale(NamedTuple):
    """One account under auction at one instant: `equity` is what a slice is priced by, `unsold`
    what is left of the cash it had at the start, `cash` what it has now. Where options are priced
    by a report, `judged` is the equity that goes with `maintenance`: SIMPLE's, as a rule."""

    equity: int
    maintenance: int
    cash: int
    unsold: int
    is_bankrupt: bool = False
    judged: int | None = None

    @property
    def reserved(self) -> int:
        """Cash that is not for sale: what came in since the start, unless nothing is left else."""
        reserved = max(self.cash - self.unsold, 0)
        return reserved if self.equity > reserved and not self.is_bankrupt else 0

    @property
    def buffer(self) -> int:
        """Returns maintenance less a buffer of the requirement."""
        judged = self.equity if self.judged is None else self.judged
        return buffer_of(judged, self.maintenance)


def price_at(elapsed: int) -> int:
    """Returns the share of its worth that a slice costs after so many seconds."""
    return discount(elapsed)


def buffer_of(equity: int, maintenance: int) -> int:
    """Returns maintenance - ceil(.15 (equity - maintenance)); >= 0: it holds with its room."""
    return maintenance - div_up((equity - maintenance) * BUFFER_PERCENT, 100)


def slice_of(sale: Sale, price: int) -> int:
    """Returns the fraction that brings the buffer back to 0 at a price, after the fee."""
    missing = -sale.buffer
    if missing <= 0:
        return 0
    net = price * (100 - FEE_PERCENT) // 100
    gained = net * sale.equity + (WAD - net) * sale.reserved
    below = missing * WAD + gained
    if below <= 0:
        return WAD
    return min(div_up(missing * WAD * WAD, below) + MARGIN_OF_SLICE, WAD)


def payment_of(sale: Sale, fraction: int, price: int) -> int:
    """Returns what the bidder pays for the fraction of what is not reserved, down."""
    return (sale.equity - sale.reserved) * fraction * price // WAD**2


def fee_of(paid: int) -> int:
    """Returns what the fund gets of a payment, up."""
    return div_up(paid * FEE_PERCENT, 100)


def payout_of(sale: Sale, fraction: int, elapsed: int) -> int:
    """Returns what a bidder is given for a fraction of a bankrupt account: from what is owed to
    what holding it requires, over an hour since the bankruptcy. Both divisions down."""
    owed = max(-sale.equity, 0)
    most = max(owed, -sale.maintenance)
    whole = owed + (most - owed) * min(elapsed, RAMP_SECONDS) // RAMP_SECONDS
    return whole * fraction // WAD


def offer_of(sale: Sale, fraction: int, elapsed: int, fund: int) -> int:
    """Returns what a bidder really gets of `payout_of`: what the fund holds, and beyond it a debt
    of the account of at most its share of what it owes."""
    payout = payout_of(sale, fraction, elapsed)
    covered = min(payout, max(fund, 0))
    return covered + min(payout - covered, max(-sale.equity, 0) * fraction // WAD)


def slice_taken(account: Account, sale: Sale, fraction: int) -> tuple[tuple[Position, ...], int]:
    """Returns the positions and the cash that move to the bidder, each truncated towards zero."""
    moved = tuple(
        Position(p.instrument, part)
        for p in account.positions
        if (part := _part(p.quantity, fraction))
    )
    return moved, _part(sale.cash if sale.is_bankrupt else sale.unsold, fraction)


def purpose_of(deficit_id: int, amount: int, total_gain: int) -> bytes:
    """Returns what signers of a deleveraging put in the place of a snapshot's hash."""
    words = (deficit_id, amount, total_gain)
    return keccak(PURPOSE + b"".join(word.to_bytes(32, "big") for word in words))


def _part(quantity: int, fraction: int) -> int:
    part = abs(quantity) * fraction // WAD
    return part if quantity > 0 else -part
