"""Run by Alembic. The engine comes from the caller (`engine.core.db.migrate`): there is no alembic.ini.

All migrations of an upgrade are one transaction, on both databases: a release's schema is there or isn't. Two processes that
start together wait for each other.

On SQLite, `batch_alter_table` makes the table again and loses its triggers: a migration that uses it on an append-only table runs
`append_only_sql` again afterwards. Autogeneration doesn't see triggers either; tests compare them.
"""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, Engine

from engine.core.db import Json, UtcDateTime
from engine.migrations import tables
from engine.migrations.comparing import comparing

# Any number will do, as long as it stays the same.
_LOCK = 7_204_771
_PATIENCE = "2s"


def render_type(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write our column types into a migration as what the database sees: a migration must not change with our code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Json):
        return "sa.Text()"
    return False


def run() -> None:
    """Bring the database to the revision asked for: in the caller's transaction where one is given, else in one of its own."""
    attributes = context.config.attributes
    if "connection" in attributes:
        upgrade(attributes["connection"])
        return
    engine: Engine = attributes["engine"]
    with engine.execution_options(parvis_writes=True).begin() as connection:
        upgrade(connection)


def upgrade(connection: Connection) -> None:
    """Run the migrations on this connection."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        # A table in use isn't waited for at length: while it is, every request that comes after waits too.
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
    context.configure(
        connection=connection,
        target_metadata=tables.metadata,
        render_item=render_type,
        include_object=comparing(connection.dialect.name),
    )
    context.run_migrations()


run()
