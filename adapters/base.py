"""The promises an adapter makes, so that tests above can fake four things and no more."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from solver.domain.errors import Conflict, Refused, SolventError
from solver.domain.ids import Address, VenueId
from solver.domain.instrument import Token
from solver.domain.market import Pool
from solver.domain.route import Swap
from solver.domain.typed_data import keccak

PAY_TRANSFER = 0  # Step.mode: payAmount is sent to the target before the call
PAY_CALLBACK = 1  # the target may draw payAmount by uniswapV3SwapCallback
PAY_APPROVE = 2  # exact allowance to the target, zero again after the call
PLACES_MAX = 36  # decimal places of any number a stranger states: 10**them is computed


class Call(NamedTuple):
    """One eth_call: the address and its calldata."""

    to: Address
    data: bytes


Answers = Mapping[Call, bytes]  # what has been read so far; empty bytes for a call that reverted


class StepValue(NamedTuple):
    """One call the Router makes: the Python twin of the contract's Step. payAmount is atoms."""

    target: Address
    pay_token: Address
    pay_amount: int
    mode: int
    data: bytes


class Capabilities(NamedTuple):
    """What a venue claims; the conformance suite holds it to exactly that."""

    kind: str  # spotPool
    curve: str  # the file of solver/routing/curves that prices it to the atom
    pay_mode: int
    pays_receiver: bool  # the call can send its output anywhere, so steps chain without a transfer


class Sample(NamedTuple):
    """A recorded conversation: these answers at this address must become this pool, and this swap
    this step."""

    address: Address
    answers: Answers
    pool: Pool
    swap: Swap
    recipient: Address
    step: StepValue


class PriceSample(NamedTuple):
    """One source's price of one underlying: 1e18 settlement units, time in unix seconds.

    `cls` is the class of the source (oracleNet, dexTwap): sources of one class can fail together.
    """

    source: str
    cls: str
    price: int
    confidence: int
    time: int


class Reverted(SolventError):
    """The EVM refused. `raw` is the revert data exactly as the node gave it, maybe empty."""

    code = "reverted"

    def __init__(self, detail: str, raw: bytes = b"") -> None:
        super().__init__(detail, data={"raw": "0x" + raw.hex()})
        self.raw = raw


class AlreadyKnown(Conflict):
    """The node already holds these very bytes: the send has succeeded before."""

    code = "alreadyKnown"


class NonceTooLow(Conflict):
    """A transaction with this sender and nonce is already in the chain: this one or another."""

    code = "nonceTooLow"


class Underpriced(Refused):
    """The fee is under the base fee, or under what replaces the pending transaction."""

    code = "underpriced"


class Chain(Protocol):
    """What readers need of a chain: many calls against one block."""

    async def call_many(
        self, calls: Sequence[Call], block: int | None = None
    ) -> list[bytes | Reverted]:
        """Returns one answer per call, in order. Raises Unavailable."""
        ...


class Venue(Protocol):
    """One protocol that swaps. Pure: it says what to read and what the answers mean."""

    slug: VenueId
    capabilities: Capabilities
    SAMPLE: Sample

    def calls(self, pool: Address, answers: Answers) -> tuple[Call, ...]:
        """Returns what is still to be read; asked again with the answers until it is empty."""
        ...

    def hot(self, pool: Address) -> tuple[Call, ...]:
        """Returns the calls whose answers any trade changes."""
        ...

    def reshaped(self) -> tuple[str, ...]:
        """Returns the event topics after which nothing read before is good any more."""
        ...

    def parse(self, pool: Address, answers: Answers) -> Pool:
        """Returns the pool. Raises Broken when the answers are not of this protocol."""
        ...

    def encode(self, swap: Swap, recipient: Address) -> StepValue:
        """Returns the Router's step that does exactly this swap and pays `recipient`."""
        ...


class PricedMarket(Protocol):
    """What an oracle needs to know of an underlying; a deployment's MarketInfo is one."""

    @property
    def symbol(self) -> str: ...
    @property
    def base(self) -> Token: ...
    @property
    def quote(self) -> Token: ...
    @property
    def feed(self) -> Address: ...
    @property
    def pyth(self) -> Address: ...
    @property
    def pyth_id(self) -> str: ...
    @property
    def twap_pool(self) -> Address: ...


class Oracle(Protocol):
    """One way to read a price on chain. Pure, like a venue."""

    slug: str
    cls: str

    def calls(self, market: PricedMarket) -> tuple[Call, ...]:
        """Returns what is to be read."""
        ...

    def parse(self, market: PricedMarket, answers: Answers) -> PriceSample | None:
        """Returns the price, or None when the source has none it stands behind."""
        ...


class Clock(Protocol):
    """Time as the service sees it; on the local chain the head's timestamp."""

    def now_ms(self) -> int:
        """Returns unix milliseconds."""
        ...


def selector(signature: str) -> bytes:
    """Returns the first four bytes of calldata of a signature: `transfer(address,uint256)`."""
    return keccak(signature.encode())[:4]


def event_topic(signature: str) -> str:
    """Returns topic 0 of an event's signature."""
    return "0x" + keccak(signature.encode()).hex()


def word(number: int) -> bytes:
    """Returns an integer as one ABI word, negative ones in two's complement."""
    return (number & (1 << 256) - 1).to_bytes(32, "big")


def words(raw: bytes) -> tuple[int, ...]:
    """Returns the ABI words of an answer as unsigned integers."""
    return tuple(int.from_bytes(raw[i : i + 32], "big") for i in range(0, len(raw) - 31, 32))


def signed(number: int, bits: int = 256) -> int:
    """Returns the two's complement value of the lowest `bits`."""
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> (bits - 1) else number
