"""A request made without an account joins one, on the pages (A11)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from engine.core import mail
from engine.core.db import Database
from engine.people.accounts import Account
from engine.procedures import references
from tests.portal.conftest import INFORMATION, Visitor

Said = Callable[[TestResponse], str]


def code(data: Database) -> str:
    with data.reading() as session:
        text = session.scalars(select(mail.Mail.text).where(mail.Mail.name == "code-rattachement")).one()
    found = re.search(r"^(\d{4})$", text, re.MULTILINE)
    assert found
    return found[1]


def link_sent(data: Database) -> str:
    """Where the link of the acknowledgement leads."""
    with data.reading() as session:
        (letter,) = session.scalars(select(mail.Mail.text).where(mail.Mail.name == "accuse-reception"))
    return "/suivi/" + letter.split("/suivi/")[1].split()[0]


def test_signing_in_while_filling_in_takes_the_draft_along(
    visitor: Visitor, account: Callable[..., Account], said: Said
) -> None:
    """The draft, what was answered and the step that it had come to."""
    made = account()
    step = visitor.post("/demarches/signalement").location
    reference = step.split("/")[2]
    step = visitor.post(step, INFORMATION).location
    page = visitor.get(step)
    assert "Se connecter et garder cette demande dans mon espace" in said(page)
    answer = visitor.sign_in(made.login, suite=f"/demandes/{reference}")
    page = visitor.follow(answer)
    assert page.request.path == step
    assert "Cette demande est maintenant dans votre espace" in said(page)
    assert reference in said(visitor.get("/mon-espace"))


def test_what_was_being_typed_comes_along(visitor: Visitor, account: Callable[..., Account], said: Said) -> None:
    """The page is left by a button of its form, signed in or not."""
    made = account()
    step = visitor.post(visitor.post("/demarches/signalement").location, INFORMATION).location
    page = visitor.get(step)
    assert 'form="saisie" name="_action" value="sign-in"' in page.text
    typed = {"nature": "graffiti", "description": "Sur le mur de l’école."}
    answer = visitor.post(step, {**typed, "_action": "sign-in"})
    assert answer.location == f"/connexion?suite=/demandes/{step.split('/')[2]}"
    page = visitor.follow(visitor.sign_in(made.login, suite=f"/demandes/{step.split('/')[2]}"))
    assert page.request.path == step
    assert "Sur le mur de l’école." in page.text


def test_what_was_being_typed_stays_as_the_draft_joins_the_space(
    visitor: Visitor, account: Callable[..., Account], said: Said
) -> None:
    made = account()
    step = visitor.post(visitor.post("/demarches/signalement").location, INFORMATION).location
    visitor.sign_in(made.login)
    assert 'form="saisie" name="_action" value="keep"' in visitor.get(step).text
    page = visitor.follow(visitor.post(step, {"description": "Sur le mur de l’école.", "_action": "keep"}))
    assert "Cette demande est maintenant dans votre espace" in said(page)
    assert "Sur le mur de l’école." in page.text


def test_signing_in_from_the_procedure_takes_its_draft_along(visitor: Visitor, account: Callable[..., Account]) -> None:
    made = account()
    step = visitor.post("/demarches/signalement").location
    assert visitor.follow(visitor.sign_in(made.login, demarche="signalement")).request.path == step


def test_a_draft_that_one_does_not_come_from_stays_where_it_is(
    visitor: Visitor, account: Callable[..., Account], said: Said, report: Callable[..., str]
) -> None:
    """On a borrowed computer it may be somebody else's."""
    made = account()
    reference = report(visitor)
    visitor.sign_in(made.login)
    assert reference not in said(visitor.get("/mon-espace"))


def test_a_link_seen_while_signed_in_offers_to_join(
    visitor: Visitor,
    visitors: Callable[[], Visitor],
    account: Callable[..., Account],
    said: Said,
    report: Callable[..., str],
) -> None:
    made = account()
    reference = report(visitor, filed=True)
    visitor.sign_in(made.login)
    assert "Rattacher cette demande à mon compte" in said(visitor.get(f"/demandes/{reference}/suivi"))
    page = visitor.follow(visitor.post(f"/demandes/{reference}/rattacher"))
    assert "Vous avez rattaché cette demande à votre compte" in said(page)
    assert reference in said(visitor.get("/mon-espace/demandes"))
    # Not everybody's: without the link there is nothing to see, signed in or not.
    stranger = visitors()
    stranger.sign_in(account("karim.benali@exemple.fr").login)
    assert stranger.post(f"/demandes/{reference}/rattacher").status_code == 404


def test_who_is_not_signed_in_is_asked_to(visitor: Visitor, report: Callable[..., str]) -> None:
    reference = report(visitor, filed=True)
    answer = visitor.post(f"/demandes/{reference}/rattacher")
    assert answer.status_code == 303
    assert answer.location.startswith("/connexion")


def test_a_link_leads_to_the_sign_in_page_once_the_request_has_joined(
    visitor: Visitor,
    visitors: Callable[[], Visitor],
    account: Callable[..., Account],
    data: Database,
    said: Said,
    report: Callable[..., str],
) -> None:
    """Whoever holds a copy of the letter sees nothing; who has the account is told why they sign in, and goes on."""
    made, other = account(), account("karim.benali@exemple.fr")
    reference = report(visitor, filed=True)
    link = link_sent(data)
    elsewhere = visitors()
    assert elsewhere.follow(elsewhere.get(link)).status_code == 200
    visitor.sign_in(made.login)
    visitor.post(f"/demandes/{reference}/rattacher")
    # A browser that had opened it before, and one that opens it now.
    assert elsewhere.get(f"/demandes/{reference}/suivi").location.startswith("/connexion?suite=")
    answer = visitors().get(link)
    assert answer.location == f"/connexion?suite=/demandes/{reference}/suivi"
    elsewhere.get(link)
    page = elsewhere.get(answer.location)
    assert "Cette demande a été rattachée à un compte" in said(page)
    assert reference not in said(page)
    assert elsewhere.follow(elsewhere.sign_in(made.login, suite=f"/demandes/{reference}/suivi")).status_code == 200
    assert elsewhere.get(link + "?onglet=pieces").location == f"/demandes/{reference}/suivi/pieces"
    stranger = visitors()
    stranger.sign_in(other.login)
    refused = stranger.get(link)
    assert refused.status_code == 404
    assert "Cette demande est rattachée à un autre compte que le vôtre." in said(refused)


def test_links_are_seen_and_ended_from_the_request(
    visitor: Visitor,
    visitors: Callable[[], Visitor],
    account: Callable[..., Account],
    data: Database,
    said: Said,
    report: Callable[..., str],
) -> None:
    made = account()
    reference = report(visitor, filed=True)
    link = link_sent(data)
    visitor.sign_in(made.login)
    visitor.post(f"/demandes/{reference}/rattacher")
    assert f'href="/demandes/{reference}/liens"' in visitor.get(f"/demandes/{reference}/suivi").text
    page = visitor.get(f"/demandes/{reference}/liens")
    assert "2 liens mènent à cette demande" in said(page)
    assert "aucun lien ne l’ouvre plus à lui seul" in said(page)
    assert visitors().get(f"/demandes/{reference}/liens").location.startswith("/connexion")
    page = visitor.follow(visitor.post(f"/demandes/{reference}/liens/fin"))
    assert "Aucun lien envoyé jusqu’ici ne mène plus à cette demande." in said(page)
    assert visitors().get(link).status_code == 404
    assert "Aucun lien ne mène à cette demande." in said(visitor.get(f"/demandes/{reference}/liens"))
    # The second click.
    assert visitor.post(f"/demandes/{reference}/liens/fin").status_code == 303


def test_without_an_account_ending_the_links_gives_another(
    visitor: Visitor, visitors: Callable[[], Visitor], data: Database, said: Said, report: Callable[..., str]
) -> None:
    reference = report(visitor, filed=True)
    link = link_sent(data)
    assert "Chaque lien ouvre cette demande sans mot de passe." in said(visitor.get(f"/demandes/{reference}/liens"))
    page = visitor.post(f"/demandes/{reference}/liens/fin")
    assert "Votre lien pour revenir à cette demande" in said(page)
    fresh = page.text.split("/suivi/")[1].split('"')[0]
    assert visitors().get(link).status_code == 404
    assert visitors().get(f"/suivi/{fresh}").location == f"/demandes/{reference}/suivi"
    assert visitor.get(f"/demandes/{reference}/suivi").status_code == 200


@pytest.fixture
def asked(
    visitor: Visitor, visitors: Callable[[], Visitor], account: Callable[..., Account], report: Callable[..., str]
) -> str:
    """The reference of somebody's request, for which the visitor, signed in elsewhere, has asked a code."""
    reference = report(visitors(), filed=True)
    visitor.sign_in(account().login)
    answer = visitor.post("/mon-espace/rattacher", {"reference": reference.lower().replace("-", " ")})
    assert answer.location.endswith("/mon-espace/rattacher/code")
    return reference


def test_a_code_sent_to_the_request_s_address_lets_it_join(
    visitor: Visitor, asked: str, data: Database, said: Said
) -> None:
    assert "Ce code n’est pas le bon" in said(
        visitor.post("/mon-espace/rattacher/code", {"code": "0000" if code(data) != "0000" else "0001"})
    )
    assert visitor.post("/mon-espace/rattacher/code", {"code": "12"}).status_code == 422
    page = visitor.follow(visitor.post("/mon-espace/rattacher/code", {"code": code(data)}))
    assert page.request.path == f"/demandes/{asked}/suivi"
    assert asked in said(visitor.get("/mon-espace"))


def test_nothing_tells_a_request_that_exists_from_one_that_does_not(
    visitor: Visitor, asked: str, said: Said, data: Database
) -> None:
    there = visitor.get("/mon-espace/rattacher/code")
    wrong = visitor.post("/mon-espace/rattacher/code", {"code": "0000" if code(data) != "0000" else "0001"})
    other = references.complete("2345678")
    unknown = visitor.follow(visitor.post("/mon-espace/rattacher", {"reference": other}))
    assert said(unknown).replace(other, asked) == said(there)
    refused = visitor.post("/mon-espace/rattacher/code", {"code": "0000"})
    assert said(refused).replace(other, asked) == said(wrong)


def test_a_reference_that_cannot_be_one_is_said_at_once(
    visitor: Visitor, account: Callable[..., Account], said: Said
) -> None:
    visitor.sign_in(account().login)
    page = visitor.post("/mon-espace/rattacher", {"reference": "K7QM"})
    assert page.status_code == 422
    assert "telle qu’elle figure sur votre accusé de réception" in said(page)
    assert 'value="K7QM"' in page.text


def test_asking_again_and_again_is_slowed_down(visitor: Visitor, account: Callable[..., Account]) -> None:
    visitor.sign_in(account().login)
    statuses = [
        visitor.post("/mon-espace/rattacher", {"reference": references.complete("2345678")}).status_code
        for _ in range(12)
    ]
    assert statuses[0] == 303
    assert statuses[-1] == 429
