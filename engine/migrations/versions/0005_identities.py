"""Keep the identities that FranceConnect and ProConnect certify

Revision 0005, after 0004.
"""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
