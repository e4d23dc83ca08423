"""«Suivi de la demande», «À faire», cancelling, links (A10 to A13)."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from engine.contact import notifications
from engine.core import mail, pdf
from engine.core.db import Database
from engine.people.accounts import Account
from engine.people.actors import Actor
from engine.procedures import cases, tasks
from engine.procedures.cases import Case
from portal.residents import presentation
from tests.portal.conftest import INFORMATION, Visitor

Said = Callable[[TestResponse], str]
AGENT = Actor("agent", name="Jeanne Instruit", groups=frozenset({"Propreté et espace public", "Relation aux usagers"}))


def _agent_completes(data: Database, reference: str, **answers: Any) -> None:
    with data.transaction() as session:
        case = next(one for one in session.query(Case) if one.reference == reference)
        (task,) = tasks.of_case(session, case.id)
        cases.complete_task(session, case, task.id, answers, AGENT)


def test_the_tabs_tell_who_asks_what_and_what_happened(
    visitor: Visitor, report: Callable[..., str], said: Said
) -> None:
    """A12, A13: «Historique» opens first; services and never agents."""
    reference = report(visitor, filed=True)
    history = visitor.get(f"/demandes/{reference}/suivi")
    assert 'aria-current="page">Historique' in history.text
    text = said(history)
    assert "Vous avez déposé votre demande" in text
    assert "«\u00a0Propreté et espace public\u00a0»" in history.text
    assert text.index("Accusé de réception envoyé") < text.index("Vous avez commencé")  # the latest first
    assert "Un matelas sur le trottoir." in said(visitor.get(f"/demandes/{reference}/suivi/demande"))
    applicant = said(visitor.get(f"/demandes/{reference}/suivi/demandeur"))
    assert "nadia.petit@exemple.fr" in applicant
    assert "Aucune pièce" in said(visitor.get(f"/demandes/{reference}/suivi/pieces"))
    assert visitor.get(f"/demandes/{reference}/suivi/autre").status_code == 404


def test_a_phone_number_is_read_by_pairs() -> None:
    who: Any = SimpleNamespace(usager={"telephone_mobile": "0639981207"})
    _, lines = presentation.applicant(who)[-1]
    assert dict(lines) == {"Téléphone mobile": "06\u00a039\u00a098\u00a012\u00a007"}


def test_instructions_lead_to_procedures_and_nowhere_else() -> None:
    text = "Voyez [une <autre> démarche](/demarches/composteur), pas [ceci](https://ailleurs.example) ni [cela](//x)."
    [said] = presentation.paragraphs(text)
    assert said == (
        'Voyez <a class="govuk-link" href="/demarches/composteur">une &lt;autre&gt; démarche</a>, '
        "pas [ceci](https://ailleurs.example) ni [cela](//x)."
    )


def test_what_the_agent_does_is_read_without_their_name(
    visitor: Visitor, data: Database, report: Callable[..., str], said: Said
) -> None:
    reference = report(visitor, filed=True)
    _agent_completes(data, reference, suite="intervenir", equipe="proprete")
    text = said(visitor.get(f"/demandes/{reference}/suivi"))
    assert "Examiner le signalement" in text
    assert "Jeanne" not in text


def test_who_was_answered_is_not_told_to_wait_for_an_answer(
    visitor: Visitor, data: Database, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A10, A18: on the tracking, and in the receipt that is made from then on."""
    pages: list[str] = []

    def make(page: str, files: object = None) -> bytes:
        pages.append(page)
        return b"%PDF-1.7"

    monkeypatch.setattr(pdf, "make", make)
    step = visitor.post("/demarches/contact").location
    reference = step.split("/")[2]
    step = visitor.post(step, {**INFORMATION, "contact_prefere": "courriel"}).location
    message = {"nature": "question", "domaine": "autre", "thematique": "autre", "message": "Quels sont vos horaires ?"}
    step = visitor.post(step, message).location
    visitor.post(step, {"certification": "true"})
    before = said(visitor.get(f"/demandes/{reference}/suivi"))
    visitor.get(f"/demandes/{reference}/accuse-de-reception.pdf")
    _agent_completes(data, reference, suite="repondre", message="De 9 h à 17 h.")
    after = said(visitor.get(f"/demandes/{reference}/suivi"))
    visitor.get(f"/demandes/{reference}/accuse-de-reception.pdf")
    for silent in ("Sans réponse de notre part", "une réponse est attendue avant le"):
        assert silent in before
        assert silent not in after
    assert ["Sans réponse de notre part" in page for page in pages] == [True, False]


def test_what_waits_for_the_resident_is_answered_under_a_faire(
    visitor: Visitor, account: Callable[..., Account], data: Database, said: Said
) -> None:
    account()
    visitor.sign_in("claire.martin@exemple.fr")
    step = visitor.post("/demarches/coordonnees-courriel").location
    reference = step.split("/")[2]
    information = {
        "sexe": "F",
        "prenoms": "Claire",
        "nom_naissance": "Martin",
        "date_naissance-day": "14",
        "date_naissance-month": "3",
        "date_naissance-year": "1987",
        "adresse.voie": "12 rue des Tilleuls",
        "adresse.code_postal": "75099",
        "adresse.commune": "Valmont-sur-Seine",
        "courriel": "claire.martin@exemple.fr",
        "contact_prefere": "courriel",
    }
    step = visitor.post(step, information).location
    step = visitor.post(step, {"usage": "connexion", "courriel": "claire@ailleurs.example"}).location
    visitor.post(step, {"certification": "true"})
    page = visitor.get(f"/demandes/{reference}/suivi")
    assert "À compléter" in said(page)
    assert "Nous vous demandons de répondre" in said(page)
    task = page.text.split("/a-faire/")[1].split('"')[0]
    address = f"/demandes/{reference}/a-faire/{task}"
    assert "<title>À faire" in visitor.get(address).text
    assert visitor.post(address, {}).status_code == 422
    with data.reading() as session:
        code = next(
            re.findall(r"^\d{4}$", one.text, re.MULTILINE) for one in mail.outbox(session) if "code" in one.name
        )
    answer = visitor.post(address, {"action": "valider", "code": code[0]})
    assert answer.location == f"/demandes/{reference}/suivi"
    assert "Votre réponse est enregistrée." in said(visitor.get(answer.location))
    page = visitor.get(address)
    assert page.location == f"/demandes/{reference}/suivi"
    assert "déjà été traitée" in said(visitor.follow(page))
    again = visitor.post(address, {"action": "valider", "code": code[0]})
    assert "déjà été traitée" in said(visitor.follow(again))


def test_the_link_of_the_acknowledgement_opens_the_tracking(
    visitor: Visitor, visitors: Callable[[], Visitor], data: Database, report: Callable[..., str]
) -> None:
    """A10; the address that stays in the browser carries no secret."""
    reference = report(visitor, filed=True)
    with data.reading() as session:
        (letter,) = mail.outbox(session)
    path = "/suivi/" + letter.text.split("/suivi/")[1].split()[0]
    elsewhere = visitors()
    answer = elsewhere.get(path)
    assert answer.location == f"/demandes/{reference}/suivi"
    for tab in ("echanges", "rendez-vous"):
        assert elsewhere.get(f"{path}?onglet={tab}").location == f"/demandes/{reference}/suivi/{tab}"
    assert elsewhere.get(f"{path}?onglet=https://ailleurs.example").location == f"/demandes/{reference}/suivi"
    page = elsewhere.get(answer.location)
    assert page.status_code == 200
    assert path not in page.text


def test_the_outbox_shows_letters_with_their_links(visitor: Visitor, report: Callable[..., str], said: Said) -> None:
    reference = report(visitor, filed=True)
    page = visitor.get("/boite-denvoi")
    assert f"Accusé de réception de votre demande {reference}" in said(page)
    assert 'href="http://127.0.0.1:8000/suivi/' in page.text


def test_a_request_is_cancelled_once_after_a_question(
    visitor: Visitor, data: Database, report: Callable[..., str], said: Said
) -> None:
    """A11."""
    reference = report(visitor, filed=True)
    address = f"/demandes/{reference}/annuler"
    assert "Vous ne pourrez pas revenir en arrière" in said(visitor.get(address))
    page = visitor.follow(visitor.post(address))
    assert "Votre demande est annulée." in said(page)
    assert "Annulée" in said(page)
    assert visitor.post(address).status_code == 303
    with data.reading() as session:
        (case,) = session.query(Case)
        assert case.status == "cancelled"
        assert tasks.of_case(session, case.id) == []


def test_a_draft_is_thrown_away_with_what_was_typed(
    visitor: Visitor, data: Database, report: Callable[..., str], said: Said
) -> None:
    reference = report(visitor)
    page = visitor.follow(visitor.post(f"/demandes/{reference}/annuler"))
    assert "Votre brouillon est supprimé." in said(page)
    with data.reading() as session:
        (case,) = session.query(Case)
        assert case.document == {}


def test_the_history_says_what_each_letter_was_about(
    visitor: Visitor, data: Database, report: Callable[..., str], said: Said
) -> None:
    """A13."""
    reference = report(visitor, filed=True)
    _agent_completes(data, reference, suite="orienter", destinataire="Le syndic", explication="C’est privé.")
    page = visitor.get(f"/demandes/{reference}/suivi")
    with data.reading() as session:
        (case,) = session.query(Case)
        (letter,) = notifications.of_case(session, case.id)
    assert f"Nous vous avons écrit : « {letter.subject} »" in said(page)
    assert "Demande terminée" in said(page)
