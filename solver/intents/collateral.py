"""Move collateral between a wallet and an account: one leg, an exact amount."""

from typing import Any, ClassVar, Literal

from solver.domain.errors import Malformed
from solver.domain.ids import Address
from solver.domain.intent import Leg
from solver.intents.base import Context, OutcomeKind, Shape, positive
from solver.intents.listing import token_of
from solver.intents.wire import AddressText, Amount, Name

_OWNER = "0x14dc79964da2c08b23698b3d3cc7ca32193d9955"


class Deposit(OutcomeKind):
    """Bring `amount` whole tokens from the wallet into the account. Scheme permit2 only."""

    shape: ClassVar[Shape] = {("collateral", "deposit"): (1, 1)}
    example: ClassVar[dict[str, Any]] = {
        "request": {"outcome": "deposit", "token": "USDC", "amount": "25000"},
        "terms": {"owner": _OWNER, "maxFee": "2", "scheme": "permit2"},
    }

    outcome: Literal["deposit"] = "deposit"
    token: Name
    amount: Amount

    def legs(self, context: Context) -> tuple[Leg, ...]:
        """Returns the one leg."""
        return (_leg("deposit", self.token, self.amount, context),)


class Withdraw(OutcomeKind):
    """Pay `amount` whole tokens of collateral to `receiver`; absent: the terms' or the owner."""

    shape: ClassVar[Shape] = {("collateral", "withdraw"): (1, 1)}
    example: ClassVar[dict[str, Any]] = {
        "request": {
            "outcome": "withdraw",
            "token": "USDC",
            "amount": "1000",
            "receiver": _OWNER,
        },
        "terms": {"owner": _OWNER, "maxFee": "2", "minHealth": "1.1"},
    }

    outcome: Literal["withdraw"] = "withdraw"
    token: Name
    amount: Amount
    receiver: AddressText | None = None

    def legs(self, context: Context) -> tuple[Leg, ...]:
        """Returns the one leg."""
        return (_leg("withdraw", self.token, self.amount, context),)

    def paid_to(self, context: Context) -> Address:
        """Returns who is paid. Raises Malformed when request and terms disagree."""
        said = {self.receiver, context.terms.receiver} - {None}
        if len(said) > 1:
            raise Malformed("the terms name another receiver", field="request.receiver")
        return next(iter(said), None) or context.terms.owner


def _leg(side: str, token: str, amount: str, context: Context) -> Leg:
    listed = token_of(token, context.snapshot, "request.token")
    atoms = positive(amount, listed.decimals, "request.amount")
    return Leg("collateral", listed.address, side, quantity_min=atoms, quantity_max=atoms)
