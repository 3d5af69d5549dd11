"""The schema, and only the schema: SQLModel describes it for Alembic; hot paths speak SQL.

Amounts and nonces are decimal TEXT because SQLite integers end at 2**63. Times are unix
milliseconds, except in `event`, which keeps what was hashed.
"""

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel


class EventTable(SQLModel, table=True):
    """Append-only. `seq` is gapless per log; `position` is the order of commit over all logs."""

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("log", "seq"), CheckConstraint("prev = seq - 1"))

    position: int | None = Field(default=None, primary_key=True)
    log: str
    seq: int
    prev: int
    hash: str
    type: str
    version: int
    at: str
    committed_at: str
    body: str


class IntentTable(SQLModel, table=True):
    """A signed intent and where it stands: the projection of its IntentStateChanged events.

    `nonce_key` is owner:nonce while this intent holds the nonce (live or settled), else NULL. It is
    not UNIQUE here: an intent that was being cancelled may settle after its replacement came in.
    """

    __tablename__ = "intent"
    __table_args__ = (
        Index("intent_owner", "owner", "position"),
        Index("intent_state", "state"),
        Index(
            "intent_client_order",
            "owner",
            "client_order_id",
            unique=True,
            sqlite_where=text("client_order_id IS NOT NULL"),
        ),
    )

    position: int | None = Field(default=None, primary_key=True)
    uid: str = Field(unique=True)
    owner: str
    subaccount: str
    outcome: str
    nonce_key: str | None = Field(default=None, index=True)
    scheme: str
    signature: str
    body: str
    app_data: str
    client_order_id: str | None = None
    quote_id: str | None = None
    state: str
    code: str | None = None
    detail: str | None = None
    auction_id: str | None = None
    tx_hash: str | None = None
    confirmations: str | None = None
    created_ms: int
    updated_ms: int
    valid_to: int


class MandateTable(SQLModel, table=True):
    """An owner's grant to an agent's key; revoked_* follow its MandateRevoked events."""

    __tablename__ = "mandate"
    __table_args__ = (Index("mandate_owner", "owner", "position"),)

    position: int | None = Field(default=None, primary_key=True)
    id: str = Field(unique=True)
    owner: str
    subaccount: str
    agent: str
    body: str
    signature: str
    valid_to: int
    created_ms: int
    revoked_ms: int | None = None
    revoked_tx: str | None = None


class SettlementTable(SQLModel, table=True):
    """One batch on its way to the chain. `fence` rises with every holder of the lease."""

    __tablename__ = "settlement"
    __table_args__ = (Index("settlement_state", "state"),)

    id: str = Field(primary_key=True)
    state: str
    job: str
    lease: str | None = None
    lease_until_ms: int = 0
    fence: int = 0
    created_ms: int
    updated_ms: int


class StepTable(SQLModel, table=True):
    """A durable step, written before its effect."""

    __tablename__ = "step"

    settlement_id: str = Field(primary_key=True, foreign_key="settlement.id")
    no: int = Field(primary_key=True)
    name: str
    state: str
    payload: str
    at_ms: int


class TransactionTable(SQLModel, table=True):
    """A signed transaction, stored before it is sent. Replacements share (sender, nonce)."""

    __tablename__ = "tx"
    __table_args__ = (UniqueConstraint("chain_id", "sender", "nonce", "attempt"),)

    hash: str = Field(primary_key=True)
    settlement_id: str | None = Field(default=None, index=True)
    chain_id: int
    sender: str
    nonce: int
    attempt: int
    raw: str
    max_fee: str
    priority_fee: str
    state: str
    at_ms: int


class CursorTable(SQLModel, table=True):
    """How far a follower of the chain has posted."""

    __tablename__ = "cursor"

    name: str = Field(primary_key=True)
    block_number: int
    block_hash: str
    log_index: int


class PostedTable(SQLModel, table=True):
    """Chain logs that are in the ledger, so that each posts exactly once."""

    __tablename__ = "posted"

    tx_hash: str = Field(primary_key=True)
    log_index: int = Field(primary_key=True)
    block_number: int


metadata = SQLModel.metadata
