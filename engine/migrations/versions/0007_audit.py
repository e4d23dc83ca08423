"""Keep an audit trail that shows tampering

Revision 0007, after 0006.
"""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
