"""The middle of the compiler: what every intent kind becomes and all that routing knows."""

from typing import NamedTuple

from solver.domain.ids import AccountId, Address
from solver.domain.intent import Limits


class TokenFlow(NamedTuple):
    """A token leg. Atoms; `leg` is the index in the signed intent."""

    leg: int
    token: Address
    amount_min: int
    amount_max: int


class CollateralFlow(NamedTuple):
    """A collateral leg: deposit and withdraw bound the flow, auto the balance afterwards. Atoms."""

    leg: int
    token: Address
    side: str  # deposit | withdraw | auto
    amount_min: int
    amount_max: int


class Exposure(NamedTuple):
    """A derivative leg: any of `candidates` (packed ids), total |quantity| in the range, 1e18."""

    leg: int
    side: str  # buy | sell | auto
    candidates: tuple[int, ...]
    quantity_min: int
    quantity_max: int
    limit_price: int


class DeltaBox(NamedTuple):
    """Net delta of the account in one market must end within target +- tolerance, 1e18."""

    market: int
    target: int
    tolerance: int


class Program(NamedTuple):
    """Maximise the user's net value subject to everything signed.

    Token part: pull at most the sells, deliver at least the buys. Derivative part: fill exposures.
    `is_from_wallet` says whether token sells and deposits come by Permit2 or from collateral;
    `receiver` zero keeps bought tokens as collateral. `authority_gas` is what proving the owner's
    will takes beyond the signature of a key.
    """

    account: AccountId
    receiver: Address
    sells: tuple[TokenFlow, ...] = ()
    buys: tuple[TokenFlow, ...] = ()
    collateral: tuple[CollateralFlow, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    delta: DeltaBox | None = None
    limits: Limits = Limits("0x" + "00" * 20)
    is_from_wallet: bool = False
    authority_gas: int = 0
