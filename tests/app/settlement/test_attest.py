"""Two of three signers agree on what each finds alone, or nothing is attested."""

from typing import NamedTuple

import pytest

from app.settlement.attest import Attestor, RiskSigner, View, attestor_for, proposed
from app.verify import recover
from solver.domain.account import PORTFOLIO, SIMPLE, Account, Position
from solver.domain.errors import Refused, Unavailable
from solver.domain.instrument import Instrument, Kind, Token
from solver.domain.intent import Limits, OutcomeIntent
from solver.domain.program import DeltaBox, Exposure, Program
from solver.domain.report import DELTA_ONLY, NO_REPORT, Report
from solver.domain.route import Certificate, Fill, Solution
from solver.domain.snapshot import Snapshot, Underlying
from solver.domain.surface import flat
from solver.domain.typed_data import Domain, report_digest
from solver.margin.attested import statement
from solver.margin.simple.state import positions_hash
from tests.app.worlds import ALICE, CHAIN_ID, NOW, USDC, intent

WAD = 10**18
DOMAIN = Domain(CHAIN_ID, "0x" + "a7" * 20)
KEYS = ("0x" + "41" * 32, "0x" + "42" * 32, "0x" + "43" * 32)
CALL = Instrument(1, Kind.CALL, NOW + 30 * 86_400, 4200 * WAD).id
PERP, BASE = Instrument(1, Kind.PERP).id, Instrument(1, Kind.BASE).id
WETH = Token("0x" + "0e" * 20, "WETH", 18)
ETH = Underlying(
    1, "ETH", WETH, 4000 * WAD, WAD, flat(650_000), 1_500_000, 0, 100_000, 65_000, 750_000, 800_000
)
BEFORE = Account(ALICE, 1000, (Position(BASE, 10 * WAD),))


class Planned(NamedTuple):
    intent: OutcomeIntent
    program: Program
    solution: Solution
    engine: str = SIMPLE


def snapshot(price: int = 4000 * WAD, time: int = NOW, vol_ppm: int = 650_000) -> Snapshot:
    eth = ETH._replace(price=price, surface=flat(vol_ppm))
    usdc = Token(USDC, "USDC", 6)
    return Snapshot(CHAIN_ID, 7, time * 1000, 1, usdc, (WETH, usdc), (eth,))


def view(account: Account = BEFORE, **world: int) -> View:
    return View(lambda: snapshot(**world), lambda _: account)


def covered_call(tolerance: int = WAD // 10, *fills: Fill) -> Planned:
    """Sells ten calls on ten ETH, delta kept within a tolerance unless it is none."""
    limits = Limits(USDC, delta_tolerance=tolerance)
    traded = fills or (Fill(0, CALL, -10 * WAD, 150 * WAD, None),)
    box = DeltaBox(1, 0, tolerance) if tolerance < 2**255 else None
    exposure = Exposure(0, "sell", (CALL,), 10 * WAD, 10 * WAD, 0)
    program = Program(ALICE, ALICE.owner, exposures=(exposure,), delta=box, limits=limits)
    solution = Solution(b"", (), (), (), traded, 0, 0, Certificate(0, 0, 0))
    return Planned(intent(limits=limits), program, solution)


async def test_two_signatures_in_ascending_order_of_signer():
    attestor = attestor_for(view(), KEYS, DOMAIN)
    report, signatures = await attestor.report_for([covered_call()])
    digest = report_digest(report, DOMAIN)
    signers = [int(recover(digest, signature), 16) for signature in signatures]
    assert signers == sorted(signers)
    assert len(set(signers)) == 2


async def test_the_report_holds_every_traded_options_mark_and_the_delta_after():
    report, _ = await attestor_for(view(), KEYS, DOMAIN).report_for([covered_call()])
    (mark,), (risk,) = report.marks, report.accounts
    after = BEFORE._replace(positions=(*BEFORE.positions, Position(CALL, -10 * WAD)))
    assert (mark.instrument, report.as_of, report.valid_until) == (CALL, NOW, NOW + 60)
    assert 100 * WAD < mark.price < 300 * WAD
    assert risk.positions_before == positions_hash(BEFORE)
    assert risk.positions_after == positions_hash(after)
    assert (risk.im, risk.mm, risk.market) == (DELTA_ONLY, DELTA_ONLY, 1)
    assert 5 * WAD < risk.net_delta < 7 * WAD, "ten base less ten calls of about 0.4 each"
    assert report.snapshot_hash == snapshot().hash


async def test_without_a_delta_bound_only_marks_are_attested():
    report, _ = await attestor_for(view(), KEYS, DOMAIN).report_for([covered_call(2**256 - 1)])
    assert (len(report.marks), report.accounts) == (1, ())


async def test_a_plan_that_needs_portfolio_has_its_requirements_stated():
    planned = covered_call(2**256 - 1)._replace(engine=PORTFOLIO)
    report, _ = await attestor_for(view(), KEYS, DOMAIN).report_for([planned])
    (risk,) = report.accounts
    after = BEFORE._replace(
        cash=BEFORE.cash + 1500 * 10**6, positions=(*BEFORE.positions, Position(CALL, -10 * WAD))
    )
    stated = statement(after, snapshot())
    assert (risk.options_mtm, risk.im, risk.mm) == stated
    assert risk.im_before == statement(BEFORE, snapshot()).initial
    assert risk.im < risk.im_before, "calls against base lose less where it falls"
    assert risk.options_mtm == -10 * report.marks[0].price // 10**12
    assert (risk.market, risk.net_delta) == (0, 0), "nobody bound the delta"


async def test_a_signer_who_finds_another_requirement_refuses():
    planned = covered_call(2**256 - 1)._replace(engine=PORTFOLIO)
    honest = proposed([planned], view())
    signer = RiskSigner(KEYS[0], DOMAIN, view())
    assert signer.sign(honest, [planned])
    for field in ("options_mtm", "im_before", "im", "mm"):
        value = getattr(honest.accounts[0], field)
        lie = honest.accounts[0]._replace(**{field: value * 102 // 100})
        with pytest.raises(Refused, match="I find"):
            signer.sign(honest._replace(accounts=(lie,)), [planned])
    told = honest.accounts[0]._replace(im=DELTA_ONLY, mm=DELTA_ONLY, im_before=DELTA_ONLY)
    with pytest.raises(Refused, match="positions"):
        signer.sign(honest._replace(accounts=(told,)), [planned])


async def test_what_the_chain_knows_itself_needs_no_report():
    perp = covered_call(WAD, Fill(0, PERP, -10 * WAD, 4000 * WAD, None))
    assert await attestor_for(view(), KEYS, DOMAIN).report_for([perp]) == (NO_REPORT, ())


async def test_one_signer_with_another_view_is_outvoted():
    other = RiskSigner(KEYS[0], DOMAIN, view(vol_ppm=900_000))
    rest = [RiskSigner(key, DOMAIN, view()) for key in KEYS[1:]]
    _, signatures = await Attestor(view(), [other, *rest]).report_for([covered_call()])
    assert len(signatures) == 2


async def test_a_proposer_alone_gets_no_signature():
    signers = [RiskSigner(key, DOMAIN, view()) for key in KEYS]
    with pytest.raises(Unavailable) as refused:
        await Attestor(view(vol_ppm=900_000), signers).report_for([covered_call()])
    assert len(refused.value.data) == 3


# What a signer knows otherwise than whoever proposes, and the figure it names.
DEVIATIONS = {
    "an old snapshot": (view(time=NOW + 60), "asOf"),
    "a snapshot of the future": (view(time=NOW - 11), "asOf"),
    "another price": (view(price=4100 * WAD), "mark"),
    "another volatility": (view(vol_ppm=900_000), "mark"),
    "other positions": (view(BEFORE._replace(positions=(Position(BASE, 9 * WAD),))), "positions"),
    "another position": (
        view(BEFORE._replace(positions=(*BEFORE.positions, Position(PERP, WAD)))),
        "positions",
    ),
}


@pytest.mark.parametrize("name", DEVIATIONS)
def test_a_signer_refuses_what_it_does_not_find_itself(name: str):
    plans = [covered_call()]
    own, figure = DEVIATIONS[name]
    with pytest.raises(Refused) as refused:
        RiskSigner(KEYS[0], DOMAIN, own).sign(proposed(plans, view()), plans)
    assert (refused.value.code, refused.value.field) == ("deviates", figure)


GOOD = proposed([covered_call()], view())
MARK, RISK = GOOD.marks[0], GOOD.accounts[0]


def _with(**changes: object) -> Report:
    """The report whose only account says something else."""
    return GOOD._replace(accounts=(RISK._replace(**changes),))  # type: ignore[arg-type]


TAMPERED = {
    "valid for too long": (GOOD._replace(valid_until=NOW + 61), "validUntil"),
    "of another time": (GOOD._replace(as_of=NOW - 11, valid_until=NOW), "asOf"),
    "no marks": (GOOD._replace(marks=()), "marks"),
    "a mark too many": (GOOD._replace(marks=(MARK, MARK._replace(instrument=PERP))), "marks"),
    "a mark twice": (GOOD._replace(marks=(MARK, MARK)), "marks"),
    "a mark of something else": (GOOD._replace(marks=(MARK._replace(instrument=PERP),)), "marks"),
    "a mark too high": (GOOD._replace(marks=(MARK._replace(price=MARK.price + 25 * WAD),)), "mark"),
    "a mark of zero": (GOOD._replace(marks=(MARK._replace(price=0),)), "mark"),
    "no accounts": (GOOD._replace(accounts=()), "accounts"),
    "an account twice": (GOOD._replace(accounts=(RISK, RISK)), "accounts"),
    "somebody else's account": (_with(account=bytes(32)), "positions"),
    "other positions before": (_with(positions_before=bytes(32)), "positions"),
    "other positions after": (_with(positions_after=bytes(32)), "positions"),
    "no margin asked": (_with(im=0), "positions"),
    "options worth a fortune": (_with(options_mtm=10**12), "positions"),
    "another market": (_with(market=2), "positions"),
    "another delta": (_with(net_delta=RISK.net_delta + WAD), "netDelta"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_signer_refuses_a_tampered_report_and_names_the_figure(name: str):
    bad, figure = TAMPERED[name]
    with pytest.raises(Refused) as refused:
        RiskSigner(KEYS[0], DOMAIN, view()).sign(bad, [covered_call()])
    assert (refused.value.code, refused.value.field) == ("deviates", figure)


def test_the_report_that_all_rows_change_is_signed():
    signer = RiskSigner(KEYS[0], DOMAIN, view())
    signature = signer.sign(GOOD, [covered_call()])
    assert recover(report_digest(GOOD, DOMAIN), signature) == signer.address


FEW = {"nobody": (), "one of two": KEYS[:1], "one key three times": KEYS[:1] * 3}


@pytest.mark.parametrize("keys", FEW.values(), ids=FEW)
async def test_too_few_signers_attest_nothing(keys: tuple[str, ...]):
    attestor = attestor_for(view(), keys, DOMAIN)
    with pytest.raises(Unavailable) as refused:
        await attestor.report_for([covered_call()])
    assert (refused.value.code, refused.value.is_retryable) == ("attestation", True)


async def test_one_that_agrees_among_two_that_do_not_is_not_enough():
    others = [RiskSigner(key, DOMAIN, view(vol_ppm=900_000)) for key in KEYS[1:]]
    attestor = Attestor(view(), [RiskSigner(KEYS[0], DOMAIN, view()), *others])
    with pytest.raises(Unavailable) as refused:
        await attestor.report_for([covered_call()])
    assert refused.value.code == "attestation"
    assert set(refused.value.data) == {signer.address for signer in others}


async def test_a_refusal_leaves_the_signer_as_it_was():
    attestor = attestor_for(view(), KEYS, DOMAIN)
    before = await attestor.report_for([covered_call()])
    signer = RiskSigner(KEYS[0], DOMAIN, view())
    for bad, _ in TAMPERED.values():
        with pytest.raises(Refused):
            signer.sign(bad, [covered_call()])
    assert await attestor.report_for([covered_call()]) == before


async def test_a_small_requirement_is_not_stated_as_none_beside_options_worth_millions():
    deep = Instrument(1, Kind.CALL, NOW + 30 * 86_400, WAD).id
    rich = Account(ALICE, 0, (Position(deep, 10_000 * WAD), Position(PERP, -10_000 * WAD)))
    planned = covered_call(2**256 - 1)._replace(engine=PORTFOLIO)
    honest = proposed([planned], view(rich))
    (risk,) = honest.accounts
    signer = RiskSigner(KEYS[0], DOMAIN, view(rich))
    assert signer.sign(honest, [planned])
    lie = risk._replace(im=risk.im * 98 // 100)
    assert risk.im - lie.im < risk.options_mtm * 5_000 // 10**6, "little beside what options are"
    with pytest.raises(Refused) as refused:
        signer.sign(honest._replace(accounts=(lie,)), [planned])
    assert refused.value.field == "im"
