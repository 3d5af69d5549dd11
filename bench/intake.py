"""Claim: 1,000 signed intents a second are durably accepted by one process, p99 within 25 ms.

Open loop: every request has a due time, and latency counts from it, so a server that falls behind
cannot hide it. The server is a process of its own with the real store (synchronous=FULL), real
hashing and signature recovery over HTTP; only chain and clock are fakes. Peers, for scale: Deribit
allows 5 orders a second per account, Derive 1 (their published limits).

    python bench/intake.py [rate per second] [seconds]
"""

import asyncio
import gc
import json
import multiprocessing
import pathlib
import resource
import socket
import sys
import tempfile
import time

import uvicorn
import uvloop

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from app import observe
from app.verify import address_of
from solver.domain.ids import AccountId
from tests.app.api.server import serving, submission, swap
from tests.app.worlds import CHAIN_ID

GOAL_PER_SECOND, GOAL_P99_MS = 1_000, 25.0
CONNECTIONS, OWNERS = 32, 256
Timing = tuple[float, int]  # seconds after its due time, status


def serve(port: int, folder: str) -> None:
    """Runs the service until it is terminated."""

    observe.configure("warning")

    async def run() -> None:
        async with serving(pathlib.Path(folder)) as served:
            for number in range(OWNERS):
                await served.fund(10**12, owner(number))
            gc.collect()
            gc.freeze()
            config = uvicorn.Config(
                served.app, port=port, log_level="warning", access_log=False, lifespan="off"
            )
            await uvicorn.Server(config).serve()

    uvloop.run(run())  # as `uvicorn.run` does


def key_of(number: int) -> bytes:
    """Returns the private key of one of the owners."""
    return (number + 1).to_bytes(32, "big")


def owner(number: int) -> AccountId:
    """Returns the account of one of the owners."""
    return AccountId(CHAIN_ID, address_of(key_of(number)), 0)


def requests(count: int) -> list[bytes]:
    """Returns signed submissions as raw HTTP, no two alike."""
    made = []
    for nonce in range(count):
        key = key_of(nonce % OWNERS)
        intent = swap(nonce // OWNERS, owner=address_of(key))
        body = json.dumps(submission(intent, key)).encode()
        head = "POST /v1/intents HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        made.append(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return made


async def connection(port: int, due: asyncio.Queue[tuple[float, bytes]]) -> list[Timing]:
    """Sends what is due, one at a time, and returns how long each took from its due time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    timings: list[Timing] = []
    while True:
        when, raw = await due.get()
        if not raw:
            writer.close()
            return timings
        writer.write(raw)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        timings.append((time.perf_counter() - when, int(head[9:12])))


async def offer(port: int, rate: int, made: list[bytes]) -> tuple[list[Timing], float]:
    """Offers requests at a fixed rate whatever the server does."""
    due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    tasks = [asyncio.create_task(connection(port, due)) for _ in range(CONNECTIONS)]
    begun = time.perf_counter()
    for place, raw in enumerate(made):
        when = begun + place / rate
        if (wait := when - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        due.put_nowait((when, raw))
    for _ in tasks:
        due.put_nowait((0.0, b""))
    timings = [timing for task in tasks for timing in await task]
    return timings, time.perf_counter() - begun


def main() -> int:
    """Prints ours, the goal and the ratio; returns 1 when the claim does not hold."""
    rate = int(sys.argv[1]) if len(sys.argv) > 1 else GOAL_PER_SECOND
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    warm, made = requests(rate * seconds + 200), []
    warm, made = warm[:200], warm[200:]
    with socket.socket() as probe, tempfile.TemporaryDirectory() as folder:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        server = multiprocessing.get_context("spawn").Process(target=serve, args=(port, folder))
        server.start()
        try:
            _wait(port)
            uvloop.run(offer(port, 200, warm))
            timings, took = uvloop.run(offer(port, rate, made))
        finally:
            server.terminate()
            server.join()
    return report(rate, timings, took)


def report(rate: int, timings: list[Timing], took: float) -> int:
    """Prints one line."""
    late = sorted(seconds * 1000 for seconds, _ in timings)
    accepted = sum(status == 202 for _, status in timings)
    p50, p99 = late[len(late) // 2], late[len(late) * 99 // 100]
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = cpu.ru_utime + cpu.ru_stime
    print(
        f"intake: {accepted / took:,.0f} of {rate:,} offered signed intents/s durably accepted "
        f"(goal {GOAL_PER_SECOND:,}, ratio {accepted / took / GOAL_PER_SECOND:.2f}), "
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms (goal {GOAL_P99_MS:.0f}), "
        f"refused {len(timings) - accepted}, server CPU {used:.1f} s"
    )
    held = p99 <= GOAL_P99_MS and accepted == len(timings)
    return 0 if held or rate != GOAL_PER_SECOND else 1


def _wait(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    sys.exit(main())
