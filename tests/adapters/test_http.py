"""Every foreign error has a row; reads are tried again, writes never."""

import httpx
import pytest

from adapters import http
from solver.domain.errors import Malformed, SolventError, Unavailable


def subclasses(kind):
    return {kind}.union(*(subclasses(child) for child in kind.__subclasses__()))


class Peer:
    """A server that fails in a given way a number of times, then answers."""

    def __init__(self, failures: int, failure: httpx.HTTPError | int) -> None:
        self.left, self.failure, self.asked = failures, failure, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        self.left -= 1
        if self.left < 0:
            return httpx.Response(200, json={"ok": True})
        if isinstance(self.failure, int):
            return httpx.Response(self.failure)
        raise self.failure

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url="http://peer", transport=httpx.MockTransport(self))


@pytest.mark.parametrize("kind", sorted(subclasses(httpx.HTTPError), key=str))
def test_every_foreign_error_has_a_translation(kind):
    error = kind.__new__(kind)
    assert isinstance(http.translate(error, "the peer"), SolventError)


async def test_a_read_is_tried_again_until_it_answers():
    peer = Peer(http.READ_ATTEMPTS - 1, httpx.ConnectError("refused"))
    async with peer.client() as client:
        answer = await http.post_json(client, "", {}, is_read=True, where="the peer")
    assert answer == {"ok": True}


async def test_a_read_gives_up_as_unavailable():
    peer = Peer(99, httpx.ReadTimeout("late"))
    async with peer.client() as client:
        with pytest.raises(Unavailable):
            await http.post_json(client, "", {}, is_read=True, where="the peer")
    assert peer.asked == http.READ_ATTEMPTS


async def test_a_write_is_sent_once_whatever_happens():
    peer = Peer(1, httpx.ReadTimeout("late"))
    async with peer.client() as client:
        with pytest.raises(Unavailable):
            await http.post_json(client, "", {}, is_read=False, where="the peer")
    assert peer.asked == 1


async def test_a_refusal_is_not_tried_again():
    peer = Peer(99, 400)
    async with peer.client() as client:
        with pytest.raises(Malformed):
            await http.post_json(client, "", {}, is_read=True, where="the peer")
    assert peer.asked == 1


async def test_an_answer_that_is_not_json_is_unavailable():
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=b"<html>"))
    async with httpx.AsyncClient(base_url="http://peer", transport=transport) as client:
        with pytest.raises(Unavailable):
            await http.post_json(client, "", {}, is_read=False, where="the peer")
