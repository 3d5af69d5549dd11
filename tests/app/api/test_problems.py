"""The list of codes is the source's: each code that is raised is in it, with the status it gets."""

import ast
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import app.auctioneer  # noqa: F401 - with it comes every module that serves
from app.api.problems import MEANINGS, by_code
from app.breaker import State
from app.errors import BY_CODE, BY_STATUS, shape_of
from app.openapi import files
from solver.domain.errors import SolventError

ROOT = pathlib.Path(__file__).parents[3]
# What only a process that starts, or a maker of its own, can raise: no client ever reads it.
NOT_SERVED = tuple(
    "app/assembly app/backtest app/cli app/config app/demo app/feeds app/keeper/errand "
    "app/keeper/look app/keeper/start app/keystore app/liquidator/start app/local app/maker "
    "app/notice app/operations app/parameters app/preflight app/stress "
    "solver/margin/contagion solver/margin/liquidation/deleverage "
    "solver/margin/predictive solver/pricing".split()
)
# These make an error of a class from a word that their callers give.
BY_WORD = {"refuse": "Malformed", "_breaks": "Infeasible", "_short": "Infeasible"}
BY_WORD |= {"_bad": "Unauthorized"}


class Raised(NamedTuple):
    """A code somewhere in the source, and the name of the class it is raised with."""

    code: str
    kind: str
    where: str


def kinds(root: type[SolventError] = SolventError) -> dict[str, type[SolventError]]:
    """Returns every class of the tree by its name."""
    found = {root.__name__: root}
    for kind in root.__subclasses__():
        found |= kinds(kind)
    return found


KINDS = kinds()


def served() -> Iterator[pathlib.Path]:
    for top in ("app", "solver"):
        for path in sorted((ROOT / top).rglob("*.py")):
            if not str(path.relative_to(ROOT)).startswith(NOT_SERVED):
                yield path


def raised(path: pathlib.Path) -> Iterator[Raised]:
    """Yields the codes of one file: by keyword, by the word a rule has, or the class's own."""
    tree = ast.parse(path.read_text())
    names = dict(constants(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func).split(".")[-1]
        kind = BY_WORD.get(called, called)
        if kind not in KINDS:
            continue
        given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        if called in BY_WORD and called != "_bad":
            given = node.args[:1]
        words = [word for value in given for word in spoken(value, names)]
        if not given and called in KINDS:
            words = [KINDS[called].code]
        for word in words:
            yield Raised(word[:1].lower() + word[1:], kind, str(path.relative_to(ROOT)))


def constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            yield ast.unparse(node.targets[0]), str(node.value.value)


def spoken(value: ast.expr, names: dict[str, str]) -> list[str]:
    """Returns the words an expression may be; none for what a test of its own must watch."""
    if isinstance(value, ast.Constant):
        return [str(value.value)]
    if isinstance(value, ast.IfExp):
        return [*spoken(value.body, names), *spoken(value.orelse, names)]
    return [names[value.id]] if isinstance(value, ast.Name) and value.id in names else []


ALL = [found for path in served() for found in raised(path)]


def test_every_code_raised_is_listed_with_its_status():
    missing = set()
    for code, kind, where in ALL:
        status = shape_of(KINDS[kind]("words", code=code)).status
        if code not in MEANINGS.get(status, {}):
            missing.add(f"{status} {code} of {where}")
    assert sorted(missing) == [], "add them to app/api/problems.py with what they mean"


def test_what_is_computed_is_listed_too():
    listed = set(MEANINGS[409])
    assert {state.value for state in State if state is not State.ACTIVE} <= listed
    assert {"insufficientAllowance", "insufficientBalance"} <= listed
    assert {"reduceOnly", "liquidating", "accountClosed"} <= listed
    for code, shape in BY_CODE.items():
        assert code in MEANINGS[shape.status]
    for status, (code, _) in BY_STATUS.items():
        assert code in MEANINGS[status]


def test_nothing_is_listed_in_vain():
    """A word that no served file, nor the table of statuses, ever says is nobody's."""
    sources = "\n".join(path.read_text() for path in served() if path.stem != "problems")
    said = {found.code for found in ALL} | {state.value for state in State}
    unsaid = [code for code in by_code() if code not in said and f'"{code}"' not in sources]
    assert unsaid == []


def test_each_meaning_is_one_sentence():
    for meanings in MEANINGS.values():
        assert list(meanings) == sorted(meanings)
        for code, meaning in meanings.items():
            assert meaning.endswith("."), code
            assert len(meaning) <= 90, code


def test_the_document_shows_the_list():
    assert '"x-codes"' in files()["openapi.json"]
    assert f'"{next(iter(MEANINGS[409]))}"' in files()["openapi.json"]
