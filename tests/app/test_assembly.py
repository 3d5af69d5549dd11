"""What a process refuses before it starts."""

import json
import pathlib

import pytest

from adapters.chains.devnet.keys import RISK_ROLES
from app.assembly import keys_of
from app.config import Settings
from solver.domain.errors import Refused


def test_published_keys_guard_the_local_chain_only() -> None:
    assert set(RISK_ROLES) | {"solver"} <= set(keys_of(Settings()))
    with pytest.raises(Refused, match="SOLVENT_KEYS_FILE"):
        keys_of(Settings(chain_id=1))


def test_keys_come_from_the_file_that_is_named(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"solver": "0x" + "11" * 32}))
    assert keys_of(Settings(chain_id=1, keys_file=str(path))) == {"solver": b"\x11" * 32}
