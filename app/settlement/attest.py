"""Three local risk signers, two of whom must agree: marks, deltas and PORTFOLIO requirements.

A report is proposed once and judged by every signer alone: each recomputes marks, positions, deltas
and requirements from its own snapshot and the plans, and signs only what it finds itself. An
account stays under SIMPLE unless its plan needs PORTFOLIO: then only its delta is attested, if
anything (im = mm = 2**256 - 1).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from app.verify.signature import address_of, sign
from solver.domain.account import PORTFOLIO, Account
from solver.domain.errors import Broken, Refused, Unavailable
from solver.domain.ids import AccountId, Address
from solver.domain.instrument import Instrument
from solver.domain.intent import NO_DELTA_LIMIT, OutcomeIntent
from solver.domain.numbers import PPM, WAD
from solver.domain.program import Program
from solver.domain.report import (
    DELTA_ONLY,
    NO_REPORT,
    REPORT_SECONDS_MAX,
    AccountRisk,
    Mark,
    Report,
)
from solver.domain.route import Solution
from solver.domain.snapshot import Snapshot
from solver.domain.typed_data import Domain, report_digest
from solver.ledger import preview
from solver.margin.attested import statement
from solver.margin.simple.state import positions_hash
from solver.pricing.greeks import net_delta
from solver.pricing.marks import mark_of

THRESHOLD = 2
MARK_TOLERANCE_PPM = 1_000  # of spot, between a proposed mark and a signer's own
DELTA_TOLERANCE = WAD // 1000  # of one unit of base, per unit of option held: model differences
RISK_TOLERANCE_PPM = 5_000  # of a figure, between what is proposed and a signer's own: never of
# another, for options worth millions would let a small requirement be stated as none
SKEW_SECONDS_MAX = 10  # between a signer's snapshot and the proposed asOf

Snapshots = Callable[[], Snapshot]
Accounts = Callable[[AccountId], Account]


class Planned(Protocol):
    """What is read of a plan: an intent, its solution, and the margin engine that lets it pass."""

    @property
    def intent(self) -> OutcomeIntent: ...
    @property
    def engine(self) -> str: ...
    @property
    def program(self) -> Program: ...
    @property
    def solution(self) -> Solution: ...


class View(NamedTuple):
    """One signer's own knowledge: the present, and the accounts as the chain has them."""

    snapshot: Snapshots
    account: Accounts


def proposed(plans: Sequence[Planned], view: View) -> Report:
    """Returns the report that settling `plans` in this order needs; NO_REPORT if it needs none."""
    snapshot = view.snapshot()
    marks = tuple(Mark(i, mark_of(i, snapshot)) for i in _options(plans))
    risks = tuple(risk for plan in plans if (risk := _risk(plan, view)) is not None)
    if not marks and not risks:
        return NO_REPORT
    until = snapshot.time + REPORT_SECONDS_MAX
    return Report(snapshot.hash, snapshot.time, until, marks, risks)


class RiskSigner:
    """One key with its own view. Signs a report or says what deviates from its own figures."""

    def __init__(self, key: str, domain: Domain, view: View) -> None:
        self._key = bytes.fromhex(key.removeprefix("0x"))
        self._domain, self._view = domain, view
        self.address: Address = address_of(self._key)

    def sign(self, report: Report, plans: Sequence[Planned]) -> bytes:
        """Returns r | s | v. Raises Refused naming the figure it does not find itself."""
        self._require(report, proposed(plans, self._view))
        return sign(report_digest(report, self._domain), self._key)

    def _require(self, report: Report, own: Report) -> None:
        snapshot = self._view.snapshot()
        if report.valid_until - report.as_of > REPORT_SECONDS_MAX:
            raise _deviates("validUntil", report.valid_until, report.as_of + REPORT_SECONDS_MAX)
        if abs(report.as_of - snapshot.time) > SKEW_SECONDS_MAX:
            raise _deviates("asOf", report.as_of, snapshot.time)
        if [m.instrument for m in report.marks] != [m.instrument for m in own.marks]:
            raise _deviates("marks", len(report.marks), len(own.marks))
        for mark, mine in zip(report.marks, own.marks, strict=True):
            underlying = snapshot.underlying(mark.instrument >> 144)
            slack = underlying.price * MARK_TOLERANCE_PPM // PPM if underlying else 0
            if abs(mark.price - mine.price) > slack:
                raise _deviates("mark", mark.price, mine.price)
        if len(report.accounts) != len(own.accounts):
            raise _deviates("accounts", len(report.accounts), len(own.accounts))
        for risk, own_risk in zip(report.accounts, own.accounts, strict=True):
            _require_same(risk, own_risk)


class Attestor:
    """Asks every signer; k signatures in ascending order of signer make the report good."""

    def __init__(self, view: View, signers: Sequence[RiskSigner], threshold: int = THRESHOLD):
        self._view, self._threshold = view, threshold
        alone = {int(signer.address, 16): signer for signer in signers}  # one key is one signer
        self._signers = [alone[address] for address in sorted(alone)]

    async def report_for(self, plans: Sequence[Planned]) -> tuple[Report, tuple[bytes, ...]]:
        """Returns the report and exactly k signatures; none when no report is needed.

        Raises Unavailable with every refusal when fewer than k signers agree.
        """
        report = proposed(plans, self._view)
        if report == NO_REPORT:
            return report, ()
        signatures: list[bytes] = []
        refusals: dict[str, object] = {}
        for signer in self._signers:
            try:
                signatures.append(signer.sign(report, plans))
            except Refused as refused:
                refusals[signer.address] = refused.detail
            if len(signatures) == self._threshold:
                return report, tuple(signatures)
        raise Unavailable("too few risk signers agree", code="attestation", data=refusals)


def attestor_for(view: View, keys: Sequence[str], domain: Domain) -> Attestor:
    """Returns an attestor of local signers that share one view of the world; own keys each."""
    return Attestor(view, [RiskSigner(key, domain, view) for key in keys])


def _options(plans: Sequence[Planned]) -> list[int]:
    traded = {fill.instrument for plan in plans for fill in plan.solution.fills}
    return sorted(i for i in traded if Instrument.unpack(i).is_option)


def _risk(plan: Planned, view: View) -> AccountRisk | None:
    """What must be stated of the account after the plan: its requirement where SIMPLE would stop
    it, its net delta where the intent bounds it and options make it an opinion."""
    intent, snapshot = plan.intent, view.snapshot()
    before = view.account(AccountId(snapshot.chain_id, intent.owner, intent.subaccount))
    after = preview(before, plan.program, plan.solution, snapshot)
    market = _delta_market(plan, after)
    if plan.engine != PORTFOLIO and market is None:
        return None
    stated = AccountRisk(
        account=before.id.key,
        positions_before=positions_hash(before),
        positions_after=positions_hash(after),
        options_mtm=0,
        im_before=DELTA_ONLY,
        im=DELTA_ONLY,
        mm=DELTA_ONLY,
        net_delta=0 if market is None else _net_delta(after, market, snapshot),
        market=market or 0,
    )
    if plan.engine != PORTFOLIO:
        return stated
    held, found = statement(before, snapshot), statement(after, snapshot)
    return stated._replace(
        options_mtm=found.options,
        im_before=held.initial,
        im=found.initial,
        mm=found.maintenance,
    )


def _delta_market(plan: Planned, after: Account) -> int | None:
    """Returns the market whose delta is bound and no number of the chain's own, else None."""
    if plan.intent.limits.delta_tolerance == NO_DELTA_LIMIT or plan.program.delta is None:
        return None
    has_options = any(Instrument.unpack(p.instrument).is_option for p in after.positions)
    return plan.program.delta.market if has_options else None


def _net_delta(account: Account, market: int, snapshot: Snapshot) -> int:
    underlying = snapshot.underlying(market)
    if underlying is None:
        raise Broken(f"market {market} is not in the snapshot")
    return net_delta(account.positions, underlying, snapshot.time)


def _require_same(risk: AccountRisk, own: AccountRisk) -> None:
    """Positions must be the same; opinions may differ by what the markets moved in a moment."""
    own_facts, facts = own._replace(net_delta=0), risk._replace(net_delta=0)
    if DELTA_ONLY not in (risk.im, own.im):
        own_facts, facts = (
            each._replace(options_mtm=0, im_before=0, im=0, mm=0) for each in (own_facts, facts)
        )
    if facts != own_facts:
        raise Refused("the positions are not those I find", code="deviates", field="positions")
    if abs(risk.net_delta - own.net_delta) > DELTA_TOLERANCE:
        raise _deviates("netDelta", risk.net_delta, own.net_delta)
    pairs = (
        ("optionsMtm", risk.options_mtm, own.options_mtm, max(abs(own.options_mtm), own.im)),
        ("imBefore", risk.im_before, own.im_before, own.im_before),
        ("im", risk.im, own.im, own.im),
        ("mm", risk.mm, own.mm, own.im),
    )
    for name, said, mine, size in pairs:
        if abs(said - mine) > size * RISK_TOLERANCE_PPM // PPM:
            raise _deviates(name, said, mine)


def _deviates(name: str, proposed_: int, own: int) -> Refused:
    return Refused(f"{name} is {proposed_}, I find {own}", code="deviates", field=name)
