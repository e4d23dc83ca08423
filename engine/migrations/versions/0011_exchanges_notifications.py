"""Keep exchanges, and send notifications by other means

Revision 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_UNREAD_BY_SERVICE = sa.text("unread_by_service > 0")
_UNREAD_BY_RESIDENT = sa.text("unread_by_resident > 0")
_TO_POST = sa.text("state = 'to_post'")


def upgrade() -> None:
    op.create_table(
        "exchange",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("thread", sa.Text(), nullable=True),
        sa.Column("awaits", sa.Text(), nullable=True),
        sa.Column("asked", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_side", sa.Text(), nullable=False),
        sa.Column("unread_by_resident", sa.Integer(), nullable=False),
        sa.Column("unread_by_service", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange")),
    )
    op.create_index("ix_exchange_case_id", "exchange", ["case_id"], unique=False)
    op.create_index("uq_exchange_case_id_thread", "exchange", ["case_id", "thread"], unique=True)
    op.create_index(
        "ix_exchange_group_unread",
        "exchange",
        ["group", "changed_at"],
        unique=False,
        sqlite_where=_UNREAD_BY_SERVICE,
        postgresql_where=_UNREAD_BY_SERVICE,
    )
    op.create_index(
        "ix_exchange_case_id_unread",
        "exchange",
        ["case_id"],
        unique=False,
        sqlite_where=_UNREAD_BY_RESIDENT,
        postgresql_where=_UNREAD_BY_RESIDENT,
    )
    op.create_table(
        "exchange_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("exchange_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("author_kind", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("sending", sa.Text(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["exchange_id"], ["exchange.id"], name=op.f("fk_exchange_message_exchange_id_exchange"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_message")),
    )
    op.create_index(
        "ix_exchange_message_exchange_id_written_at", "exchange_message", ["exchange_id", "written_at"], unique=False
    )
    op.create_index("uq_exchange_message_case_id_sending", "exchange_message", ["case_id", "sending"], unique=True)
    op.create_table(
        "sms",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms")),
    )
    op.create_index("ix_sms_case_id", "sms", ["case_id"], unique=False)
    op.create_index("ix_sms_written_at", "sms", ["written_at"], unique=False)
    op.create_table(
        "undeliverable_address",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_undeliverable_address")),
    )
    op.add_column("mail", sa.Column("reply_to", sa.Text(), nullable=True))
    op.add_column("mail", sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True))
    for column in (
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="sent", nullable=False),
        sa.Column("short", sa.Text(), nullable=True),
        sa.Column("sms_id", sa.Uuid(), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("group", sa.Text(), nullable=True),
        sa.Column("postal", sa.Text(), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("posted_by", sa.Uuid(), nullable=True),
    ):
        op.add_column("notification", column)
    op.create_index("uq_notification_key", "notification", ["key"], unique=True)
    op.create_index(
        "ix_notification_group_to_post",
        "notification",
        ["group", "id"],
        unique=False,
        sqlite_where=_TO_POST,
        postgresql_where=_TO_POST,
    )


def downgrade() -> None:
    op.drop_index("ix_notification_group_to_post", table_name="notification")
    op.drop_index("uq_notification_key", table_name="notification")
    for name in (
        "posted_by",
        "posted_at",
        "postal",
        "group",
        "reference",
        "left_at",
        "sms_id",
        "short",
        "state",
        "key",
    ):
        op.drop_column("notification", name)
    op.drop_column("mail", "refused_at")
    op.drop_column("mail", "reply_to")
    op.drop_table("undeliverable_address")
    op.drop_index("ix_sms_written_at", table_name="sms")
    op.drop_index("ix_sms_case_id", table_name="sms")
    op.drop_table("sms")
    op.drop_index("uq_exchange_message_case_id_sending", table_name="exchange_message")
    op.drop_index("ix_exchange_message_exchange_id_written_at", table_name="exchange_message")
    op.drop_table("exchange_message")
    op.drop_index("ix_exchange_case_id_unread", table_name="exchange")
    op.drop_index("ix_exchange_group_unread", table_name="exchange")
    op.drop_index("uq_exchange_case_id_thread", table_name="exchange")
    op.drop_index("ix_exchange_case_id", table_name="exchange")
    op.drop_table("exchange")
