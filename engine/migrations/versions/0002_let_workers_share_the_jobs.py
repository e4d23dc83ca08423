"""Let workers share the jobs

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("job", sa.Column("starts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("job", sa.Column("held_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_job_held_until",
        "job",
        ["held_until"],
        unique=False,
        sqlite_where=sa.text("held_until IS NOT NULL"),
        postgresql_where=sa.text("held_until IS NOT NULL"),
    )
    op.create_index("ix_job_kind_due_at", "job", ["kind", "due_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_job_kind_due_at", table_name="job")
    op.drop_index(
        "ix_job_held_until",
        table_name="job",
        sqlite_where=sa.text("held_until IS NOT NULL"),
        postgresql_where=sa.text("held_until IS NOT NULL"),
    )
    op.drop_column("job", "held_until")
    op.drop_column("job", "starts")
