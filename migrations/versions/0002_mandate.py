"""Mandates: what owners granted to agents' keys."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the table."""
    texts = ("id", "owner", "subaccount", "agent", "body", "signature")
    op.create_table(
        "mandate",
        sa.Column("position", sa.Integer(), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in texts),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("valid_to", "created_ms")),
        sa.Column("revoked_ms", sa.Integer(), nullable=True),
        sa.Column("revoked_tx", sa.String(), nullable=True),
        sa.UniqueConstraint("id"),
    )
    op.create_index("mandate_owner", "mandate", ["owner", "position"])
