"""What appData says is what was signed, word for word."""

import json

import pytest

from app.verify.app_data import AppData, app_data_of
from solver.domain.errors import Malformed
from solver.domain.typed_data import keccak
from solver.policies import Trigger
from tests.app.worlds import intent

UID = "0x" + "ab" * 56


def said(text: str) -> AppData:
    return app_data_of(intent(app_data=keccak(text.encode())), text)


def test_nothing_signed_and_nothing_sent_is_nothing():
    assert app_data_of(intent(), "") == AppData()


def test_a_document_may_replace_and_wait_and_say_what_is_not_ours():
    document = {"replaces": UID, "triggers": {"health": "WARNING"}, "client": "x"}
    assert said(json.dumps(document)) == AppData(UID, Trigger("WARNING"))


@pytest.mark.parametrize("text", ["", "{}"])
def test_a_document_that_was_not_signed_is_refused(text):
    with pytest.raises(Malformed) as refused:
        app_data_of(intent(app_data=b"\1" * 32), text)
    assert refused.value.code == "appDataMismatch"


@pytest.mark.parametrize("text", ['{"triggers": {"health": "SICK"}}', '{"triggers": 1}', "[]"])
def test_what_is_not_understood_is_refused(text):
    with pytest.raises(Malformed):
        said(text)
