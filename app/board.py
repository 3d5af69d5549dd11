"""The newest of everything, in memory: what planning reads, so no quote waits for the network."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from solver.domain.errors import NotFound, Unavailable
from solver.domain.ids import AccountId, Address, ChainId
from solver.domain.instrument import Token
from solver.domain.market import Ladder, Pool
from solver.domain.numbers import WAD
from solver.domain.risk import Fixing, MarketRisk
from solver.domain.snapshot import Snapshot, Underlying

LADDER_SECONDS_MAX = 30


class Listing(NamedTuple):
    """What does not change with a block. Underlyings carry their static figures and no price yet.

    `native_base` is the base token whose market prices the native coin (WETH).
    """

    chain_id: ChainId
    settlement_token: Token
    tokens: tuple[Token, ...]
    underlyings: tuple[Underlying, ...]
    native_base: Address


class Block(NamedTuple):
    """The chain head as far as a plan needs it. `timestamp` unix seconds, `gas_price` wei."""

    number: int
    timestamp: int
    gas_price: int


class Price(NamedTuple):
    """One market's aggregated oracle price and its spread, both 1e18; state OK | ... | HALT."""

    market: int
    price: int
    confidence: int
    state: str


class Board:
    """Feeds and makers write, planning reads one immutable Snapshot, rebuilt only on a change."""

    def __init__(self, listing: Listing, ladder_seconds_max: int = LADDER_SECONDS_MAX) -> None:
        self._listing = listing
        self._ladder_ms_max = ladder_seconds_max * 1000
        self._underlyings = {u.market: u for u in listing.underlyings}
        self._ladders: dict[tuple[int, AccountId], Ladder] = {}
        self._pools: tuple[Pool, ...] = ()
        self._guarded: dict[int, int] = {}
        self._settlement_price = WAD
        self._block: Block | None = None
        self._unreadable_since: int | None = None
        self._cached: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        """Returns the newest state of the chain and its makers.

        Raises Unavailable before the first block and while the chain cannot be read: an old world
        is not passed off as the present one.
        """
        if self._block is None or self._unreadable_since is not None:
            since = self._unreadable_since
            raise Unavailable("the chain cannot be read", data={"sinceSeconds": str(since or 0)})
        if self._cached is None:
            self._cached = self._build(self._block)
        return self._cached

    def market_state(self) -> Snapshot:
        """Returns `snapshot` without ladders: cheap however often ladders change.

        Raises Unavailable as `snapshot`.
        """
        if self._block is None or self._unreadable_since is not None:
            return self.snapshot()
        return self._build(self._block, with_ladders=False)

    def ladder(self, instrument: int, maker: AccountId) -> Ladder | None:
        """Returns the maker's ladder in an instrument unless it is too old."""
        ladder = self._ladders.get((instrument, maker))
        return ladder if ladder is not None and self._is_fresh(ladder) else None

    @property
    def unreadable_since(self) -> int | None:
        """Chain time (unix seconds) of the last block read while reading fails; None when well."""
        return self._unreadable_since

    def set_block(self, block: Block) -> None:
        """Moves the present to `block`; the chain is readable again."""
        self._unreadable_since = None
        if block != self._block:
            self._block, self._cached = block, None

    def set_unreadable(self) -> None:
        """Flags that the chain does not answer; nothing is served until the next block is read."""
        self._unreadable_since = self._block.timestamp if self._block else 0

    def set_pools(self, pools: Iterable[Pool]) -> None:
        """Replaces all pools; their order is made the same for equal content."""
        ordered = tuple(sorted(pools, key=lambda pool: (pool.venue, pool.address)))
        if ordered != self._pools:
            self._pools, self._cached = ordered, None

    def set_prices(self, prices: Iterable[Price]) -> None:
        """Sets the oracle price of each market named. Raises NotFound for an unlisted one."""
        for price in prices:
            self._change(
                price.market,
                price=price.price,
                confidence=price.confidence,
                oracle_state=price.state,
            )

    def set_funding(self, market: int, index: int) -> None:
        """Sets the perp's funding index, 1e18. Raises NotFound for an unlisted market."""
        self._change(market, funding_index=index)

    def set_fixed(
        self, market: int, expiry_prices: Mapping[int, int], fixings: Iterable[Fixing]
    ) -> None:
        """Sets every price, 1e18, that an expiry was fixed at on chain, and what each Asian series
        has averaged there: what is not named is fixed no more, as after a reorganisation."""
        by_expiry = tuple(sorted(fixings, key=lambda fixing: fixing.expiry))
        prices = tuple(sorted(expiry_prices.items()))
        self._change(market, expiry_prices=prices, fixings=by_expiry)

    def set_listing(self, market: int, expiries: tuple[int, ...], strikes: tuple[int, ...]) -> None:
        """Lists the market's options: expiries in unix seconds, strikes 1e18."""
        self._change(market, expiries=expiries, strikes=strikes)

    def set_asians(self, market: int, expiries: tuple[int, ...], strikes: tuple[int, ...]) -> None:
        """Lists the market's Asian options: expiries in unix seconds, strikes 1e18."""
        self._change(market, asians=tuple((expiry, strikes) for expiry in expiries))

    def recorded_expiries(self, market: int) -> tuple[int, ...]:
        """Returns the expiries of a market that lists what was recorded, whatever the price does;
        none where the listing follows the calendar."""
        return tuple(expiry for expiry, _ in self._underlying(market).series)

    @property
    def pools(self) -> tuple[Pool, ...]:
        """Every pool as last read."""
        return self._pools

    def guarded(self, market: int) -> int:
        """Returns what could be liquidated on a market, settlement units 1e18: a source that is
        cheaper to move than ten times that has no vote."""
        return self._guarded.get(market, 0)

    def set_guarded(self, market: int, value: int) -> None:
        """Sets what could be liquidated on a market, settlement units 1e18, as last margined."""
        self._guarded[market] = value

    def set_risk(self, market: int, risk: MarketRisk) -> None:
        """Sets a market's margin parameters. Raises NotFound for an unlisted market."""
        self._change(market, risk=risk)

    def set_settlement_price(self, price: int) -> None:
        """Sets what the settlement token itself is worth in dollars, 1e18."""
        if price != self._settlement_price:
            self._settlement_price, self._cached = price, None

    def set_ladder(self, ladder: Ladder) -> None:
        """Replaces one maker's offer in one instrument; an empty ladder withdraws it."""
        key = (ladder.instrument, ladder.maker)
        if ladder.bids or ladder.asks:
            self._ladders[key] = ladder
        else:
            self._ladders.pop(key, None)
        self._cached = None

    def drop_maker(self, maker: AccountId) -> None:
        """Withdraws everything a maker offered."""
        self._ladders = {key: value for key, value in self._ladders.items() if key[1] != maker}
        self._cached = None

    def _underlying(self, market: int) -> Underlying:
        if market not in self._underlyings:
            raise NotFound(f"market {market} is not listed")
        return self._underlyings[market]

    def _change(self, market: int, **values: object) -> None:
        old = self._underlying(market)
        new = old._replace(**values)  # type: ignore[arg-type]
        if new != old:
            self._underlyings[market], self._cached = new, None

    def _is_fresh(self, ladder: Ladder) -> bool:
        now_ms = self._block.timestamp * 1000 if self._block else 0
        return ladder.time_ms >= now_ms - self._ladder_ms_max

    def _build(self, block: Block, *, with_ladders: bool = True) -> Snapshot:
        listing, underlyings = self._listing, tuple(self._underlyings.values())
        native = (u.price for u in underlyings if u.base.address == listing.native_base)
        keys: list[tuple[int, AccountId]] = []
        if with_ladders:  # what is too old goes, else every option ever listed would stay
            self._ladders = {k: kept for k, kept in self._ladders.items() if self._is_fresh(kept)}
            keys = sorted(self._ladders)
        return Snapshot(
            chain_id=listing.chain_id,
            block_number=block.number,
            time_ms=block.timestamp * 1000,
            gas_price=block.gas_price,
            settlement_token=listing.settlement_token,
            tokens=listing.tokens,
            underlyings=underlyings,
            pools=self._pools,
            ladders=tuple(self._ladders[key] for key in keys),
            native_price=next(native, 0),
            settlement_price=self._settlement_price,
        )
