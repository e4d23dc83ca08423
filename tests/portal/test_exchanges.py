"""Exchanges over HTTP: both sides, unread until «Voir la suite», files, what a form keeps, who may (D2, A12, E3)."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from engine.contact import documents, exchanges
from engine.contact.exchanges import Message
from engine.core import config, mail
from engine.core.db import Database
from engine.core.errors import ProcessStuck
from engine.people import sessions
from engine.people.accounts import Account
from engine.people.actors import ANONYMOUS, Actor
from engine.procedures import cases, history, incidents, tasks
from engine.procedures.cases import Attempt, Case
from tests.portal.conftest import Visitor

SERVICE = "Propreté et espace public"
FIRST = {"objet": "Le matelas est parti", "message": "Bonjour, quelqu’un l’a enlevé ce matin."}


@pytest.fixture
def agent(visitors: Callable[[], Visitor], account: Callable[..., Account], data: Database) -> Visitor:
    """Jeanne, of the service that treats reports, signed in."""
    jeanne = account(
        "jeanne@valmont.example", kind="agent", first_names="Jeanne", birth_name="Instruit", groups_=(SERVICE,)
    )
    browser = visitors()
    browser.client.set_cookie("parvis_connexion", data.run(sessions.open, jeanne))
    return browser


@pytest.fixture
def reference(visitor: Visitor, report: Callable[..., str]) -> str:
    """A report that `visitor` filed without an account."""
    return report(visitor, filed=True)


def photo() -> tuple[io.BytesIO, str]:
    content = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(content, "PNG")
    content.seek(0)
    return content, "trottoir.png"


def written(visitor: Visitor, reference: str, **more: object) -> TestResponse:
    """The page where a first message leads."""
    path = f"/demandes/{reference}/suivi/echanges/nouveau"
    visitor.get(path)
    return visitor.post(path, {**FIRST, **more})


def envoi(answer: TestResponse) -> str:
    found = re.search(r'name="envoi" value="([^"]+)"', answer.text)
    assert found
    return found[1]


def messages(data: Database) -> list[Message]:
    with data.reading() as session:
        return list(session.scalars(select(Message).order_by(Message.written_at)))


def test_a_message_is_read_by_the_service_and_answered(
    visitor: Visitor, agent: Visitor, reference: str, said: Callable[[TestResponse], str], data: Database
) -> None:
    """D2: «Non lu» until «Voir la suite», then «Lu»; counts on both sides; the e-mail that tells of it holds no content."""
    sent = written(visitor, reference)
    thread = sent.location
    page = visitor.follow(sent)
    assert "Votre message est envoyé" in said(page)
    assert "Pas encore lu" in said(page)

    assert "Échanges à lire (1)" in said(agent.get("/agents/corbeilles"))
    listed = agent.get("/agents/echanges")
    assert FIRST["objet"] in said(listed)
    assert FIRST["message"] not in said(listed)
    exchange_id = thread.rpartition("/")[2]
    theirs = f"/agents/demandes/{reference}/echanges/{exchange_id}"
    looked_at = agent.get(theirs)
    assert "Non lu" in said(looked_at)
    assert messages(data)[0].read_at is None, "a GET marks nothing as read"
    page = agent.follow(agent.post(f"{theirs}/lecture"))
    assert FIRST["message"] in said(page)
    assert "Non lu" not in said(page)
    assert "Échanges à lire" not in said(agent.get("/agents/corbeilles"))
    assert "Lu le" in said(visitor.get(thread))

    agent.post(theirs, {"message": "Merci de nous l’avoir dit\u00a0! Nous fermons votre signalement.", "envoi": "e1"})
    with data.reading() as session:
        letters = [one for one in mail.outbox(session) if one.name == "echange"]
    assert len(letters) == 1
    assert "Merci" not in letters[0].text + (letters[0].html or "")
    link = re.search(r"/suivi/\S+\?onglet=echanges", letters[0].text)
    assert link, letters[0].text
    assert visitor.get(link[0]).location.endswith(f"/demandes/{reference}/suivi/echanges")

    tab = visitor.get(f"/demandes/{reference}/suivi/echanges")
    assert "Échanges (1)" in said(tab)
    assert "Non lu" in said(tab)
    assert SERVICE in said(tab)
    assert "Jeanne" not in said(tab)
    page = visitor.follow(visitor.post(f"{thread}/lecture"))
    assert "Nous fermons votre signalement" in said(page)
    assert "Non lu" not in said(visitor.get(f"/demandes/{reference}/suivi/echanges"))
    assert "Jeanne Instruit" in said(agent.get(theirs))
    with data.reading() as session:
        case = session.scalars(select(Case)).one()
        kinds = [one.kind for one in history.of_case(session, case.id, public=True)]
    assert kinds.count("exchange_received") == kinds.count("exchange_sent") == 1


def test_a_question_that_the_process_waits_for_is_answered(
    visitor: Visitor, reference: str, said: Callable[[TestResponse], str], data: Database
) -> None:
    """D2: the answer delivers the BPMN message, and the process goes on in the same transaction."""
    with data.transaction() as session:
        case = session.scalars(select(Case)).one()
        (task,) = tasks.of_case(session, case.id)
        jeanne = Actor("agent", name="Jeanne", groups=frozenset({SERVICE}))
        asked = {"suite": "preciser", "question": "Devant quel numéro\u00a0?"}
        cases.complete_task(session, case, task.id, asked, jeanne)
    page = visitor.get(f"/demandes/{reference}/suivi")
    assert "À compléter" in said(page)
    assert "Une réponse est attendue de vous" in said(page)
    (thread,) = set(re.findall(rf"/demandes/{reference}/suivi/echanges/[0-9a-f-]{{36}}", page.text))
    assert "Devant quel numéro ?" in said(visitor.follow(visitor.post(f"{thread}/lecture")))
    with data.reading() as session:
        letter = next(one for one in mail.outbox(session) if one.name == "question")
        assert "numéro" not in letter.text
    answer = visitor.post(thread, {"message": "Devant le numéro 3.", "envoi": "a"})
    assert "Une réponse est attendue" not in said(visitor.follow(answer))
    page = visitor.get(f"/demandes/{reference}/suivi")
    assert "En cours" in said(page)
    with data.reading() as session:
        case = session.scalars(select(Case)).one()
        assert case.document["precision"] == {"texte": "Devant le numéro 3.", "pieces": []}
        assert [task.element_id for task in tasks.of_case(session, case.id)] == ["qualification"]


def test_an_answer_is_kept_when_the_process_cannot_go_on(
    visitor: Visitor, reference: str, data: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Operators see an incident and try again; the resident's words are in the thread."""
    with data.transaction() as session:
        case = session.scalars(select(Case)).one()
        (task,) = tasks.of_case(session, case.id)
        jeanne = Actor("agent", name="Jeanne", groups=frozenset({SERVICE}))
        cases.complete_task(session, case, task.id, {"suite": "preciser", "question": "Où\u00a0?"}, jeanne)

    def stuck(*_: object) -> None:
        error = ProcessStuck("precision", "essai")
        error.attempt = Attempt(case.id, "deliver", "precision-donnee", {}, ANONYMOUS)
        raise error

    page = visitor.get(f"/demandes/{reference}/suivi")
    (thread,) = set(re.findall(rf"/demandes/{reference}/suivi/echanges/[0-9a-f-]{{36}}", page.text))
    with monkeypatch.context() as patch:
        patch.setattr(cases, "deliver", stuck)
        assert visitor.post(thread, {"message": "Ici.", "envoi": "a"}).status_code == 303
    assert [one.text for one in messages(data)][-1] == "Ici."
    with data.reading() as session:
        assert [incident.target for incident, _ in incidents.listing(session)] == ["precision-donnee"]


def test_a_form_sent_twice_is_one_message(visitor: Visitor, reference: str, data: Database) -> None:
    path = f"/demandes/{reference}/suivi/echanges/nouveau"
    click = envoi(visitor.get(path))
    first = visitor.post(path, {**FIRST, "envoi": click})
    assert visitor.post(path, {**FIRST, "envoi": click}).location == first.location
    assert len(messages(data)) == 1


def test_errors_lose_neither_words_nor_files(
    visitor: Visitor, reference: str, said: Callable[[TestResponse], str], data: Database
) -> None:
    """A3: what is wrong is told at the top, and the file that came with it is still there."""
    path = f"/demandes/{reference}/suivi/echanges/nouveau"
    visitor.get(path)
    answer = visitor.post(path, {"objet": "", "message": "Voici une photo.", "pieces-files": photo()})
    assert answer.status_code == 422
    assert "Voici une photo." in answer.text
    assert "trottoir.png" in said(answer)
    (file_id,) = set(re.findall(r'name="pieces" value="([^"]+)"', answer.text))
    assert "trottoir.png" not in said(visitor.get(f"/demandes/{reference}/suivi/pieces")), "nobody has sent it yet"
    sent = visitor.post(path, {**FIRST, "pieces": file_id})
    assert "trottoir.png" in said(visitor.follow(sent))
    (message,) = messages(data)
    assert message.files == [file_id]
    assert visitor.get(f"/demandes/{reference}/pieces/{file_id}").status_code == 200
    assert "trottoir.png" in said(visitor.get(f"/demandes/{reference}/suivi/pieces"))


def test_a_file_joined_before_leaving_is_there_again(
    visitor: Visitor, reference: str, said: Callable[[TestResponse], str], data: Database
) -> None:
    path = f"/demandes/{reference}/suivi/echanges/nouveau"
    visitor.get(path)
    visitor.post(path, {"_action": "attach:pieces", "objet": "", "message": "", "pieces-files": photo()})
    page = visitor.get(path)
    assert "trottoir.png" in said(page)
    written(visitor, reference)  # sent without it
    assert "trottoir.png" not in said(visitor.get(path))
    with data.reading() as session:
        case = session.scalars(select(Case)).one()
        assert documents.of_case(session, case.id) == []


def test_a_message_takes_no_file_of_another(visitor: Visitor, reference: str, data: Database) -> None:
    with data.reading() as session:
        case = session.scalars(select(Case)).one()
    with data.transaction() as session:
        received = documents.Received("plan.pdf", "application/pdf", 1, "0" * 64, "none/none")
        other = documents.add(session, received, case_id=case.id, field="ailleurs", actor=ANONYMOUS).id
    written(visitor, reference, pieces=str(other))
    assert messages(data)[0].files == []


def test_what_was_typed_outlives_the_session(
    visitors: Callable[[], Visitor], account: Callable[..., Account], report: Callable[..., str], data: Database
) -> None:
    account()
    claire = visitors()
    claire.sign_in("claire.martin@exemple.fr")
    reference = report(claire, filed=True)
    path = f"/demandes/{reference}/suivi/echanges/nouveau"
    claire.get(path)
    cookie = claire.client.get_cookie("parvis_connexion")
    assert cookie is not None
    data.run(sessions.close, cookie.value)
    assert claire.post(path, FIRST).status_code in (303, 401)
    claire.sign_in("claire.martin@exemple.fr")
    page = claire.get(path)
    assert FIRST["message"] in page.text.replace("&#39;", "’")


@pytest.mark.parametrize("path", ["suivi/echanges", "suivi/echanges/nouveau"])
def test_only_procedures_that_enable_them_have_exchanges(
    visitors: Callable[[], Visitor], account: Callable[..., Account], path: str
) -> None:
    """A12: no tab, and no page either."""
    account()
    claire = visitors()
    claire.sign_in("claire.martin@exemple.fr")
    reference = claire.post("/demarches/coordonnees-telephone").location.split("/")[2]
    assert claire.get(f"/demandes/{reference}/{path}").status_code == 404
    assert "Échanges" not in claire.get(f"/demandes/{reference}/suivi").text


def test_nobody_else_reads_or_writes(
    visitor: Visitor, visitors: Callable[[], Visitor], account: Callable[..., Account], reference: str, data: Database
) -> None:
    thread = written(visitor, reference).location
    stranger = visitors()
    account("zoe@valmont.example", kind="agent", first_names="Zoé", birth_name="Ailleurs", groups_=("Autre service",))
    for login in ("", "zoe@valmont.example"):
        if login:
            stranger.sign_in(login)
        assert stranger.get(thread).status_code in (303, 401, 404)
        assert stranger.post(thread, {"message": "Je m’invite."}).status_code in (303, 401, 404)
        theirs = f"/agents/demandes/{reference}/echanges/{thread.rpartition('/')[2]}"
        assert stranger.get(theirs).status_code in (303, 401, 404)
        assert stranger.post(f"{theirs}/lecture").status_code in (303, 401, 404)
    assert len(messages(data)) == 1
    assert messages(data)[0].read_at is None


def test_messages_are_counted(visitor: Visitor, reference: str, data: Database) -> None:
    """Who writes without end is asked to wait, and what they typed stays."""
    thread = written(visitor, reference).location
    answers = [visitor.post(thread, {"message": f"Encore {number}.", "envoi": str(number)}) for number in range(12)]
    assert [one.status_code for one in answers[:9]] == [303] * 9
    assert answers[-1].status_code == 422
    assert "Patientez un moment" in answers[-1].text
    assert "Encore 11." in answers[-1].text


def test_a_closed_request_is_only_read(
    visitor: Visitor, agent: Visitor, reference: str, said: Callable[[TestResponse], str], data: Database
) -> None:
    thread = written(visitor, reference).location
    assert visitor.post(f"/demandes/{reference}/annuler").status_code == 303
    page = visitor.get(thread)
    assert "on n’y écrit plus" in said(page)
    assert "Envoyer" not in said(page)
    new = f"/demandes/{reference}/suivi/echanges/nouveau"
    assert visitor.get(new).status_code == 404
    # Nothing of what was typed meanwhile is lost, on either side, at an answer or at a first message.
    for who, path in (
        (visitor, thread),
        (visitor, new),
        (agent, f"/agents/demandes/{reference}/echanges/{thread.rpartition('/')[2]}"),
        (agent, f"/agents/demandes/{reference}/echanges/nouveau"),
    ):
        for more in ({}, {"pieces-files": photo()}, {"_action": "remove-file:pieces:x"}):
            kept = who.post(path, {"objet": "Encore", "message": "Une dernière\nchose.", **more})
            assert kept.status_code == 409, path
            assert "Cette demande a été annulée le" in said(kept)
            assert "n’a pas été envoyé" in said(kept)
            assert "Une dernière chose." in said(kept)
            assert ("Encore" in said(kept)) == path.endswith("nouveau")
        assert who.post(path, {}).status_code == 409
    assert len(messages(data)) == 1


def test_one_s_own_message_is_said_read_once_the_other_side_read_it(
    visitor: Visitor, agent: Visitor, reference: str, said: Callable[[TestResponse], str]
) -> None:
    agent.get(f"/agents/demandes/{reference}/echanges/nouveau")
    agent.post(f"/agents/demandes/{reference}/echanges/nouveau", FIRST)
    case = f"/agents/demandes/{reference}"
    tab = f"/demandes/{reference}/suivi/echanges"
    assert "Le matelas est parti Pas encore lu" in said(agent.get(case))
    assert "Le matelas est parti Non lu" in said(visitor.get(tab))
    visitor.post(re.findall(r'action="([^"]+/lecture)"', visitor.get(tab).text)[0])
    assert "Le matelas est parti Lu" in said(agent.get(case))
    assert "Le matelas est parti Lu" in said(visitor.get(tab))


def test_the_counts_are_one_query_each(visitor: Visitor, reference: str, data: Database) -> None:
    written(visitor, reference)
    sent: list[str] = []
    event.listen(data.engine, "before_cursor_execute", lambda *facts: sent.append(facts[2]))
    with data.reading() as session:
        case = session.scalars(select(Case)).one()
        sent.clear()
        assert exchanges.count_for_groups(session, {SERVICE, "Autre"}) == 1
        assert exchanges.count_to_read(session, [case.id]) == 0
        assert exchanges.to_read(session, select(Case.id).where(Case.id == case.id)) == []
        assert len(sent) == 3


def test_an_address_that_refuses_mail_is_told_on_both_sides(
    visitors: Callable[[], Visitor],
    account: Callable[..., Account],
    agent: Visitor,
    report: Callable[..., str],
    said: Callable[[TestResponse], str],
    data: Database,
) -> None:
    """D3: in the tracking, in the profile and beside the request."""
    account("nadia.petit@exemple.fr", first_names="Nadia", birth_name="Petit")
    nadia = visitors()
    nadia.sign_in("nadia.petit@exemple.fr")
    reference = report(nadia, filed=True)
    pages = (
        (nadia, f"/demandes/{reference}/suivi"),
        (nadia, "/mon-espace/profil"),
        (agent, f"/agents/demandes/{reference}"),
    )
    told = "à l’adresse nadia.petit@exemple.fr"
    assert [told in said(who.get(path)) for who, path in pages] == [False] * 3
    with data.transaction() as session:
        mail.record_bounce(session, mail.outbox(session)[0].id, "5.1.1 unknown")
    assert [told in said(who.get(path)) for who, path in pages] == [True] * 3


def test_who_prefers_letters_has_them_posted(
    visitors: Callable[[], Visitor],
    account: Callable[..., Account],
    agent: Visitor,
    report: Callable[..., str],
    said: Callable[[TestResponse], str],
    data: Database,
) -> None:
    """D3: a letter waits for the service, is printed, then noted as posted; another service doesn't see it."""
    account("nadia.petit@exemple.fr", first_names="Nadia", birth_name="Petit", preferred_contact="courrier")
    nadia = visitors()
    nadia.sign_in("nadia.petit@exemple.fr")
    report(nadia, filed=True)
    with data.transaction() as session:
        case = session.scalars(select(Case)).one()
        (task,) = tasks.of_case(session, case.id)
        decided = {"suite": "orienter", "destinataire": "la SNCF", "explication": "C’est son terrain."}
        cases.complete_task(session, case, task.id, decided, Actor("agent", name="J", groups=frozenset({SERVICE})))
    assert "Courriers à poster (1)" in said(agent.get("/agents/corbeilles"))
    (path,) = set(re.findall(r"/agents/courriers/\d+", agent.get("/agents/courriers").text))
    letter = said(agent.get(path))
    assert "12 rue des Tilleuls" in letter
    assert "la SNCF" in letter
    account("zoe@valmont.example", kind="agent", first_names="Zoé", birth_name="Ailleurs", groups_=("Autre service",))
    zoe = visitors()
    zoe.sign_in("zoe@valmont.example")
    assert (zoe.get(path).status_code, zoe.post(path).status_code) == (404, 404)
    assert "noté comme posté" in said(agent.follow(agent.post(path)))
    assert "Courriers à poster" not in said(agent.get("/agents/corbeilles"))
    assert "Posté le" in said(agent.get(path))
    agent.post(path)
    reference = re.search(r"/agents/demandes/([A-Z0-9-]+)", agent.get("/agents/demandes?q=petit").text)
    assert reference
    text = said(agent.get(f"/agents/demandes/{reference[1]}"))
    assert text.count("Courrier posté à l’usager : ") == 1
    assert re.search(r"Courrier posté à l’usager : \w[^:]+Jeanne Instruit", text)


def test_the_outbox_of_text_messages_is_the_demonstration_s(
    visitor: Visitor, report: Callable[..., str], said: Callable[[TestResponse], str], portal: Flask
) -> None:
    with portal.app_context():
        settings = config.current()
    assert "Aucun SMS" in said(visitor.get("/boite-denvoi/sms"))
    config.use(replace(settings, demo=False))
    assert visitor.get("/boite-denvoi/sms").status_code == 404


def test_a_thread_costs_the_same_whatever_its_length(visitor: Visitor, reference: str, data: Database) -> None:
    thread = written(visitor, reference).location
    costs = []
    for number in range(2):
        sent: list[str] = []
        listener = partial(_note, sent)
        event.listen(data.engine, "before_cursor_execute", listener)
        assert visitor.get(thread).status_code == 200
        assert visitor.get(f"/demandes/{reference}/suivi/echanges").status_code == 200
        event.remove(data.engine, "before_cursor_execute", listener)
        costs.append(len(sent))
        if number == 0:
            for turn in range(5):
                visitor.post(thread, {"message": f"Encore {turn}.", "envoi": str(turn)})
    assert costs[0] == costs[1]


def _note(sent: list[str], _connection: object, _cursor: object, statement: str, *_: object) -> None:
    sent.append(statement)
