"""`./parvis agendas`: a file sets all its agendas up, or none (D1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.contact import appointments
from engine.core.db import Database
from tests.commands.conftest import Run

pytestmark = pytest.mark.sqlite_only
GOOD = """
agendas:
  - code: mairie
    service: titres
    group: Titres
    place: Mairie
    address: 1 place de la Mairie
    openings:
      - {days: "lundi, mardi", from: "9:00", to: "12:00", desks: 2}
"""


def codes(installed: Database) -> list[str]:
    with installed.reading() as session:
        return [agenda.code for agenda in appointments.everything(session)]


def test_a_file_sets_agendas_up_and_changes_them(run: Run, installed: Database, tmp_path: Path) -> None:
    path = tmp_path / "agendas.yaml"
    path.write_text(GOOD, "utf-8")
    for _ in range(2):
        assert run("agendas", "import", str(path))[:2] == (0, "agenda mairie is saved\n")
    assert codes(installed) == ["mairie"]
    assert "Mairie" in run("agendas")[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            GOOD + GOOD.replace("agendas:", "").replace("12:00", "8:00"),
            "agenda mairie: The hours of lundi are between 4:00 and 23:00, in steps of 5 minutes, and end after they begin.",
        ),
        (GOOD.replace("    place: Mairie\n", "    spot: Mairie\n"), "agenda mairie: unknown: spot; missing: place"),
        (GOOD.replace("9:00", "25:00"), "agenda mairie: a value is not as expected ('25:00' is no hour)"),
        ("agendas: [rien]", "an agenda is a list of names and values"),
        ("agendas: []", "a list under"),
        ("- rien", "a list under"),
        ("{", "can't be read"),
    ],
)
def test_a_wrong_file_changes_nothing(run: Run, installed: Database, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "agendas.yaml"
    path.write_text(text, "utf-8")
    status, _, errors = run("agendas", "import", str(path))
    assert status == 1
    assert said in errors
    assert codes(installed) == []


@pytest.mark.usefixtures("installed")
def test_a_file_that_is_not_there_is_said(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "nowhere.yaml"
    assert run("agendas", "import", str(path)) == (1, "", f"parvis: {path}: No such file or directory\n")
    path.write_bytes(b"\xff")
    assert run("agendas", "import", str(path)) == (1, "", f"parvis: {path}: this is no text\n")


def test_no_agenda_is_said(run: Run, installed: Database) -> None:
    assert "there is no agenda" in "".join(run("agendas")[1:])
