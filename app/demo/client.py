"""What an integrator would write in an hour: quote, sign, submit, listen. Public API only."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import httpx
import websockets

from adapters.chains.devnet.keys import DevKey
from app.demo.wallet import sign
from solver.domain.errors import Unavailable
from solver.domain.event import TERMINAL

Json = dict[str, Any]
Heard = Callable[[Callable[[Json], bool]], Awaitable[list[Json]]]  # up to the awaited event
SETTLE_SECONDS_MAX = 45
POLL_SECONDS = 0.1


class Outcome(NamedTuple):
    """One signed outcome from quote to the end, as the API told it."""

    quote: Json
    signature: str
    uid: str
    intent: Json  # the intent resource once terminal
    events: list[Json]  # the account's stream events of this intent, in order of seq


class Client:
    """One owner's view of the API."""

    def __init__(self, url: str, holder: DevKey) -> None:
        self.url, self.holder = url, holder
        self._http = httpx.AsyncClient(base_url=url, timeout=30)

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def get(self, path: str, **parameters: str) -> Json:
        """Returns a resource. Raises Unavailable with the problem's own words."""
        return self._answer(await self._http.get(path, params=parameters))

    async def post(self, path: str, body: Json) -> Json:
        """Returns the answer to a write."""
        return self._answer(await self._http.post(path, json=body))

    async def delete(self, path: str, body: Json) -> Json:
        """Returns the answer to a signed deletion."""
        return self._answer(await self._http.request("DELETE", path, json=body))

    async def quote(self, request: Json, terms: Json) -> Json:
        """Returns a quote for an outcome in human terms."""
        body = {"request": request, "terms": {"owner": self.holder.address} | terms}
        return await self.post("/v1/quotes", body)

    async def submit(self, quote: Json) -> tuple[str, str]:
        """Signs what the quote answered and submits it; returns (uid, signature)."""
        signature = sign(self.holder, quote["typedData"])
        body = {
            "intent": quote["intent"],
            "scheme": quote["scheme"],
            "signature": signature,
            "quoteId": quote["quoteId"],
        }
        answer = await self.post("/v1/intents", body)
        return answer["uid"], signature

    async def follow(self, quote: Json) -> Outcome:
        """Submits a quote and listens on the stream until the intent has ended."""
        account = f"account:{self.holder.address}/{quote['intent']['subaccount']}"
        async with self.listening(account) as heard:
            uid, signature = await self.submit(quote)
            events = await heard(lambda event: _is_end(event, uid))
        intent = await self.get(f"/v1/intents/{uid}")
        return Outcome(quote, signature, uid, intent, events)

    @contextlib.asynccontextmanager
    async def listening(self, log: str) -> AsyncIterator[Heard]:
        """Yields a function that returns the log's events from now up to one that is awaited."""
        async with websockets.connect(self.url.replace("http", "ws") + "/v1/stream") as stream:
            await _expect(stream, "hello")
            head = (await self.get("/v1/events", log=log, limit="1"))["head"]
            await stream.send(
                json.dumps({"op": "sub", "id": 1, "ch": log, "from": {"seq": int(head)}})
            )

            async def heard(is_last: Callable[[Json], bool]) -> list[Json]:
                return await asyncio.wait_for(_until(stream, is_last), SETTLE_SECONDS_MAX)

            yield heard

    async def ended(self, uid: str) -> Json:
        """Returns the intent resource once it is terminal."""
        async with asyncio.timeout(SETTLE_SECONDS_MAX):
            while True:
                intent = await self.get(f"/v1/intents/{uid}")
                if intent["state"] in TERMINAL:
                    return intent
                await asyncio.sleep(POLL_SECONDS)

    def _answer(self, answer: httpx.Response) -> Json:
        body: Json = answer.json()
        if answer.is_error:
            raise Unavailable(f"{answer.status_code} {body.get('code')}: {body.get('detail')}")
        return body


async def _expect(stream: Any, op: str) -> Json:
    message: Json = json.loads(await stream.recv())
    if message.get("op") != op:
        raise Unavailable(f"the stream said {message} where {op} was due")
    return message


async def _until(stream: Any, is_last: Callable[[Json], bool]) -> list[Json]:
    """Returns the events up to the awaited one; no seq may be missing."""
    events: list[Json] = []
    while True:
        message = json.loads(await stream.recv())
        if message.get("op") != "event":
            continue
        event = message["event"]
        if events and int(event["prev"]) != int(events[-1]["seq"]):
            raise Unavailable(f"the stream lost an event before seq {event['seq']}")
        events.append(event)
        if is_last(event):
            return events


def _is_end(event: Json, uid: str) -> bool:
    body = event["body"]
    is_move = event["type"] == "IntentStateChanged" and body["uid"] == uid
    return is_move and body["to"] in TERMINAL
