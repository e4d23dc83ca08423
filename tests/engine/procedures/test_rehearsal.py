"""Rehearsal: scenarios walked on a throw-away database, what goes wrong said in plain French, coverage counted (F3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.bpmn import model
from engine.bpmn.model import Source
from engine.core import clock
from engine.core.config import Settings
from engine.core.errors import DefinitionError
from engine.procedures import catalogue, rehearsal, scenarios
from engine.procedures.catalogue import SourceSet
from engine.procedures.rehearsal import Report, flows_of

FOLDER = Path(__file__).parent / "essai"

DEPOT = """
  depot:
    - resident: mes_informations
    - resident: ma_demande
      answers: {objet: Un banc, montant: 10}
    - resident: recapitulatif
      answers: {certifie: true}
"""


def essai() -> SourceSet:
    [sources] = catalogue.read_folder(FOLDER)
    return sources


def rehearse(steps: str, expect: str, person: str = "claire", *, who: bool = False) -> Report:
    """One scenario of the test procedure, filed first; `who` gives the name of somebody without an account."""
    named = "\n      answers: {prenoms: Ada, nom_naissance: Lovelace, courriel: ada@exemple.fr}" if who else ""
    depot = DEPOT.replace("mes_informations", f"mes_informations{named}")
    text = (
        f"steps:{depot}\nscenarios:\n  - name: Essai\n    as: {person}\n    at: 2026-03-02\n"
        f"    steps: [{{use: depot}}, {steps}]\n    expect: {expect}\n"
    )
    return rehearsal.rehearse(essai(), scenarios.read("essai.scenarios.yaml", text.encode()))


def faults(steps: str, expect: str = "{status: closed}", person: str = "claire") -> str:
    [outcome] = rehearse(steps, expect, person).outcomes
    assert not outcome.passed
    return "\n".join(outcome.faults).replace("\N{NO-BREAK SPACE}", " ")


ACCEPT = "{agent: instruction, answers: {decision: accepter}}"


def test_a_scenario_that_goes_as_it_says_has_no_fault() -> None:
    report = rehearse(ACCEPT, "{end: acceptee, status: closed, notified: [accuse-reception], data: {total: 20}}")
    assert report.outcomes[0].faults == ()
    assert report.passed


def test_each_expectation_that_isn_t_met_is_a_fault() -> None:
    said = faults(ACCEPT, "{end: refusee, status: filed, open: [instruction], notified: [refus], data: {total: 21}}")
    assert "devait finir à « refusee » et finit à « acceptee »" in said
    assert "l’état devait être « filed », il est « closed »" in said
    assert "les tâches ouvertes devaient être instruction, ce sont aucun" in said
    assert "les messages devaient être refus, ce sont accuse-reception" in said
    assert "« total » devait valoir 21 et vaut 20" in said


def test_what_the_resident_has_in_the_end_can_be_expected() -> None:
    """The account, the rights, the plans and the consents: what a procedure is for."""
    expect = (
        "{end: acceptee, account: {connexion: claire.martin@exemple.fr, adresse.commune: Valmont-sur-Seine},"
        " rights: [{numero: SR-4127-08, jours_avant_fin: 30}], plans: [], consents: {paiement-mobile: false}}"
    )
    assert rehearse(ACCEPT, expect).outcomes[0].faults == ()


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("account: {adresse: {commune: Paris}}", "« account.adresse.commune » devait valoir 'Paris'"),
        ("account: {inconnue: 1}", "« account.inconnue » devait valoir 1 et vaut None"),
        ("rights: []", "« rights » devait valoir []"),
        ("rights: [{zone: Z9}]", "« rights.0.zone » devait valoir 'Z9' et vaut 'Z3'"),
        ("consents: {paiement-mobile: true}", "« consents.paiement-mobile » devait valoir True et vaut False"),
    ],
)
def test_what_the_resident_doesn_t_have_is_a_fault(expect: str, said: str) -> None:
    assert said in faults(ACCEPT, f"{{end: acceptee, {expect}}}")


def test_nobody_has_nothing_without_an_account() -> None:
    report = rehearse(ACCEPT, "{end: acceptee, rights: [], plans: []}", person="anonymous", who=True)
    assert report.outcomes[0].faults == ()


def test_a_scenario_that_stops_on_the_way_says_what_is_waited_for() -> None:
    assert "attend encore instruction" in faults("{advance: P1D}", "{end: acceptee}")


def test_an_unfinished_scenario_may_say_what_is_open() -> None:
    assert rehearse("{advance: P1D}", "{open: [instruction]}").passed


def test_refused_answers_are_said_by_field() -> None:
    said = faults("{agent: instruction, answers: {decision: refuser}}")
    assert said.startswith("étape 4 (agent : instruction) : réponses refusées : motif")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("{resident: complement, answers: {reponse: Oui}}", "cette tâche n’est pas ouverte. La demande attend encore"),
        ("{resident: instruction}", "est une tâche du couloir « Instruction »"),
        ("{agent: complement}", "est une tâche du couloir « Usager »"),
        ("{agent: inconnue}", "n’a pas de tâche « inconnue »"),
        ("{agent: calcul}", "n’a pas de tâche « calcul »"),
        ("{advance: demain}", "Une durée s’écrit"),
        ("{message: paiement}", "n’attend pas ce message"),
    ],
)
def test_a_step_that_can_t_be_taken_says_why(step: str, said: str) -> None:
    assert said in faults(step)


def test_nobody_unknown_walks() -> None:
    assert "personne ne s’appelle « zoe »" in faults(ACCEPT, person="zoe")


def test_timers_fire_in_their_order_at_their_own_time() -> None:
    """The reminder of the third day leaves on the third day, though a month goes by in one step."""
    report = rehearse(f"{{advance: P1M}}, {ACCEPT}", "{end: acceptee, notified: [accuse-reception, delai]}")
    assert report.outcomes[0].faults == ()
    assert "rappel" in report.outcomes[0].elements


def test_a_request_can_be_cancelled() -> None:
    assert rehearse("{cancel: true}", "{status: cancelled}").passed


def test_what_no_scenario_passes_through_is_named() -> None:
    report = rehearse(ACCEPT, "{end: acceptee}")
    assert "refusee" in report.missed_elements
    assert "instruction" not in report.missed_elements
    assert "de_precisions_a_recapitulatif" in report.missed_flows
    assert 0 < report.coverage < 1


def test_nothing_is_left_behind(settings: Settings) -> None:
    """Neither a file in the folder of data, nor a moved clock."""
    before = clock.now()
    rehearse(f"{{advance: P1Y}}, {ACCEPT}", "{end: acceptee}")
    assert list(settings.data.iterdir()) == []
    assert (clock.now() - before).days == 0


def test_a_procedure_with_problems_is_not_walked() -> None:
    sources = essai()
    broken = SourceSet(
        Source("essai.bpmn", sources.bpmn.content.replace(b"ma_demande.montant", b"montant")), (), sources.forms
    )
    with pytest.raises(DefinitionError):
        rehearsal.rehearse(broken, ())


FLOWS = """<?xml version="1.0"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="x">
  <bpmn:process id="p" isExecutable="true">
    <bpmn:startEvent id="s"/><bpmn:exclusiveGateway id="g"/><bpmn:task id="a"/><bpmn:parallelGateway id="j"/>
    <bpmn:task id="b"/><bpmn:endEvent id="e"/>
    <bpmn:sequenceFlow id="sg" sourceRef="s" targetRef="g"/><bpmn:sequenceFlow id="ga" sourceRef="g" targetRef="a"/>
    <bpmn:sequenceFlow id="ge" sourceRef="g" targetRef="e"/><bpmn:sequenceFlow id="ae" sourceRef="a" targetRef="e"/>
    <bpmn:sequenceFlow id="aj" sourceRef="a" targetRef="j"/><bpmn:sequenceFlow id="bj" sourceRef="b" targetRef="j"/>
  </bpmn:process>
</bpmn:definitions>"""


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        (["s", "g", "e"], {"sg", "ge"}),
        (["s", "g", "a", "e"], {"sg", "ga", "ae"}),
        (["a", "b", "j"], {"aj", "bj"}),
        (["b", "j"], {"bj"}),
        ([], set()),
    ],
)
def test_an_element_is_reached_from_the_nearest_that_leads_to_it(path: list[str], taken: set[str]) -> None:
    document = model.read(Source("p.bpmn", FLOWS.encode()))
    assert flows_of(document, path) == taken
