"""Keys rest encrypted, open with one password, and are never overwritten or printed."""

import pathlib

import pytest

from adapters.chains.devnet.keys import RISK_ROLES, dev_keys
from app.config import Settings
from app.keystore import Keystore, keys_of
from solver.domain.errors import Conflict, Malformed, NotFound, Refused, SolventError

QUICK = 2**4
KEY = dev_keys()["solver"].secret


@pytest.fixture
def password(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "password"
    path.write_text("correct horse battery\n")
    return path


@pytest.fixture
def store(tmp_path: pathlib.Path, password: pathlib.Path) -> Keystore:
    return Keystore(str(tmp_path / "keys"), str(password), QUICK)


def test_published_keys_guard_the_local_chain_only() -> None:
    roles = ("solver", *RISK_ROLES)
    assert set(keys_of(Settings(), roles)) == set(roles)
    with pytest.raises(Refused, match="SOLVENT_KEYSTORE"):
        keys_of(Settings(chain_id=1), roles)


def test_a_key_comes_back_and_its_file_is_ours_alone(store, tmp_path, password) -> None:
    address = store.add("solver", KEY)
    assert address == dev_keys()["solver"].address
    assert store.addresses() == {"solver": address}
    assert store.key("solver") == KEY
    path = tmp_path / "keys" / "solver.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert KEY.hex() not in path.read_text()
    settings = Settings(
        chain_id=1, keystore=str(tmp_path / "keys"), keystore_password_file=str(password)
    )
    assert keys_of(settings, ["solver"]) == {"solver": KEY}


def test_a_key_is_never_overwritten(store) -> None:
    store.add("solver", KEY)
    with pytest.raises(Conflict):
        store.add("solver", b"\x11" * 32)
    assert store.key("solver") == KEY


def test_what_does_not_open_says_why_and_not_what(store, tmp_path, password) -> None:
    store.add("solver", KEY)
    with pytest.raises(NotFound, match="solvent keys new maker"):
        store.key("maker")
    password.write_text("another password")
    with pytest.raises(Malformed, match="does not open") as refused:
        store.key("solver")
    assert "another password" not in refused.value.detail
    for text in ("", "{}", "[]", '{"address": "0x1"}'):
        (tmp_path / "keys" / "risk1.json").write_text(text)
        with pytest.raises(SolventError):
            store.key("risk1")


@pytest.mark.parametrize("role", ["", "../solver", "Solver", "a" * 33, "so lver"])
def test_a_role_is_a_plain_word(store, role) -> None:
    with pytest.raises(Malformed):
        store.add(role, KEY)


def test_passwords_are_files_and_not_too_short(store, tmp_path, password) -> None:
    password.write_text("short\n")
    with pytest.raises(Malformed, match="at least"):
        store.add("solver", KEY)
    password.unlink()
    with pytest.raises(NotFound):
        store.add("solver", KEY)
    with pytest.raises(Refused, match="PASSWORD_FILE"):
        Keystore(str(tmp_path), "").add("solver", KEY)
