"""The migrations and the models say the same, on both databases (G3)."""

from __future__ import annotations

import ast
import re
import time
from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from engine import migrations
from engine.core import db
from engine.core.db import Database
from engine.core.errors import ConfigurationError, Unavailable
from engine.migrations import revise, tables
from engine.migrations.comparing import comparing

ENGINE = Path(migrations.__file__).parent.parent


@pytest.fixture
def empty(database: Database) -> Database:
    """A database without a single table."""
    with database.engine.execution_options(parvis_writes=True).begin() as connection:
        tables.metadata.drop_all(connection)
    return database


def options(connection: Connection) -> dict[str, object]:
    include = comparing(connection.dialect.name)
    return {"compare_type": True, "compare_server_default": True, "include_object": include}


def schema(connection: Connection) -> dict[str, object]:
    """Everything that the database says of its tables, indexes and triggers."""
    inspector = sqlalchemy.inspect(connection)
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
    else:
        query = (
            "SELECT tgname AS name, pg_get_triggerdef(t.oid) || prosrc AS sql FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid "
            "WHERE NOT tgisinternal UNION ALL SELECT indexname, indexdef FROM pg_indexes "
            "WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        )
    found: dict[str, object] = {row.name: row.sql for row in connection.exec_driver_sql(query)}
    for table in inspector.get_table_names():
        if table != "alembic_version":
            found[table] = (
                {column["name"]: (str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)},
                inspector.get_pk_constraint(table),
                sorted(map(repr, inspector.get_foreign_keys(table))),
                sorted(map(repr, inspector.get_check_constraints(table))),
            )
    return found


def test_a_migrated_database_is_the_one_that_the_models_describe(database: Database, empty: Database) -> None:
    with empty.engine.execution_options(parvis_writes=True).begin() as connection:
        tables.metadata.create_all(connection)
        made = schema(connection)
        tables.metadata.drop_all(connection)
    db.migrate(empty.url)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options(connection))
        assert compare_metadata(context, tables.metadata) == []
        assert schema(connection) == made
    assert len(made) > 20


def test_migrating_again_changes_nothing(empty: Database) -> None:
    db.migrate(empty.url)
    db.migrate(empty.url)
    with empty.engine.connect() as connection:
        head = MigrationContext.configure(connection).get_current_revision()
    assert head == max(path.name[:4] for path in (ENGINE / "migrations" / "versions").glob("0*.py"))


def test_every_migration_can_be_taken_back(empty: Database) -> None:
    db.migrate(empty.url)
    config = revise.config(empty.url)
    try:
        command.downgrade(config, "base")
        with empty.engine.connect() as connection:
            assert schema(connection) == {}
        command.upgrade(config, "head")
    finally:
        config.attributes["engine"].dispose()


def test_a_migration_that_fails_leaves_nothing_behind(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release's schema is there or isn't."""

    def fail(*_: object) -> list[str]:
        return ["SELECT * FROM no_such_table"]

    monkeypatch.setattr(db, "append_only_sql", fail)
    with pytest.raises(sqlalchemy.exc.DBAPIError):
        db.migrate(empty.url)
    with empty.engine.connect() as connection:
        assert sqlalchemy.inspect(connection).get_table_names() == []


def test_a_database_of_a_later_release_is_left_alone(empty: Database) -> None:
    db.migrate(empty.url)
    with empty.transaction() as session:
        session.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match="9999"):
        db.migrate(empty.url)


def test_migrations_are_one_line_of_numbers() -> None:
    config = revise.config("sqlite:////dev/null")
    script = ScriptDirectory.from_config(config)
    numbers = [revision.revision for revision in script.walk_revisions()][::-1]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_every_module_with_a_table_is_imported_for_the_schema() -> None:
    declared = {
        ".".join(path.relative_to(ENGINE.parent).with_suffix("").parts)
        for path in ENGINE.rglob("*.py")
        if re.search(r"^    __tablename__\b", path.read_text(), re.MULTILINE)
    }
    imported = {
        f"{node.module}.{name.name}"
        for node in ast.walk(ast.parse(Path(tables.__file__).read_text()))
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    # A package brings its own files along.
    assert {one for one in declared if not {one, one.rpartition(".")[0]} & imported} == set()
    assert len(declared) > 10


@pytest.mark.sqlite_only
def test_tools_migration_writes_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a copy of the folder, with one more table in the models."""
    copy = tmp_path / "migrations"
    (copy / "versions").mkdir(parents=True)
    for name in ("env.py", "script.py.mako", "versions/0001_initial.py"):
        (copy / name).write_text((ENGINE / "migrations" / name).read_text())
    monkeypatch.setattr(revise, "HERE", copy)
    more = sqlalchemy.Table("more", tables.metadata, sqlalchemy.Column("at", db.UtcDateTime, nullable=False))
    try:
        path = revise.revise("Add more")
    finally:
        tables.metadata.remove(more)
    text = path.read_text()
    assert path.name == "0002_add_more.py"
    assert 'sa.Column("at", sa.DateTime(timezone=True), nullable=False)' in text
    assert 'down_revision = "0001"' in text
    assert "###" not in text


def test_a_table_in_use_is_waited_for_a_moment_only(empty: Database) -> None:
    """Whoever comes after a migration that waits, waits too: it stands back, and the release in service goes on."""
    if empty.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no locks of tables")
    db.migrate(empty.url)
    config = revise.config(empty.url)
    try:
        command.downgrade(config, "0001")
        with empty.engine.connect() as reader:
            reader.exec_driver_sql("SELECT count(*) FROM job")
            began = time.monotonic()
            with pytest.raises(Unavailable):
                db.migrate(empty.url, patience=(0.1,))
            assert 2 <= time.monotonic() - began < 20
            assert MigrationContext.configure(reader).get_current_revision() == "0001"
        db.migrate(empty.url, patience=())
        with empty.engine.connect() as connection:
            assert MigrationContext.configure(connection).get_current_revision() == db.revisions()[-1]
    finally:
        config.attributes["engine"].dispose()
