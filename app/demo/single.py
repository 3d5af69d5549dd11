"""The best one pool alone would give: what a split has to beat."""

from adapters.chains.deployment import Deployment
from adapters.chains.evm import EvmChain
from adapters.registry import PoolReader
from solver.domain.instrument import Token
from solver.routing.curves import amount_out


async def best_single_pool(
    chain: EvmChain, deployment: Deployment, pair: tuple[Token, Token], sold: int
) -> int:
    """Returns the most atoms of the second token that `sold` atoms of the first buy in one pool."""
    sell, buy = pair
    pools = await PoolReader(chain, deployment.pools).read((await chain.head()).number)
    both = (sell.address, buy.address)
    return max(amount_out(p, both, sold) for p in pools if set(p.tokens) == set(both))
