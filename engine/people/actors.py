"""Who acts: what the portal knows of the person behind a request, and what rights are asked of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

Kind = Literal["anonymous", "resident", "agent", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, or the platform itself.

    `roles` are an agent's: agent, supervisor, analyst, administrator (`roles.held`); `supervises` names the groups that a
    supervisor looks after.

    `links` holds the hashes of the private links that this visitor has opened: they give access to requests made without an
    account, and stay with the visitor who signs in afterwards.
    """

    kind: Kind
    account_id: UUID | None = None
    name: str = ""
    groups: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    supervises: frozenset[str] = frozenset()

    @property
    def signed_in(self) -> bool:
        return self.account_id is not None

    def holding(self, links: frozenset[str]) -> Actor:
        """The same person, with the private links that the browser holds."""
        return replace(self, links=links) if links else self


ANONYMOUS = Actor("anonymous")
SYSTEM = Actor("system", name="Parvis")
