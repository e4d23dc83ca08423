"""`./parvis rehearse`: what passed, what failed and why, what nobody walked (F3)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from commands.__main__ import main

ESSAI = Path(__file__).parents[1] / "engine" / "procedures" / "essai"

SCENARIOS = """
scenarios:
  - name: Un dépôt
    as: claire
    at: 2026-03-02
    steps:
      - resident: mes_informations
      - resident: ma_demande
        answers: {objet: Un banc, montant: 10}
      - resident: recapitulatif
        answers: {certifie: true}
      - agent: instruction
        answers: {decision: accepter}
    expect: {end: acceptee}
"""


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, with plain spaces."""
    return capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture
def bpmn(tmp_path: Path) -> Path:
    """The test procedure in a folder of its own, without scenarios yet."""
    return Path(shutil.copytree(ESSAI, tmp_path / "house")) / "processes" / "essai.bpmn"


def write(bpmn: Path, text: str) -> None:
    bpmn.with_name("essai.scenarios.yaml").write_text(text)


def test_it_says_what_passed_and_what_nobody_walked(bpmn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(bpmn, SCENARIOS)
    assert main(["rehearse", str(bpmn)]) == 0
    text = said(capsys)
    assert "essai: 1 of 1 scenarios passed" in text
    assert "elements that no scenario passes through: " in text
    assert "refusee" in text


def test_a_scenario_that_fails_is_said_and_the_status_is_1(bpmn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(bpmn, SCENARIOS.replace("end: acceptee", "end: refusee"))
    assert main(["rehearse", str(bpmn)]) == 1
    text = said(capsys)
    assert "0 of 1 scenarios passed" in text
    assert "✗ Un dépôt" in text
    assert "devait finir à « refusee »" in text


@pytest.mark.parametrize(
    ("content", "wanted"),
    [(None, "no scenarios"), ("scenarios: 3", "can’t be rehearsed"), ("{", "ce n’est pas du YAML")],
)
def test_scenarios_that_can_t_be_read_are_a_failure(
    bpmn: Path, content: str | None, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        write(bpmn, content)
    assert main(["rehearse", str(bpmn)]) == 1
    assert wanted in said(capsys)


def test_a_procedure_with_problems_is_a_failure_that_names_them(bpmn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(bpmn, SCENARIOS)
    bpmn.write_text(bpmn.read_text().replace("ma_demande.montant * 2", "montant * 2"))
    assert main(["rehearse", str(bpmn)]) == 1
    assert "lit « montant »" in said(capsys)


def test_an_unknown_slug_is_a_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", "inconnue"]) == 2
    assert "no such procedure: inconnue" in capsys.readouterr().err


def test_a_slug_is_one_of_the_house(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", "coordonnees-telephone"]) == 0
    assert said(capsys).startswith("coordonnees-telephone: ")
