"""Everything the solver may know at one instant, hashed. Time is `time_ms`; there is no clock."""

import hashlib
from collections import deque
from typing import NamedTuple

from solver.domain.ids import Address, ChainId
from solver.domain.instrument import Kind, Token
from solver.domain.market import Ladder, Pool
from solver.domain.risk import Fixing, MarketRisk
from solver.domain.surface import Surface


class Underlying(NamedTuple):
    """One market. Price, confidence and strikes step are 1e18; rates ppm; funding index 1e18."""

    market: int
    symbol: str
    base: Token
    price: int
    confidence: int
    surface: Surface  # implied volatility and forwards by strike and tenor
    sigma_cap_ppm: int
    funding_index: int
    perp_initial_ppm: int
    perp_maintenance_ppm: int
    base_initial_ppm: int
    base_maintenance_ppm: int
    expiries: tuple[int, ...] = ()  # listed, unix seconds
    strikes: tuple[int, ...] = ()  # listed for every expiry that `series` does not name, 1e18
    oracle_state: str = "OK"  # OK | UNCERTAIN | DEGRADED | HALT
    expiry_prices: tuple[tuple[int, int], ...] = ()  # (expiry, price 1e18) once fixed on chain
    series: tuple[tuple[int, tuple[int, ...]], ...] = ()  # (expiry, its strikes) where they differ
    risk: MarketRisk = MarketRisk()
    fixings: tuple[Fixing, ...] = ()  # of Asian series that have begun to average
    asians: tuple[tuple[int, tuple[int, ...]], ...] = ()  # (expiry, listed Asian strikes)

    def strikes_at(self, expiry: int) -> tuple[int, ...]:
        """Returns the strikes listed for an expiry, 1e18; none where it is not listed."""
        if expiry not in self.expiries:
            return ()
        return dict(self.series).get(expiry, self.strikes)

    def strikes_of(self, kind: Kind, expiry: int) -> tuple[int, ...]:
        """Returns the strikes listed for options of a kind at an expiry, 1e18."""
        if kind in (Kind.ASIAN_CALL, Kind.ASIAN_PUT):
            return dict(self.asians).get(expiry, ())
        return self.strikes_at(expiry)

    def fixing_of(self, expiry: int) -> Fixing:
        """Returns what the Asian series of an expiry has averaged: nothing before it begins."""
        known = (fixing for fixing in self.fixings if fixing.expiry == expiry)
        return next(known, Fixing(expiry, 0, 0))


class Snapshot(NamedTuple):
    """One instant of one chain. `gas_price` is wei; `settlement_token` is the clearinghouse's."""

    chain_id: ChainId
    block_number: int
    time_ms: int
    gas_price: int
    settlement_token: Token
    tokens: tuple[Token, ...]
    underlyings: tuple[Underlying, ...]
    pools: tuple[Pool, ...] = ()
    ladders: tuple[Ladder, ...] = ()
    native_price: int = 0  # settlement units 1e18 per whole native coin, for gas
    settlement_price: int = 10**18  # dollars per settlement token: below its peg margin rises

    @property
    def time(self) -> int:
        """Unix seconds."""
        return self.time_ms // 1000

    @property
    def atom(self) -> int:
        """One settlement atom in 1e36: quantity x price, both 1e18, is that many times atoms."""
        return int(10 ** (36 - self.settlement_token.decimals))

    @property
    def hash(self) -> bytes:
        """sha256 of the content; two equal snapshots hash alike on every machine.

        Computed once for each of the newest: with a day's ladders it takes as long as a whole plan,
        and drafting, solving and checking each ask for it.
        """
        for known, digest in _hashes:
            if known is self:
                return digest
        digest = hashlib.sha256(repr(tuple(self)).encode()).digest()
        _hashes.append((self, digest))
        return digest

    def token(self, address: Address) -> Token | None:
        """Returns the listed token at `address`."""
        return next((t for t in self.tokens if t.address == address), None)

    def underlying(self, market: int) -> Underlying | None:
        """Returns the market with that number."""
        return next((u for u in self.underlyings if u.market == market), None)

    def underlying_of(self, base: Address) -> Underlying | None:
        """Returns the market whose base token is at `base`."""
        return next((u for u in self.underlyings if u.base.address == base), None)


_hashes: deque[tuple[Snapshot, bytes]] = deque(maxlen=4)  # a plan may still stand on the one before
