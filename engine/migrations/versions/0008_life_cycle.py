"""Follow the life cycle of accounts

Revision 0008, after 0007.
"""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
