"""One machine: local chain, API and maker as processes that start and end together."""

import asyncio
import contextlib
import os
import pathlib
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import httpx

from adapters.chains import devnet
from adapters.chains.deployment import Deployment, dump
from adapters.chains.devnet.feeds import FEEDS
from adapters.recorded import read_chains
from app.maker.recorded import MAKER_SIZE
from solver.domain.calendar import rfc3339
from solver.domain.errors import Unavailable

READY_SECONDS = 60
Tell = Callable[[str], None]
Furnish = Callable[[devnet.Devnet], Awaitable[Deployment]]


class Stack(NamedTuple):
    """Where everything listens; `api` is a process so that it can be killed and started again."""

    devnet: devnet.Devnet
    rpc_url: str
    api_url: str
    deployment: Deployment
    folder: pathlib.Path
    api: "Child"
    maker: "Child"


class RecordedChain(NamedTuple):
    """A file of recorded options, the time wanted in it (unix seconds), and the maker's size."""

    path: pathlib.Path
    at: int
    size: int = MAKER_SIZE


def fresh_folder(path: pathlib.Path) -> pathlib.Path:
    """Returns the folder with nothing of an earlier run in it: the chain begins anew, so do we."""
    path.mkdir(parents=True, exist_ok=True)
    for old in path.glob("*"):
        old.unlink()
    return path


class Child:
    """A process of ours with its log in a file; ended by its process id only."""

    def __init__(self, name: str, arguments: list[str], env: dict[str, str], log: pathlib.Path):
        self.name = name
        self.arguments = arguments
        self.env = env
        self.log = log
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, **extra: str) -> None:
        """Starts it; `extra` are environment variables of this start alone."""
        with self.log.open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                *self.arguments, env=os.environ | self.env | extra, stdout=out, stderr=out
            )

    async def stop(self) -> None:
        """Asks, then insists after 5 s."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), 5)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    def check_alive(self) -> None:
        """Raises Unavailable with the end of its log when it is gone."""
        if self.process is not None and self.process.returncode is not None:
            tail = self.log.read_text(errors="replace").splitlines()[-12:]
            raise Unavailable(f"{self.name} ended:\n" + "\n".join(tail))


def require_free(port: int) -> None:
    """Raises Unavailable when somebody listens on a loopback port already."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise Unavailable(f"port {port} is taken: stop what listens there or choose another")


def free_port() -> int:
    """Returns a loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def stack(
    folder: pathlib.Path,
    *,
    as_of: int | None = None,
    rpc_port: int = 0,
    api_port: int = 0,
    env: dict[str, str] | None = None,
    tell: Tell = lambda _: None,
    option_chain: RecordedChain | None = None,
    furnish: Furnish | None = None,
) -> AsyncIterator[Stack]:
    """Yields chain, prices kept fresh, API ready and maker quoting; ends all of it.

    With `option_chain` the chain starts at that snapshot's time and prices, the service lists it
    and the maker quotes it. `furnish` adds to the chain before anyone reads it, and returns what
    there is. Raises NotFound or Malformed as reading the options does.
    """
    for port in filter(None, (rpc_port, api_port)):
        require_free(port)
    rpc_port, api_port = rpc_port or free_port(), api_port or free_port()
    tell(f"local chain on 127.0.0.1:{rpc_port} (the first start deploys every protocol)")
    begin = _Beginning(as_of or int(time.time()))
    if option_chain is not None:
        begin = _recorded(option_chain)
        tell(f"options as recorded at {rfc3339(begin.time)}")
    async with devnet.start(begin.time, port=rpc_port, prices=begin.prices) as chain:
        if furnish is not None:
            chain.deployment = await furnish(chain)
        deployment_file = folder / "deployment.json"
        dump(chain.deployment, deployment_file)
        shared = {
            "SOLVENT_RPC_URL": chain.url,
            "SOLVENT_DEPLOYMENT": str(deployment_file),
            "SOLVENT_API_URL": f"http://127.0.0.1:{api_port}",
            "SOLVENT_DATABASE_URL": f"sqlite:///{folder / 'solvent.db'}",
            "SOLVENT_PORT": str(api_port),
            "ETH_HASH_BACKEND": "pysha3",
        }
        shared |= begin.env | (env or {})
        run = [sys.executable, "-m", "app.cli"]
        api = Child("api", [*run, "api"], shared, folder / "api.log")
        maker = Child("maker", [*run, "maker", *begin.maker], shared, folder / "maker.log")
        prices = asyncio.create_task(chain.keep_fresh())
        try:
            await api.start()
            await maker.start()  # it loads meanwhile, and connects when there is somebody
            url = shared["SOLVENT_API_URL"]
            await ready(url, api)
            tell(f"API on {url}")
            await quoting(url, maker)
            tell("maker connected and quoting")
            yield Stack(chain, chain.url, url, chain.deployment, folder, api, maker)
        finally:
            prices.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await prices
            await maker.stop()
            await api.stop()


class _Beginning(NamedTuple):
    """Where the chain starts (unix seconds, 1e18 by symbol; None: as it was built), and what maker
    and service are told of it."""

    time: int
    prices: dict[str, int] | None = None
    maker: tuple[str, ...] = ()
    env: dict[str, str] = {}  # noqa: RUF012 - never changed


def _recorded(chain: RecordedChain) -> _Beginning:
    """Returns a beginning at the snapshot's own time and index prices. Raises NotFound."""
    found = read_chains(chain.path, chain.at, [plan.symbol for plan in FEEDS])
    path, at = str(chain.path), str(chain.at)
    return _Beginning(
        time=next(each.time for each in found.values()),
        prices={symbol: each.index_price for symbol, each in found.items()},
        maker=("--chain", path, "--as-of", at, "--size", str(chain.size)),
        env={"SOLVENT_OPTION_CHAIN": path, "SOLVENT_OPTION_CHAIN_AT": at},
    )


async def ready(url: str, child: Child) -> None:
    """Waits until the API says it is ready. Raises Unavailable."""
    await _until(f"{url}/v1/health/ready", child, lambda answer: answer.status_code == 200)


async def quoting(url: str, child: Child) -> None:
    """Waits until a maker's prices are on the board. Raises Unavailable."""

    def has_ladders(answer: httpx.Response) -> bool:
        return answer.status_code == 200 and any(
            row.get("bid") for row in answer.json().get("instruments", [])
        )

    await _until(f"{url}/v1/instruments", child, has_ladders)


async def _until(url: str, child: Child, good: Callable[[httpx.Response], bool]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    async with httpx.AsyncClient(timeout=5) as client:
        while time.monotonic() < deadline:
            child.check_alive()
            with contextlib.suppress(httpx.TransportError):
                if good(await client.get(url)):
                    return
            await asyncio.sleep(0.1)
    raise Unavailable(f"{child.name} was not ready in {READY_SECONDS} s; see {child.log.name}")
