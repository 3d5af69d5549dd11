"""What a venue offers at one instant. Pools are exact on-chain state; ladders are indicative.

Every pool kind names its `tokens`, its `address` (a pool id where the venue has one) and the `gas`
of one swap; solver.routing.curves holds what it answers.
"""

from typing import NamedTuple

from solver.domain.ids import AccountId, Address, VenueId


class ConstantProductPool(NamedTuple):
    """x*y=k. Reserves are atoms; `fee_ppm` of the input stays in the pool (Uniswap v2: 3000)."""

    venue: VenueId
    address: Address
    token0: Address
    token1: Address
    reserve0: int
    reserve1: int
    fee_ppm: int
    gas: int

    @property
    def tokens(self) -> tuple[Address, ...]:
        """Both tokens."""
        return self.token0, self.token1


class ConcentratedPool(NamedTuple):
    """Uniswap v3 state, or v4's without hooks. `ticks` = initialised (tick, liquidityNet),
    ascending, the whole range; `fee_ppm` is all that a swap pays (v4: protocol fee included).
    """

    venue: VenueId
    address: Address
    token0: Address
    token1: Address
    fee_ppm: int
    tick_spacing: int
    sqrt_price_x96: int
    tick: int
    liquidity: int
    ticks: tuple[tuple[int, int], ...]
    gas: int

    @property
    def tokens(self) -> tuple[Address, ...]:
        """Both tokens."""
        return self.token0, self.token1


class WeightedPool(NamedTuple):
    """Balancer's weighted pool. Balances are atoms; weights sum to 1e18; `fee` is 1e18 of the
    input; `scalings` turn atoms into 18 decimals (1e18 times rate times 10**(18 - decimals)).
    `edition` 1: every power by logarithm (2021); 2: exact powers 1, 2, 4; 3: Vault v3's rounding,
    which divides what leaves by `scalings_up`, where a broken rate is raised by 1 (empty: none is).
    """

    venue: VenueId
    address: Address
    tokens: tuple[Address, ...]
    balances: tuple[int, ...]
    weights: tuple[int, ...]
    scalings: tuple[int, ...]
    fee: int
    gas: int
    edition: int = 2
    scalings_up: tuple[int, ...] = ()


class StablePool(NamedTuple):
    """Balancer's stable pool, its own share token left out. As WeightedPool; `amplification` is
    times 1000, as deployed. `edition` 1: the invariant rounds up (2021, meta-stable); 2: it rounds
    down (composable); 3: Vault v3's rounding.
    """

    venue: VenueId
    address: Address
    tokens: tuple[Address, ...]
    balances: tuple[int, ...]
    amplification: int
    scalings: tuple[int, ...]
    fee: int
    gas: int
    edition: int = 2
    scalings_up: tuple[int, ...] = ()


class StableswapPool(NamedTuple):
    """Curve's stableswap. `rates` turn atoms into 18 decimals (1e18 times 10**(18 - decimals), a
    base pool's virtual price or a redemption price for such tokens); `fee` is 1e10 of the output,
    `admin_fee` 1e10 of the fee. `amplification` is the contract's own A in 1/`amplification_unit`
    (1 in the first pools, A_PRECISION 100 in later ones). `edition` is how get_D divides: 1: by
    n*x + 1 (steth), 2: by n*x, 3: by x and then n^n (the factory's pools of two).
    """

    venue: VenueId
    address: Address
    tokens: tuple[Address, ...]
    balances: tuple[int, ...]
    amplification: int
    rates: tuple[int, ...]
    fee: int
    gas: int
    admin_fee: int = 0
    amplification_unit: int = 1
    edition: int = 2


class BookPool(NamedTuple):
    """An order book of base against quote. Levels are (price, lots), best first: a lot is `lot`
    atoms of base, a price the quote atoms paid for one lot, both above 0 (where a tick of one lot
    is no whole atom, the lot is a greater one); `fee_ppm` is kept from what is bought.
    """

    venue: VenueId
    address: Address
    base: Address
    quote: Address
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    lot: int
    fee_ppm: int
    gas: int

    @property
    def tokens(self) -> tuple[Address, ...]:
        """Base and quote."""
        return self.base, self.quote


Pool = (
    ConstantProductPool | ConcentratedPool | WeightedPool | StablePool | StableswapPool | BookPool
)


class Level(NamedTuple):
    """Price and quantity, both 1e18. Firm levels name the quote they come from."""

    price: int
    quantity: int
    quote_index: int | None = None


class Ladder(NamedTuple):
    """One counterparty's offer in one instrument: bids descending, asks ascending."""

    maker: AccountId
    instrument: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    is_firm: bool
    time_ms: int
