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


class GreekBox(NamedTuple):
    """A greek of the account in one market must end from `low` to `high`, 1e18: delta in base,
    gamma per settlement unit, vega per 1.0 of volatility, theta per year."""

    market: int
    greek: str  # delta | gamma | vega | theta
    low: int
    high: int


class Scenario(NamedTuple):
    """Price moved by `spot_ppm`, volatility up (1), down (-1) or as it is, what is then lost or won
    counted at `damp_ppm`."""

    spot_ppm: int
    vol: int
    damp_ppm: int = 1_000_000


class ScenarioBudget(NamedTuple):
    """The most the account loses in any scenario of one market is its margin: at most `budget`,
    settlement atoms, and `rate_ppm` of it is a cost."""

    market: int
    scenarios: tuple[Scenario, ...]
    budget: int
    rate_ppm: int = 0


class StructureRow(NamedTuple):
    """Options of one side and right, within strikes (1e18) and expiries (unix seconds), must total
    a quantity in the range, 1e18."""

    market: int
    side: str  # buy | sell
    right: str  # call | put
    strike_min: int
    strike_max: int
    expiry_min: int
    expiry_max: int
    quantity_min: int
    quantity_max: int


class Choice(NamedTuple):
    """Leave to choose many contracts at once: exposures then may be spread over their candidates.

    Fills are judged by what they are worth at the mark, with the theta of `carry_seconds`, not by
    the cash alone. A leg is one contract at one maker. `loss_max` bounds what the fills that lose
    against the mark lose, settlement atoms.
    """

    legs_max: int
    greeks: tuple[GreekBox, ...] = ()
    scenarios: ScenarioBudget | None = None
    structure: tuple[StructureRow, ...] = ()
    loss_max: int | None = None
    carry_seconds: int = 0


class Program(NamedTuple):
    """Maximise the user's net value subject to everything signed.

    Token part: pull at most the sells, deliver at least the buys. Derivative part: fill exposures.
    `is_from_wallet` says whether token sells and deposits come by Permit2 or from collateral;
    `receiver` zero keeps bought tokens as collateral. `authority_gas` is what proving the owner's
    will takes beyond the signature of a key. Without `choice` an exposure is one contract.
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
    choice: Choice | None = None
