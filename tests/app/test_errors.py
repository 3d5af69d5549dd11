"""Problem documents: every class has a row, nothing sent comes back, nothing of ours leaks."""

import orjson
import pytest

from app.errors import BY_TYPE, answer, problem, shape_of
from solver.domain import errors
from solver.domain.errors import Broken, InsufficientFunds, Malformed, SolventError, Unavailable

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, SolventError)
]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_is_a_problem_of_its_own(kind):
    document = problem(kind("words", field="a.b", data={"required": "1"}), "r1")
    assert document["status"] == shape_of(kind("x")).status
    assert document["code"] == kind.code
    assert document["outcome"] == ("unknown" if document["status"] == 500 else "none")
    assert document["requestId"] == "r1"


def test_a_class_stands_before_what_it_derives_from():
    kinds = [kind for kind, _ in BY_TYPE]
    for place, kind in enumerate(kinds):
        assert not any(issubclass(later, kind) and later is not kind for later in kinds[place:])


def test_numbers_of_a_refusal_are_told():
    document = problem(InsufficientFunds("short", data={"required": "2"}), "r")
    assert (document["status"], document["data"]) == (409, {"required": "2"})


def test_what_was_sent_does_not_come_back():
    detail = "'<script>' is not an address; kinds are 'swap'"
    document = problem(Malformed(detail), "r", sent='{"owner": "<script>"}')
    assert document["detail"] == "the value is not an address; kinds are 'swap'"


def test_a_problem_is_small_whatever_happened():
    big = "x" * 100_000
    raw = answer(Malformed(big, field=big, data={"a": big}), "r").body
    assert len(raw) <= 8 * 1024


def test_defects_of_ours_tell_a_stranger_nothing():
    document = problem(Broken("secret internals", data={"path": "secret"}), "r")
    assert "secret" not in orjson.dumps(document).decode()


def test_unavailable_says_when_to_come_back():
    assert answer(Unavailable("chain"), "r").headers["retry-after"] == "1"
