"""The loop of a part that is asked again and again: what fails is told once and tried again."""

import asyncio
from collections.abc import Awaitable, Callable

from app import observe
from solver.domain.errors import SolventError


async def repeat(part: str, step: Callable[[], Awaitable[object]], poll_ms: int) -> None:
    """Task root: a step at every poll, for ever. A failure that lasts is told when it begins."""
    told = ""
    while True:
        try:
            await step()
            told = ""
        except SolventError as error:
            if error.detail != told:
                observe.part_failed(part, error)
            told = error.detail
        await asyncio.sleep(poll_ms / 1000)
