"""Keep favourites, sectors and what a request was made from

Revision 0012, after 0011.
"""

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
