"""The task at hand: taken, given back, completed; two agents can't decide on one request (E2, E3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from engine.core.db import Database
from engine.core.errors import Unavailable
from engine.people.accounts import Account
from engine.procedures import operations
from engine.procedures.cases import Case
from engine.procedures.tasks import HumanTask
from tests.portal.agents.conftest import SERVICE
from tests.portal.conftest import Visitor

SENT = {"suite": "intervenir", "equipe": "proprete"}
Address = Callable[[str], str]
Said = Callable[[TestResponse], str]


def test_the_request_is_read_beside_the_form(
    jeanne: Visitor, reported: Callable[[], str], address_of: Address, said: Said
) -> None:
    reference = reported()
    jeanne.post(f"{address_of(reference)}/prise-en-charge")
    page = jeanne.get(address_of(reference))
    text = said(page)
    for expected in (
        "PETIT Nadia",
        "Un matelas sur le trottoir.",
        "3 rue du Four",
        "nadia.petit@exemple.fr",
        reference,
    ):
        assert expected in text, expected
    assert "Demande déposée" in text
    assert "Faire intervenir une équipe" in text
    assert f"<title>Examiner le signalement – {reference}" in page.text


def test_a_task_is_taken_before_it_is_treated(
    jeanne: Visitor, reported: Callable[[], str], address_of: Address, said: Said
) -> None:
    address = address_of(reported())
    assert "Faire intervenir une équipe" not in said(jeanne.get(address))
    taken = jeanne.post(f"{address}/prise-en-charge?corbeille={SERVICE}&tri=depot")
    assert taken.status_code == 303
    assert taken.location.startswith(f"{address}?")
    assert "tri=depot" in taken.location
    assert "Faire intervenir une équipe" in said(jeanne.follow(taken))


def test_completing_leads_back_to_the_queue_and_to_the_next_task(
    jeanne: Visitor, reported: Callable[[], str], address_of: Address, said: Said, data: Database
) -> None:
    first, second = reported(), reported()
    address = address_of(first)
    jeanne.post(f"{address}/prise-en-charge")
    done = jeanne.post(f"{address}?tri=depot", SENT)
    assert done.location == "/agents/corbeilles?tri=depot"
    text = said(jeanne.follow(done))
    assert f"La tâche « Examiner le signalement » de la demande {first} est terminée." in text
    assert "Tâche suivante" in text
    assert second in text
    with data.reading() as session:
        case = session.scalars(select(Case).where(Case.reference == first)).one()
        assert case.document["qualification"] == SENT


def test_errors_lose_nothing_that_was_typed(
    jeanne: Visitor, reported: Callable[[], str], address_of: Address, said: Said
) -> None:
    address = address_of(reported())
    jeanne.post(f"{address}/prise-en-charge")
    typed = {"suite": "orienter", "explication": "Cela relève du <département>."}
    page = jeanne.post(address, typed)
    assert page.status_code == 422
    assert "<title>Erreur" in page.text
    assert 'href="#f-destinataire"' in page.text
    assert "Cela relève du &lt;département&gt;." in page.text
    assert jeanne.post(address, {**typed, "destinataire": "Le département"}).status_code == 303


def test_a_colleague_keeps_what_they_took(
    jeanne: Visitor, paul: Visitor, reported: Callable[[], str], address_of: Address, said: Said
) -> None:
    address = address_of(reported())
    jeanne.post(f"{address}/prise-en-charge")
    refused = paul.post(f"{address}/prise-en-charge?corbeille={SERVICE}")
    assert refused.status_code == 409
    assert "Jeanne Instruit a déjà pris cette tâche en charge." in said(refused)
    assert "Revenir à la corbeille" in said(refused)
    page = paul.get(address)
    assert "Jeanne Instruit s’en occupe" in said(page)
    assert "Terminer la tâche" not in page.text


def test_what_was_typed_is_shown_to_who_lost_the_race(
    jeanne: Visitor, paul: Visitor, reported: Callable[[], str], address_of: Address, said: Said, data: Database
) -> None:
    reference = reported()
    address = address_of(reference)
    jeanne.post(f"{address}/prise-en-charge")
    refused = paul.post(address, {"suite": "orienter", "destinataire": "La SNCF", "explication": "Quai privé."})
    assert refused.status_code == 409
    assert "n’a rien changé à la demande" in said(refused)
    assert "La SNCF" in said(refused)
    assert "Quai privé." in said(refused)
    with data.reading() as session:
        assert "qualification" not in session.scalars(select(Case).where(Case.reference == reference)).one().document


def test_sending_twice_decides_once(
    jeanne: Visitor, reported: Callable[[], str], address_of: Address, said: Said, task_of: Callable[[str], HumanTask]
) -> None:
    reference = reported()
    address = address_of(reference)
    jeanne.post(f"{address}/prise-en-charge")
    assert jeanne.post(address, SENT).status_code == 303
    following = task_of(reference)
    again = jeanne.post(address, SENT)
    assert again.status_code == 409
    assert "n’est plus ouverte" in said(again)
    assert task_of(reference).id == following.id


def test_a_finished_task_says_so_and_leads_back(
    jeanne: Visitor, reported: Callable[[], str], address_of: Address, said: Said
) -> None:
    address = address_of(reported())
    jeanne.post(f"{address}/prise-en-charge")
    jeanne.post(address, SENT)
    page = jeanne.get(address)
    assert page.status_code == 404
    assert "a déjà été traitée" in said(page)
    assert "/agents/corbeilles" in page.text


def test_a_task_is_given_back(
    jeanne: Visitor, paul: Visitor, reported: Callable[[], str], address_of: Address, said: Said
) -> None:
    address = address_of(reported())
    jeanne.post(f"{address}/prise-en-charge")
    assert paul.post(f"{address}/remise").status_code == 409
    given = jeanne.post(f"{address}/remise?retard=1")
    assert given.location == "/agents/corbeilles?retard=1"
    queue = said(jeanne.follow(given))
    assert "est rendue à la corbeille" in queue
    assert "Tâche suivante" not in queue
    assert paul.post(f"{address}/prise-en-charge").status_code == 303


def test_taking_twice_is_taking_once(
    jeanne: Visitor, reported: Callable[[], str], address_of: Address, said: Said
) -> None:
    address = address_of(reported())
    for _ in range(2):
        assert jeanne.post(f"{address}/prise-en-charge").status_code == 303
    assert said(jeanne.get(address)).count("Tâche prise en charge") == 1


def test_another_service_sees_and_does_nothing(
    zoe: Visitor, reported: Callable[[], str], address_of: Address, task_of: Callable[[str], HumanTask]
) -> None:
    reference = reported()
    address = address_of(reference)
    assert zoe.get(address).status_code == 404
    assert zoe.get(f"/agents/taches/{uuid4()}").status_code == 404
    for path in ("", "/prise-en-charge", "/remise"):
        assert zoe.post(f"{address}{path}", SENT).status_code == 409, path
    assert task_of(reference).claimed_by is None


def test_a_resident_is_no_agent(
    account: Callable[..., Account], visitor: Visitor, reported: Callable[[], str], address_of: Address
) -> None:
    account()
    visitor.sign_in("claire.martin@exemple.fr")
    address = address_of(reported())
    assert visitor.get(address).status_code == 403
    for path in ("", "/prise-en-charge", "/remise"):
        assert visitor.post(f"{address}{path}", SENT).status_code == 403


def test_what_was_typed_outlives_the_session(
    jeanne: Visitor, agent: Account, reported: Callable[[], str], address_of: Address
) -> None:
    address = address_of(reported())
    jeanne.post(f"{address}/prise-en-charge")
    jeanne.client.delete_cookie("parvis_connexion")
    lost = jeanne.post(address, {"suite": "preciser", "question": "À quel étage ?"})
    assert lost.location.startswith("/connexion?")
    back = jeanne.sign_in(agent.login, suite=address)
    assert back.location == address
    assert "À quel étage ?" in jeanne.get(address).text


def test_a_form_that_wasnt_asked_for_by_this_browser_is_refused(
    jeanne: Visitor, reported: Callable[[], str], address_of: Address, task_of: Callable[[str], HumanTask]
) -> None:
    reference = reported()
    assert jeanne.post(f"{address_of(reference)}/prise-en-charge", token=False).status_code == 400
    assert task_of(reference).claimed_by is None


def test_what_was_typed_comes_back_after_an_incident(
    jeanne: Visitor, reported: Callable[[], str], address_of: Address, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail that follows the decision can't be written: nothing is decided, and nothing has to be typed again."""
    address = address_of(reported())
    jeanne.post(f"{address}/prise-en-charge")
    send = operations.REGISTRY["notifications/send"]

    def broken(*_: object, **__: object) -> None:
        raise Unavailable("the mail room is closed")

    monkeypatch.setitem(operations.REGISTRY, send.name, replace(send, function=broken))
    typed = {"suite": "orienter", "destinataire": "La SNCF", "explication": "Quai privé."}
    stopped = jeanne.post(address, typed)
    assert stopped.status_code == 503
    assert "est conservé" in said(stopped)
    again = jeanne.get(address)
    assert "La SNCF" in again.text
    assert "Quai privé." in again.text
    assert "Incident technique" in said(again)
    monkeypatch.setitem(operations.REGISTRY, send.name, send)
    assert jeanne.post(address, typed).status_code == 303


def test_a_task_that_is_nobody_s_may_be_completed_at_once(
    jeanne: Visitor, reported: Callable[[], str], address_of: Address
) -> None:
    """A form that stayed open while the task was given back from another tab still counts."""
    address = address_of(reported())
    jeanne.post(f"{address}/prise-en-charge")
    jeanne.post(f"{address}/remise")
    assert jeanne.post(address, SENT).status_code == 303


@pytest.mark.parametrize(
    "fields",
    [
        {"suite": "inventé"},
        {"suite": ["intervenir", "orienter"]},
        {"suite": "intervenir", "equipe": "x" * 5000},
        {"_action": "remove:suite.0"},
        {"_action": "remove-file:suite:x"},
        {"suite.suite": "a", "__proto__": "b"},
        {},
    ],
)
def test_odd_input_is_refused_and_changes_nothing(
    jeanne: Visitor, reported: Callable[[], str], address_of: Address, data: Database, fields: dict[str, object]
) -> None:
    reference = reported()
    address = address_of(reference)
    jeanne.post(f"{address}/prise-en-charge")
    assert 400 <= jeanne.post(address, fields).status_code < 500 or "_action" in fields
    with data.reading() as session:
        case = session.scalars(select(Case).where(Case.reference == reference)).one()
        assert "qualification" not in case.document
    assert address_of(reference) == address


HALF = {"suite": "orienter", "explication": "Quai privé : je me renseigne."}


def test_a_task_is_put_aside_and_found_again_by_who_holds_it(
    jeanne: Visitor, paul: Visitor, reported: Callable[[], str], address_of: Address, said: Said, data: Database
) -> None:
    reference = reported()
    address = address_of(reference)
    jeanne.post(f"{address}/prise-en-charge")
    left = jeanne.post(f"{address}?tri=depot", {**HALF, "_action": "save"})
    assert (left.status_code, left.location) == (303, "/agents/corbeilles?tri=depot")
    assert f"Votre saisie pour la demande {reference} est mise de côté" in said(jeanne.follow(left))
    again = jeanne.get(address)
    assert "Quai privé : je me renseigne." in again.text
    assert "n’est pas encore terminée" in said(again)
    with data.reading() as session:
        case = session.scalars(select(Case).where(Case.reference == reference)).one()
        assert "qualification" not in case.document
    # A colleague who takes over begins their own.
    jeanne.post(f"{address}/remise")
    paul.post(f"{address}/prise-en-charge")
    assert "Quai privé" not in paul.get(address).text
    assert paul.post(address, SENT).status_code == 303
    with data.reading() as session:
        assert session.scalars(select(Case).where(Case.reference == reference)).one().typed is None


def test_what_was_refused_is_found_again(jeanne: Visitor, reported: Callable[[], str], address_of: Address) -> None:
    address = address_of(reported())
    jeanne.post(f"{address}/prise-en-charge")
    assert jeanne.post(address, HALF).status_code == 422
    assert "Quai privé : je me renseigne." in jeanne.get(address).text


def test_a_task_held_by_a_colleague_is_not_put_aside(
    jeanne: Visitor, paul: Visitor, reported: Callable[[], str], address_of: Address, said: Said
) -> None:
    address = address_of(reported())
    jeanne.post(f"{address}/prise-en-charge")
    jeanne.post(address, {"suite": "orienter", "destinataire": "La SNCF", "_action": "save"})
    refused = paul.post(address, {**HALF, "_action": "save"})
    assert refused.status_code == 409
    assert "Quai privé" in said(refused)
    assert "La SNCF" in jeanne.get(address).text


def test_what_was_typed_is_shown_when_the_task_is_done_meanwhile(
    jeanne: Visitor, paul: Visitor, reported: Callable[[], str], address_of: Address, said: Said
) -> None:
    address = address_of(reported())
    jeanne.post(f"{address}/prise-en-charge")
    hidden = hidden_of(jeanne.get(address).text)
    jeanne.post(f"{address}/remise")
    paul.post(f"{address}/prise-en-charge")
    paul.post(address, SENT)
    refused = jeanne.post(address, {**HALF, **hidden})
    assert refused.status_code == 409
    assert "Quai privé : je me renseigne." in said(refused)
    assert "Paul Aussi a terminé cette tâche le" in said(refused)
    assert f'href="/agents/demandes/{hidden["_demande"]}"' in refused.text
    for odd in ({**hidden, "_element": "nulle-part"}, {**hidden, "_demande": "AA-00"}, {}):
        assert jeanne.post(address, {**HALF, **odd}).status_code == 409


def hidden_of(page: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="(_demande|_element)" value="([^"]+)"', page))


def test_what_was_typed_is_shown_when_the_request_was_cancelled(
    jeanne: Visitor,
    paul: Visitor,
    visitor: Visitor,
    report: Callable[..., str],
    address_of: Address,
    said: Said,
) -> None:
    reference = report(visitor, filed=True)
    address = address_of(reference)
    jeanne.post(f"{address}/prise-en-charge")
    hidden = hidden_of(jeanne.get(address).text)
    assert visitor.post(f"/demandes/{reference}/annuler").status_code == 303
    for _ in range(2):
        refused = jeanne.post(address, {**HALF, **hidden})
        assert refused.status_code == 409
        assert "La demande a été annulée le" in said(refused)
        assert "Quai privé : je me renseigne." in said(refused)
        assert f'href="/agents/demandes/{reference}"' in refused.text
    for path in ("/prise-en-charge", "/remise"):
        assert "La demande a été annulée le" in said(paul.post(f"{address}{path}", hidden))


def test_what_was_typed_is_shown_when_the_task_ended_while_the_session_was_over(
    jeanne: Visitor, paul: Visitor, agent: Account, reported: Callable[[], str], address_of: Address, said: Said
) -> None:
    address = address_of(reported())
    jeanne.post(f"{address}/prise-en-charge")
    hidden = hidden_of(jeanne.get(address).text)
    jeanne.client.delete_cookie("parvis_connexion")
    jeanne.post(address, {**HALF, **hidden})
    with_session = jeanne.sign_in(agent.login, suite=address)
    jeanne.post(f"{address}/remise")
    paul.post(f"{address}/prise-en-charge")
    paul.post(address, SENT)
    page = jeanne.follow(with_session)
    assert page.status_code == 409
    assert "Quai privé : je me renseigne." in said(page)
    assert "Paul Aussi a terminé cette tâche le" in said(page)
    assert jeanne.get(address).status_code == 404
