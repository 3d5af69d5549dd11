"""`solvent backtest`: history judged before anything is put in force. Nothing here serves."""

import json
import pathlib
import sys

import typer

backtest = typer.Typer(no_args_is_help=True, help="What margin would have done, over history.")

FILES = typer.Argument(..., help="Hourly bars (parquet, csv, csv.gz), or SYMBOL=FILE.")
SINCE = typer.Option(None, "--from", help="First day judged; by default the 800th of history.")
OUT = typer.Option(pathlib.Path("backtest-margin.png"), "--output", "-o", help="Where to draw.")
DRAW = typer.Option(True, "--draw/--no-draw", help="Draw a PNG (needs the extra `reports`).")
JSON = typer.Option(False, "--json", help="Print JSON instead of tables.")


@backtest.callback()
def _group() -> None:
    """Keeps `margin` a subcommand while it is the only one."""


@backtest.command()
def margin(
    files: list[str] = FILES,
    since: str | None = SINCE,
    output: pathlib.Path = OUT,
    draw: bool = DRAW,
    as_json: bool = JSON,
) -> None:
    """Predictive margin walk-forward: the acceptance table, every stress day, and a picture.

    Files of one symbol are joined. Exit code 0 when every price history is accepted, else 1; a
    history of implied volatility is judged beside them and decides nothing.
    """
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from adapters.bars import read_bars
    from app.backtest.draw import draw as draw_png
    from app.backtest.draw import require_matplotlib
    from app.backtest.margin import backtest as walk_forward
    from app.backtest.table import acceptance, document, stress

    if draw:
        require_matplotlib()
    told = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    found = []
    with Progress(*columns, console=told, transient=True, disable=not told.is_terminal) as progress:
        task = progress.add_task("reading", total=None)
        histories = read_bars(files)
        for bars in histories.values():
            kind = "volatility" if bars.is_volatility else "price"
            progress.update(task, description=f"{bars.symbol} {kind}: {len(bars.times):,} hours")
            found.append(walk_forward(bars, since))
        if draw:
            progress.update(task, description=f"drawing {output}")
            draw_png(found, output)
    if as_json:
        sys.stdout.write(json.dumps(document(found), indent=2) + "\n")
    else:
        console = Console(width=None if sys.stdout.isatty() else 120)
        console.print(acceptance(found))
        console.print(stress(found))
        if draw:
            console.print(f"drawn in {output}")
    pairs = zip(histories.values(), found, strict=True)
    accepted = all(each.passed for bars, each in pairs if not bars.is_volatility)
    raise typer.Exit(0 if accepted else 1)
