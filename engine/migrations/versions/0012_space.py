"""Keep favourites, sectors, delays and what a request was made from

Revision 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_DRAFT, _CLOSED = sa.text("status = 'draft'"), sa.text("status = 'closed'")


def upgrade() -> None:
    op.create_table(
        "favourite",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_favourite_account_id_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "slug", name=op.f("pk_favourite")),
    )
    op.create_index("ix_favourite_account_id_place", "favourite", ["account_id", "place"], unique=False)
    op.create_table(
        "hidden_sector",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("sector", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_hidden_sector_account_id_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "sector", name=op.f("pk_hidden_sector")),
    )
    op.create_table(
        "measured_delay",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("next_median", sa.Integer(), nullable=False),
        sa.Column("next_late", sa.Integer(), nullable=False),
        sa.Column("end_median", sa.Integer(), nullable=False),
        sa.Column("end_late", sa.Integer(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["version.id"], name=op.f("fk_measured_delay_version_id_version")),
        sa.PrimaryKeyConstraint("version_id", "path", name=op.f("pk_measured_delay")),
    )
    op.add_column("case", sa.Column("made_from", sa.Uuid(), nullable=True))
    op.add_column("case", sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_case_draft_changed_at",
        "case",
        ["changed_at"],
        unique=False,
        sqlite_where=_DRAFT,
        postgresql_where=_DRAFT,
        if_not_exists=True,
    )
    op.create_index(
        "ix_case_closed",
        "case",
        ["version_id", "closed_at"],
        unique=False,
        sqlite_where=_CLOSED,
        postgresql_where=_CLOSED,
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_index("ix_case_closed", table_name="case", sqlite_where=_CLOSED, postgresql_where=_CLOSED)
    op.drop_index("ix_case_draft_changed_at", table_name="case", sqlite_where=_DRAFT, postgresql_where=_DRAFT)
    op.drop_column("case", "warned_at")
    op.drop_column("case", "made_from")
    op.drop_table("measured_delay")
    op.drop_table("hidden_sector")
    op.drop_table("favourite")
