"""Keep exchanges, and send notifications by other means

Revision 0011, after 0010.
"""

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
