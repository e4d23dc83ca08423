"""The wizard: nothing lost, nothing twice, and a page that says what happened (A2, A3, A9, A10)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from engine.bpmn.workflow import Workflow
from engine.core import clock, mail
from engine.core.db import Database
from engine.core.errors import ProcessStuck
from engine.people import throttle
from engine.people.kept import KeptForm
from engine.procedures import catalogue, history, incidents
from engine.procedures.cases import Case
from portal import typed
from portal.app import create_app
from portal.public import catalogue as public_catalogue
from tests.portal.conftest import INFORMATION, REPORT, ROOT, Visitor

Said = Callable[[TestResponse], str]


def _case(data: Database, reference: str) -> Case:
    with data.reading() as session:
        return next(case for case in session.query(Case) if case.reference == reference)


def _kinds(data: Database, reference: str) -> list[str]:
    case = _case(data, reference)
    with data.reading() as session:
        return [entry.kind for entry in history.of_case(session, case.id)]


def test_a_request_without_an_account_goes_from_the_catalogue_to_its_confirmation(
    visitor: Visitor, data: Database, said: Said
) -> None:
    page = visitor.get("/demarches/signalement")
    assert "Commencer" in said(page)
    step = visitor.post("/demarches/signalement")
    assert step.status_code == 303
    page = visitor.follow(step)
    assert "<title>Mes informations (étape 2 sur\u00a04)" in page.text
    assert page.text.count('aria-current="step"') == 1
    answer = visitor.post(step.location, INFORMATION)
    answer = visitor.post(answer.location, REPORT)
    summary = visitor.follow(answer)
    assert "Un matelas sur le trottoir." in said(summary)
    answer = visitor.post(answer.location, {"certification": "true"})
    confirmation = visitor.follow(answer)
    assert "Votre demande est prise en compte" in said(confirmation)
    reference = step.location.split("/")[2]
    assert reference in said(confirmation)
    assert "nadia.petit@exemple.fr" in said(confirmation)
    assert _case(data, reference).status == "filed"
    with data.reading() as session:
        (letter,) = mail.outbox(session)
    assert "/suivi/" in letter.text


def test_errors_come_with_what_was_typed(visitor: Visitor, data: Database, said: Said) -> None:
    """A3: listed at the top, linked to their fields, nothing typed lost."""
    step = visitor.post("/demarches/signalement").location
    page = visitor.post(step, {"prenoms": "Nadia", "courriel": "nadia@"})
    assert page.status_code == 422
    assert "<title>Erreur\u00a0: Mes informations" in page.text
    assert 'href="#f-nom_naissance"' in page.text
    assert 'href="#f-courriel"' in page.text
    assert 'value="Nadia"' in page.text
    assert 'value="nadia@"' in page.text
    assert _case(data, step.split("/")[2]).document == {}


def test_a_second_click_does_nothing_twice(visitor: Visitor, data: Database) -> None:
    step = visitor.post("/demarches/signalement").location
    reference = step.split("/")[2]
    first = visitor.post(step, INFORMATION)
    second = visitor.post(step, INFORMATION)
    assert first.location == second.location
    summary = visitor.post(first.location, REPORT).location
    filed = visitor.post(summary, {"certification": "true"})
    again = visitor.post(summary, {"certification": "true"})
    assert filed.location == again.location == f"/demandes/{reference}/confirmation"
    assert _kinds(data, reference).count("filed") == 1
    with data.reading() as session:
        assert len(mail.outbox(session)) == 1


def test_going_back_keeps_the_later_answers_and_comes_back_to_the_summary(
    visitor: Visitor, report: Callable[..., str], said: Said
) -> None:
    """A2: «Modifier» leads back to the summary when nothing else changed."""
    reference = report(visitor)
    page = visitor.get(f"/demandes/{reference}/etapes/mes_informations")
    assert 'value="Nadia"' in page.text
    assert "Vous modifiez une étape déjà remplie" in said(page)
    answer = visitor.post(f"/demandes/{reference}/etapes/mes_informations", {**INFORMATION, "prenoms": "Nadège"})
    assert answer.location == f"/demandes/{reference}/etapes/recapitulatif"
    summary = said(visitor.follow(answer))
    assert "Nadège" in summary
    assert "Un matelas sur le trottoir." in summary


def test_a_step_that_is_not_open_yet_leads_to_the_one_that_is(visitor: Visitor, said: Said) -> None:
    step = visitor.post("/demarches/signalement").location
    later = step.replace("mes_informations", "recapitulatif")
    assert visitor.get(later).location == step
    posted = visitor.post(later, {"certification": "true"})
    page = visitor.follow(posted)
    assert "rien n’a été perdu" in said(page)
    assert 'name="prenoms"' in page.text


def test_a_filed_request_is_not_filled_in_any_more(visitor: Visitor, report: Callable[..., str], said: Said) -> None:
    reference = report(visitor, filed=True)
    page = visitor.follow(visitor.get(f"/demandes/{reference}/etapes/ma_demande"))
    assert "déjà déposée" in said(page)
    assert visitor.post(f"/demandes/{reference}/etapes/ma_demande", REPORT).location.endswith("/confirmation")


def test_a_restart_in_the_middle_loses_nothing(visitor: Visitor, portal: Flask, data: Database) -> None:
    """A3, A9: the draft is in the database, and the private link in the cookie."""
    step = visitor.post("/demarches/signalement").location
    step = visitor.post(step, INFORMATION).location
    restarted = Visitor(create_app(database=data))
    for name in ("parvis",):
        cookie = visitor.client.get_cookie(name)
        assert cookie is not None
        restarted.client.set_cookie(name, cookie.value)
    page = restarted.get(step)
    assert page.status_code == 200
    assert restarted.post(step, REPORT).location.endswith("/recapitulatif")


def test_opening_a_procedure_again_offers_the_draft(visitor: Visitor, said: Said) -> None:
    """A9: one draft a procedure and person."""
    step = visitor.post("/demarches/signalement").location
    page = visitor.get("/demarches/signalement")
    assert "Reprendre mon brouillon" in said(page)
    assert visitor.post("/demarches/signalement").location == step
    anew = visitor.post("/demarches/signalement", {"recommencer": "oui"}).location
    assert anew != step
    assert visitor.get(step).status_code in (303, 404)


def test_what_is_sent_from_a_draft_that_is_gone_was_not_filed(visitor: Visitor, said: Said) -> None:
    """Deleted in another tab: the recap says so, and where to begin again."""
    step = visitor.post("/demarches/signalement").location
    for answers in (INFORMATION, REPORT):
        step = visitor.post(step, answers).location
    assert "Supprimer ce brouillon et recommencer" in said(visitor.get("/demarches/signalement"))
    visitor.post("/demarches/signalement", {"recommencer": "oui"})
    page = visitor.follow(visitor.post(step, {"certification": "true"}))
    assert page.request.path == "/demarches/signalement"
    assert "n’a pas été déposée" in said(page)
    assert "n’a pas été déposée" in said(visitor.follow(visitor.get(step)))


def test_a_draft_is_resumed_with_its_private_link(visitor: Visitor, visitors: Callable[[], Visitor]) -> None:
    """A9: from another device, without an account."""
    step = visitor.post("/demarches/signalement").location
    step = visitor.post(step, INFORMATION).location
    page = visitor.post(f"/demandes/{step.split('/')[2]}/lien")
    link = page.text.split("/suivi/")[1].split('"')[0]
    elsewhere = visitors()
    answer = elsewhere.get(f"/suivi/{link}")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.location == step
    assert elsewhere.get(step).status_code == 200


def test_asking_for_a_link_keeps_what_is_typed(
    visitor: Visitor, visitors: Callable[[], Visitor], data: Database
) -> None:
    """A9: right or wrong, shown again to who opens the link, and not validated by it."""
    step = visitor.post("/demarches/signalement").location
    page = visitor.post(step, {"prenoms": "Nadia", "courriel": "nadia@", "_action": "save"})
    assert page.status_code == 200
    link = page.text.split("/suivi/")[1].split('"')[0]
    assert f'href="{step}"' in page.text
    elsewhere = visitors()
    assert elsewhere.get(f"/suivi/{link}").location == step
    page = elsewhere.get(step)
    assert 'value="Nadia"' in page.text
    assert 'value="nadia@"' in page.text
    assert _case(data, step.split("/")[2]).document == {}
    elsewhere.post(step, INFORMATION)
    assert _case(data, step.split("/")[2]).typed is None


def test_leaving_a_step_from_an_account_keeps_what_is_typed(
    visitor: Visitor, account: Callable[..., Any], said: Said
) -> None:
    """A9."""
    account()
    visitor.sign_in("claire.martin@exemple.fr")
    step = visitor.post("/demarches/signalement").location
    answer = visitor.post(step, {"prenoms": "Claire-Marie", "_action": "save"})
    assert answer.location == "/mon-espace"
    assert "Votre saisie est enregistrée" in said(visitor.get(answer.location))
    page = visitor.get(step)
    assert 'value="Claire-Marie"' in page.text
    assert "n’est pas encore validée" in said(page)


def test_a_step_left_with_errors_is_found_as_it_was(visitor: Visitor, report: Callable[..., str], said: Said) -> None:
    """A3: also on a passed step, whose validated answers stay those of the request."""
    reference = report(visitor)
    step = f"/demandes/{reference}/etapes/ma_demande"
    assert visitor.post(step, {**REPORT, "description": "Deux sommiers.", "nature": ""}).status_code == 422
    assert "Deux sommiers." in visitor.get(step).text
    assert "Un matelas sur le trottoir." in said(visitor.get(f"/demandes/{reference}/etapes/recapitulatif"))


def test_what_was_typed_goes_with_the_draft(visitor: Visitor, data: Database, report: Callable[..., str]) -> None:
    reference = report(visitor)
    step = f"/demandes/{reference}/etapes/ma_demande"
    visitor.post(step, {**REPORT, "nature": ""})
    assert _case(data, reference).typed
    visitor.post(f"/demandes/{reference}/annuler")
    assert _case(data, reference).typed is None


def test_what_is_too_long_to_keep_is_still_drawn_again(visitor: Visitor, data: Database) -> None:
    step = visitor.post("/demarches/signalement").location
    page = visitor.post(step, {"prenoms": "é" * 100_000})
    assert page.status_code == 422
    assert _case(data, step.split("/")[2]).typed is None


def test_an_expired_session_gives_back_what_was_typed(
    visitor: Visitor, account: Callable[..., Any], said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A3: kept, asked to sign in, and drawn again; only then taken."""
    account()
    visitor.sign_in("claire.martin@exemple.fr")
    step = visitor.post("/demarches/signalement").location
    real_now = clock.now
    monkeypatch.setattr(clock, "now", lambda: real_now() + timedelta(hours=3))
    answer = visitor.post(step, {**INFORMATION, "nom_naissance": "Petit-Lefèvre"})
    assert answer.status_code == 303
    assert answer.location.startswith("/connexion?suite=%2Fdemandes%2F")
    assert "Ce que vous avez saisi est conservé" in said(visitor.get(answer.location))
    back = visitor.sign_in("claire.martin@exemple.fr", suite=step)
    assert back.location == step
    page = visitor.get(back.location)
    assert 'value="Petit-Lefèvre"' in page.text
    assert 'value="Petit-Lefèvre"' not in visitor.get(step).text  # given back once


def test_what_was_typed_outlives_both_cookies(visitor: Visitor, account: Callable[..., Any], said: Said) -> None:
    """A3: the page that asks to sign in says so, and is believed."""
    account()
    visitor.sign_in("claire.martin@exemple.fr")
    step = visitor.post("/demarches/signalement").location
    for name in ("parvis", "parvis_connexion"):
        visitor.client.delete_cookie(name)
    answer = visitor.post(step, {**INFORMATION, "nom_naissance": "Petit-Lefèvre"})
    assert answer.location.startswith("/connexion?suite=%2Fdemandes%2F")
    assert "connectez-vous pour le retrouver" in said(visitor.get(answer.location))
    back = visitor.sign_in("claire.martin@exemple.fr", suite=step)
    assert 'value="Petit-Lefèvre"' in visitor.get(back.location).text


def test_what_was_typed_goes_to_nobody_else(
    visitor: Visitor, account: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    account()
    account("karim.benali@exemple.fr", first_names="Karim", birth_name="Benali")
    visitor.sign_in("claire.martin@exemple.fr")
    step = visitor.post("/demarches/signalement").location
    real_now = clock.now
    monkeypatch.setattr(clock, "now", lambda: real_now() + timedelta(hours=3))
    visitor.post(step, {**INFORMATION, "nom_naissance": "Petit-Lefèvre"})
    visitor.sign_in("karim.benali@exemple.fr", suite=step)
    page = visitor.get(step)
    assert page.status_code == 404
    assert "Petit-Lefèvre" not in page.text


def test_a_form_of_another_time_is_drawn_again_with_what_was_typed(visitor: Visitor, said: Said) -> None:
    step = visitor.post("/demarches/signalement").location
    answer = visitor.post(step, {**INFORMATION, "csrf_token": "of another time"})
    assert answer.location == step
    page = visitor.get(step)
    assert "vérifiez, puis validez de nouveau" in said(page)
    assert 'value="Nadia"' in page.text


def test_a_form_of_another_site_is_refused(visitor: Visitor, data: Database) -> None:
    step = visitor.post("/demarches/signalement").location
    answer = visitor.post(step, INFORMATION, token=False, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 400
    assert 'value="Nadia"' not in visitor.get(step).text
    assert _case(data, step.split("/")[2]).document == {}


def test_a_process_that_stops_keeps_what_was_typed_and_says_so(
    visitor: Visitor, data: Database, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = visitor.post("/demarches/signalement").location
    visitor.post(step, {"prenoms": "Nad"})

    def stop(*_: Any) -> None:
        raise ProcessStuck("suite", "no branch matches")

    with monkeypatch.context() as patched:
        patched.setattr(Workflow, "complete", stop)
        page = visitor.post(step, INFORMATION)
    assert page.status_code == 503
    assert "Nous n’avons pas pu enregistrer cette étape" in said(page)
    with data.reading() as session:
        ((incident, case),) = incidents.listing(session)
    assert str(incident.id)[:8] in said(page)
    assert case.document == {}
    assert 'value="Nadia"' in visitor.get(step).text


def test_somebody_elses_request_is_not_there(visitor: Visitor, visitors: Callable[[], Visitor], account: Any) -> None:
    step = visitor.post("/demarches/signalement").location
    stranger = visitors()
    assert stranger.get(step).location.startswith("/connexion")
    account()
    stranger.sign_in("claire.martin@exemple.fr")
    assert stranger.get(step).status_code == 404
    assert stranger.post(step, INFORMATION).status_code == 404
    assert stranger.get(step.replace(step.split("/")[2], "AAAA-AAAA")).status_code == 404


@pytest.mark.parametrize("step", ["qualification", "inconnue", "mes_informations%00", "../recapitulatif"])
def test_steps_that_are_none_are_refused(visitor: Visitor, data: Database, step: str) -> None:
    mine = visitor.post("/demarches/signalement").location
    address = mine.replace("mes_informations", step)
    assert 400 <= visitor.get(address).status_code < 500
    assert 400 <= visitor.post(address, INFORMATION).status_code < 500
    assert _case(data, mine.split("/")[2]).document == {}


def test_the_indicator_and_the_request_follow_the_way_that_was_taken(
    visitor: Visitor, data: Database, said: Said
) -> None:
    """A2: a question that the answers no longer call for is neither shown nor filed."""
    folder = ROOT / "tests" / "engine" / "procedures" / "essai"
    for sources in catalogue.read_folder(folder):
        data.run(catalogue.deploy, sources)
    step = visitor.post("/demarches/essai").location
    base = step.rpartition("/")[0]
    step = visitor.post(step, INFORMATION).location
    step = visitor.post(step, {"objet": "Un banc", "montant": "5000"}).location
    assert step == f"{base}/precisions"
    step = visitor.post(step, {"raison": "Il est cassé."}).location
    assert step == f"{base}/recapitulatif"
    assert "Il est cassé." in said(visitor.get(step))
    step = visitor.post(f"{base}/ma_demande", {"objet": "Un banc", "montant": "10"}).location
    assert step == f"{base}/recapitulatif"
    page = visitor.get(step)
    assert "Précisions" not in page.text
    assert visitor.get(f"{base}/precisions").location == step
    visitor.post(step, {"certifie": "true"})
    case = _case(data, base.split("/")[2])
    assert case.status == "filed"
    assert "precisions" not in case.document


def test_two_clicks_at_once_file_once(
    visitor: Visitor, visitors: Callable[[], Visitor], data: Database, report: Callable[..., str]
) -> None:
    reference = report(visitor)
    summary = f"/demandes/{reference}/etapes/recapitulatif"
    cookie = visitor.client.get_cookie("parvis")
    assert cookie is not None
    clicks = [visitors() for _ in range(4)]
    for click in clicks:
        click.client.set_cookie("parvis", cookie.value)
        click.token = visitor.token
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda click: click.post(summary, {"certification": "true"}), clicks))
    assert {answer.location for answer in answers} == {f"/demandes/{reference}/confirmation"}
    assert _kinds(data, reference).count("filed") == 1
    with data.reading() as session:
        assert len(mail.outbox(session)) == 1


def test_strangers_cannot_fill_the_store_of_typed_forms(
    visitor: Visitor, data: Database, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A form posted by nobody in particular is put aside a few times, then no more."""
    monkeypatch.setattr(typed, "KEPT", throttle.Limit("kept-few", burst=3, every=timedelta(hours=1)))
    answers = [visitor.post(f"/demandes/AAAA-AAA{number}/etapes/x", INFORMATION) for number in range(5)]
    assert {answer.status_code for answer in answers} == {303}
    assert "n’a pas pu être conservé" in said(visitor.get(answers[-1].location))
    with data.reading() as session:
        assert session.query(KeptForm).count() == 3


def test_whoever_opens_drafts_by_the_hundred_is_slowed_down(
    visitors: Callable[[], Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_catalogue, "DRAFTS", throttle.Limit("drafts-few", burst=2, every=timedelta(hours=1)))
    answers = [visitors().post("/demarches/signalement").status_code for _ in range(3)]
    assert answers == [303, 303, 429]
