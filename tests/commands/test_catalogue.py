"""`./parvis deploy`, `versions`, `publish`, `withdraw`: forwards, back, and away."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from commands import installation
from engine.core import audit
from engine.core.db import Database

pytestmark = [pytest.mark.sqlite_only, pytest.mark.usefixtures("installed")]
ESSAI = Path(__file__).parent.parent / "engine" / "procedures" / "essai"


@pytest.fixture
def essai(tmp_path: Path) -> Path:
    """A folder of procedures with one that passes the check; its BPMN file."""
    shutil.copytree(ESSAI, tmp_path / "house")
    return tmp_path / "house" / "processes" / "essai.bpmn"


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_same_content_is_the_same_version(run: Any, essai: Path) -> None:
    assert run("deploy", str(essai))[:2] == (0, "essai: version 1\n")
    assert run("deploy", str(essai))[:2] == (0, "essai: version 1, unchanged\n")
    lines = run("versions")[1].splitlines()
    assert len(lines) == 2
    assert lines[1].split()[:2] == ["essai", "1"]
    assert lines[1].endswith("published")


def test_a_version_is_taken_back_and_offered_again(run: Any, essai: Path) -> None:
    run("deploy", str(essai))
    change(essai, "</bpmn:documentation>", " Un mot de plus.</bpmn:documentation>")
    assert run("deploy", str(essai))[1] == "essai: version 2\n"
    assert run("publish", "essai", "1") == (0, "essai: version 1 is published\n", "")
    published = {line.split()[1]: line.endswith("published") for line in run("versions", "essai")[1].splitlines()[1:]}
    assert published == {"2": False, "1": True}
    assert run("withdraw", "essai") == (0, "essai is no longer offered\n", "")
    assert "published" not in run("versions")[1]


def test_what_was_put_away_stays_so_until_it_changes_or_is_named(
    run: Any, essai: Path, installed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare `deploy` keeps what changed; the audit tells of what happened and of nothing else."""
    monkeypatch.setattr(installation, "ROOT", essai.parents[1])

    def acts() -> list[tuple[str, object]]:
        with installed.reading() as session:
            return [(one.action.removeprefix("catalogue."), one.facts.get("number")) for one in audit.listing(session)][
                ::-1
            ]

    assert run("deploy", "--no-publish")[1] == "essai: version 1\n"
    assert run("deploy")[1] == "essai: version 1, unchanged, is published\n"
    assert run("deploy")[1] == "essai: version 1, unchanged\n"
    run("withdraw", "essai")
    again = "./parvis publish essai 1 offers it"
    assert run("deploy")[1] == f"essai: version 1, unchanged and withdrawn: {again}\n"
    assert acts() == [("deployed", 1), ("published", 1), ("withdrawn", None)]
    assert run("deploy", str(essai))[1] == "essai: version 1, unchanged, is published\n"
    change(essai, "</bpmn:documentation>", " Un mot de plus.</bpmn:documentation>")
    assert run("deploy")[1] == "essai: version 2\n"
    run("publish", "essai", "1")
    assert run("deploy")[1] == f"essai: version 2, unchanged and not offered: {again.replace('1', '2')}\n"
    assert [one for one, _ in acts()][3:] == ["published", "deployed", "published"]
    change(essai, " Un mot de plus.", " Un autre mot.")
    assert run("deploy")[1] == "essai: version 3\n"


def test_a_version_can_wait_to_be_offered(run: Any, essai: Path) -> None:
    assert run("deploy", str(essai), "--no-publish")[0] == 0
    assert "published" not in run("versions")[1]


def test_a_lane_whose_group_has_no_agent_is_told(run: Any, essai: Path) -> None:
    """A lane misspelt makes a group of its own, where tasks would wait for nobody."""
    status, _, warning = run("deploy", str(essai))
    assert status == 0
    assert "no agent is in the group «Instruction»" in warning
    assert "./parvis account groups puts those who have an account in it" in warning
    names = ("--first-names", "Jeanne", "--birth-name", "Instruit")
    added = run("account", "add", "jeanne@valmont.example", *names, "--agent", "--group", "Instruction", "--generate")
    assert added[0] == 0
    assert run("deploy", str(essai))[2] == ""


def test_problems_are_all_told_and_nothing_is_kept(run: Any, essai: Path) -> None:
    change(essai, 'name="description"', 'name="describtion"')
    status, said, complaint = run("deploy", str(essai))
    assert status == 1
    assert "describtion" in said
    assert "essai.bpmn:" in said
    assert complaint == "parvis: 1 not deployed: see the problems above\n"
    assert run("versions")[1] == "no procedure is deployed\n"


def test_a_file_in_another_encoding_is_a_problem(run: Any, essai: Path) -> None:
    """XML may be written in any; what is kept, shown and deposited again is UTF-8."""
    text = essai.read_text().replace('encoding="UTF-8"', 'encoding="ISO-8859-1"')
    essai.write_bytes(text.encode("latin-1", "xmlcharrefreplace"))
    for verb in ("check", "deploy"):
        status, said, _ = run(verb, str(essai))
        assert status == 1
        assert "essai.bpmn:1: Le fichier n’est pas écrit en UTF-8" in said.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("publish essai 7", "the procedure essai has no version 7"),
        ("publish nope 1", "the procedure nope has no version 1"),
        ("withdraw nope", "there is no procedure nope"),
        ("versions nope", "there is no procedure nope"),
        ("versions esai", "there is no procedure esai: did you mean essai?"),
        ("deploy nope.bpmn", "no such file: nope.bpmn"),
    ],
)
def test_what_is_not_there_is_said(run: Any, essai: Path, typed: str, complaint: str) -> None:
    run("deploy", str(essai))
    assert run(*typed.split()) == (1, "", f"parvis: {complaint}\n")


def test_who_follows_the_warning_of_a_lane_is_not_refused(run: Any, essai: Path) -> None:
    """The groups of the lanes are open once the version is offered; before, the advice says how to open one."""
    assert "--group Instruction --new-group …" in run("deploy", str(essai), "--no-publish")[2]
    assert "--group Instruction …" in run("deploy", str(essai))[2]


def test_operations_are_told_as_a_service_task_needs_them(run: Any) -> None:
    status, said, _ = run("operations", "notifications/send")
    assert status == 0
    assert "    subject (template, optional): " in said
    assert "only after filing" in said
    assert run("operations", "nope") == (1, "", "parvis: there is no operation nope\n")
