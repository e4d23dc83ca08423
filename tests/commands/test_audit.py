"""`./parvis audit`: operators see who did what, and whether somebody tampered with it (G5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, text

from engine.core import audit, config
from engine.core.audit import AuditEntry, AuditLink
from engine.core.db import Database, Session
from engine.people.actors import Actor

pytestmark = pytest.mark.sqlite_only
AGENT = Actor("agent", UUID(int=7), "Jeanne Durand")


@pytest.fixture
def acted(run: Any, installed: Database) -> Database:
    """Three acts, under the installation's own key."""
    config.use(config.load())

    def act(session: Session) -> None:
        audit.record(session, AGENT, "account.role_given", "account", UUID(int=1), role="supervisor")
        audit.record(session, AGENT, "case.read", "case", UUID(int=2))
        audit.record(session, audit.OPERATOR, "catalogue.published", "procedure", "signalement", number=2)

    installed.run(act)
    return installed


def cut(database: Database) -> None:
    with database.transaction() as session:
        for table in (AuditEntry, AuditLink):
            session.execute(text(f"DROP TRIGGER {table.__tablename__}_no_delete"))
        session.execute(delete(AuditEntry).where(AuditEntry.id == 3))
        session.execute(delete(AuditLink).where(AuditLink.seq == 3))


@pytest.mark.usefixtures("acted")
def test_operators_see_who_did_what(run: Any) -> None:
    status, said, _ = run("audit", "show")
    assert status == 0
    heading, *lines = said.splitlines()
    assert heading.split() == ["WHEN", "(UTC)", "ACT", "WHO", "ON", "WHAT", "FACTS", "FROM"]
    assert [line.split()[2] for line in lines] == ["catalogue.published", "case.read", "account.role_given"]
    assert f"agent:{UUID(int=7)}" in lines[2]
    assert "role=supervisor" in lines[2]
    assert run("audit", "show", "--object", f"case:{UUID(int=2)}")[1].count("\n") == 2
    assert run("audit", "show", "--actor", str(UUID(int=7)), "--action", "account.")[1].count("\n") == 2
    assert run("audit", "show", "--until", "2020-01-01")[1] == "nothing was recorded that matches\n"


def test_a_chain_that_is_whole_is_said_to_be(run: Any, acted: Database, tmp_path: Path) -> None:
    status, said, _ = run("audit", "verify")
    assert (status, said) == (
        0,
        "the audit is whole: 3 places; compared with no head: an end that was cut off would not show\n",
    )
    kept = tmp_path / "elsewhere.json"
    kept.write_text(run("audit", "head")[1])
    assert "compared with 1 head, the latest" in run("audit", "verify", "--head", str(kept))[1]
    cut(acted)
    assert run("audit", "verify")[0] == 0
    status, said, complaint = run("audit", "verify", "--head", str(kept))
    assert status == 1
    assert said.startswith("the end is cut off")
    assert complaint == "parvis: the audit was tampered with: 1 flaw in 2 places\n"


def test_the_heads_of_the_data_folder_are_always_compared(run: Any, acted: Database, tmp_path: Path) -> None:
    with acted.reading() as session:
        audit.export_head(session, tmp_path / "audit")
    assert run("audit", "verify")[0] == 0
    cut(acted)
    assert run("audit", "verify")[0] == 1


@pytest.mark.usefixtures("acted")
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file or directory"),
        (b"{}", "This is no head of this installation’s audit."),
        (b"\xff", "this is no text"),
    ],
)
def test_a_head_that_can_not_be_read_is_said(run: Any, tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "head.json"
    if content is not None:
        path.write_bytes(content)
    assert run("audit", "verify", "--head", str(path)) == (1, "", f"parvis: {path}: {why}\n")


@pytest.mark.parametrize("limit", ["-3", "0", "x"])
def test_an_odd_number_of_entries_is_refused(run: Any, limit: str) -> None:
    with pytest.raises(SystemExit):
        run("audit", "show", f"--limit={limit}")


def test_what_is_recorded_is_listed(run: Any) -> None:
    assert "case.read" in run("audit", "actions")[1]


@pytest.mark.usefixtures("acted")
def test_the_audit_outlives_a_rotation_of_the_key(run: Any, tmp_path: Path) -> None:
    head = tmp_path / "head.json"
    head.write_text(run("audit", "head")[1])
    first = (tmp_path / "secret_key").read_text().strip()
    assert run("keys", "rotate")[0] == 0
    keys = (tmp_path / "secret_key").read_text().split()
    assert keys[1:] == [first]
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    assert run("audit", "verify", "--head", str(head))[0] == 0
    assert "1 former key is gone" in run("keys", "drop", "--yes")[1]
    assert (tmp_path / "secret_key").read_text().split() == keys[:1]
    assert run("audit", "verify", "--head", str(head))[0] == 1


def test_a_key_of_the_environment_is_rotated_there(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARVIS_SECRET_KEY", "given")
    for verb in (("rotate",), ("drop", "--yes")):
        status, _, complaint = run("keys", *verb)
        assert status == 1
        assert "PARVIS_FORMER_SECRET_KEYS" in complaint
