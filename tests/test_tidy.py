"""Checks of the code itself: layers, purity, sizes, docs; each rule proved by a bad example."""

import pathlib
import re
import subprocess
import sys

import pytest

from tests import tidy
from tests.tidy import ROOT, oversized, untidy

FOLDERS = ("solver", "adapters", "app", "migrations", "bench", "tests", "sdk")
PYTHON = sorted(path for top in FOLDERS for path in (ROOT / top).rglob("*.py"))
# A tree line: names, then two spaces or more, then what they are for.
TREE_LINE = re.compile(r"^(?P<indent> *)(?P<names>\S+(?: \S+)*)(?:  +.*)?$")
MACHINE = re.compile(
    r'(?:^|[\s"\'=:(`])/(?:work|farm|root|home|Users)/'  # a path of one computer
    r'|"resolved": *"https?:|registry *= *"?https?:|index-url[ =]+https?:|https?://[^\s"]*/simple\b'
)
GENERATED = ("contracts/artifacts/", "openapi/")


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_is_tidy(path: pathlib.Path) -> None:
    assert untidy(path, path.read_text()) == []


BAD_EXAMPLES = [
    ("solver/pricing/x.py", "import time", "pure but imports time"),
    ("solver/pricing/x.py", "from datetime import datetime", "pure but imports datetime"),
    ("solver/pricing/x.py", "def f():\n    import os", "pure but imports os"),
    ("solver/pricing/x.py", "import numpy as np\nnp.random.rand(3)", "hidden state"),
    ("solver/pricing/x.py", "import numpy as np\nnp.random.default_rng()", "no seed"),
    ("solver/pricing/x.py", "import numpy as np\nnp.random.default_rng(7)", None),
    ("solver/pricing/x.py", "open('x')", "calls open"),
    ("solver/routing/x.py", "s.parameters.max_time_in_seconds = 1", "wall-time"),
    ("solver/routing/x.py", "problem.solve(solver='HIGHS', time_limit=1.0)", "wall-time"),
    ("solver/routing/x.py", "options = {'time_limit': 1.0}", "wall-time"),
    ("solver/routing/x.py", "s = cp_model.CpSolver()", "CpSolver without"),
    ("solver/routing/x.py", "s.parameters.num_workers = 8", "must be 1"),
    (
        "solver/routing/x.py",
        "s = CpSolver()\ns.p.num_workers = 1\ns.p.max_deterministic_time = 2.0",
        None,
    ),
    ("solver/domain/x.py", "from solver.pricing import black", "points up"),
    ("solver/margin/x.py", "from solver.ledger import apply", "points up"),
    ("solver/routing/x.py", "from adapters.base import Venue", "points up"),
    ("solver/routing/x.py", "from . import split", "absolute imports only"),
    ("solver/routing/certify.py", "from solver.routing import split", "certify judges"),
    ("solver/routing/certify.py", "from solver.pricing import black", "certify judges"),
    ("solver/routing/certify.py", "from solver.routing.curves import book", None),
    ("adapters/venues/x.py", "from adapters.venues import curve", None),
    ("adapters/venues/x.py", "from adapters.oracles import pyth", "points up"),
    ("adapters/venues/x.py", "from solver.solve import solve", "adapters know only"),
    ("adapters/venues/x.py", "from app.clock import now", "points up"),
    ("app/board.py", "from app.pipeline import plan", "points up"),
    ("app/cli.py", "from app.demo import run", None),
    ("app/new_thing.py", "", "no layer"),
    ("app/api/x.py", "try:\n    f()\nexcept Exception:\n    g()", "catches every"),
    ("app/api/x.py", "try:\n    f()\nexcept (KeyError, BaseException):\n    g()", "catches every"),
    ("app/api/x.py", "try:\n    f()\nexcept:\n    g()", "catches every"),
    ("app/api/x.py", "try:\n    f()\nexcept KeyError:\n    g()", None),
    ("app/api/utils.py", "", "utils.py says nothing"),
    ("app/api/x.py", "class QuoteManager: pass", "QuoteManager says nothing"),
    ("app/api/x.py", "def problem_handler(): pass", "problem_handler says nothing"),
    ("app/api/x.py", "def f(a, b, c, d, e, g): pass", "too many parameters"),
    ("app/api/x.py", "def f(a, *, b, c, d, e, g, h, i, j): pass", "too many parameters"),
    ("app/api/x.py", "class A:\n    def f(self, a, b, c, d, e, *, g): pass", None),
    ("app/api/x.py", "def f():\n" + "    x = 1\n" * 60, "f() is too long"),
    ("app/api/x.py", "x = 1\n" * 400, "lines is too long"),
    ("app/api/x.py", f"x = '{'x' * 100}'", "too wide"),
    ("app/api/x.py", "x = 1  # TO" + "DO later", "note to self"),
]


@pytest.mark.parametrize(("where", "source", "complaint"), BAD_EXAMPLES)
def test_a_rule_bites(where: str, source: str, complaint: str | None) -> None:
    found = "; ".join(untidy(ROOT / where, f'"""Says why."""\n{source}\n'))
    assert (complaint in found) if complaint else found == ""


def test_a_missing_docstring_is_found() -> None:
    assert untidy(ROOT / "app/api/x.py", "x = 1\n") == ["module docstring missing"]
    assert untidy(ROOT / "app/api/__init__.py", "") == []


def test_a_task_root_may_catch_all_but_not_swallow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidy, "TASK_ROOTS", frozenset({"app.feeds:run"}))
    source = (
        '"""Says why."""\ndef {}():\n    try:\n        f()\n    except Exception:\n        {}\n'
    )
    complaints = [
        untidy(ROOT / "app/feeds.py", source.format(name, body))
        for name, body in (("run", "raise"), ("run", "pass"), ("other", "raise"))
    ]
    assert complaints[0] == []
    assert "swallows" in complaints[1][0]
    assert "catches every" in complaints[2][0]


def test_every_task_root_exists() -> None:
    for root in tidy.TASK_ROOTS:
        module, name = root.split(":")
        assert f"def {name}(" in (ROOT / f"{module.replace('.', '/')}.py").read_text()


def test_other_languages_keep_the_sizes() -> None:
    long = {
        name: complaints
        for name in tracked()
        if name.endswith((".sol", ".mjs", ".ts", ".tsx")) and not name.startswith(GENERATED)
        if (complaints := [c for c in oversized((ROOT / name).read_text()) if "wide" not in c])
    }
    assert long == {}


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    named = {name: found for name in tracked() if (found := places(text_of(ROOT / name)))}
    assert named == {}


@pytest.mark.parametrize(
    "text",
    [
        f"see /{'work'}/shared/notes",
        f'path = "/{"root"}/x"',
        '"resolved": ' + '"https://packages.example/x.tgz"',
        "--index-url " + "https:" + "//packages.example/simple",
    ],
)
def test_a_machine_path_or_registry_is_found(text: str) -> None:
    assert places(text)
    assert not places("import x from '/v1/quotes'; https://eips.ethereum.org/EIPS/eip-712")


def test_the_readme_shows_the_tree_as_it_is() -> None:
    readme = ROOT / "README.md"
    if not readme.exists():
        return
    named = tree_paths(readme.read_text())
    assert named, "README.md draws no tree"
    assert [path for path in named if not any(ROOT.glob(path))] == []
    folders = {name.split("/")[0] for name in tracked() if "/" in name and name[0] != "."}
    assert folders <= {path.split("/")[0] for path in named}


def test_a_tree_is_read_with_its_folders() -> None:
    text = (
        "```\nsolver/     thinks\n  domain/   values\n    ids.py money.py   names\nMakefile\n```\n"
    )
    assert tree_paths(text) == [
        "solver",
        "solver/domain",
        "solver/domain/ids.py",
        "solver/domain/money.py",
        "Makefile",
    ]
    assert tree_paths("```\nmake demo\n```\n") == []


def test_the_core_starts_nothing() -> None:
    if not (ROOT / "solver" / "solve.py").exists():
        return
    code = (
        "import sys, solver.solve;"
        "bad = {'fastapi', 'httpx', 'web3', 'sqlmodel', 'adapters', 'app'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("order", ["cvxpy, ortools.sat.python.cp_model", "highspy, cvxpy"])
def test_two_solver_libraries_share_a_process(order: str) -> None:
    for names in (order.split(", "), order.split(", ")[::-1]):
        code = "; ".join(f"import {name}" for name in names)
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def places(text: str) -> list[str]:
    """Returns the machine paths and registry hosts that a text names."""
    return [match.group().strip() for match in MACHINE.finditer(text)]


def text_of(path: pathlib.Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""


def tracked() -> list[str]:
    """Returns the paths that git tracks or would; all paths of the folders where git is absent."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    if (ROOT / ".git").exists():
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    return [str(path.relative_to(ROOT)) for path in PYTHON]


def tree_paths(text: str) -> list[str]:
    """Returns the paths that the fenced trees of a text name; a tree begins with a folder."""
    paths = []
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        if not re.match(r"\S+/(\s|$)", block):
            continue
        above: list[tuple[int, str]] = []
        for line in filter(str.strip, block.splitlines()):
            match = TREE_LINE.match(line)
            assert match, line
            indent = len(match["indent"])
            above = [(depth, name) for depth, name in above if depth < indent]
            prefix = "".join(f"{name}/" for _, name in above)
            names = [name.rstrip("/") for name in match["names"].split(" ")]
            paths += [prefix + name for name in names]
            above.append((indent, names[-1]))
    return paths
