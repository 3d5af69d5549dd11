"""The catalogue of hostile calls: who tries what, and the error that each of them must meet.

A case is a Solidity test in contracts/test/hostile named `test_hostile_<actor>_<case>_<Error>`. It
counts only if its body expects that very error.
"""

import pathlib
import re
from collections.abc import Iterable
from typing import NamedTuple

HOSTILE = pathlib.Path(__file__).parent.parent.parent / "contracts" / "test" / "hostile"
CASES_MIN = 40
ACTORS = frozenset(
    "agent maker owner settlement signers solver stranger token venue wallet".split()
)
# What an attacker can do, row by row, and the errors that must stop it; at least one case of one
# of the actors for each error.
ROWS = {
    "other leg than signed": ("solver", "LegQuantity LegRange LegSide"),
    "other price than signed": ("solver", "LegPrice NetCost Slippage"),
    "more fee, or a signed field altered": ("solver", "FeeTooHigh BadSignature"),
    "call to a token, to Permit2, to an unlisted selector": ("solver", "TargetNotAllowed"),
    "again, late, of an old epoch, too much of it": (
        "solver owner",
        "NonceUsed TooLate EpochStale Overfilled",
    ),
    "settles without being a solver": ("stranger", "NotSolver"),
    "keeps what it pulled": ("solver", "RouterNotEmpty"),
    "more margin or delta than signed, or unproven": (
        "solver signers",
        "MarginUsed DeltaUnattested DeltaOutside MarkMissing",
    ),
    "an account below its margin": ("owner", "MarginBreached"),
    "quote of other terms, altered, late, used up": (
        "solver maker",
        "QuoteTerms BadSignature QuoteExpired NonceUsed",
    ),
    "wallets that burn gas or change their mind": ("maker", "BadSignature"),
    "owner cancels, or moves positions after attestation": ("owner", "NonceUsed StateMoved"),
    "fewer than k signers": ("signers", "BadReport BadSigner StaleReport"),
    "k signers and false figures": ("signers", "MarginBreached HealthTooLow PriceBand"),
    "fee on transfer, rebasing, hooks": (
        "token",
        "NotExact RouterNotEmpty ReentrancyGuardReentrantCall SettlementUnderway",
    ),
    "report or quote of another chain or contract": ("solver", "BadSigner BadSignature"),
    "at doors that are not its own": ("stranger token", "NotSettlement OnlySettlement BadCallback"),
    "agent beyond its mandate": ("agent", "ScopeExceeded"),
}
# Named one by one by whoever asked for the catalogue; each is a word of a case's name.
NAMED = (
    "otherReceiver missingHedge lessOrMore oldReport BoundToAnotherSolver skims|feeThatNobodyPays "
    "keepsTheUnspentPull signedForAnotherChain signedForAnotherContract AnotherSubaccount "
    "afterValidTo callsBack feeOnTransferIn rebasesDown rebasesUp burnsGas burnsAllGas "
    "theSameTwice inventEquity askForNothing moreLossThanADay budgetByManySmallOnes asianOption "
    "bridgeLeg oneBadItemOfTwo bothSignsInOneLeg oneContractForTwoLegs quoteOverfilledAcrossItems"
).split()

FUNCTION = re.compile(r"\n    function (\w+)\(")
CASE = re.compile(r"test_hostile_([a-z]+)_(\w+)_(\w+)")


class Case(NamedTuple):
    """One hostile call: `proves` says whether the test expects the error that it names."""

    actor: str
    deed: str
    error: str
    proves: bool


def cases(source: str) -> Iterable[Case]:
    """Returns the hostile cases of one Solidity file."""
    starts = [*FUNCTION.finditer(source)]
    bounds = [found.start() for found in starts[1:]] + [len(source)]
    helpers = {
        found[1]: source[found.start() : end] for found, end in zip(starts, bounds, strict=True)
    }
    for name, body in helpers.items():
        if (found := CASE.fullmatch(name)) is None:
            assert not name.startswith("test_hostile_"), f"{name} names no actor, deed and error"
            continue
        called = [text for helper, text in helpers.items() if f" {helper}(" in body]
        yield Case(found[1], found[2], found[3], expects(found[3], [body, *called]))


def expects(error: str, bodies: Iterable[str]) -> bool:
    """Returns whether a test or a helper that it calls names the error it expects a revert with."""
    if error == "OutOfGas":  # leaves no data behind, hence no selector
        return any("vm.expectRevert();" in body for body in bodies)
    return any(re.search(rf'\.{error}\.selector|"{error}\(', body) for body in bodies)


def catalogue() -> list[Case]:
    """Returns every hostile case there is."""
    return [case for path in sorted(HOSTILE.glob("*.t.sol")) for case in cases(path.read_text())]


def test_at_least_forty_cases_each_with_its_error() -> None:
    found = catalogue()
    assert [case for case in found if not case.proves] == []
    assert len({(case.actor, case.deed) for case in found}) >= CASES_MIN
    assert {case.actor for case in found} == ACTORS


def test_every_row_of_the_threat_table_has_its_cases() -> None:
    held = {(case.actor, case.error) for case in catalogue()}
    missing = [
        f"{row}: {error}"
        for row, (actors, errors) in ROWS.items()
        for error in errors.split()
        if not any((actor, error) in held for actor in actors.split())
    ]
    assert missing == []


def test_every_named_attack_has_a_case() -> None:
    deeds = [case.deed for case in catalogue()]
    missing = [each for each in NAMED if not any(re.search(f"(?i){each}", deed) for deed in deeds)]
    assert missing == []


def test_a_case_without_its_error_is_found() -> None:
    source = """
    function test_hostile_solver_takesMore_FeeTooHigh() public {
        refuses(item, ISettlement.NetCost.selector);
    }
    function test_hostile_agent_takesLess_NetCost() public {
        _refusesThat(item);
    }
    function _refusesThat(Item memory item) private {
        refuses(item, ISettlement.NetCost.selector, abi.encode(1));
    }
    """
    assert [*cases(source)] == [
        Case("solver", "takesMore", "FeeTooHigh", proves=False),
        Case("agent", "takesLess", "NetCost", proves=True),
    ]
