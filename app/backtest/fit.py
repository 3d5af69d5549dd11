"""`solvent risk`: margin parameters fitted to history, signed, and shown as they stand."""

import pathlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from app.config import Settings
from app.keystore import keys_of
from solver.domain.calendar import rfc3339
from solver.domain.errors import Malformed

if TYPE_CHECKING:
    from adapters.bars import Bars
    from app.parameters import MarketParameters, Parameters

risk = typer.Typer(no_args_is_help=True, help="Margin parameters: fitted, signed, shown.")

FILES = typer.Argument(..., help="Hourly bars of prices and volatility, or SYMBOL=FILE.")
OUT = typer.Option(..., "--output", "-o", help="The signed file; what stands there is succeeded.")
ROLE = typer.Option("risk1", "--role", help="The risk key of the keystore that signs.")
HOURS = typer.Option(24, "--margin-period-hours", min=1, max=240, help="To close a book in.")
AT = typer.Option(None, "--at", help="Unix seconds of issue, from when notice runs; now if absent.")
FILE = typer.Argument(None, help="A parameters file; SOLVENT_RISK_PARAMETERS if absent.")


@risk.command()
def fit(
    files: list[str] = FILES,
    output: pathlib.Path = OUT,
    role: str = ROLE,
    margin_period_hours: int = HOURS,
    at: int | None = AT,
) -> None:
    """Fits every symbol's parameters and signs them.

    What the file at --output says is told as what stood before; without one it is
    the built-in parameters. Start the service again with SOLVENT_RISK_PARAMETERS to put it in
    force.
    """
    from adapters.bars import read_bars
    from app.parameters import BUILT_IN, Parameters, issue, load, store

    settings = Settings.load()
    issued_at = int(time.time()) if at is None else at
    before = load(output, settings.chain_id) if output.exists() else BUILT_IN
    if before.issued_at > issued_at:
        detail = f"{output} was issued at {rfc3339(before.issued_at)}, which is later"
        raise Malformed(detail, field="at")
    histories = read_bars(files)
    markets = fitted(histories, before, issued_at, margin_period_hours * 3_600)
    version = rfc3339(issued_at)
    parameters = Parameters(version, settings.chain_id, issued_at, markets)
    store(output, issue(parameters, keys_of(settings, [role])[role]))
    _show(load(output, settings.chain_id), issued_at)


@risk.command()
def show(file: pathlib.Path | None = FILE, at: int | None = AT) -> None:
    """Shows what a file says and what of it is in force; without any, the built-in parameters."""
    from app.parameters import BUILT_IN, load

    settings = Settings.load()
    path = file or (settings.risk_parameters and pathlib.Path(settings.risk_parameters))
    found = load(path, settings.chain_id) if path else BUILT_IN
    _show(found, int(time.time()) if at is None else at)


def fitted(
    histories: Mapping[tuple[str, bool], "Bars"],
    before: "Parameters",
    issued_at: int,
    margin_period_seconds: int,
) -> tuple[tuple[str, "MarketParameters"], ...]:
    """Returns the parameters of every symbol with prices, over what was in force `before`.

    Raises Malformed where volatility has no prices beside it, Infeasible for too short a history.
    """
    from app.parameters import MarketParameters
    from solver.domain.calendar import DAY
    from solver.domain.numbers import WAD
    from solver.margin.predictive import days_of, estimate, expected_depth

    symbols = sorted(symbol for symbol, is_volatility in histories if not is_volatility)
    if alone := sorted({symbol for symbol, _ in histories} - set(symbols)):
        raise Malformed(f"no prices beside the volatility of {', '.join(alone)}", field="files")
    found = []
    for symbol in symbols:
        prices, implied = histories[symbol, False], histories.get((symbol, True))
        days = days_of(prices.times, prices.closes)
        depth = 0.0
        if len(prices.volumes):
            depth = expected_depth(prices.times, prices.volumes, margin_period_seconds)
        made = estimate(
            days,
            None if implied is None else days_of(implied.times, implied.closes),
            version=rfc3339(issued_at),
            depth=int(depth * WAD),
            margin_period_seconds=margin_period_seconds,
        )
        stood = before.in_force(symbol, issued_at)
        to = rfc3339(int(days.number[-1]) * DAY)[:10]
        found.append((symbol, MarketParameters(made.charge, made.risk, stood, to)))
    return tuple(found)


def _show(parameters: "Parameters", at: int) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from app.parameters import MarketParameters
    from solver.domain.numbers import WAD
    from solver.domain.risk import MarketRisk

    table = Table(box=SIMPLE_HEAD, title=f"Margin parameters {parameters.version}")
    for name in ("market", "", "spot IM", "spot MM", "vol up", "vol down", "day's deviation",
                 "depth"):  # fmt: skip
        table.add_column(name, justify="left" if name in ("market", "") else "right")

    def row(market: str, what: str, risk: MarketRisk) -> None:
        ranges = (risk.spot_initial, risk.spot_maintenance, risk.vol_up, risk.vol_down, risk.daily)
        depth = f"{risk.depth // WAD:,}" if risk.depth else "unknown"
        table.add_row(market, what, *(f"{value / 10_000:.2f} %" for value in ranges), depth)

    built_in = (("any", MarketParameters(0, MarketRisk(), MarketRisk())),)
    for symbol, each in parameters.markets or built_in:
        if parameters.markets:
            row(symbol, f"fitted to {each.to}", each.now)
            row("", "before", each.before)
        row("" if parameters.markets else symbol, "in force", parameters.in_force(symbol, at))
    console = Console(width=120)
    console.print(table)
    if parameters.signer:
        console.print(f"chain {parameters.chain_id}, signed by {parameters.signer}")
        console.print("maintenance has a day's notice, from the first block a service uses this at")
