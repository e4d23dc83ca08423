"""Writes that wait for one another, so that PostgreSQL is asked once for all of them.

Each exchange with the server costs as much as what it asks for. What a move writes, one row here and one there, waits until the
transaction asks for anything else or commits, and then leaves as one statement (`WITH … UPDATE …, … INSERT …`), in whose
order nothing may depend: PostgreSQL does its parts on the same view of the database and in no promised order, and only one
change of a row counts. So each table has one part at most, but for rows that are added to it.

Nobody sees the difference, but that an error may come with a later statement of the same transaction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, event

from engine.core.driver import Text


@dataclass(frozen=True)
class Write:
    """A statement of the psycopg driver that changes rows of one table. `adds` says that it does nothing but add one."""

    text: str
    table: str
    adds: bool


_Rows = tuple[dict[str, Any], ...]

# More rows than that leave by themselves: a statement takes 65,535 values, and one text is kept for each number of rows.
ROWS_MAX = 8

# The key in `Connection.info`, which is the driver's connection's and outlives a transaction.
_WAITING = "parvis writes"


def watch(engine: Engine) -> None:
    """See to it that what waits on a connection of `engine` leaves before anything else does, or not at all."""
    if engine.dialect.name == "postgresql":
        event.listen(engine, "begin", _forget)
        event.listen(engine, "before_cursor_execute", _send_first)
        event.listen(engine, "commit", send)
        event.listen(engine, "rollback_savepoint", _forget)


def wait(connection: Connection, write: Write, rows: Iterable[dict[str, Any]]) -> None:
    """Let a write wait on its connection, whose engine is watched, for the others of its transaction.

    Its text has its values as `%(name)s`.
    """
    waiting: dict[Write, _Rows] = connection.info.get(_WAITING, {})
    rows = tuple(rows)
    joined = (*waiting.get(write, ()), *rows)
    other = any(one.table == write.table and one != write for one in waiting)
    if other or (write in waiting and not write.adds) or len(joined) > ROWS_MAX:
        send(connection)
        joined = rows
    if len(joined) > (ROWS_MAX if write.adds else 1):
        send(connection)
        connection.exec_driver_sql(write.text, list(joined))
    else:
        connection.info.setdefault(_WAITING, {})[write] = joined


def send(connection: Connection) -> None:
    """Send what waits on a connection."""
    waiting: dict[Write, _Rows] | None = connection.info.pop(_WAITING, None)
    if not waiting:
        return
    text = _together(tuple((write, len(rows)) for write, rows in waiting.items()))
    values = {
        f"{part}_{number}_{name}": value
        for part, rows in enumerate(waiting.values())
        for number, row in enumerate(rows)
        for name, value in row.items()
    }
    text.tell(connection, values)


def _send_first(connection: Connection, *_: object) -> None:
    if _WAITING in connection.info:
        send(connection)


def _forget(connection: Connection, *_: object) -> None:
    if not connection.invalidated:  # what waited on a connection that broke is gone with it
        connection.info.pop(_WAITING, None)


_VALUE = re.compile(r"(?<!%)((?:%%)*)%\((\w+)\)s")
_VALUES = " VALUES "


@lru_cache(maxsize=1000)
def _together(parts: tuple[tuple[Write, int], ...]) -> Text:
    """One statement of so many rows for each write."""
    texts = []
    for place, (write, rows) in enumerate(parts):
        head, values, row = write.text.partition(_VALUES)
        if rows == 1:
            texts.append(_VALUE.sub(rf"\1%({place}_0_\2)s", write.text))
        else:
            listed = ", ".join(_VALUE.sub(rf"\1%({place}_{number}_\2)s", row) for number in range(rows))
            texts.append(head + values + listed)
    *first, last = texts
    if not first:
        return Text(last)
    return Text(f"WITH {', '.join(f'part_{place} AS ({text})' for place, text in enumerate(first))} {last}")
