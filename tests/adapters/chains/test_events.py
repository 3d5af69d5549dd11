"""Our contracts' words: every event has a value, every error a name."""

import re

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from adapters.chains import events
from adapters.chains.abi import artifact, our_names
from adapters.chains.evm import Log
from solver.domain.ids import AccountId

ACCOUNT_OWNER = "0x" + "12" * 20
ACCOUNT = AccountId(1, ACCOUNT_OWNER, 3).key
SPOKEN = ("Settlement", "Clearinghouse", "Auction")


def snake(name):
    words = {"index": "funding_index", "from": "source"}  # what a tuple has, what Python means
    if name in words:
        return words[name]
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def log(topics, data=b""):
    return Log("0x" + "01" * 20, tuple(topics), data, 1, "0x", "0x", 0)


@pytest.fixture(autouse=True)
def built(devnet_home):
    """Needs the artifacts, like the chain does."""


def test_every_listed_event_mirrors_the_contracts_fields():
    known = {e.name: e for name in SPOKEN for e in artifact(name).interface.events.values()}
    for name, kind in events.EVENTS.items():
        assert list(kind._fields) == [snake(field) for field, _, _ in known[name].inputs]


def test_a_logged_event_becomes_its_value():
    (topic,) = events.topics("CashMoved")
    moved = events.decode_log(log([topic, "0x" + ACCOUNT.hex()], encode(["int256"], [-5])))
    assert moved == events.CashMoved(ACCOUNT, -5)


def test_funding_keeps_its_index_under_a_name_tuples_do_not_have():
    (topic,) = events.topics("FundingMoved")
    data = encode(["int256", "int256"], [-7, 11])
    moved = events.decode_log(log([topic, "0x" + (2).to_bytes(32, "big").hex()], data))
    assert moved == events.FundingMoved(2, -7, 11)


def test_foreign_logs_are_nothing():
    assert events.decode_log(log([])) is None
    assert events.decode_log(log(["0x" + "ab" * 32])) is None


def test_every_custom_error_of_every_contract_is_decoded_with_its_names():
    for name in our_names():
        for selector, error in artifact(name).interface.errors.items():
            raw = selector + encode(error.inputs, [blank(kind) for kind in error.inputs])
            decoded, arguments = events.decode_error(raw)
            assert decoded == error.name
            assert list(arguments) == list(error.names)


def blank(kind):
    if kind == "address":
        return ACCOUNT_OWNER
    return {"string": "", "bool": False}.get(kind, b"" if kind.startswith("bytes") else 0)


def test_garbage_behind_a_known_selector_keeps_the_name_and_the_bytes():
    garbage = bytes.fromhex("08c379a0") + b"\xff" * 7
    assert events.decode_error(garbage) == ("Error", {"raw": garbage})


@given(st.sampled_from(["Error(string)", "BadSignature(address)", "ScopeExceeded"]), st.binary())
def test_no_bytes_of_a_stranger_break_the_reader(error, data):
    known = [e for e in events._errors().values() if e.name in error]
    words = [data, data.rjust(64, b"\xff"), (32).to_bytes(32, "big") + b"\xff" * 40 + data]
    for word in words:
        for each in known:
            name, _ = events.decode_error(each.selector + word)
            assert name == each.name


def test_standard_and_nested_errors_have_names():
    text = bytes.fromhex("08c379a0") + encode(["string"], ["STF"])
    assert events.decode_error(text) == ("Error", {"0": "STF"})
    failed = next(e for e in artifact("Router").interface.errors.values() if e.name == "CallFailed")
    name, arguments = events.decode_error(failed.selector + encode(failed.inputs, [3, text]))
    assert (name, arguments["step"]) == ("CallFailed", 3)
    assert events.decode_error(arguments["reason"])[0] == "Error"


def test_no_data_and_unknown_data_say_so():
    assert events.decode_error(b"") == ("", {})
    assert events.decode_error(b"\x01\x02\x03\x04") == ("unknown", {"raw": b"\x01\x02\x03\x04"})
