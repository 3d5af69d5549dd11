"""Runs the local chain by hand: `python -m adapters.chains.devnet --port 8545 --as-of TIME`."""

import argparse
import asyncio
import pathlib
import signal
import sys
import time

from adapters.chains.deployment import dump
from adapters.chains.devnet.start import start
from solver.domain.errors import SolventError


def main() -> int:
    """Serves until interrupted; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m adapters.chains.devnet")
    parser.add_argument("--port", type=int, default=8545)
    parser.add_argument("--as-of", type=int, default=int(time.time()), help="unix seconds")
    parser.add_argument("--block-time", type=int, default=1, help="seconds")
    parser.add_argument("--deployment", type=pathlib.Path, help="where to write the addresses")
    options = parser.parse_args()
    try:
        asyncio.run(_run(options))
    except SolventError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 1
    return 0


async def _run(options: argparse.Namespace) -> None:
    begun = time.perf_counter()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with start(options.as_of, port=options.port, block_time=options.block_time) as devnet:
        if options.deployment is not None:
            dump(devnet.deployment, options.deployment)
        seconds = time.perf_counter() - begun
        sys.stdout.write(f"{devnet.url} pid {devnet.node.pid} after {seconds:.2f} s\n")
        sys.stdout.flush()
        keeper = asyncio.create_task(devnet.keep_fresh())
        waiting = asyncio.create_task(stopped.wait())
        await asyncio.wait({keeper, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if keeper.done():
            await keeper
        keeper.cancel()


if __name__ == "__main__":
    sys.exit(main())
