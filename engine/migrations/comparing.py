"""What is compared when the tables and a database are: everything but the indexes that another database has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Index


def comparing(dialect: str) -> Callable[..., bool]:
    """Alembic's `include_object` for a database: an index with `info={"dialect": …}` exists only on that kind."""

    def include(item: Any, _name: str | None, _kind: str, _reflected: bool, _other: Any) -> bool:
        return not isinstance(item, Index) or item.info.get("dialect", dialect) == dialect

    return include
