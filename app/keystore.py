"""The service's keys: one encrypted file a role (Web3 Secret Storage v3), never in the environment.

A key read here stays in memory and nowhere else. Without a keystore only the local chain is served,
whose keys are published.
"""

import json
import os
import pathlib
import re
from collections.abc import Iterable

from app.config import LOCAL_CHAIN, Settings
from solver.domain.errors import Conflict, Malformed, NotFound, Refused
from solver.domain.ids import Address

SCRYPT_N = 2**18  # about a second and 256 MB a guess
PASSWORD_BYTES_MIN = 12
_ROLE = re.compile(r"[a-z][a-z0-9]{0,31}")


def keys_of(settings: Settings, roles: Iterable[str]) -> dict[str, bytes]:
    """Returns role -> private key: from the keystore, or the local chain's published ones.

    Raises Refused where published keys would guard a chain that is not the local one, NotFound for
    a role without a file, Malformed for a file or password that does not open.
    """
    if settings.keystore:
        store = Keystore(settings.keystore, settings.keystore_password_file)
        return {role: store.key(role) for role in roles}
    if settings.chain_id != LOCAL_CHAIN:
        detail = f"chain {settings.chain_id} needs SOLVENT_KEYSTORE: its keys are not public"
        raise Refused(detail, code="keysMissing", field="SOLVENT_KEYSTORE")
    from adapters.chains.devnet.keys import dev_keys

    return {role: dev_keys()[role].secret for role in roles}


class Keystore:
    """A folder of `<role>.json`, all under one password that is read from a file when needed."""

    def __init__(self, folder: str, password_file: str, scrypt_n: int = SCRYPT_N) -> None:
        self._folder = pathlib.Path(folder)
        self._password_file = password_file
        self._scrypt_n = scrypt_n

    def addresses(self) -> dict[str, Address]:
        """Returns role -> address of every key, without opening one."""
        return {path.stem: _address(path) for path in sorted(self._folder.glob("*.json"))}

    def key(self, role: str) -> bytes:
        """Returns the 32-byte key of a role. Raises NotFound or Malformed."""
        path = self._path(role)
        if not path.is_file():
            detail = f"no key for {role} in {self._folder}: make one with `solvent keys new {role}`"
            raise NotFound(detail, code="keysMissing", field="SOLVENT_KEYSTORE")
        from eth_account import Account

        try:
            return bytes(Account.decrypt(json.loads(path.read_text()), self._password()))
        except (ValueError, TypeError, KeyError) as error:
            detail = f"{path} does not open: {str(error) or 'it is not a keystore file'}"
            raise Malformed(detail, code="keystoreClosed", field="SOLVENT_KEYSTORE") from None

    def add(self, role: str, key: bytes) -> Address:
        """Writes a new file, readable by its owner alone; returns the address. Never overwrites."""
        from eth_account import Account

        document = Account.encrypt(key, self._password(), kdf="scrypt", iterations=self._scrypt_n)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(role)
        try:
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise Conflict(f"{path} exists: a key is never overwritten") from None
        with os.fdopen(number, "w") as out:
            json.dump(document | {"address": document["address"].lower()}, out)
            out.flush()
            os.fsync(out.fileno())
        return _address(path)

    def _path(self, role: str) -> pathlib.Path:
        if not _ROLE.fullmatch(role):
            raise Malformed("a role is lower-case letters and digits", field="role")
        return self._folder / f"{role}.json"

    def _password(self) -> str:
        if not self._password_file:
            detail = "SOLVENT_KEYSTORE_PASSWORD_FILE names the file that holds the password"
            raise Refused(detail, code="keysMissing", field="SOLVENT_KEYSTORE_PASSWORD_FILE")
        path = pathlib.Path(self._password_file)
        if not path.is_file():
            raise NotFound(f"{path} is not a file", field="SOLVENT_KEYSTORE_PASSWORD_FILE")
        password = path.read_text().rstrip("\r\n")
        if len(password.encode()) < PASSWORD_BYTES_MIN:
            detail = f"the keystore's password has at least {PASSWORD_BYTES_MIN} bytes"
            raise Malformed(detail, field="SOLVENT_KEYSTORE_PASSWORD_FILE")
        return password


def _address(path: pathlib.Path) -> Address:
    try:
        return "0x" + str(json.loads(path.read_text())["address"]).lower().removeprefix("0x")
    except (ValueError, TypeError, KeyError):
        raise Malformed(f"{path} is not a keystore file", code="keystoreClosed") from None
