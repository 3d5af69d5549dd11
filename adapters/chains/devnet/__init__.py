"""A local chain with everything on it: the real protocols, our contracts, fresh prices, funds.

async with start(as_of=1_795_000_000) as devnet:
    devnet.url, devnet.deployment, devnet.chain, devnet.keys
"""

from adapters.chains.devnet.keys import DevKey, dev_keys
from adapters.chains.devnet.start import Devnet, launch, start

__all__ = ["DevKey", "Devnet", "dev_keys", "launch", "start"]
