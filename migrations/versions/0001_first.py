"""The first schema: events, intents, settlements with their steps and transactions, cursors."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _optional(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=True) for name in names]


def _number(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def upgrade() -> None:
    """Creates every table."""
    _events()
    _intents()
    _settlements()


def _events() -> None:
    op.create_table(
        "event",
        sa.Column("position", sa.Integer(), primary_key=True),
        *_text("log"),
        *_number("seq", "prev"),
        *_text("hash", "type"),
        *_number("version"),
        *_text("at", "committed_at", "body"),
        sa.UniqueConstraint("log", "seq"),
        sa.CheckConstraint("prev = seq - 1"),
    )


def _intents() -> None:
    op.create_table(
        "intent",
        sa.Column("position", sa.Integer(), primary_key=True),
        *_text("uid", "owner", "subaccount", "outcome"),
        *_optional("nonce_key"),
        *_text("scheme", "signature", "body", "app_data"),
        *_optional("client_order_id", "quote_id"),
        *_text("state"),
        *_optional("code", "detail", "auction_id", "tx_hash", "confirmations"),
        *_number("created_ms", "updated_ms", "valid_to"),
        sa.UniqueConstraint("uid"),
    )
    op.create_index("intent_owner", "intent", ["owner", "position"])
    op.create_index("intent_state", "intent", ["state"])
    op.create_index("ix_intent_nonce_key", "intent", ["nonce_key"])
    op.create_index(
        "intent_client_order",
        "intent",
        ["owner", "client_order_id"],
        unique=True,
        sqlite_where=sa.text("client_order_id IS NOT NULL"),
    )


def _settlements() -> None:
    op.create_table(
        "settlement",
        sa.Column("id", sa.String(), primary_key=True),
        *_text("state", "job"),
        *_optional("lease"),
        *_number("lease_until_ms", "fence", "created_ms", "updated_ms"),
    )
    op.create_index("settlement_state", "settlement", ["state"])
    op.create_table(
        "step",
        sa.Column("settlement_id", sa.String(), sa.ForeignKey("settlement.id"), primary_key=True),
        sa.Column("no", sa.Integer(), primary_key=True),
        *_text("name", "state", "payload"),
        *_number("at_ms"),
    )
    op.create_table(
        "tx",
        sa.Column("hash", sa.String(), primary_key=True),
        *_optional("settlement_id"),
        *_number("chain_id"),
        *_text("sender"),
        *_number("nonce", "attempt"),
        *_text("raw", "max_fee", "priority_fee", "state"),
        *_number("at_ms"),
        sa.UniqueConstraint("chain_id", "sender", "nonce", "attempt"),
    )
    op.create_index("ix_tx_settlement_id", "tx", ["settlement_id"])
    op.create_table(
        "cursor",
        sa.Column("name", sa.String(), primary_key=True),
        *_number("block_number"),
        *_text("block_hash"),
        *_number("log_index"),
    )
    op.create_table(
        "posted",
        sa.Column("tx_hash", sa.String(), primary_key=True),
        sa.Column("log_index", sa.Integer(), primary_key=True),
        *_number("block_number"),
    )
