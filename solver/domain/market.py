"""What a venue offers at one instant. Pools are exact on-chain state; ladders are indicative."""

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


class ConcentratedPool(NamedTuple):
    """Uniswap v3 state. `ticks` = initialised (tick, liquidityNet), ascending, the whole range."""

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


Pool = ConstantProductPool | ConcentratedPool


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
