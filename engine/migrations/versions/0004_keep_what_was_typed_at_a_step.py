"""Keep what was typed at a step

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("case", sa.Column("typed", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("case", "typed")
