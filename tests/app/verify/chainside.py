"""What signatures are judged with in tests: a chain, real or laid down, and our addresses."""

from typing import Any, NamedTuple

from adapters.chains.deployment import Deployment
from adapters.chains.devnet import Devnet
from solver.domain.typed_data import Domain
from tests.app.api import server


class World(NamedTuple):
    """A chain with contracts of ours, at addresses that need no code unless the chain is real."""

    chain: Any
    deployment: Deployment = server.deployment()
    domain: Domain = server.DOMAIN


def world_of(devnet: Devnet) -> World:
    """Returns the local chain as a world."""
    ours = devnet.deployment
    return World(devnet.chain, ours, Domain(ours.chain_id, ours.settlement))
