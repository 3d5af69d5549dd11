"""The bus hands events on in order and cuts off whoever lags; nobody waits for anybody."""

import orjson

from app.bus import Bus, encode
from solver.domain.event import Envelope


def envelope(seq: int, log: str = "account:a/0") -> Envelope:
    return Envelope(log, seq, seq - 1, "00", "CashMoved", 1, "t", "t", {"amount": "1"})


async def test_a_full_listener_is_cut_off_and_others_hear_on():
    bus = Bus()
    slow, quick = bus.subscribe(["account:a/0"], size=2), bus.subscribe(["account:a/0"])
    bus.publish(envelope(n) for n in range(1, 5))
    assert slow.is_cut_off
    assert slow.waiting() == 2
    assert [(await quick.get()).envelope.seq for _ in range(4)] == [1, 2, 3, 4]
    assert bus.listeners["account:a/0"] == {quick}


async def test_a_listener_hears_only_the_logs_it_follows():
    bus = Bus()
    listener = bus.subscribe()
    listener.follow("market:1")
    bus.publish([envelope(1), envelope(1, "market:1")])
    listener.unfollow("market:1")
    bus.publish([envelope(2, "market:1")])
    assert (await listener.get()).envelope.log == "market:1"
    assert listener.waiting() == 0
    assert bus.listeners == {}


def test_the_wire_form_is_the_envelope_of_the_product():
    assert orjson.loads(encode(envelope(3))) == {
        "log": "account:a/0",
        "seq": 3,
        "prev": 2,
        "hash": "00",
        "type": "CashMoved",
        "version": 1,
        "at": "t",
        "committedAt": "t",
        "body": {"amount": "1"},
    }
