"""Alembic's entry: runs revisions against SQLite in one transaction each, forward only."""

from alembic import context
from sqlalchemy import create_engine

from app.store.tables import metadata

url = context.config.get_main_option("sqlalchemy.url")
assert url, "migrate(url) sets the database"
engine = create_engine(url)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
