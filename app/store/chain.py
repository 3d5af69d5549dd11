"""The hash chain of a log: what makes an altered, missing or inserted event visible to anyone.

hash = sha256(hash of the log's previous event | RFC 8785 bytes of {seq, type, version, at, body});
before the first event the hash is 32 zero bytes. Bodies hold strings, booleans and null only, and
their keys are ASCII, for which sorted compact JSON is exactly RFC 8785 (a test holds them equal).
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import orjson

from solver.domain.errors import Broken
from solver.domain.event import Body, Envelope


class Head(NamedTuple):
    """The newest event of a log: its seq (0 = none yet) and hash."""

    seq: int = 0
    hash: str = "00" * 32


def canonical(body: Body) -> bytes:
    """Returns the RFC 8785 bytes of an event body."""
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def link(previous: Head, type_: str, version: int, at: str, body: bytes) -> Head:
    """Returns the head after an event with canonical `body` is appended to `previous`."""
    seq = previous.seq + 1
    tail = f',"seq":{seq},"type":"{type_}","version":{version}}}'.encode()
    text = b'{"at":"' + at.encode() + b'","body":' + body + tail
    return Head(seq, hashlib.sha256(bytes.fromhex(previous.hash) + text).hexdigest())


def verify(envelopes: Iterable[Envelope], start: Head | None = None) -> Head:
    """Returns the head after one log's `envelopes`, which follow `start`. Raises Broken."""
    head = start or Head()
    for e in envelopes:
        expected = link(head, e.type, e.version, e.at, canonical(e.body))
        if (e.prev, e.seq, e.hash) != (head.seq, expected.seq, expected.hash):
            raise Broken(f"{e.log} is not intact at seq {e.seq}", data={"log": e.log})
        head = expected
    return head
