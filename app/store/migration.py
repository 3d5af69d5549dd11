"""Brings a database file to the newest schema at start. Forward only."""

import pathlib

from alembic import command
from alembic.config import Config

MIGRATIONS = pathlib.Path(__file__).parents[2] / "migrations"


def migrate(url: str) -> None:
    """Runs the migrations that `url` lacks."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")
