"""Indexes of some of the rows of a table, and of the words in a column of names.

A row that an index leaves out costs it nothing. A query reads such an index only where the database can tell that it asks for no
other rows: the condition stands in it as it stands here, and not as a value left open.
"""

from __future__ import annotations

from sqlalchemy import DDL, Index, Table, event, text

# Finds the beginnings of words; it comes with PostgreSQL, and the owner of a database may add it.
_TRIGRAMS = DDL("CREATE EXTENSION IF NOT EXISTS pg_trgm")  # type: ignore[no-untyped-call]


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows for which `where` holds, for a table's arguments."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


def of_words(name: str, column: str, *, where: str) -> Index:
    """An index of the beginnings of all the words in a column: a B-tree knows only that of the first. SQLite has none."""
    return Index(
        name,
        column,
        postgresql_using="gin",
        postgresql_ops={column: "gin_trgm_ops"},
        postgresql_where=text(where),
        info={"dialect": "postgresql"},
    ).ddl_if(dialect="postgresql")


def know_words(table: Table) -> None:
    """Have a database in which `table` is made know what `of_words` needs."""
    event.listen(table, "before_create", _TRIGRAMS.execute_if(dialect="postgresql"))
