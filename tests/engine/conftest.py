"""What the engine's tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import event

from engine.core.db import Database


@pytest.fixture
def counted(database: Database) -> Iterator[Callable[[], int]]:
    """How many statements `database` was sent since it was last asked, what begins and ends transactions left out."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("BEGIN", "COMMIT")):
            sent.append(statement)

    def since() -> int:
        number = len(sent)
        sent.clear()
        return number

    event.listen(database.engine, "before_cursor_execute", note)
    yield since
    event.remove(database.engine, "before_cursor_execute", note)
