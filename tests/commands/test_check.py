"""`./parvis check`: every problem on its line, and a status that scripts can rely on (F1, F2)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A folder of procedures of the test's own, with one shipped procedure in it."""
    (tmp_path / "processes").mkdir()
    (tmp_path / "forms").mkdir()
    for name in ("signalement.bpmn", "signalement.messages.yaml"):
        shutil.copy(ROOT / "processes" / name, tmp_path / "processes")
    for form in (ROOT / "forms").glob("*.json"):
        shutil.copy(form, tmp_path / "forms")
    return tmp_path / "processes" / "signalement.bpmn"


def test_every_shipped_procedure_passes(run: Run) -> None:
    status, output, errors = run("check")
    assert (status, output) == (0, "")
    assert errors.endswith("no problem\n")


def test_a_sound_file_elsewhere_passes(run: Run, house: Path) -> None:
    assert run("check", str(house)) == (0, "", "1 procedure checked: no problem\n")


def test_problems_are_printed_with_their_place(run: Run, house: Path) -> None:
    text = house.read_text().replace('name="step" value="summary"', 'name="step" value="resume"')
    house.write_text(text)
    status, output, errors = run("check", str(house))
    line = text[: text.index('value="resume"')].count("\n") + 1
    assert status == 1
    assert f"signalement.bpmn:{line} recapitulatif: " in output
    assert "[bad-property]" in output
    assert "[no-summary]" in output
    assert errors == f"1 procedure checked: {len(output.splitlines())} problems\n"


def test_an_answer_that_the_form_does_not_offer_is_told(run: Run, house: Path) -> None:
    text = house.read_text()
    assert 'qualification.suite == "preciser"' in text
    house.write_text(text.replace('qualification.suite == "preciser"', 'qualification.suite == "precizer"'))
    status, output, _ = run("check", str(house))
    assert status == 1
    assert "que son formulaire ne propose pas. Réponses possibles : " in output.replace("\N{NO-BREAK SPACE}", " ")


def test_problems_of_messages_are_printed_too(run: Run, house: Path) -> None:
    words = house.with_name("signalement.messages.yaml")
    words.write_text(words.read_text().replace("  urgent: true", "  urgent: bientôt"))
    status, output, _ = run("check", str(house))
    assert status == 1
    assert "signalement.messages.yaml:13 rappel-precision: " in output, output


def test_a_file_that_cannot_be_read_is_told_like_any_problem(run: Run, house: Path) -> None:
    house.write_text("bonjour")
    status, output, _ = run("check", str(house))
    assert status == 1
    assert output.startswith("signalement.bpmn:1: Le fichier n’est pas un XML bien formé")


def test_a_file_that_is_not_there_is_a_misuse(run: Run, house: Path) -> None:
    status, output, errors = run("check", str(house.with_name("absent.bpmn")))
    assert (status, output) == (2, "")
    assert "no such file" in errors


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("stationnement residentiel", "Stationnement résidentiel"),
        ("Stationement résidentiel", "Stationnement résidentiel"),
        ("Usagers", "Usager"),
        ("Espaces verts", ""),
        ("Secteur 2", ""),
    ],
)
def test_a_lane_that_is_nearly_another_is_doubtful(run: Run, house: Path, name: str, meant: str) -> None:
    """Published, it would open a group of nobody."""
    text = house.read_text()
    assert 'name="Propreté et espace public"' in text
    house.write_text(text.replace('name="Propreté et espace public"', f'name="{name}"'))
    other = house.with_name("voirie.bpmn")
    other.write_text(text.replace('name="Propreté et espace public"', 'name="Secteur 1"'))
    status, output, errors = run("check", str(house))
    other.unlink()
    assert (status, output) == (0, "")
    line, *rest = errors.splitlines()
    if meant:
        assert line.startswith("warning: signalement.bpmn:")
        assert f"« {name} » s’appelle presque comme « {meant} »" in line.replace("\N{NO-BREAK SPACE}", " ")
        (line,) = rest
    assert line == "1 procedure checked: no problem"
