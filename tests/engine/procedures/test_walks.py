"""Shipped procedures from the first step to the decision, as their people go through them (A14, A16, A17)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from engine.contact import appointments
from engine.core import mail
from engine.core.db import Session
from engine.core.errors import InvalidAnswers, StaleStep
from engine.core.jobs import Job
from engine.procedures import cases, catalogue, choices, demo, history, instructions, tasks
from tests.engine.procedures.walking import Walk

Begin = Callable[..., Walk]


def renewal_to_examine(walk: Begin) -> Walk:
    """A renewal whose vehicle has changed, which an agent has to examine."""
    case = walk("stationnement-renouvellement")
    case.resident_submits("mes_informations")
    case.resident_submits(
        "mon_droit",
        droit="SR-4127-08",
        duree=12,
        vehicule="nouveau",
        immatriculation="HB-731-ZC",
        carte_grise=["carte-grise.pdf"],
    )
    case.resident_submits("mes_justificatifs", meme_adresse=True, justificatif_domicile=["quittance.pdf"])
    case.resident_submits("paiement_mobile", choix="refuse")
    case.resident_submits("recapitulatif", certification=True)
    return case


def test_a_refused_renewal_tells_the_resident_why(walk: Begin) -> None:
    case = renewal_to_examine(walk)
    case.agent_completes("instruction", decision="refuser", motif="Ce véhicule n’est pas à votre nom.")
    assert case.closed
    assert case.notified == ["accuse-reception", "refus"]


@pytest.mark.parametrize(
    ("duree", "meme_adresse", "said", "end"),
    [
        (12, True, "Dès le dépôt de votre demande, votre droit sera renouvelé.", "droit_renouvele"),
        (36, True, "Un agent examinera votre demande", None),
        (12, False, "Un agent examinera votre demande", None),
    ],
)
def test_a_renewal_says_before_it_is_filed_whether_an_agent_examines_it(
    walk: Begin, duree: int, meme_adresse: bool, said: str, end: str | None
) -> None:
    case = walk("stationnement-renouvellement")
    case.resident_submits("mes_informations")
    case.resident_submits("mon_droit", droit="SR-4127-08", duree=duree, vehicule="inchange")
    moved = {} if meme_adresse else {"date_emmenagement": "2027-02-01"}
    case.resident_submits(
        "mes_justificatifs", meme_adresse=meme_adresse, justificatif_domicile=["quittance.pdf"], **moved
    )
    case.resident_submits("paiement_mobile", choix="refuse")
    definition = catalogue.definition(case.session, case.case.version_id)
    assert instructions.of(case.case, definition, "recapitulatif").startswith(said)
    case.resident_submits("recapitulatif", certification=True)
    assert case.end == end
    [letter] = case.session.scalars(select(mail.Mail.text).where(mail.Mail.name == "accuse-reception"))
    # Who has their right already waits for no answer.
    assert ("Sans réponse de notre part" in letter) is (end is None)


def test_missing_documents_are_asked_for_until_they_come(walk: Begin) -> None:
    case = renewal_to_examine(walk)
    for _ in range(2):
        pieces = ["Certificat d’immatriculation du véhicule"]
        case.agent_completes("instruction", decision="completer", pieces=pieces, message="La photo est coupée.")
        assert case.waiting == ["completer_dossier"]
        case.resident_submits("completer_dossier", pieces=["carte-grise.pdf"])
        assert case.waiting == ["instruction"]
    case.agent_completes("instruction", decision="accepter")
    assert case.closed
    assert case.end == "droit_renouvele"


def test_a_report_needs_no_account(walk: Begin) -> None:
    case = walk("signalement", person="")
    case.resident_submits("mes_informations", prenoms="Nadia", nom_naissance="Petit", courriel="nadia@exemple.fr")
    place = {"voie": "3 rue du Four", "code_postal": "75099", "commune": "Valmont-sur-Seine"}
    case.resident_submits("ma_demande", nature="depot", lieu=place, description="Un matelas.", danger=False)
    case.resident_submits("recapitulatif", certification=True)
    case.agent_completes("qualification", suite="intervenir", equipe="proprete")
    assert case.waiting == ["intervention"]


def test_the_agent_s_task_has_its_due_date_and_leaves_the_queue_when_done(walk: Begin) -> None:
    case = renewal_to_examine(walk)
    agent = case.agent_for("instruction")
    [task] = tasks.queue(case.session, agent).tasks
    assert task.due_at is not None
    assert (task.due_at - task.opened_at).days == 5
    case.time_passes("P6D")
    assert [one.late for one in tasks.queue(case.session, agent, late=True).tasks] == [True]
    cases.complete_task(case.session, case.case, task.id, {"decision": "accepter"}, agent)
    assert tasks.queue(case.session, agent).tasks == []
    with pytest.raises(StaleStep):
        cases.complete_task(case.session, case.case, task.id, {"decision": "accepter"}, agent)


def test_the_history_passes_through_every_element_once_a_turn(walk: Begin) -> None:
    case = renewal_to_examine(walk)
    case.agent_completes("instruction", decision="accepter")
    passed = [element for entry in history.of_case(case.session, case.case.id) for element in entry.path]
    assert passed[0] == "debut"
    assert passed[-1] == "droit_renouvele"
    for element in ("mes_informations", "mon_droit", "mes_justificatifs", "recapitulatif", "instruction"):
        assert passed.count(element) == 1, element


def test_a_question_comes_with_the_way_to_answer_it(walk: Begin) -> None:
    """Who has no account has only what is in their mailbox (A10)."""
    case = walk("signalement", person="")
    case.resident_submits("mes_informations", prenoms="Nadia", nom_naissance="Petit", courriel="nadia@exemple.fr")
    place = {"voie": "3 rue du Four", "code_postal": "75099", "commune": "Valmont-sur-Seine"}
    case.resident_submits("ma_demande", nature="depot", lieu=place, description="Un matelas.", danger=False)
    case.resident_submits("recapitulatif", certification=True)
    case.agent_completes("qualification", suite="preciser", question="À quel étage ?")
    (asked,) = [one for one in mail.outbox(case.session) if one.name == "question"]
    (token,) = re.findall(r"/suivi/(\S+)\?onglet=echanges", asked.text)
    assert cases.of_link(case.session, token).id == case.case.id


def test_who_has_an_account_is_sent_to_sign_in(walk: Begin) -> None:
    case = renewal_to_examine(walk)
    case.agent_completes("instruction", decision="refuser", motif="Ce véhicule n’est pas à votre nom.")
    (refusal,) = [one for one in mail.outbox(case.session) if one.name == "refus"]
    assert f"/demandes/{case.case.reference}/suivi" in refusal.text
    assert "/suivi/" not in refusal.text


@pytest.mark.parametrize(
    ("answers", "when", "status", "told"),
    [
        # Before the hour: who is refused isn't expected any more, whoever is accepted is.
        ({"venue": "incomplet", "pieces_manquantes": "la photo"}, "P1D", "cancelled", ["rendez-vous-annule"]),
        ({"venue": "depose", "numero_dossier": "95A1234567"}, "P1D", "planned", []),
        # After it: they came, or not; there is nothing left to cancel.
        ({"venue": "incomplet", "pieces_manquantes": "la photo"}, "P11D", "planned", []),
        ({"venue": "absent"}, "P11D", "planned", []),
    ],
)
def test_a_request_that_ends_in_vain_gives_its_appointment_back(
    walk: Begin, session: Session, answers: dict[str, str], when: str, status: str, told: list[str]
) -> None:
    """D1: the slot is somebody else's then, and nobody is reminded of it."""
    case = walk("rendez-vous-titre-identite", at="2026-03-02 10:00")
    demo.add_agendas(session)
    slot = "2026-03-12T09:20@mairie-centrale"
    case.resident_submits("mon_rendez_vous", creneau=slot)
    case.resident_submits("mes_informations")
    case.resident_submits("ma_demande", titre_demande="passeport", motif="renouvellement")
    case.resident_submits("recapitulatif", certification=True)
    case.time_passes(when)
    case.agent_completes("accueil", **answers)
    assert case.closed
    [appointment] = appointments.of_case(session, case.case.id)
    assert appointment.status == status
    assert [name for name in case.notified if name.startswith("rendez-vous-")] == ["rendez-vous-confirme", *told]
    entries = [entry.kind for entry in history.of_case(session, case.case.id)]
    assert entries.count("appointment_cancelled") == len(told)
    reminders = session.scalar(select(func.count()).select_from(Job).where(Job.kind == "remind_of_appointment"))
    assert reminders == (status == "planned")


@pytest.mark.parametrize(
    ("born", "town", "said"),
    [
        ("1940-05-01", "Valmont-sur-Seine", []),
        ("1970-05-01", "Valmont-sur-Seine", ["60 ans ou plus"]),
        ("1970-05-01", "Paris", ["60 ans ou plus", "qui habitent Valmont"]),
    ],
)
def test_who_can_hardly_have_help_at_home_is_told_early(walk: Begin, born: str, town: str, said: list[str]) -> None:
    """A warning: the service decides."""
    case = walk("autonomie-demande")
    case.resident_submits("mes_informations")
    place = {"voie": "2 impasse du Moulin", "code_postal": "95999", "commune": town}
    who = {"sexe": "F", "prenoms": "Odette", "nom_naissance": "Roussel", "date_naissance": born, "adresse": place}
    case.resident_submits("choix_personne", pour="proche", lien="enfant", beneficiaire=who)
    definition = catalogue.definition(case.session, case.case.version_id)
    told = instructions.worked_out(case.case, definition, "ma_situation")
    assert [one for one in ("60 ans ou plus", "qui habitent Valmont") if one in told] == said


@pytest.mark.parametrize("usage", ["contact", "connexion"])
def test_a_new_email_is_another_than_the_one_in_use(walk: Begin, usage: str) -> None:
    """A15."""
    case = walk("coordonnees-courriel")
    case.resident_submits("mes_informations")
    with pytest.raises(InvalidAnswers) as refused:
        case.resident_submits("ma_demande", usage=usage, courriel="Claire.Martin@exemple.fr")
    assert refused.value.errors == {"courriel": "C’est déjà votre adresse\u00a0: saisissez-en une autre."}
    case.resident_submits("ma_demande", usage=usage, courriel="claire.m@exemple.fr")


@pytest.mark.parametrize(
    ("person", "hint", "warned"),
    [
        ("lucie", "A pris fin le 2 décembre 2026", True),
        ("claire", "Valable jusqu’au 1er avril 2027", False),
    ],
)
def test_a_right_that_ended_long_ago_is_told_of_where_it_is_chosen(
    walk: Begin, person: str, hint: str, warned: bool
) -> None:
    """A14: and the next page leads to the procedure that fits."""
    case = walk("stationnement-renouvellement", person)
    case.resident_submits("mes_informations")
    [choice] = choices.held_entitlements(case.session, case.case)
    assert choice.hint.replace("\u00a0", " ") == hint
    case.resident_submits("mon_droit", droit=choice.value, duree=12, vehicule="inchange")
    definition = catalogue.definition(case.session, case.case.version_id)
    said = instructions.of(case.case, definition, "mes_justificatifs")
    assert ("](/demarches/stationnement-premiere-demande)" in said) is warned
