"""Strict JSON: whatever passes means one thing to every parser."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.verify import parse_document
from solver.domain.errors import Malformed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_plain_documents_pass_unchanged(value):
    for raw in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        try:
            data = raw.encode()
        except UnicodeEncodeError:
            continue
        assert parse_document(data) == value


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"nul",
        b'{"a": 1, "a": 2}',
        b'[{"a": {"b": 1, "b": 1}}]',
        b"1.0",
        b"1e3",
        b"-0.5",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"9007199254740993",
        b"1" * 5000,
        b"[" * 11 + b"]" * 11,
        b'{"a":' * 11 + b"1" + b"}" * 11,
        b"[" * 60_000,
        b'"\\ud800"',
        b'{"\\ud800": 1}',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b"{'a': 1}",
        b"[1,]",
        b'{"a": 1} x',
        b'"\x01"',
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(raw):
    with pytest.raises(Malformed) as refused:
        parse_document(raw)
    assert refused.value.code == "invalidJson"


def test_brackets_inside_strings_are_no_depth():
    raw = json.dumps({"a": "[" * 50 + '\\"' + "{" * 50}).encode()
    assert parse_document(raw) == json.loads(raw)
    assert parse_document(b"[" * 10 + b"]" * 10)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_refusal(raw):
    with contextlib.suppress(Malformed):
        parse_document(raw)
