"""Statements handed to the database's driver itself: what SQLAlchemy does around it at each execution costs more than the driver.

What matters of that is done here too: who listens is told (`before_cursor_execute`), what the driver raises is wrapped, a
connection that broke is taken out of use. psycopg is given texts with PostgreSQL's own `$1`, which it needn't read each time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from engine.core import traces

_SIGNS = re.compile(r"%%|%\((\w+)\)s")


class Text:
    """A statement as SQLAlchemy writes it for its driver, and the names of its values, in their order where these go by place
    (`places`, SQLite) and in any order otherwise (PostgreSQL)."""

    def __init__(self, text: str, places: Sequence[str] | None = None) -> None:
        self.written = text
        self._by_place = places is not None
        if places is not None:
            self.names, self._sent = tuple(places), text
        else:
            self.names = tuple(dict.fromkeys(found[1] for found in _SIGNS.finditer(text) if found[1]))
            numbers = {name: f"${number}" for number, name in enumerate(self.names, 1)}
            self._sent = _SIGNS.sub(lambda found: numbers[found[1]] if found[1] else "%", text)

    def ask(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows that it gives."""
        if traces.on():
            return connection.exec_driver_sql(self.written, self._given(values)).all()
        return self._run(connection, values, rows=True)

    def tell(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Do it; it gives no rows."""
        if traces.on():  # whose spans hang on what SQLAlchemy keeps of each execution
            connection.exec_driver_sql(self.written, self._given(values))
        else:
            self._run(connection, values, rows=False)

    def tell_each(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Do it for each of the rows, in their order."""
        connection.exec_driver_sql(self.written, [self._given(values) for values in rows])

    def _given(self, values: Mapping[str, Any]) -> Any:
        return tuple(values[name] for name in self.names) if self._by_place else dict(values)

    def _run(self, connection: Connection, values: Mapping[str, Any], *, rows: bool) -> Sequence[Sequence[Any]]:
        for listener in connection.dispatch.before_cursor_execute:
            listener(connection, None, self.written, values, None, False)
        driven = connection.connection
        raw: Any = driven.driver_connection
        cursor = raw.cursor() if self._by_place else psycopg.RawCursor(raw)
        try:
            cursor.execute(self._sent, tuple(values[name] for name in self.names))
            return cursor.fetchall() if rows else ()
        except connection.dialect.loaded_dbapi.Error as error:
            gone = connection.dialect.is_disconnect(error, driven.dbapi_connection, None)
            if gone:
                # Those that were opened before it are as dead, and are opened anew when they are next asked for.
                connection.engine.pool._invalidate(driven, error)
                connection.invalidate(error)
            raise DBAPIError.instance(
                self.written,
                None,
                error,
                connection.dialect.loaded_dbapi.Error,
                hide_parameters=True,
                connection_invalidated=gone,
                dialect=connection.dialect,
            ) from error
        finally:
            cursor.close()
