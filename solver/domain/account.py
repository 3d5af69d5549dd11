"""An account as the ledger folds it: cash, slots in the contract's list order, reservations."""

from typing import NamedTuple

from solver.domain.health import Health
from solver.domain.ids import AccountId

SIMPLE, PORTFOLIO = "simple", "portfolio"
POSITIONS_MAX = 20  # slots of an account on chain


class Position(NamedTuple):
    """One slot. Quantity is 1e18 contracts, or atoms of the base token for KIND_BASE."""

    instrument: int
    quantity: int


class Reservation(NamedTuple):
    """What an open intent may cost at most, in settlement atoms."""

    uid: str
    debit: int
    fee: int
    margin: int


class Account(NamedTuple):
    """Cash in settlement atoms (may be negative); positions in the contract's list order."""

    id: AccountId
    cash: int = 0
    positions: tuple[Position, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    epoch: int = 0
    health: Health = Health()
    engine: str = SIMPLE  # whose word margin is: PORTFOLIO once an attested gate has let it pass

    def quantity(self, instrument: int) -> int:
        """Returns the signed quantity held, 0 when there is none."""
        return next((p.quantity for p in self.positions if p.instrument == instrument), 0)
