"""Keep the documents of a person

Revision 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "document",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("dated_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_document_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
    )
    op.create_index("ix_document_account_id", "document", ["account_id"])
    op.create_table(
        "document_file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("taken_away", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_sha256", sa.Text(), nullable=True),
        sa.Column("scan", sa.Text(), server_default="unscanned", nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["document.id"],
            name=op.f("fk_document_file_document_id_document"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_file")),
    )
    op.create_index("ix_document_file_document_id", "document_file", ["document_id"])
    op.create_index("uq_document_file_path", "document_file", ["path"], unique=True)
    # A file of an earlier release is kept in the clear and was never scanned.
    op.add_column("stored_file", sa.Column("sealed_sha256", sa.Text(), nullable=True))
    op.add_column("stored_file", sa.Column("scan", sa.Text(), server_default="unscanned", nullable=False))
    op.add_column("stored_file", sa.Column("document_id", sa.Uuid(), nullable=True))
    op.add_column("stored_file", sa.Column("origin_id", sa.Uuid(), nullable=True))
    op.create_index("ix_stored_file_document_id", "stored_file", ["document_id"])


def downgrade() -> None:
    op.drop_index("ix_stored_file_document_id", "stored_file")
    for name in ("origin_id", "document_id", "scan", "sealed_sha256"):
        op.drop_column("stored_file", name)
    op.drop_table("document_file")
    op.drop_table("document")
