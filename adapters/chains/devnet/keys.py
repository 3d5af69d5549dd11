"""Keys of the local chain: anvil's published mnemonic, one account a role; never for money."""

import functools
from typing import NamedTuple

from eth_account import Account

from solver.domain.ids import Address

MNEMONIC = "test test test test test test test test test test test junk"
ROLES = (
    "deployer",
    "solver",
    "maker",
    "risk1",
    "risk2",
    "risk3",
    "keeper",
    "alice",
    "bob",
    "guardian",
    "proposer",
    "approver",
    "liquidator",
)
RISK_ROLES = ("risk1", "risk2", "risk3")


class DevKey(NamedTuple):
    """One account of the local chain; `secret` is the 32-byte private key."""

    role: str
    address: Address
    secret: bytes


@functools.cache
def dev_keys() -> dict[str, DevKey]:
    """Returns the key of every role, derived at BIP-44's m/44'/60'/0'/0/index."""
    Account.enable_unaudited_hdwallet_features()
    keys = {}
    for index, role in enumerate(ROLES):
        path = f"m/44'/60'/0'/0/{index}"
        account = Account.from_mnemonic(MNEMONIC, account_path=path)
        keys[role] = DevKey(role, account.address.lower(), bytes(account.key))
    return keys
