"""What the user signs, as values: the Python twin of contracts/src/types/Intent.sol."""

from typing import NamedTuple

from solver.domain.ids import ZERO_ADDRESS, Address
from solver.domain.numbers import INT256_MAX, UINT256_MAX

NO_COST_LIMIT = INT256_MAX
NO_SLIPPAGE_LIMIT = 2**32 - 1
NO_DELTA_LIMIT = UINT256_MAX
NO_MARGIN_LIMIT = UINT256_MAX
LEGS_MAX = 20

SCHEMES = (
    "eip712",
    "eip1271",
    "permit2",
    "mandate",
    "presign",
)  # index = the contract's number


class Leg(NamedTuple):
    """One bound on what may be traded. Token and collateral quantities are atoms, others 1e18."""

    kind: str  # token | perp | option | collateral | bridge
    asset: Address
    side: str  # buy | sell | auto | deposit | withdraw
    right: str = ""  # call | put | asianCall | asianPut | empty
    strike_min: int = 0
    strike_max: int = 0
    expiry_min: int = 0
    expiry_max: int = 0
    quantity_min: int = 0
    quantity_max: int = 0
    limit_price: int = 0  # 0 = none
    chain_id: int = 0  # 0 = the domain's chain


class Limits(NamedTuple):
    """Bounds on the whole outcome. Money is settlement atoms; delta and health are 1e18."""

    settlement_token: Address
    max_net_cost: int = NO_COST_LIMIT
    max_fee: int = 0
    max_slippage_bps: int = NO_SLIPPAGE_LIMIT
    target_delta: int = 0
    delta_tolerance: int = NO_DELTA_LIMIT
    max_margin_used: int = NO_MARGIN_LIMIT
    min_health: int = 0


class OutcomeIntent(NamedTuple):
    """One signed outcome. Times are unix seconds; nonce = epoch(64) | lane(184) | counter(8)."""

    owner: Address
    subaccount: int
    receiver: Address
    outcome: str
    legs: tuple[Leg, ...]
    limits: Limits
    is_partially_fillable: bool
    valid_from: int
    valid_to: int
    nonce: int
    app_data: bytes

    @property
    def is_to_collateral(self) -> bool:
        """True when what is bought becomes the account's collateral."""
        return self.receiver == ZERO_ADDRESS


class SignedIntent(NamedTuple):
    """An intent with the authority to settle it."""

    intent: OutcomeIntent
    scheme: str
    signature: bytes


class MakerQuote(NamedTuple):
    """A maker's firm quote: twin of the contract's Quote. Price and quantity are 1e18."""

    maker: Address
    subaccount: int
    solver: Address
    instrument: int
    maker_sells: bool
    price: int
    max_quantity: int
    valid_to: int
    nonce: int


class SignedQuote(NamedTuple):
    """A quote with the maker's signature."""

    quote: MakerQuote
    signature: bytes
