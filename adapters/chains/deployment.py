"""Where everything is on one chain: written once by whoever deployed, read by everyone else."""

import json
import pathlib
from typing import Any, NamedTuple

from solver.domain.errors import Malformed, NotFound
from solver.domain.ids import ZERO_ADDRESS, Address, ChainId, VenueId, address
from solver.domain.instrument import Token


class MarketInfo(NamedTuple):
    """One underlying and its price sources. `twap_pool` is a v3 pool of base and quote."""

    market: int
    symbol: str
    base: Token
    feed: Address
    pyth: Address
    pyth_id: str
    twap_pool: Address
    quote: Token
    heartbeat: int = 3_600  # seconds a feed answer stays good


class Deployment(NamedTuple):
    """All addresses of one deployment. `execution` is the library linked into Settlement."""

    chain_id: ChainId
    settlement: Address
    clearinghouse: Address
    attestation: Address
    params: Address
    router: Address
    execution: Address
    permit2: Address
    multicall: Address
    weth: Address
    usdc: Address
    tokens: tuple[Token, ...]
    uniswap_v2_factory: Address
    uniswap_v3_factory: Address
    pools: tuple[tuple[VenueId, Address], ...]
    markets: tuple[MarketInfo, ...]
    start_block: int
    uniswap_v2_router: Address = ZERO_ADDRESS  # for arbitrage of the local chain only
    uniswap_v3_router: Address = ZERO_ADDRESS
    settlement_feed: Address = ZERO_ADDRESS  # the settlement token in dollars, where one exists
    auction: Address = ZERO_ADDRESS  # liquidations

    @property
    def contracts(self) -> frozenset[Address]:
        """Every contract of ours: none of them gives back a token that is sent to it."""
        ours = (self.settlement, self.clearinghouse, self.attestation, self.params, self.router)
        return frozenset((*ours, self.execution, self.auction)) - {ZERO_ADDRESS}

    @property
    def settlement_token(self) -> Token:
        """The token that cash and prices are counted in."""
        return self.token("USDC")

    def token(self, symbol: str) -> Token:
        """Returns the listed token with that symbol. Raises NotFound."""
        for token in self.tokens:
            if token.symbol == symbol:
                return token
        raise NotFound(f"no token {symbol[:20]!r} in the deployment")

    def market(self, symbol: str) -> MarketInfo:
        """Returns the underlying with that symbol. Raises NotFound."""
        for market in self.markets:
            if market.symbol == symbol:
                return market
        raise NotFound(f"no market {symbol[:20]!r} in the deployment")


def dumps(deployment: Deployment) -> str:
    """Returns the deployment as JSON."""
    body = deployment._asdict()
    body["tokens"] = [token._asdict() for token in deployment.tokens]
    body["markets"] = [_market_json(market) for market in deployment.markets]
    return json.dumps(body, indent=2) + "\n"


def loads(text: str) -> Deployment:
    """Inverse of `dumps`. Raises Malformed."""
    try:
        body = json.loads(text)
        body["tokens"] = tuple(Token(**token) for token in body["tokens"])
        body["markets"] = tuple(_market(market) for market in body["markets"])
        body["pools"] = tuple((venue, address(pool)) for venue, pool in body["pools"])
        return Deployment(**body)
    except (ValueError, TypeError, KeyError) as error:
        raise Malformed(f"not a deployment file: {error}") from error


def load(path: pathlib.Path | str) -> Deployment:
    """Returns the deployment in a file. Raises NotFound or Malformed."""
    try:
        text = pathlib.Path(path).read_text()
    except OSError as error:
        raise NotFound(f"no deployment file at {path}") from error
    return loads(text)


def dump(deployment: Deployment, path: pathlib.Path | str) -> None:
    """Writes the deployment to a file."""
    pathlib.Path(path).write_text(dumps(deployment))


def _market_json(market: MarketInfo) -> dict[str, Any]:
    return market._asdict() | {"base": market.base._asdict(), "quote": market.quote._asdict()}


def _market(body: dict[str, Any]) -> MarketInfo:
    return MarketInfo(**(body | {"base": Token(**body["base"]), "quote": Token(**body["quote"])}))
