"""Settings are read once, and what cannot be meant is refused by name."""

import pytest

from adapters.chains.devnet.node import CHAIN_ID
from app.config import Settings
from solver.domain.errors import Malformed


def test_defaults_and_overrides():
    environment = {"SOLVENT_PORT": "9", "SOLVENT_ORIGINS": "https://a.example, ", "OTHER": "x"}
    settings = Settings.read(environment | {"SOLVENT_COMPILED": "true"})
    assert settings.compiled
    assert not Settings().compiled
    assert (settings.port, settings.origins) == (9, ("https://a.example",))
    assert settings.confirmations == 2
    assert settings.chain_id == CHAIN_ID
    assert settings.database_file == "var/solvent.db"


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("SOLVENT_PORT", "x"),
        ("SOLVENT_PORT", "0"),
        ("SOLVENT_PORT", "65536"),
        ("SOLVENT_CHAIN_ID", "-1"),
        ("SOLVENT_BODY_BYTES_MAX", "0"),
        ("SOLVENT_LOG_LEVEL", "loud"),
        ("SOLVENT_DATABASE_URL", "postgresql://db"),
        ("SOLVENT_CONFIRMATIONS", "0"),
        ("SOLVENT_HEAD_MS", "0"),
        ("SOLVENT_MONITOR_MS", "0"),
        ("SOLVENT_OPTION_CHAIN", "chain.parquet"),
        ("SOLVENT_OPTION_CHAIN_AT", "1770284160"),
        ("SOLVENT_COMPILED", "maybe"),
    ],
)
def test_what_cannot_be_meant_is_refused(variable, text):
    with pytest.raises(Malformed):
        Settings.read({variable: text})
