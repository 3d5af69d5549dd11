"""The `solvent` command: each subcommand is one process or one look at one."""

import asyncio
import contextlib
import pathlib
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from app.backtest.command import backtest
from app.backtest.fit import risk
from app.operations import config, keys
from app.stress.command import stress
from solver.domain.errors import SolventError

if TYPE_CHECKING:
    from app.local import RecordedChain

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Signed outcomes in, hedged out."
)
app.add_typer(backtest, name="backtest")
app.add_typer(config, name="config")
app.add_typer(keys, name="keys")
app.add_typer(risk, name="risk")
app.command()(stress)
AS_OF = typer.Option(None, "--as-of", help="Start the local chain at this time (RFC 3339 or unix).")
CHAIN = typer.Option(None, "--chain", help="Quote the options recorded in this file at --as-of.")
CHAIN_AT = typer.Option(None, "--as-of", help="The snapshot nearest to this time is quoted.")
SIZE = typer.Option(50, "--size", min=1, help="Contracts a side of every recorded option.")


def _seconds(text: str | None) -> int | None:
    """Returns unix seconds of an --as-of. A time without an offset is UTC, as all times here."""
    if text is None or text.isdigit():
        return int(text) if text else None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is neither RFC 3339 nor unix seconds") from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


@app.command()
def demo(as_of: str | None = AS_OF) -> None:
    """Signed outcomes settled on a local chain, from typed data to receipt.json."""
    from app.demo.story import run

    raise typer.Exit(asyncio.run(run(pathlib.Path("receipt.json"), _seconds(as_of))))


@app.command()
def serve(
    as_of: str | None = AS_OF,
    port: int = 8080,
    rpc_port: int = 8545,
    chain: pathlib.Path | None = CHAIN,
    size: int = SIZE,
) -> None:
    """Leaves a local chain, the API with its docs page and a maker running until Ctrl-C."""
    from app.local import RecordedChain

    recorded = None if chain is None else RecordedChain(chain.resolve(), _wanted(as_of), size)
    asyncio.run(_serve(_seconds(as_of), port, rpc_port, recorded))


def _wanted(as_of: str | None) -> int:
    """Returns the time of the snapshot that is wanted."""
    seconds = _seconds(as_of)
    if seconds is None:
        raise typer.BadParameter("--chain needs --as-of: which of its snapshots is meant?")
    return seconds


async def _serve(
    as_of: int | None, port: int, rpc_port: int, recorded: "RecordedChain | None"
) -> None:
    from app.local import fresh_folder, stack

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    folder = fresh_folder(pathlib.Path("var/serve"))
    async with stack(
        folder,
        as_of=as_of,
        rpc_port=rpc_port,
        api_port=port,
        tell=typer.echo,
        option_chain=recorded,
    ) as running:
        typer.echo(f"docs {running.api_url}/docs · logs in {folder} · Ctrl-C ends everything")
        while not stopped.is_set():
            running.api.check_alive()
            running.maker.check_alive()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), 1)


@app.command()
def api() -> None:
    """The HTTP and WebSocket API with auctioneer and settlement, configured by SOLVENT_*."""
    from app.assembly import serve as serve_api
    from app.config import Settings

    serve_api(Settings.load())


@app.command()
def maker(
    chain: pathlib.Path | None = CHAIN, as_of: str | None = CHAIN_AT, size: int = SIZE
) -> None:
    """A market maker with its own key, speaking HTTP and WebSocket only; quotes its own surface, or
    a recorded chain as it was."""
    from app.config import Settings
    from app.maker import run
    from app.maker.recorded import SYMBOLS, RecordedQuotes

    recorded = None
    if chain is not None:
        recorded = RecordedQuotes.read(str(chain), _wanted(as_of), SYMBOLS, size)
    asyncio.run(run(Settings.load(), recorded=recorded))


@app.command()
def keeper() -> None:
    """Fixes expiry prices and pays options out; anyone may: a chain, a deployment and a key."""
    from app.assembly import require_chain
    from app.config import Settings
    from app.keeper import alone

    settings = Settings.load()
    asyncio.run(require_chain(settings))
    asyncio.run(alone(settings))


def main() -> None:
    """Console entry point: what we refuse is one line, what is broken keeps its trace."""
    try:
        app()
    except SolventError as error:
        typer.echo(f"solvent: {error.detail}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
