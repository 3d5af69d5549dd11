"""What can be traded: markets by the chain's parameters, expiries by calendar, strikes by price.

Nothing once listed in a life of the process is taken off before it expires, so that a strike does
not vanish because the price moved. A recorded market lists what was recorded, and nothing else.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from adapters.base import Call, Reverted
from adapters.chains.deployment import Deployment, MarketInfo
from adapters.chains.settlement import decode, view
from app.board import Listing
from solver.domain.calendar import DAY, day_of
from solver.domain.errors import Unavailable
from solver.domain.instrument import EXPIRY_SECOND_OF_DAY
from solver.domain.numbers import WAD
from solver.domain.snapshot import Underlying
from solver.pricing.surface.calibrated import built_in

if TYPE_CHECKING:
    from app.feeds.recorded import RecordedMarket  # with it comes the optimiser, for few

WEEKS = 5  # the next Fridays
MONTHS = 3  # and the last Friday of each of the next months
SECONDS_LEFT_MIN = 3_600  # an expiry is listed no later than this before it
STRIKE_FROM_PERCENT, STRIKE_TO_PERCENT = 60, 160
ASIAN_WEEKS = 3  # of these have Asian options
ASIAN_FROM_PERCENT, ASIAN_TO_PERCENT = 90, 110
STEP_PERCENT_MAX = 10  # of the price, rounded down to 1, 2 or 5 times a power of ten
FRIDAY = 1  # of (days since 1970-01-01, a Thursday) mod 7


class ViewedChain(Protocol):
    """What reading parameters needs of a chain. Raises Unavailable."""

    async def call_many(
        self, calls: Sequence[Call], block: int | None = None
    ) -> list[bytes | Reverted]: ...


async def load_listing(
    chain: ViewedChain,
    deployment: Deployment,
    recorded: "Mapping[str, RecordedMarket] | None" = None,
) -> Listing:
    """Returns the static part of the board from the contract's parameters; a market whose symbol
    was `recorded` lists what was recorded and has its surface. Raises Unavailable."""
    calls = [view("Params", deployment.params, "market", m.market) for m in deployment.markets]
    answers = await chain.call_many(calls)
    pairs = zip(deployment.markets, answers, strict=True)
    return Listing(
        deployment.chain_id,
        deployment.settlement_token,
        deployment.tokens,
        tuple(
            _as_recorded(_underlying(market, answer), (recorded or {}).get(market.symbol))
            for market, answer in pairs
        ),
        deployment.weth,
    )


def expiries_at(time: int) -> tuple[int, ...]:
    """Returns the expiries listed at a unix time: weekly and monthly Fridays, 08:00 UTC."""
    first = (time + SECONDS_LEFT_MIN - EXPIRY_SECOND_OF_DAY + DAY - 1) // DAY
    friday = first + (FRIDAY - first) % 7
    fridays = [(friday + 7 * week) * DAY + EXPIRY_SECOND_OF_DAY for week in range(5 * MONTHS + 1)]
    monthly = [now for now, later in itertools.pairwise(fridays) if _turns(now, later)]
    return tuple(sorted({*fridays[:WEEKS], *monthly[:MONTHS]}))


def strikes_around(price: int) -> tuple[int, ...]:
    """Returns round strikes from 60 % to 160 % of a price, 1e18."""
    return _round_strikes(price, STRIKE_FROM_PERCENT, STRIKE_TO_PERCENT)


def asian_strikes(price: int) -> tuple[int, ...]:
    """Returns the few of `strikes_around` that Asian options have: 90 % to 110 % of a price."""
    return _round_strikes(price, ASIAN_FROM_PERCENT, ASIAN_TO_PERCENT)


def _round_strikes(price: int, low_percent: int, high_percent: int) -> tuple[int, ...]:
    step = _step(price * STEP_PERCENT_MAX // 100)
    low = -(-price * low_percent // 100 // step)
    high = price * high_percent // 100 // step
    return tuple(step * count for count in range(max(low, 1), high + 1))


def _step(most: int) -> int:
    power: int = max(10 ** (len(str(most)) - 1), WAD // 10**6)
    return next((times * power for times in (5, 2) if times * power <= most), power)


def _turns(now: int, later: int) -> bool:
    """True when `later`, a week after `now`, is in another month."""
    return day_of(now)[:6] != day_of(later)[:6]


def _as_recorded(market: Underlying, recorded: "RecordedMarket | None") -> Underlying:
    if recorded is None:
        return market
    return market._replace(
        surface=recorded.surface,
        expiries=recorded.expiries,
        strikes=recorded.strikes,
        series=recorded.series,
    )


def _underlying(market: MarketInfo, answer: bytes | Reverted) -> Underlying:
    if isinstance(answer, Reverted):
        raise Unavailable(f"market {market.market} has no parameters on chain")
    # base, baseDecimals, feed, heartbeat, then the rates in the order of contracts/src/types/Market
    sigma_cap, *rates = decode("Params", "market", answer)[4:9]
    return Underlying(
        market=market.market,
        symbol=market.symbol,
        base=market.base,
        price=0,
        confidence=0,
        surface=built_in(market.symbol),
        sigma_cap_ppm=sigma_cap,
        funding_index=0,
        perp_initial_ppm=rates[0],
        perp_maintenance_ppm=rates[1],
        base_initial_ppm=rates[2],
        base_maintenance_ppm=rates[3],
        oracle_state="HALT",
    )
