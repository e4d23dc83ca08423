"""`./parvis privacy`: what is asked by letter is done from the terminal, and recorded (B16, B17)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from engine.core import audit
from engine.core.db import Database
from engine.people import accounts, favourites

pytestmark = pytest.mark.sqlite_only
ROOT = Path(__file__).parent.parent.parent


def test_a_resident_is_exported_then_deleted(run: Any, installed: Database, tmp_path: Path) -> None:
    with installed.transaction() as session:
        accounts.create(session, login="tom@exemple.fr", first_names="Tom", birth_name="Roux", birth_date="2015-02-03")
    target = tmp_path / "tom.json"
    assert run("privacy", "export", "tom@exemple.fr", str(target)) == (0, f"written to {target}\n", "")
    assert "2015-02-03" in json.dumps(json.loads(target.read_text()))
    assert target.stat().st_mode & 0o077 == 0
    status, _, complaint = run("privacy", "export", "tom@exemple.fr", str(target))
    assert (status, complaint) == (1, f"parvis: {target} is there already\n")
    asked = "parvis: tom@exemple.fr is Tom Roux, with 0 requests and 0 documents of their own: --yes deletes it\n"
    assert run("privacy", "erase", "tom@exemple.fr") == (2, "", asked)
    assert run("privacy", "erase", "tom@exemple.fr", "--yes") == (0, "tom@exemple.fr is deleted\n", "")
    assert run("privacy", "erase", "tom@exemple.fr", "--yes")[0] == 1
    with installed.reading() as session:
        acts = session.execute(select(audit.AuditEntry.action, audit.AuditEntry.actor_kind)).all()
    assert ("account.deleted", "system") in acts
    assert ("account.exported", "operator") in acts


def test_a_terminal_of_its_own_knows_every_table(installed: Database, tmp_path: Path) -> None:
    """Other tests import everything: a command by itself imports what it needs."""
    with installed.transaction() as session:
        for login in ("tom@exemple.fr", "zoe@exemple.fr"):
            made = accounts.create(session, login=login, first_names="Tom", birth_name="Roux", birth_date="2015-02-03")
            favourites.add(session, made.id, "signalement")
    for typed in (("export", "tom@exemple.fr", str(tmp_path / "tom.json")), ("erase", "tom@exemple.fr", "--yes")):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "commands", "privacy", *typed],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PARVIS_DATA": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "tom.json").read_text())
    with installed.reading() as session:
        assert accounts.by_login(session, "tom@exemple.fr") is None
        zoe = accounts.by_login(session, "zoe@exemple.fr")
        assert zoe is not None
        assert list(session.scalars(select(favourites.Favourite.account_id))) == [zoe.id]


def test_an_export_that_cannot_be_written_is_neither_kept_nor_recorded(
    run: Any, installed: Database, tmp_path: Path
) -> None:
    with installed.transaction() as session:
        accounts.create(session, login="tom@exemple.fr", first_names="Tom", birth_name="Roux", birth_date="2015-02-03")
    nowhere = tmp_path / "nowhere" / "tom.json"
    complaint = f"parvis: {nowhere}: No such file or directory\n"
    assert run("privacy", "export", "tom@exemple.fr", str(nowhere)) == (1, "", complaint)
    with installed.reading() as session:
        assert session.execute(select(audit.AuditEntry.action)).all() == []
