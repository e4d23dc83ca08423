"""Follow the life cycle of accounts

Revision 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("account", sa.Column("active_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_account_active_at", "account", ["active_at"], unique=False, if_not_exists=True)
    op.add_column("case", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("terms_acceptance", sa.Column("digest", sa.Text(), nullable=True))
    op.add_column("care_plan", sa.Column("file_reference", sa.Text(), nullable=True))
    op.add_column("care_plan", sa.Column("birth_date", sa.Text(), nullable=True))
    op.create_index("ix_care_plan_file_reference", "care_plan", ["file_reference"], unique=False)
    op.add_column("pending_registration", sa.Column("beneficiary", sa.Boolean(), nullable=True))
    op.add_column("pending_registration", sa.Column("file_reference", sa.Text(), nullable=True))
    op.create_table(
        "erasure_request",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_erasure_request_account_id_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_erasure_request")),
    )
    op.create_table(
        "dormancy",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("inactive_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warnings", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_on", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_dormancy_account_id_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_dormancy")),
    )
    op.create_index("ix_dormancy_next_at", "dormancy", ["next_at"], unique=False)


def downgrade() -> None:
    op.drop_table("dormancy")
    op.drop_table("erasure_request")
    op.drop_column("pending_registration", "file_reference")
    op.drop_column("pending_registration", "beneficiary")
    op.drop_index("ix_care_plan_file_reference", "care_plan")
    op.drop_column("care_plan", "birth_date")
    op.drop_column("care_plan", "file_reference")
    op.drop_column("terms_acceptance", "digest")
    op.drop_column("case", "erased_at")
    op.drop_index("ix_account_active_at", "account")
    op.drop_column("account", "active_at")
