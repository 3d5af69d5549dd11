"""Who pays for a deficit: the winners as the ledger and the chain know them, and the signers' word.

Everything is derived anew from the log and one block: two processes at the same block agree, and a
signer signs only the gains that it finds itself.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from adapters.base import Reverted
from adapters.chains.deployment import Deployment
from adapters.chains.settlement import decode, view
from app.liquidator.look import ReadChain
from app.settlement.attest import RISK_TOLERANCE_PPM, THRESHOLD
from app.store import Store
from app.verify.signature import address_of, sign
from solver.domain.account import Account
from solver.domain.errors import Refused, Unavailable
from solver.domain.event import Event, event_of
from solver.domain.ids import AccountId, Address
from solver.domain.numbers import PPM
from solver.domain.report import DELTA_ONLY, REPORT_SECONDS_MAX, AccountRisk, Report
from solver.domain.snapshot import Snapshot
from solver.domain.typed_data import Domain, report_digest
from solver.margin.liquidation.deleverage import Winner
from solver.margin.liquidation.gains import entries_of, gain, is_entitled
from solver.margin.simple.state import positions_hash

PAGE = 1_000  # events of a log read at once
PUBLIC_SECONDS, ROUND_SECONDS = 3_600, 600  # the contract's: before the first page, for all pages


class Deficit(NamedTuple):
    """One as the chain has it: settlement atoms, unix seconds. `side` is the sign of what the
    account lost with (0: any); `round_*`, `total_gain` and `last` are of the round underway."""

    id: int
    account: bytes
    market: int
    side: int
    declared_at: int
    amount: int
    raised: int
    round_at: int
    round_amount: int
    round_raised: int
    total_gain: int
    gain_seen: int
    last: bytes
    root: bytes

    @property
    def left(self) -> int:
        """Returns what is still to be raised, atoms."""
        return self.amount - self.raised

    def is_running(self, time: int) -> bool:
        """Whether a round is underway at `time`: its amount and its gains stand."""
        return self.round_at != 0 and time < self.round_at + ROUND_SECONDS


async def deficit_of(chain: ReadChain, auction: Address, id_: int, block: int) -> Deficit | None:
    """Returns a deficit at a block, None when there was never one of that id. Raises
    Unavailable."""
    (answer,) = await chain.call_many([view("Auction", auction, "deficit", id_)], block)
    found = Deficit(id_, *decode("Auction", "deficit", _known(answer)))
    return found if found.declared_at else None


class Gains:
    """Unrealised gains of accounts, from their logs."""

    def __init__(self, store: Store, snapshot: Callable[[], Snapshot]) -> None:
        self._store, self.snapshot = store, snapshot

    async def of(self, account: AccountId, market: int, snapshot: Snapshot) -> int:
        """Returns the account's gain in a market at the snapshot's marks, atoms, down."""
        events: list[Event] = []
        seq = 0
        while page := await self._store.events(account.log, seq, PAGE):
            events += [event_of(row.type, row.body) for row in page]
            seq = page[-1].seq
        return gain(entries_of(events), market, snapshot)

    def account(self, account: AccountId) -> Account:
        """Returns the account as folded."""
        return self._store.account(account)

    def entitled(self, deficit: Deficit) -> list[AccountId]:
        """Returns who is on the other side of a deficit, by the ledger."""
        return [
            account.id
            for account in self._store.accounts()
            if is_entitled(account, deficit.market, deficit.side)
        ]


async def winners_of(
    gains: Gains,
    chain: ReadChain,
    deployment: Deployment,
    deficit: Deficit,
    block: int,
    *,
    snapshot: Snapshot,
) -> list[Winner]:
    """Returns everybody who may be asked, with what earlier rounds took: thawed, with a gain, which
    counts at most as what the account can be worth at the feed. Raises Unavailable."""
    asked = gains.entitled(deficit)
    calls = []
    for account in asked:
        calls += [
            view("Clearinghouse", deployment.clearinghouse, "isFrozen", account.key),
            view("Clearinghouse", deployment.clearinghouse, "exposureOf", account.key),
            view("Auction", deployment.auction, "takenOf", deficit.id, account.key),
        ]
    answers = await chain.call_many(calls, block)
    found = []
    for place, account in enumerate(asked):
        frozen, exposure, taken = answers[3 * place : 3 * place + 3]
        if isinstance(exposure, Reverted) or decode("Clearinghouse", "isFrozen", _known(frozen)):
            continue
        linear, _, most, _ = decode("Clearinghouse", "exposureOf", exposure)
        won = min(await gains.of(account, deficit.market, snapshot), linear + most)
        if won > 0:
            found.append(Winner(account.key, won, decode("Auction", "takenOf", _known(taken))))
    return found


def report_of(
    purpose: bytes, market: int, page: Iterable[tuple[Account, int]], time: int
) -> Report:
    """Returns what signers have to sign for a page of (account, gain): entries without any margin,
    for the purpose of this round alone (`purpose_of`)."""
    entries = tuple(_entry(account, won, market) for account, won in page)
    return Report(purpose, time, time + REPORT_SECONDS_MAX, (), entries)


class GainSigner:
    """A risk signer's word on who won. Local signers share one view; keys are their own."""

    def __init__(self, keys: Sequence[bytes], domain: Domain, gains: Gains) -> None:
        by_address = {int(address_of(key), 16): key for key in keys}
        self._keys = [by_address[address] for address in sorted(by_address)]
        self._domain, self._gains = domain, gains

    async def signatures(self, report: Report, snapshot: Snapshot) -> tuple[bytes, ...]:
        """Returns k signatures in ascending order of signers. `snapshot` is the round's: what its
        pages say stands for its ten minutes, wherever prices go meanwhile.

        Raises Refused where a gain is not the one found here, Unavailable where there are fewer
        than k signers.
        """
        for entry in report.accounts:
            account = AccountId.from_key(snapshot.chain_id, entry.account)
            own = await self._gains.of(account, entry.market, snapshot)
            if entry.options_mtm > own + own * RISK_TOLERANCE_PPM // PPM:
                detail = f"{account.log} has won {own}, not {entry.options_mtm}"
                raise Refused(detail, code="deviates", field="optionsMtm")
        if len(self._keys) < THRESHOLD:
            raise Unavailable("too few risk signers", code="attestation")
        digest = report_digest(report, self._domain)
        return tuple(sign(digest, key) for key in self._keys[:THRESHOLD])


def _entry(account: Account, won: int, market: int) -> AccountRisk:
    held = positions_hash(account)
    return AccountRisk(
        account=account.id.key,
        positions_before=held,
        positions_after=held,
        options_mtm=won,
        im_before=DELTA_ONLY,
        im=DELTA_ONLY,
        mm=DELTA_ONLY,
        net_delta=0,
        market=market,
    )


def _known(answer: bytes | Reverted) -> bytes:
    if isinstance(answer, Reverted):
        raise Unavailable("a view of our own contracts reverted")
    return answer
