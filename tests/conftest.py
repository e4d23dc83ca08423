"""Fixtures that every test may use: settings, a database of one's own, a session that is rolled back, a clock that stands still.

Tests that use `session` or `database` run on SQLite, and on PostgreSQL too when PARVIS_TEST_POSTGRESQL_URL names a server (the
role must be allowed to create databases). `@pytest.mark.sqlite_only` keeps a test off PostgreSQL.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest
import sqlalchemy
from sqlalchemy import make_url

from engine.core import clock, config
from engine.core.config import Settings
from engine.core.db import Base, Database, Session, connect
from engine.migrations import tables  # noqa: F401 - create_all needs every table to be declared
from engine.people import throttle

# A busy machine is not a defect: no test judges by the clock. CI draws the same examples each time, developers new ones.
hypothesis.settings.register_profile(
    "parvis",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
hypothesis.settings.load_profile("parvis")

POSTGRESQL_URL = os.environ.get("PARVIS_TEST_POSTGRESQL_URL")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sqlite_only: the test is about SQLite, or says nothing more on PostgreSQL")


# What takes longest comes first, so that no process has it left to do at the end.
LONGEST = ("tests/faults/", "tests/engine/bpmn/test_fuzz", "tests/commands/", "tests/workers/", "tests/browser/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((number for number, one in enumerate(LONGEST) if item.nodeid.startswith(one)), len(LONGEST))

    items.sort(key=place)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if POSTGRESQL_URL and "template" in metafunc.fixturenames:
        backends = ["sqlite"] if metafunc.definition.get_closest_marker("sqlite_only") else ["sqlite", "postgresql"]
        metafunc.parametrize("template", backends, indirect=True, scope="session")


@pytest.fixture(scope="session")
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an empty database with every table and trigger; `database` copies it."""
    if getattr(request, "param", "sqlite") == "postgresql":
        with postgresql_database() as url:
            _create_tables(url)
            yield url
    else:
        url = f"sqlite:///{tmp_path_factory.mktemp('template') / 'template.sqlite3'}"
        _create_tables(url)
        yield url


@pytest.fixture
def database(template: str, tmp_path: Path) -> Iterator[Database]:
    """A database of the test's own: what it commits is gone after it."""
    url = make_url(template)
    with ExitStack() as stack:
        if url.get_backend_name() == "sqlite":
            copy = tmp_path / "parvis.sqlite3"
            shutil.copyfile(str(url.database), copy)
            address = f"sqlite:///{copy}"
        else:
            address = stack.enter_context(postgresql_database(template=url.database))
        opened = Database(address)
        stack.callback(opened.close)
        yield opened


@pytest.fixture(scope="session")
def shared_engine(template: str) -> Iterator[sqlalchemy.Engine]:
    """The engine behind `session`: nothing is ever committed there, so one database serves every test."""
    with ExitStack() as stack:
        url = template
        if make_url(template).get_backend_name() == "postgresql":
            # A copy: PostgreSQL copies no database that somebody is connected to, and `database` copies the template.
            url = stack.enter_context(postgresql_database(template=make_url(template).database))
        engine = connect(url).execution_options(parvis_writes=True)
        stack.callback(engine.dispose)
        yield engine


@pytest.fixture
def session(request: pytest.FixtureRequest, shared_engine: sqlalchemy.Engine) -> Iterator[Session]:
    """A session in a transaction that is rolled back at the end, whatever the test commits; quicker than `database`."""
    if "database" in request.fixturenames:
        pytest.fail("`session` and `database` are two databases: use database.transaction() in this test")
    with shared_engine.connect() as connection, connection.begin() as transaction:
        with Session(bind=connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as opened:
            yield opened
        transaction.rollback()


@pytest.fixture(autouse=True)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """The settings of the process for this test: a folder of its own, and the same database as `database` when it has one."""
    url = f"sqlite:///{tmp_path / 'parvis.sqlite3'}"
    if "database" in request.fixturenames:
        url = request.getfixturevalue("database").url
    made = Settings(data=tmp_path, database_url=url, secret_key="a secret key for the tests, and only for them")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "_current", made)
        throttle.reset()
        yield made


@pytest.fixture
def clock_at() -> Iterator[Callable[[str | datetime], datetime]]:
    """`clock_at("2027-01-31 10:00")` stops the clock there (Paris time unless it says otherwise); call it again to move it."""
    with ExitStack() as stack:

        def stop(at: str | datetime) -> datetime:
            moment = datetime.fromisoformat(at) if isinstance(at, str) else at
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=clock.PARIS)
            stack.enter_context(clock.frozen(moment))
            return moment

        yield stop


def _create_tables(url: str) -> None:
    engine = connect(url).execution_options(parvis_writes=True)
    Base.metadata.create_all(engine)
    if engine.dialect.name == "sqlite":
        # Into the one file that is copied: without this the tables stay in the write-ahead log beside it.
        with engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
    engine.dispose()


@contextmanager
def postgresql_database(template: str | None = None) -> Iterator[str]:
    """The address of a PostgreSQL database that lives as long as the block, copied from `template` when given."""
    server_url = make_url(POSTGRESQL_URL or "").set(drivername="postgresql+psycopg")
    server = sqlalchemy.create_engine(server_url, isolation_level="AUTOCOMMIT")
    name = f"parvis_test_{uuid4().hex}"
    with server.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template or "template0"}"')
    try:
        yield server_url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.dispose()
