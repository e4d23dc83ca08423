"""A release comes without a pause: the code before it runs on the schema after it, side by side with the new code (G5).

`engine/migrations/RELEASE` names the commit of the release that is in service. Its code is run as it was, on a database that this
code has migrated: see docs/operations/migrations.md.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import select

from engine.core import db
from engine.core.db import Database
from engine.migrations import tables
from engine.people import accounts, groups, sessions
from engine.procedures.cases import Case
from engine.procedures.tasks import HumanTask

ROOT = Path(__file__).parents[3]
RELEASE = ROOT / "engine" / "migrations" / "RELEASE"
JOURNEY = Path(__file__).parent / "journey.py"
ROOMS = ("engine", "portal", "processes", "forms", "texts")


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the release in service, as it was."""
    commit = RELEASE.read_text().strip()
    known = subprocess.run(
        ["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=ROOT, capture_output=True, check=False
    )
    if known.returncode:
        pytest.skip(f"this clone does not have the commit of the release in service, {commit}: fetch its history")
    there = subprocess.run(
        ["git", "ls-tree", "--name-only", commit], cwd=ROOT, capture_output=True, check=True, text=True
    )
    rooms = [room for room in ROOMS if room in there.stdout.split()]
    packed = subprocess.run(["git", "archive", commit, *rooms], cwd=ROOT, capture_output=True, check=True)
    folder = tmp_path_factory.mktemp("released")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as tar:
        # Our own commit, so nothing to filter; Debian 12's Python has no filters, later ones warn without.
        if hasattr(tarfile, "fully_trusted_filter"):
            tar.extraction_filter = tarfile.fully_trusted_filter
        tar.extractall(folder)  # noqa: S202
    return folder


def run(tree: Path, database: Database, folder: Path, token: str, *references: str) -> dict[str, Any]:
    """The journey on the code of `tree`."""
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", str(JOURNEY), str(tree), token, *references],
        env={
            **os.environ,
            "PARVIS_DATABASE_URL": database.url,
            "PARVIS_DATA": str(folder),
            "PARVIS_DEMO": "yes",
            "PYTHONPATH": "",
        },
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert said["tree"] == str(tree)
    return said


def test_the_release_in_service_runs_on_this_schema(database: Database, released: Path, tmp_path: Path) -> None:
    """Each treats what the other filed."""
    with database.engine.execution_options(parvis_writes=True).begin() as connection:
        tables.metadata.drop_all(connection)
    db.migrate(database.url)
    with database.transaction() as session:
        agent = accounts.create(
            session, login="jeanne@valmont.example", first_names="Jeanne", birth_name="Instruit", kind="agent"
        )
        groups.assign(session, agent, ("Propreté et espace public",))
        token = sessions.open(session, agent)

    ours = run(ROOT, database, tmp_path, token)
    theirs = run(released, database, tmp_path, token, ours["filed"])
    last = run(ROOT, database, tmp_path, token, theirs["filed"])

    assert theirs["jobs"] > 0
    with database.reading() as session:
        found = {case.reference: case.status for case in session.scalars(select(Case))}
        open_tasks = {task.reference: task.element_id for task in session.scalars(select(HumanTask))}
    assert found == dict.fromkeys((ours["filed"], theirs["filed"], last["filed"]), "filed")
    assert open_tasks == {
        ours["filed"]: "intervention",
        theirs["filed"]: "intervention",
        last["filed"]: "qualification",
    }
    _check_expanding(database, theirs["columns"])


def _check_expanding(database: Database, known: dict[str, dict[str, bool]]) -> None:
    """Everything that the release in service reads and writes is there, and it may leave out what it doesn't know."""
    inspector = sqlalchemy.inspect(database.engine)
    there = set(inspector.get_table_names())
    assert set(known) - there == set(), "tables of the release in service are gone"
    for table, columns in known.items():
        found = {column["name"]: column for column in inspector.get_columns(table)}
        assert set(columns) - set(found) == set(), f"columns of {table} of the release in service are gone"
        must = {
            name
            for name, column in found.items()
            if not column["nullable"] and column["default"] is None and not column.get("computed")
        }
        assert {name for name in must if columns.get(name, True)} == set(), (
            f"the release in service leaves these columns of {table} empty"
        )


def _known() -> dict[str, dict[str, bool]]:
    return {
        table.name: {column.name: bool(column.nullable) for column in table.columns}
        for table in tables.metadata.tables.values()
    }


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ALTER TABLE kept_form RENAME TO form_kept", "are gone"),
        ("ALTER TABLE mail RENAME COLUMN name TO label", "are gone"),
        ("ALTER TABLE mail ADD COLUMN more text NOT NULL DEFAULT ''", ""),
        ("ALTER TABLE mail ADD COLUMN more text", ""),
    ],
)
def test_a_schema_that_only_the_new_code_understands_is_noticed(database: Database, statement: str, said: str) -> None:
    with database.engine.execution_options(parvis_writes=True).begin() as connection:
        connection.exec_driver_sql(statement)
    if said:
        with pytest.raises(AssertionError, match=said):
            _check_expanding(database, _known())
    else:
        _check_expanding(database, _known())


def test_a_column_that_the_release_in_service_leaves_empty_is_noticed(database: Database) -> None:
    known = _known()
    del known["mail"]["subject"]
    with pytest.raises(AssertionError, match="leaves these columns of mail empty"):
        _check_expanding(database, known)
