"""Statements that are sent all day long, compiled once; on PostgreSQL those of a transaction leave together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Delete, Dialect, Insert, SelectBase, Update, insert
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.sql import visitors

from engine.core import writes
from engine.core.db import Base, Session
from engine.core.driver import Text

# For a database: the text; for each of its values the name, and what makes the driver's value of ours; and the write that may
# wait, where it may.
_Compiled = tuple[Text, tuple[tuple[str, Callable[[Any], Any] | None], ...], writes.Write | None]


class Prepared:
    """A statement that writes rows with values of these names, and gives nothing back.

    At each execution SQLAlchemy looks its text up again, and makes a context and a result of it: for a row that is written, that
    takes several times as long as the database does.
    """

    def __init__(self, statement: Insert | Update | Delete, *names: str) -> None:
        self._statement = statement
        self._names = names
        self._compiled: dict[str, _Compiled] = {}

    def send(self, session: Session, *rows: Mapping[str, Any]) -> None:
        """Write the rows in their order, after what the session has still to write, and before whatever it does next."""
        if not rows:
            return
        session.flush()
        connection = session.connection()
        dialect = connection.dialect
        text, values, write = self._compiled.get(dialect.name) or self._compile(dialect)
        ready = [{name: process(row[name]) if process else row[name] for name, process in values} for row in rows]
        if write is not None and "parvis_reads" not in connection.get_execution_options():
            writes.wait(connection, write, ready)
        elif len(ready) == 1:
            text.tell(connection, ready[0])
        else:
            text.tell_each(connection, ready)

    def _compile(self, dialect: Dialect) -> _Compiled:
        statement = self._statement
        # Nobody asks for the number that a row was given.
        statement = statement.inline() if isinstance(statement, Insert) else statement
        compiled = statement.compile(dialect=dialect, column_keys=list(self._names))
        types = {name: bind.type.dialect_impl(dialect) for name, bind in compiled.binds.items()}
        text = Text(str(compiled), compiled.positiontup)
        made = (
            text,
            tuple((name, types[name].bind_processor(dialect)) for name in text.names),
            writes.Write(text.written, str(statement.table.description), _only_adds(statement))
            if dialect.name == "postgresql" and not _asks(statement)
            else None,
        )
        self._compiled[dialect.name] = made
        return made


def _asks(statement: Insert | Update | Delete) -> bool:
    """Whether what it writes depends on other rows: parts of one statement don't see each other's."""
    return any(isinstance(part, SelectBase) for part in visitors.iterate(statement))


def _only_adds(statement: Insert | Update | Delete) -> bool:
    """Whether it adds rows and changes none that is there."""
    return isinstance(statement, Insert) and getattr(statement, "_post_values_clause", None) is None


def insert_row(session: Session, row: Base) -> None:
    """Insert `row`, which says something of every column, at once; the object is the session's from then on.

    What `session.add` and a flush do, for less: on the hot path the unit of work costs more than the database. Only a savepoint
    that is undone doesn't take the object out of the session again.
    """
    table = row.__table__
    _inserting(table).send(session, {column.key: getattr(row, column.key) for column in table.columns})
    make_transient_to_detached(row)
    session.add(row)


@cache
def _inserting(table: Any) -> Prepared:
    return Prepared(insert(table), *table.c.keys())
