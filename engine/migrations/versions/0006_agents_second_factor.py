"""Ask agents for a second factor, and keep their roles

Revision 0006, after 0005.
"""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
