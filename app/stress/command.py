"""`solvent stress`: crashes replayed through the risk code before anybody trusts it with money."""

import gc
import json
import pathlib
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from app.stress.suite import Tell, WindowResult
    from app.stress.windows import Window
    from solver.margin.contagion import Candles

FILES = typer.Argument(..., help="Candles of BTC and ETH (parquet, an hour or shorter).")
ACCOUNTS = typer.Option(20_000, "--accounts", min=100, max=200_000, help="Made-up users.")
WINDOW = typer.Option([], "--window", "-w", help="A day such as 2020-03-12; repeat. All if absent.")
OUT = typer.Option(pathlib.Path("stress"), "--output", "-o", help="Folder of report and pictures.")
SEED = typer.Option(1, "--seed", min=0, help="Of users and of what candles do not tell.")
STORM = typer.Option(False, "--storm/--whole", help="Of each window its two worst hours alone.")
DRAW = typer.Option(True, "--draw/--no-draw", help="Draw PNGs (needs the extra `reports`).")
JSON = typer.Option(False, "--json", help="Print JSON; the report is written all the same.")


def stress(
    files: list[str] = FILES,
    *,
    accounts: int = ACCOUNTS,
    window: list[str] = WINDOW,
    output: pathlib.Path = OUT,
    seed: int = SEED,
    storm: bool = STORM,
    draw: bool = DRAW,
    as_json: bool = JSON,
) -> None:
    """Replays recorded crashes with made-up accounts, eleven faults each, through the risk code.

    Writes report.md, report.json and a PNG a window. A window that the files do not hold is told
    and left out. Exit code 1 when a check failed; a goal that is missed is told as missed.
    """
    from app.stress.candles import read_candles
    from app.stress.draw import draw as draw_png
    from app.stress.draw import require_matplotlib
    from app.stress.report import document, markdown
    from app.stress.windows import chosen

    if draw:
        require_matplotlib()
    windows = chosen(window)
    candles = read_candles(files)
    gc.disable()  # nothing here is cyclic; a collection among millions of values takes 100 ms
    try:
        found, missing = _replayed(windows, candles, accounts, seed, is_storm=storm)
    finally:
        gc.enable()
    output.mkdir(parents=True, exist_ok=True)
    pictures = []
    for each in found if draw else ():
        name = f"{each.stage.name}.png"
        draw_png(each, output / name)
        pictures.append(name)
    text = markdown(found, missing, pictures, accounts=accounts, seed=seed)
    (output / "report.md").write_text(text)
    told = json.dumps(document(found, missing), indent=2) + "\n"
    (output / "report.json").write_text(told)
    sys.stdout.write(told if as_json else text)
    raise typer.Exit(0 if all(each.passed for each in found) else 1)


def _replayed(
    windows: Sequence["Window"],
    found: Sequence["Candles"],
    accounts: int,
    seed: int,
    *,
    is_storm: bool,
) -> tuple[list["WindowResult"], list[tuple[str, str]]]:
    """Returns the windows that the files hold, and the others with why. Raises Infeasible where
    they hold none."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from app.stress.suite import run_window
    from solver.domain.errors import Infeasible

    console = Console(stderr=True)
    columns = (BarColumn(30), TextColumn("{task.description}"), TimeElapsedColumn())
    results, missing = [], []
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as at:
        for window in windows:
            tell = _teller(at)
            try:
                results.append(
                    run_window(
                        window, found, accounts=accounts, seed=seed, clock=time.thread_time,
                        is_storm=is_storm, tell=tell,
                    )
                )  # fmt: skip
            except Infeasible as refused:
                missing.append((window.name, refused.detail))
    if not results:
        raise Infeasible(f"nothing to replay: {missing[0][1]}", code="windowNotCovered")
    return results, missing


def _teller(progress: "Progress") -> "Tell":
    """Returns what moves one window's bar by a tick."""
    task = progress.add_task("")

    def tell(what: str, ticks: int) -> None:
        progress.update(task, description=what, total=ticks, advance=1)

    return tell
