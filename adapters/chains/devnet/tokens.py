"""The local chain's ERC-20s, what they are worth when it begins, and how they are made."""

from typing import NamedTuple

from adapters.chains.abi import artifact
from adapters.chains.devnet.builder import Builder, Tx
from adapters.chains.devnet.packages import package
from solver.domain.ids import Address
from solver.domain.instrument import Token
from solver.domain.numbers import WAD

PRICE_WAD = {"WETH": 3_600 * WAD, "USDC": WAD, "DAI": WAD, "WBTC": 105_000 * WAD}
DECIMALS = {"WETH": 18, "USDC": 6, "DAI": 18, "WBTC": 8}
NAMES = {"USDC": "USD Coin (local)", "DAI": "Dai (local)", "WBTC": "Wrapped BTC (local)"}
SUPPLY_USD = 500_000_000  # of every token, in the deployer's hands at first


class Tokens(NamedTuple):
    """The four tokens."""

    weth: Token
    usdc: Token
    dai: Token
    wbtc: Token

    def of(self, symbol: str) -> Token:
        """Returns the token with that symbol."""
        return next(token for token in self if token.symbol == symbol)


def atoms_of_usd(token: Token, usd: int) -> int:
    """Returns how many atoms are worth `usd` whole dollars at the beginning, rounded down."""
    return int(usd * WAD * 10**token.decimals // PRICE_WAD[token.symbol])


async def deploy_tokens(builder: Builder) -> Tokens:
    """Deploys WETH9 and three ERC-20s; the deployer holds SUPPLY_USD of each."""
    dev, weth9 = artifact("DevToken"), package("WETH9")
    codes = [weth9.creation()]
    codes += [dev.creation(NAMES[symbol], symbol, DECIMALS[symbol]) for symbol in NAMES]
    addresses = dict(zip(("WETH", *NAMES), await builder.create(codes), strict=True))
    tokens = Tokens(*(Token(addresses[s], s, DECIMALS[s]) for s in ("WETH", "USDC", "DAI", "WBTC")))
    mint = dev.interface.functions["mint"]
    amounts = {token: atoms_of_usd(token, SUPPLY_USD) for token in tokens}
    txs = [
        Tx(token.address, mint.encode(builder.sender, amounts[token]))
        for token in (tokens.usdc, tokens.dai, tokens.wbtc)
    ]
    deposit = weth9.interface.functions["deposit"].encode()
    await builder.send([*txs, Tx(tokens.weth.address, deposit, amounts[tokens.weth])])
    return tokens


def transfer(token: Token, to: Address, amount: int, sender: Address | None = None) -> Tx:
    """Returns an ERC-20 transfer of atoms."""
    data = artifact("DevToken").interface.functions["transfer"].encode(to, amount)
    return Tx(token.address, data, sender=sender)


def approve(token: Token, spender: Address, amount: int, sender: Address | None = None) -> Tx:
    """Returns an ERC-20 approval of atoms."""
    data = artifact("DevToken").interface.functions["approve"].encode(spender, amount)
    return Tx(token.address, data, sender=sender)
