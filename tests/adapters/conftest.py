"""The local chain for every test of adapters."""

from tests.devnet_fixture import devnet, devnet_home

__all__ = ["devnet", "devnet_home"]
