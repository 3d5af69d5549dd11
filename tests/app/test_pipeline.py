"""Between two awaits of the story the world moves: a mandate that ends leaves nothing open."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from adapters.base import Call
from app.store.writer import Job
from tests.app.api.test_mandates import Desk, desk

__all__ = ["desk"]


async def test_what_is_admitted_while_its_mandate_is_revoked_does_not_stay_open(desk: Desk) -> None:
    """The chain may let a submission wait, and the revocation comes meanwhile."""
    mandate = await desk.granted()
    _, quote = await desk.quote(mandate)
    asked, answer = asyncio.Event(), asyncio.Event()
    views = desk.chain.call_many

    async def slowly(calls: Sequence[Call], block: int | None = None) -> list[bytes]:
        asked.set()
        await answer.wait()
        return await views(calls, block)

    desk.chain.call_many = slowly  # type: ignore[method-assign]
    submitting = asyncio.create_task(desk.submit(quote, mandate))
    await asked.wait()
    assert (await desk.revoke(mandate))[0] == 200
    answer.set()
    status, problem = await submitting
    assert (status, problem.get("code")) == (403, "scopeExceeded"), problem
    assert desk.served.services.store.live_intents() == []


async def test_what_is_on_its_way_to_the_disk_when_a_mandate_ends_ends_with_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Admitted a moment before: durable only after the revocation is."""
    mandate = await desk.granted()
    _, quote = await desk.quote(mandate)
    store = desk.served.services.store
    write = store._writer._write
    revoking, submitted = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(group: list[Job]) -> None:
        if any("MandateRevoked" in row for job in group for row in job.events):
            loop.call_soon_threadsafe(revoking.set)
            submitted.wait(5)
        write(group)

    monkeypatch.setattr(store._writer, "_write", slow)
    ending = asyncio.create_task(desk.revoke(mandate))
    await revoking.wait()
    submitting = asyncio.create_task(desk.submit(quote, mandate))
    for _ in range(1_000):
        if store._pending:
            break
        await asyncio.sleep(0)
    submitted.set()
    assert (await submitting)[0] == 202
    assert (await ending)[0] == 200
    assert store.live_intents() == []
