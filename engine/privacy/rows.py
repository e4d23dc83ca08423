"""Which rows of the database are a person's, or a request's, as `holdings` declares of their tables (B16)."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import ColumnElement, MetaData, Table, select

from engine.privacy.holdings import HOLDINGS, Of, Under


def table(name: str) -> Table:
    """The table of that name."""
    return _tables().tables[name]


def _tables() -> MetaData:
    # Here and not above: it imports every room that has a table, this one too. Without it a command would know only those tables
    # that it happens to have imported.
    from engine.migrations import tables

    return tables.metadata


def of_person(name: str, account_id: UUID, login: str) -> ColumnElement[bool]:
    """Which rows of a declared table are the person's."""
    owner = HOLDINGS[name].owner
    if isinstance(owner, Of):
        return table(name).c[owner.column] == account_id
    if isinstance(owner, Under):
        parent = table(owner.parent)
        (key,) = parent.primary_key.columns
        return table(name).c[owner.column].in_(select(key).where(of_person(owner.parent, account_id, login)))
    mine: ColumnElement[bool] = table(name).c[owner.column] == login
    if "case_id" not in table(name).c:
        return mine
    # A letter about somebody's request may have been sent to an address that isn't theirs alone.
    requests = select(table("case").c.id).where(of_person("case", account_id, login))
    return (mine & table(name).c.case_id.is_(None)) | table(name).c.case_id.in_(requests)


def belong_to_requests(name: str) -> bool:
    """Whether the rows of a declared table belong to requests."""
    owner = HOLDINGS[name].owner
    return isinstance(owner, Under) and (owner.parent == "case" or belong_to_requests(owner.parent))


def of_requests(name: str, ids: list[UUID]) -> ColumnElement[bool]:
    """Which rows of a table that belongs to requests are of these requests."""
    owner = HOLDINGS[name].owner
    assert isinstance(owner, Under)
    if owner.parent == "case":
        return table(name).c[owner.column].in_(ids)
    parent = table(owner.parent)
    (key,) = parent.primary_key.columns
    return table(name).c[owner.column].in_(select(key).where(of_requests(owner.parent, ids)))


def children_first() -> Iterator[str]:
    """The declared tables, each before those that it points to."""
    yield from (one.name for one in reversed(_tables().sorted_tables) if one.name in HOLDINGS)
