"""What a wallet can give Permit2: read before anyone waits for a settlement that must revert.

Only scheme permit2 takes from a wallet, so nothing else ever asks the chain. Every shortfall comes
with what cures it: the calldata of an approval and, where the token knows EIP-2612, typed data that
approves by signature. While the chain cannot be read that is said, and nobody is called short.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from adapters.base import Call
from adapters.chains.abi import function
from app.board import Board
from app.verify.permit import Grant, permit_document
from solver.domain.errors import InsufficientFunds, Unavailable
from solver.domain.ids import Address
from solver.domain.instrument import Token
from solver.domain.intent import OutcomeIntent
from solver.domain.numbers import UINT256_MAX, format_decimal
from solver.domain.snapshot import Snapshot

WALLETS_KEPT_MAX = 10_000  # (owner, token) pairs of one block
FROM_WALLET = (("token", "sell"), ("collateral", "deposit"))  # the legs on Permit2's list
_BALANCE = function("balanceOf(address)")
_ALLOWANCE = function("allowance(address,address)")
_APPROVE = function("approve(address,uint256)")


class Need(NamedTuple):
    """What a settlement takes of one token at least, and what it may take at most. Atoms."""

    least: int
    most: int


class Held(NamedTuple):
    """What a wallet holds of one token, and how much of it Permit2 may move. Atoms."""

    balance: int
    allowance: int


class Shortfall(NamedTuple):
    """A token that the wallet cannot give. Amounts are atoms; `code` is the stable word.

    `is_approved` False: an approval is missing, maybe beside the tokens; `permit` then is EIP-2612
    typed data that gives it, None where the token knows no such thing.
    """

    code: str
    token: Token
    spender: Address
    required: int
    available: int
    is_approved: bool
    permit: dict[str, Any] | None


class Wallets:
    """What wallets held when last read, good for one block."""

    def __init__(self) -> None:
        self._block = -1
        self._known: dict[tuple[Address, Address], Held] = {}

    async def held(
        self, world: "Chainside", owner: Address, tokens: Iterable[Address]
    ) -> dict[Address, Held]:
        """Returns what the owner holds of each token; one batch for all that is not known yet.

        Raises Unavailable when the chain, or a token on it, does not answer.
        """
        block = world.board.snapshot().block_number
        if block != self._block or len(self._known) >= WALLETS_KEPT_MAX:
            self._block, self._known = block, {}
        known = self._known  # of this block, also when the next one comes while we wait
        found = {token: known.get((owner, token)) for token in tokens}
        missing = [token for token, held in found.items() if held is None]
        read = await _read(world, owner, missing) if missing else {}
        known |= {(owner, token): held for token, held in read.items()}
        return {token: held for token, held in found.items() if held} | read

    def forget(self, owner: Address, tokens: Iterable[Address]) -> None:
        """Drops what is known: whoever is told of a shortfall may cure it within the block."""
        for token in tokens:
            self._known.pop((owner, token), None)


class Chainside(Protocol):
    """What funding is judged with; `app.services.Services` is one."""

    @property
    def board(self) -> Board: ...
    @property
    def chain(self) -> Any: ...
    @property
    def deployment(self) -> Any: ...
    @property
    def wallets(self) -> Wallets: ...


async def require_funded(world: Chainside, intent: OutcomeIntent, scheme: str) -> None:
    """Raises InsufficientFunds with the first shortfall and its cure, Unavailable without a chain.

    Asks nobody unless the scheme takes from the wallet.
    """
    for short in await shortfalls(world, intent, scheme):
        detail = (
            f"the wallet holds less {short.token.symbol} than it must give"
            if short.code == "insufficientBalance"
            else f"Permit2 may not move the wallet's {short.token.symbol}: approve it first"
        )
        data = {name: value for name, value in told(short).items() if name != "code"}
        raise InsufficientFunds(detail, code=short.code, field="intent.legs", data=data)


async def shortfalls(world: Chainside, intent: OutcomeIntent, scheme: str) -> list[Shortfall]:
    """Returns what the wallet lacks for what the intent may take from it; empty for any scheme but
    permit2. Raises Unavailable when the chain does not answer.

    The balance must cover the least that a settlement takes, as with reservations of collateral;
    the approval the most that can be taken of it.
    """
    if scheme != "permit2":
        return []
    needs = _needs(intent)
    held = await world.wallets.held(world, intent.owner, needs)
    short = {token: need for token, need in needs.items() if not _is_covered(need, held[token])}
    world.wallets.forget(intent.owner, short)
    return [await _shortfall(world, intent, token, held[token], needs[token]) for token in short]


def told(short: Shortfall) -> dict[str, Any]:
    """Returns a shortfall in the words of the API; amounts are whole tokens."""
    approve = {
        "to": short.token.address,
        "data": "0x" + _APPROVE.encode(short.spender, UINT256_MAX).hex(),
    }
    return {
        "code": short.code,
        "token": short.token.address,
        "symbol": short.token.symbol,
        "spender": short.spender,
        "required": format_decimal(short.required, short.token.decimals),
        "available": format_decimal(short.available, short.token.decimals),
        "approve": None if short.is_approved else approve,
        "permit": short.permit,
    }


def _needs(intent: OutcomeIntent) -> dict[Address, Need]:
    """Returns what each token on Permit2's list must cover; nothing at all is never settled."""
    needs: dict[Address, Need] = {}
    for leg in intent.legs:
        if (leg.kind, leg.side) in FROM_WALLET:
            least, most = needs.get(leg.asset, Need(0, 0))
            needs[leg.asset] = Need(least + leg.quantity_min, most + leg.quantity_max)
    return {token: Need(max(need.least, 1), need.most) for token, need in needs.items()}


def _is_covered(need: Need, held: Held) -> bool:
    return held.balance >= need.least and held.allowance >= min(need.most, held.balance)


async def _shortfall(
    world: Chainside, intent: OutcomeIntent, token: Address, held: Held, need: Need
) -> Shortfall:
    is_held = held.balance >= need.least
    drawn = min(need.most, held.balance) if is_held else need.least
    is_approved = held.allowance >= drawn
    spender = world.deployment.permit2
    permit = None
    if not is_approved:
        grant = Grant(token, intent.owner, spender, intent.valid_to)
        permit = await permit_document(world.chain, world.deployment.chain_id, grant)
    return Shortfall(
        code="insufficientAllowance" if is_held else "insufficientBalance",
        token=_listed(token, world.board.snapshot()),
        spender=spender,
        required=drawn,
        available=held.allowance if is_held else held.balance,
        is_approved=is_approved,
        permit=permit,
    )


def _listed(address: Address, snapshot: Snapshot) -> Token:
    """Returns the token as listed; what compiles names no other."""
    underlying = snapshot.underlying_of(address)
    token = snapshot.token(address) or (underlying.base if underlying else None)
    return token or snapshot.settlement_token


async def _read(world: Chainside, owner: Address, tokens: Iterable[Address]) -> dict[Address, Held]:
    listed = tuple(tokens)
    calls = [Call(token, _BALANCE.encode(owner)) for token in listed]
    spender = world.deployment.permit2
    calls += [Call(token, _ALLOWANCE.encode(owner, spender)) for token in listed]
    words = [_word(answer) for answer in await world.chain.call_many(calls)]
    pairs = zip(words[: len(listed)], words[len(listed) :], strict=True)
    return {token: Held(*pair) for token, pair in zip(listed, pairs, strict=True)}


def _word(answer: object) -> int:
    if not isinstance(answer, bytes) or len(answer) < 32:
        raise Unavailable("a token does not tell what this wallet holds", code="tokenUnreadable")
    return int.from_bytes(answer[:32], "big")
