"""The law of the code as functions: each tells what is wrong with one file, nothing if it is tidy.

Style that a machine can hold is not reviewed by people. A new module takes its place in LAYERS, a
new task root its place in TASK_ROOTS; neither list is a way round a rule.
"""

import ast
import pathlib
import re
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parent.parent
PRODUCT = ("solver", "adapters", "app")
LAYERS = [  # lower never imports higher; names on one line do not import each other
    ("solver.domain",),
    ("solver.pricing",),
    ("solver.margin", "solver.ledger"),
    ("solver.routing",),
    ("solver.intents",),
    ("solver.policies", "solver.solve", "solver.auction"),
    ("adapters.base", "adapters.http", "adapters.recorded"),
    (
        "adapters.bars",
        "adapters.venues",
        "adapters.oracles",
        "adapters.chains",
        "adapters.bridges",
        "adapters.engines",
    ),
    ("adapters.registry",),
    ("app.config", "app.clock", "app.errors", "app.observe"),
    ("app.bus", "app.board", "app.keystore", "app.polling"),
    ("app.store",),
    ("app.verify", "app.simulate", "app.solving", "app.breaker", "app.rfq"),
    ("app.parameters", "app.services"),
    ("app.notice",),
    ("app.feeds", "app.monitor", "app.settlement"),
    ("app.pipeline",),
    ("app.bids",),
    ("app.agents", "app.auctioneer", "app.keeper", "app.maker", "app.api"),
    ("app.liquidator",),
    ("app.main",),
    ("app.assembly",),
    ("app.local", "app.preflight"),
    ("app.demo",),
    ("app.backtest", "app.operations", "app.vectors"),
    ("app.stress",),
    ("app.cli", "app.openapi"),
]
ADAPTERS_MAY_SEE = ("solver.domain", "solver.pricing", "solver.routing.curves")
CERTIFY_MAY_SEE = (
    "solver.domain",
    "solver.routing.curves",
    "solver.routing.toll",
    "solver.routing.certify",
)
IMPURE = frozenset(
    "time datetime random secrets uuid os sys io pathlib tempfile socket subprocess threading "
    "multiprocessing concurrent asyncio httpx aiohttp requests websockets web3 sqlite3 sqlalchemy "
    "sqlmodel fastapi starlette uvicorn logging structlog prometheus_client".split()
)
# Work is limited by deterministic time, nodes and iterations: wall time makes replays differ.
WALL_TIME = frozenset(
    "max_time_in_seconds time_limit time_limit_secs set_time_limit SetTimeLimit timelimit "
    "TimeLimit max_time max_wall_time timeout".split()
)
SEEDED = frozenset({"default_rng", "Generator", "SeedSequence", "PCG64", "Philox"})
EFFECTS = frozenset({"open", "print", "input", "eval", "exec"})
FILE_NAMES_BANNED = frozenset({"utils", "util", "helpers", "helper", "common", "misc"})
WORDS_BANNED = frozenset({"manager", "handler", "processor"})
# "module:function" of the loops that may catch Exception; each records and raises again.
TASK_ROOTS = frozenset({"app.assembly:_root", "app.solving:_root"})
FILE_LINES_MAX, FUNCTION_LINES_MAX, COLUMNS_MAX = 400, 60, 100
# A keyword-only parameter is named where it is passed, so it is free of the first limit.
POSITIONAL_MAX, PARAMETERS_MAX = 5, 8


def untidy(path: pathlib.Path, source: str) -> list[str]:
    """Returns the complaints about one Python file of the repository, as sentences."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    tree = ast.parse(source)
    bad = list(oversized(source)) + list(misnamed(path, tree)) + list(overlong(tree))
    if source.strip() and not ast.get_docstring(tree):
        bad.append("module docstring missing")
    if within(module, PRODUCT):
        bad += [*misplaced(module, tree), *blind(module, tree), *overloaded(tree)]
    if within(module, ("solver",)):
        bad += list(impure(tree)) + list(unbounded(tree))
    return bad


def oversized(source: str) -> Iterator[str]:
    """Yields what is too long or too wide, and notes to self, in a file of any language."""
    lines = source.splitlines()
    if len(lines) > FILE_LINES_MAX:
        yield f"file of {len(lines)} lines is too long"
    if re.search(r"\b(TO" + r"DO|FIX" + r"ME)\b", source):
        yield "a note to self is left in the code"
    for number, text in enumerate(lines, 1):
        if len(text) > COLUMNS_MAX:
            yield f"line {number} too wide"


def misnamed(path: pathlib.Path, tree: ast.AST) -> Iterator[str]:
    """Yields file, class and function names that say nothing."""
    if path.stem in FILE_NAMES_BANNED:
        yield f"{path.name} says nothing about what it holds"
    names = [node.name for node in ast.walk(tree) if isinstance(node, DEFINITIONS)]
    for name in [path.stem, *names]:
        words = re.findall(r"[A-Z]?[a-z]+", name)
        if WORDS_BANNED & {word.lower() for word in words}:
            yield f"{name} says nothing about what it does"


def overlong(tree: ast.AST) -> Iterator[str]:
    """Yields functions with too many lines."""
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            if (node.end_lineno or node.lineno) - node.lineno + 1 > FUNCTION_LINES_MAX:
                yield f"{node.name}() is too long"


def overloaded(tree: ast.AST) -> Iterator[str]:
    """Yields functions with too many parameters: several of them want to be one value."""
    for node in ast.walk(tree):
        if not isinstance(node, FUNCTIONS):
            continue
        positional = [a.arg for a in node.args.posonlyargs + node.args.args]
        positional = [name for name in positional if name not in ("self", "cls")]
        total = len(positional) + len(node.args.kwonlyargs)
        if len(positional) > POSITIONAL_MAX or total > PARAMETERS_MAX:
            yield f"{node.name}() takes too many parameters"


def misplaced(module: str, tree: ast.AST) -> Iterator[str]:
    """Yields imports against the order of LAYERS and what is in no layer at all."""
    here = layer(module)
    if here is None and module not in PRODUCT:
        yield f"{module} is in no layer"
    for name in imports(tree):
        there = layer(name)
        if name.startswith("."):
            yield f"{module} imports {name}: absolute imports only"
        if here and there and here[1] != there[1] and there[0] >= here[0]:
            yield f"{module} -> {name} points up"
        if not within(name, PRODUCT):
            continue
        if within(module, ("adapters",)) and not within(name, (*ADAPTERS_MAY_SEE, "adapters")):
            yield f"{module} -> {name}: adapters know only domain, pricing and curves"
        if within(module, ("solver.routing.certify",)) and not within(name, CERTIFY_MAY_SEE):
            yield f"{module} -> {name}: certify judges, so it knows only domain and curves"


def blind(module: str, tree: ast.AST) -> Iterator[str]:
    """Yields each `except Exception` outside the task roots, and each of theirs that swallows."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and catches_all(node):
            if f"{module}:{owner(tree, node)}" not in TASK_ROOTS:
                yield f"line {node.lineno} catches every exception"
            elif not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
                yield f"line {node.lineno} swallows what a task root must raise again"


def impure(tree: ast.AST) -> Iterator[str]:
    """Yields what would make two runs of solver/ on the same input differ or touch the world."""
    for name in imports(tree):
        if name.split(".")[0] in IMPURE:
            yield f"solver is pure but imports {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in EFFECTS:
            yield f"solver is pure but calls {called(node)}()"
        if isinstance(node, ast.Call) and called(node).endswith("default_rng"):
            if not node.args and not node.keywords:
                yield "solver is pure but default_rng() has no seed"
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith(".random"):
            if node.attr not in SEEDED:
                yield f"solver is pure but random.{node.attr} has a hidden state"


def unbounded(tree: ast.AST) -> Iterator[str]:
    """Yields wall-time limits in solver calls, and CP-SAT without its two work limits."""
    words = set(identifiers(tree))
    for word in sorted(words & WALL_TIME):
        yield f"{word} is a wall-time limit: limit the work"
    if "CpSolver" in words and not {"num_workers", "max_deterministic_time"} <= words:
        yield "CpSolver without num_workers = 1 and max_deterministic_time"
    for name, value in assigned_constants(tree):
        if name in ("num_workers", "num_search_workers", "threads") and value != 1:
            yield f"{name} must be 1: the order of threads is not an input"


# ---- the readers of the tree

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (ast.ClassDef, *FUNCTIONS)


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def layer(module: str) -> tuple[int, str] | None:
    """Returns (rank, name) of the entry of LAYERS that holds a module or a name in it."""
    for rank, names in enumerate(LAYERS):
        for name in names:
            if within(module, (name,)):
                return rank, name
    return None


def imports(tree: ast.AST) -> Iterator[str]:
    """Yields every imported name in full, a relative one with its dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            yield from (f"{source}.{alias.name}" for alias in node.names)


def identifiers(tree: ast.AST) -> Iterator[str]:
    """Yields attributes, names, keywords and dictionary keys: all that can name an option."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.Dict):
            yield from (str(key.value) for key in node.keys if isinstance(key, ast.Constant))


def assigned_constants(tree: ast.AST) -> Iterator[tuple[str, object]]:
    """Yields (last word of the target, value) of every constant that is assigned."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                yield ast.unparse(target).split(".")[-1], node.value.value


def called(node: ast.Call) -> str:
    return ast.unparse(node.func)


def catches_all(node: ast.ExceptHandler) -> bool:
    if node.type is None:
        return True
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return bool({"Exception", "BaseException"} & {ast.unparse(name) for name in caught})


def owner(tree: ast.AST, inner: ast.AST) -> str:
    """Returns the name of the innermost function around a node, "" at module level."""
    name, lines = "", FILE_LINES_MAX**2
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS) and any(child is inner for child in ast.walk(node)):
            length = (node.end_lineno or node.lineno) - node.lineno
            if length < lines:
                name, lines = node.name, length
    return name
