"""Reading files of scenarios: what they say, and everything that is wrong with one, at once (F3)."""

from __future__ import annotations

import pytest

from engine.core.errors import DefinitionError
from engine.procedures import scenarios

SHARED = """
steps:
  depot:
    - resident: ma_demande
      answers: {objet: Un banc, jour: 2026-03-04}
scenarios:
  - name: Deux fois
    as: claire
    at: 2026-03-02
    steps:
      - use: depot
        change: {ma_demande: {objet: Un arbre}}
      - advance: P3D
      - agent: instruction
        answers: {decision: accepter}
    expect: {end: acceptee}
"""


def read(text: str) -> tuple[scenarios.Scenario, ...]:
    return scenarios.read("essai.scenarios.yaml", text.encode())


def problems(text: str) -> str:
    with pytest.raises(DefinitionError) as stop:
        read(text)
    return stop.value.message.replace("\N{NO-BREAK SPACE}", " ")


def test_shared_steps_take_the_place_of_the_one_that_uses_them() -> None:
    [walk] = read(SHARED)
    assert [(step.verb, step.target) for step in walk.steps] == [
        ("resident", "ma_demande"),
        ("advance", "P3D"),
        ("agent", "instruction"),
    ]


def test_a_shared_step_can_be_given_other_answers() -> None:
    [walk] = read(SHARED)
    assert walk.steps[0].answers == {"objet": "Un arbre", "jour": "2026-03-04"}


def test_a_day_is_that_day_at_ten_in_paris() -> None:
    [walk] = read(SHARED)
    assert walk.at.isoformat() == "2026-03-02T10:00:00+01:00"
    [other] = read(SHARED.replace("at: 2026-03-02", "at: 2026-07-01 08:30"))
    assert other.at.isoformat() == "2026-07-01T08:30:00+02:00"


def test_a_scenario_without_a_person_is_walked_by_nobody_in_particular() -> None:
    [walk] = read(SHARED.replace("    as: claire\n", ""))
    assert walk.person == scenarios.ANONYMOUS


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("use: depot", "use: autre"), "« autre » n’existe pas"),
        (("- resident: ma_demande\n", "- use: depot\n"), "s’emploie elle-même"),
        (("ma_demande: {objet: Un arbre}", "autre: {objet: Un arbre}"), "ne passe pas par « autre »"),
        (("at: 2026-03-02", "at: demain"), "« at » doit être une date"),
        (("expect: {end: acceptee}", "expect: {notified: []}"), "doit dire comment il finit"),
        (("expect: {end: acceptee}", "expect: {end: acceptee, fin: x}"), "« fin » n’a pas de sens"),
        (("- advance: P3D", "- advance: P3D\n        agent: instruction"), "une seule chose"),
        (("- advance: P3D", "- attendre: P3D"), "une seule chose"),
        (("answers: {decision: accepter}", "answers: [accepter]"), "un nom et une valeur"),
        (("  - name: Deux fois\n    as", "  - as"), "il lui faut un nom"),
        (("as: claire", "qui: claire"), "« qui » n’a pas de sens"),
    ],
)
def test_what_is_wrong_is_said_in_french(change: tuple[str, str], said: str) -> None:
    assert change[0] in SHARED
    assert said in problems(SHARED.replace(*change))


def test_everything_wrong_is_said_at_once() -> None:
    text = problems(SHARED.replace("at: 2026-03-02", "at: demain").replace("use: depot", "use: autre"))
    assert "« at » doit être une date" in text
    assert "« autre » n’existe pas" in text


@pytest.mark.parametrize("text", ["", "[]", "scenarios: {}", "scenarios: []", "42"])
def test_a_file_without_scenarios_is_refused(text: str) -> None:
    assert "une liste « scenarios » est attendue" in problems(text)


def test_what_is_not_yaml_is_refused_with_its_line() -> None:
    assert "ligne 2 : ce n’est pas du YAML" in problems("scenarios:\n  - {name: 'x")
    with pytest.raises(DefinitionError):
        scenarios.read("x", b"\xff\xfe\x00")


def test_two_scenarios_may_not_share_a_name() -> None:
    one = SHARED[SHARED.index("  - name") :]
    assert "deux scénarios s’appellent « Deux fois »" in problems(SHARED + one)
