"""The account of the resident who is signed in."""

from __future__ import annotations

from uuid import UUID

from portal.access import current_actor


def account_id() -> UUID:
    """Whose page this is, on a route for residents only."""
    found = current_actor().account_id
    assert found is not None  # the policy lets residents in only
    return found
