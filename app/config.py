"""Settings, read once from SOLVENT_* variables: no other module looks at the environment.

A value that cannot be meant is refused at start, by its name; secrets are read from files, so they
are never in the environment, a process list or a log.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from solver.domain.errors import Malformed

PREFIX = "SOLVENT_"
SQLITE = "sqlite:///"
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
LOCAL_CHAIN = 31338  # any but 31337, for which Permit2's cached domain is wrong
_LOCAL_ORIGINS = ("http://127.0.0.1:8080", "http://localhost:8080")
PORT_MAX = 65_535
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that differs between two deployments; defaults run the local demo."""

    database_url: str = SQLITE + "var/solvent.db"  # sqlite only in this version
    rpc_url: str = "http://127.0.0.1:8545"
    chain_id: int = LOCAL_CHAIN
    deployment: str = "var/deployment.json"
    keystore: str = ""  # folder of encrypted <role>.json; empty = the local chain's own accounts
    keystore_password_file: str = ""
    confirmations: int = 2  # K: the ledger posts at this depth
    auction_ms: int = 250
    head_ms: int = 200  # how often the chain is asked for a new head
    monitor_ms: int = 250  # how often the monitor looks for a new snapshot to judge accounts at
    keeper_ms: int = 500  # how often the expiry keeper looks; 0 = another process keeps
    host: str = "127.0.0.1"
    port: int = 8080
    origins: tuple[str, ...] = _LOCAL_ORIGINS  # browsers that may call, CORS and WebSocket alike
    body_bytes_max: int = 64 * 1024
    heartbeat_ms: int = 5_000
    client_queue: int = 256  # events a stream client may lag before it is closed with 4408
    log_level: str = "info"
    option_chain: str = ""  # file of a recorded chain: markets list it, surfaces are fitted to it
    option_chain_at: int = 0  # unix seconds of the snapshot in it
    risk_parameters: str = ""  # signed file of `solvent risk fit`; empty = the built-in ones
    compiled: bool = False  # routes by numba (the extra `fast`): quicker from some hundred pools on

    @property
    def database_file(self) -> str:
        """Path of the SQLite file."""
        return self.database_url.removeprefix(SQLITE)

    @classmethod
    def load(cls) -> "Settings":
        """Returns the settings of this process. Raises Malformed naming the variable."""
        return cls.read(os.environ)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Returns what `environment` asks for. Raises Malformed naming the variable."""
        known = {PREFIX + field.name.upper(): field for field in fields(cls)}
        values: dict[str, Any] = {}
        for variable, text in environment.items():
            if variable in known:
                field = known[variable]
                values[field.name] = _value(variable, text, type(field.default))
        settings = cls(**values)
        if not settings.database_url.startswith(SQLITE):
            raise Malformed(
                f"{PREFIX}DATABASE_URL: this version stores in SQLite only, as {SQLITE}<path>",
                field="database_url",
            )
        least = ("confirmations", "auction_ms", "head_ms", "heartbeat_ms", "client_queue")
        for name in (*least, "monitor_ms", "chain_id", "port", "body_bytes_max"):
            if getattr(settings, name) < 1:
                raise Malformed(f"{PREFIX}{name.upper()} is at least 1", field=name)
        if settings.port > PORT_MAX:
            raise Malformed(f"{PREFIX}PORT is at most {PORT_MAX}", field="port")
        if settings.log_level.lower() not in LOG_LEVELS:
            words = f"{PREFIX}LOG_LEVEL is one of {', '.join(LOG_LEVELS)}"
            raise Malformed(words, field="log_level")
        if bool(settings.option_chain) != bool(settings.option_chain_at):
            detail = f"{PREFIX}OPTION_CHAIN and {PREFIX}OPTION_CHAIN_AT go together"
            raise Malformed(detail, field="option_chain_at")
        if settings.keeper_ms < 0:
            raise Malformed(f"{PREFIX}KEEPER_MS is 0 or more", field="keeper_ms")
        return settings


def _value(variable: str, text: str, kind: type) -> object:
    parsers: dict[type, Callable[[str], object]] = {
        bool: lambda word: {"true": True, "false": False}[word.lower()],
        int: int,
        str: str,
        tuple: lambda joined: tuple(part.strip() for part in joined.split(",") if part.strip()),
    }
    try:
        return parsers[kind](text)
    except KeyError as error:
        raise Malformed(f"{variable} is true or false", field=variable) from error
    except ValueError as error:
        raise Malformed(f"{variable} is not a whole number", field=variable) from error
