"""`./parvis privacy`: what is asked by letter is done from the terminal, and recorded (B16, B17)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from engine.core import audit
from engine.core.db import Database
from engine.people import accounts

pytestmark = pytest.mark.sqlite_only


def test_a_resident_is_exported_then_deleted(run: Any, installed: Database, tmp_path: Path) -> None:
    with installed.transaction() as session:
        accounts.create(session, login="tom@exemple.fr", first_names="Tom", birth_name="Roux", birth_date="2015-02-03")
    target = tmp_path / "tom.json"
    assert run("privacy", "export", "tom@exemple.fr", str(target)) == (0, f"written to {target}\n", "")
    assert "2015-02-03" in json.dumps(json.loads(target.read_text()))
    assert target.stat().st_mode & 0o077 == 0
    status, _, complaint = run("privacy", "export", "tom@exemple.fr", str(target))
    assert (status, complaint) == (1, f"parvis: {target} is there already\n")
    assert run("privacy", "erase", "tom@exemple.fr") == (0, "tom@exemple.fr is deleted\n", "")
    assert run("privacy", "erase", "tom@exemple.fr")[0] == 1
    with installed.reading() as session:
        acts = session.execute(select(audit.AuditEntry.action, audit.AuditEntry.actor_kind)).all()
    assert ("account.deleted", "system") in acts
    assert ("account.exported", "operator") in acts
