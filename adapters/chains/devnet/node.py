"""The anvil process: found, started on the loopback only, stopped by its own pid."""

import asyncio
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

from adapters.chains.devnet.keys import MNEMONIC, ROLES
from solver.domain.errors import Unavailable

CHAIN_ID = 31_338  # not anvil's 31337: Permit2's code has that one's domain separator cached
HOST = "127.0.0.1"
HARDFORK = "prague"
BALANCE_ETHER = 10_000_000
STATES_ON_DISK = 1_000  # of blocks older than the 500 it remembers: 1 to 2 MB each
START_SECONDS = 10.0
ROOT = pathlib.Path(__file__).parents[3]
PACKAGED = ROOT / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"


def binary() -> pathlib.Path:
    """Returns anvil from ANVIL_BIN or the npm package. Raises Unavailable when there is none."""
    path = pathlib.Path(os.environ.get("ANVIL_BIN") or PACKAGED)
    if not os.access(path, os.X_OK):
        raise Unavailable("anvil is missing: run `make setup`, or set ANVIL_BIN to its path")
    return path


class Node:
    """One running anvil. `states` is where it puts old states: it removes none of them itself."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, states: pathlib.Path) -> None:
        self._process = process
        self.port = port
        self.states = states
        self.url = f"http://{HOST}:{port}"

    @property
    def pid(self) -> int:
        """Returns the process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """True until the process has ended."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ends the process and removes its states; a second call does nothing."""
        if self.is_running:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.states, ignore_errors=True)


async def start_node(genesis_time: int, port: int = 0) -> Node:
    """Starts an empty chain that mines on demand; port 0 takes a free one.

    Raises Unavailable when the binary is missing, the port is taken or anvil does not come up.
    """
    path, port = binary(), port or _free_port()
    if await _answers(port):
        raise Unavailable(f"port {port} is taken: stop what listens there or choose another")
    states = pathlib.Path(tempfile.mkdtemp(prefix="solvent-anvil-"))
    process = subprocess.Popen(  # noqa: ASYNC220 - returns at once; the wait is below
        _command(path, port, genesis_time, states),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    node = Node(process, port, states)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_SECONDS
    while not await _answers(port):
        if not node.is_running or loop.time() > deadline:
            node.stop()
            raise Unavailable(f"anvil did not start (exit {process.returncode})")
        await asyncio.sleep(0.005)
    return node


def _command(path: pathlib.Path, port: int, genesis_time: int, states: pathlib.Path) -> list[str]:
    options = {
        "--host": HOST,
        "--port": port,
        "--chain-id": CHAIN_ID,
        "--hardfork": HARDFORK,
        "--accounts": len(ROLES),
        "--balance": BALANCE_ETHER,
        "--mnemonic": MNEMONIC,
        "--timestamp": genesis_time,
        "--cache-path": states,
        "--max-persisted-states": STATES_ON_DISK,
    }
    return [
        str(path),
        "--silent",
        "--no-request-size-limit",
        *(str(part) for pair in options.items() for part in pair),
    ]


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])
