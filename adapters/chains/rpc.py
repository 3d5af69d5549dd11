"""JSON-RPC in batches over one keep-alive connection pool: a node's words, nothing of ours."""

from collections.abc import Sequence
from typing import Any

import httpx

from adapters.base import AlreadyKnown, NonceTooLow, Reverted, Underpriced
from adapters.http import TIMEOUT_S, client, post_json
from solver.domain.errors import InsufficientFunds, Refused, SolventError, Unavailable

BATCH_MAX = 1_000  # calls in one POST
REVERT_CODE = 3  # EIP-1474's "execution error", as geth, reth and anvil give it
Request = tuple[str, list[Any]]
Answer = Any  # a JSON value, or a SolventError

# What nodes say instead of a transaction hash, lower case; the first that fits.
NODE_WORDS: tuple[tuple[str, type[SolventError]], ...] = (
    ("already known", AlreadyKnown),
    ("already imported", AlreadyKnown),
    ("known transaction", AlreadyKnown),
    ("nonce too low", NonceTooLow),
    ("underpriced", Underpriced),
    ("less than block base fee", Underpriced),
    ("fee too low", Underpriced),
    ("insufficient funds", InsufficientFunds),
)
VM_WORDS = ("revert", "evm error", "out of gas", "invalid opcode", "vm exception")


class RpcRefused(Refused):
    """The node understood the request and said no."""

    code = "rpcRefused"


class Rpc:
    """One node. Every method raises Unavailable when it cannot be reached or does not answer.

    So it does when a node will not read for us (it lags, prunes, limits rates): asking again may
    help, and nobody above has another use for its reasons. What it says of a write is typed.
    """

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self.url = url
        self._http: httpx.AsyncClient = client(url, timeout_s)
        self._next_id = 1

    def _take_ids(self, count: int) -> int:
        first = self._next_id
        self._next_id += count
        return first

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def request(self, method: str, *params: Any, is_read: bool = True) -> Any:
        """Returns one result. Raises what the node's error means."""
        body = {"jsonrpc": "2.0", "id": self._take_ids(1), "method": method, "params": params}
        where = f"the node ({method})"
        answer = await self._post(body, is_read, where)
        if not isinstance(answer, dict):
            raise Unavailable(f"{where} answered something that is not an answer")
        result = _result(answer, is_read)
        if isinstance(result, SolventError):
            raise result
        return result

    async def batch(self, requests: Sequence[Request], *, is_read: bool = True) -> list[Answer]:
        """Returns one result or SolventError per request, in order."""
        answers: list[Answer] = []
        for start in range(0, len(requests), BATCH_MAX):
            answers += await self._batch(requests[start : start + BATCH_MAX], is_read)
        return answers

    async def _batch(self, requests: Sequence[Request], is_read: bool) -> list[Answer]:
        first = self._take_ids(len(requests))
        body = [
            {"jsonrpc": "2.0", "id": first + index, "method": method, "params": params}
            for index, (method, params) in enumerate(requests)
        ]
        where = f"the node (batch of {len(body)})"
        answers = await self._post(body, is_read, where)
        if not isinstance(answers, list) or len(answers) != len(requests):
            raise Unavailable(f"{where} answered something that is not the batch")
        by_id = {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
        try:
            return [_result(by_id[first + index], is_read) for index in range(len(requests))]
        except KeyError as error:
            raise Unavailable(f"{where} left out an answer") from error

    async def _post(self, body: object, is_read: bool, where: str) -> Any:
        """Returns the node's JSON. A status that refuses us is the node's door, shut for now."""
        try:
            return await post_json(self._http, "", body, is_read=is_read, where=where)
        except Unavailable:
            raise
        except SolventError as error:
            raise Unavailable(error.detail, data=error.data) from error


def _result(answer: dict[str, Any], is_read: bool) -> Any:
    error = answer.get("error")
    if not error:
        return answer.get("result")
    ours = _translate(error)
    if is_read and not isinstance(ours, Reverted):
        return Unavailable(f"the node will not read: {ours.detail}", data=ours.data)
    return ours


def _translate(error: dict[str, Any]) -> SolventError:
    """Returns our error for a node's {code, message, data}."""
    message = str(error.get("message", ""))
    words, raw = message.lower(), _revert_bytes(error.get("data"))
    if error.get("code") == REVERT_CODE or raw or any(word in words for word in VM_WORDS):
        return Reverted(message[:300], raw)
    for word, ours in NODE_WORDS:
        if word in words:
            return ours(message[:300])
    return RpcRefused(message[:300], data={"rpcCode": error.get("code")})


def _revert_bytes(value: Any) -> bytes:
    if isinstance(value, dict):
        value = value.get("data")
    if not isinstance(value, str) or not value.startswith("0x"):
        return b""
    try:
        return bytes.fromhex(value[2:])
    except ValueError:
        return b""
