"""Every way our contracts refuse is provoked by a test in contracts/test."""

import json
import pathlib
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

ROOT = pathlib.Path(__file__).parent.parent.parent
ARTIFACTS = ROOT / "contracts" / "artifacts"
SOURCES = ROOT / "contracts" / "src"
TESTS = ROOT / "contracts" / "test"

# No call reaches these.
EXEMPT_CONTRACTS = {"DevToken"}  # stands for other people's tokens on the local chain
EXEMPT_ERRORS = {
    # OpenZeppelin's EIP712 keeps name and version in short strings; ours are constants that fit.
    "StringTooLong(string)",
    "InvalidShortString()",
}

CHEATS = frozenset({"expectRevert", "expectPartialRevert"})
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
OWNER = re.compile(r"^(?:abstract )?(?:contract|interface|library) (\w+)", re.MULTILINE)
DECLARATION = re.compile(r"^\s*error (\w+)\(([^)]*)\);", re.MULTILINE)
FUNCTION = re.compile(r"\bfunction (\w+)\(([^)]*)\)[^{;]*\{")
CALL = re.compile(r"\b(\w+)\(")
SELECTOR = re.compile(r"\b(\w+)\.(\w+)\.selector\b")


class Refusal(NamedTuple):
    """An error as declared: `owner` is the contract, interface or library, "" if not ours."""

    owner: str
    signature: str


def test_every_error_is_provoked() -> None:
    artifacts = [json.loads(path.read_text()) for path in sorted(ARTIFACTS.glob("*.json"))]
    wanted = refusals(artifacts, [path.read_text() for path in sorted(SOURCES.rglob("*.sol"))])
    assert len(wanted) > 100, "run 'make contracts'"
    assert uncovered(wanted, [path.read_text() for path in sorted(TESTS.rglob("*.sol"))]) == []


def test_an_error_nobody_provokes_is_found() -> None:
    abi = [
        {"type": "error", "name": "Spent", "inputs": [{"type": "uint256"}]},
        {"type": "error", "name": "Closed", "inputs": []},
        {"type": "error", "name": "Foreign", "inputs": []},
        {"type": "function", "name": "spend", "inputs": []},
    ]
    source = "interface IPurse {\n error Spent(uint256 left);\n error Closed();\n}"
    twin = "library Till {\n error Closed();\n}"
    wanted = refusals([{"contractName": "Purse", "abi": abi}], [source, twin])
    assert [".".join(refusal) for refusal in wanted] == [
        ".Foreign()",
        "IPurse.Closed()",
        "IPurse.Spent(uint256)",
        "Till.Closed()",
    ]
    # Named, in a comment, expected of something else, or of a twin: none of it provokes anything.
    idle = """
        function test_spent() public { bytes4 reason = IPurse.Spent.selector; log(reason); }
        // vm.expectRevert(IPurse.Spent.selector);
        function test_closed() public { vm.expectRevert(Till.Closed.selector); purse.open(); }
        function show(bytes4 what) internal { emit Shown(what); }
        function test_shown() public { show(Foreign.Foreign.selector); vm.expectRevert(); }
    """
    assert uncovered(wanted, [idle]) == [".Foreign()", "IPurse.Closed()", "IPurse.Spent(uint256)"]


def test_an_error_expected_through_helpers_counts() -> None:
    wanted = [Refusal("IPurse", "Spent(uint256)"), Refusal("", "Foreign()")]
    direct = "vm.expectRevert(abi.encodeWithSelector(IPurse.Spent.selector, 1));"
    helper = """
        function refuses(uint256 n, bytes4 reason) internal { vm.expectPartialRevert(reason); }
        function refusesTwice(bytes4 why) internal { refuses(1, why); refuses(2, why); }
        function test_foreign() public { refusesTwice(Anyone.Foreign.selector); }
    """
    assert uncovered(wanted, [direct]) == [".Foreign()"]
    assert uncovered(wanted, [direct, helper]) == []


def refusals(artifacts: Iterable[dict[str, Any]], sources: Iterable[str]) -> list[Refusal]:
    """Returns every error of the ABIs, once for each of our declarations of it."""
    declared = list(_declared(sources))
    wanted = set[Refusal]()
    for artifact in artifacts:
        if artifact["contractName"] in EXEMPT_CONTRACTS:
            continue
        for entry in artifact["abi"]:
            if entry["type"] != "error":
                continue
            signature = f"{entry['name']}({','.join(each['type'] for each in entry['inputs'])})"
            ours = [refusal for refusal in declared if refusal.signature == signature]
            wanted |= set(ours or [Refusal("", signature)])
    return sorted(each for each in wanted if each.signature not in EXEMPT_ERRORS)


def uncovered(wanted: Iterable[Refusal], tests: Iterable[str]) -> list[str]:
    """Returns the refusals whose selector reaches no expectation of a revert."""
    texts = [COMMENT.sub("", test) for test in tests]
    expecting = _expecting(texts)
    provoked = {
        pair
        for text in texts
        for name, arguments in _calls(text)
        if name in expecting
        for pair in SELECTOR.findall(arguments)
    }
    names = {name for _, name in provoked}
    missing = []
    for refusal in wanted:
        name = refusal.signature.partition("(")[0]
        is_provoked = (refusal.owner, name) in provoked if refusal.owner else name in names
        if not is_provoked:
            missing.append(".".join(refusal))
    return missing


def _declared(sources: Iterable[str]) -> Iterator[Refusal]:
    for source in sources:
        text = COMMENT.sub("", source)
        owners = list(OWNER.finditer(text))
        for found in DECLARATION.finditer(text):
            owner = [each[1] for each in owners if each.start() < found.start()][-1]
            types = ",".join(each.split()[0] for each in found[2].split(",") if each.strip())
            yield Refusal(owner, f"{found[1]}({types})")


def _expecting(texts: Iterable[str]) -> frozenset[str]:
    """Returns the cheat codes that expect a revert and the helpers that hand them a parameter."""
    functions = [
        (found[1], re.findall(r"\bbytes4 (\w+)", found[2]), _closed(text, found.end() - 1))
        for text in texts
        for found in FUNCTION.finditer(text)
    ]
    expecting = CHEATS
    while True:
        more = {
            name
            for name, parameters, body in functions
            for called, arguments in _calls(body)
            if called in expecting
            and any(re.search(rf"\b{each}\b", arguments) for each in parameters)
        }
        if more <= expecting:
            return expecting
        expecting |= more


def _calls(text: str) -> Iterator[tuple[str, str]]:
    for found in CALL.finditer(text):
        yield found[1], _closed(text, found.end() - 1)


def _closed(text: str, start: int) -> str:
    """Returns the text from the bracket at `start` to the one that closes it."""
    depth = 0
    for index in range(start, len(text)):
        depth += (text[index] in "({") - (text[index] in ")}")
        if depth == 0:
            return text[start : index + 1]
    return text[start:]
