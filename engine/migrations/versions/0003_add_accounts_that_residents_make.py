"""Add accounts that residents make

Revision 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

from engine.core.db import append_only_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "pending_registration",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_pending_registration")),
    )
    op.create_index("ix_pending_registration_expires_at", "pending_registration", ["expires_at"], unique=False)
    op.create_table(
        "spent_captcha",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_spent_captcha")),
    )
    op.create_index("ix_spent_captcha_expires_at", "spent_captcha", ["expires_at"], unique=False)
    op.create_table(
        "terms_acceptance",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terms_acceptance")),
    )
    op.create_index("ix_terms_acceptance_account_id", "terms_acceptance", ["account_id"], unique=False)
    op.create_table(
        "password_link",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_password_link_account_id_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_password_link")),
    )
    op.create_index("ix_password_link_account_id", "password_link", ["account_id"], unique=False)
    op.create_index("ix_password_link_issued_at", "password_link", ["issued_at"], unique=False)
    connection = op.get_bind()
    for statement in append_only_sql("terms_acceptance", connection.dialect.name):
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    op.drop_index("ix_password_link_issued_at", table_name="password_link")
    op.drop_index("ix_password_link_account_id", table_name="password_link")
    op.drop_table("password_link")
    op.drop_index("ix_terms_acceptance_account_id", table_name="terms_acceptance")
    op.drop_table("terms_acceptance")
    op.drop_index("ix_spent_captcha_expires_at", table_name="spent_captcha")
    op.drop_table("spent_captcha")
    op.drop_index("ix_pending_registration_expires_at", table_name="pending_registration")
    op.drop_table("pending_registration")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION terms_acceptance_append_only")
