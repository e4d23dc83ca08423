"""Every error has a status and a page in plain French."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from engine import handlers  # noqa: F401 - brings every room, and with them their errors
from engine.core.errors import ParvisError, Throttled
from portal import errors
from tests.portal.conftest import Visitor

pytestmark = pytest.mark.sqlite_only


def _tree(kind: type[ParvisError]) -> Iterator[type[ParvisError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


@pytest.mark.parametrize("kind", sorted(_tree(ParvisError), key=lambda kind: kind.__name__))
def test_every_error_has_a_status(kind: type[ParvisError]) -> None:
    assert 400 <= errors.status_of(kind) < 600
    # Only the root may be left to its own: a child of the root that says nothing would be our fault, whatever it means.
    assert errors.status_of(kind) != 500 or kind.__name__ in ("ParvisError", "ConfigurationError")


@pytest.mark.parametrize("status", sorted(errors.TITLES))
def test_every_status_has_a_page(application: Flask, status: int) -> None:
    with application.test_request_context("/nulle-part"):
        answer = errors.page(status, "")
    assert answer.status_code == status
    assert f'<h1 class="govuk-heading-l">{errors.TITLES[status]}</h1>' in answer.get_data(as_text=True)
    assert '<html lang="fr"' in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("seconds", "said"), [(1, "dans 1\u00a0seconde."), (42, "dans 42\u00a0secondes."), (121, "dans 3\u00a0minutes.")]
)
def test_who_tries_too_often_is_told_when_to_come_back(application: Flask, seconds: int, said: str) -> None:
    with application.test_request_context("/connexion"):
        answer = application.make_response(application.handle_user_exception(Throttled(retry_after=seconds)))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, str(seconds))
    assert said in answer.get_data(as_text=True)
    assert answer.get_data(as_text=True).count("Trop d’essais rapprochés") == 2  # in the titles of the page


def test_what_nobody_expected_says_nothing_of_itself(application: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with application.test_request_context("/demarches"):
        answer = application.make_response(application.handle_user_exception(ZeroDivisionError("secret")))
    assert answer.status_code == 500
    assert "secret" not in answer.get_data(as_text=True)
    assert "secret" in caplog.text


def test_the_page_of_a_breakdown_asks_nothing_of_the_database(
    application: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("no database")

    monkeypatch.setattr(application.extensions["database"], "reading", broken)
    client = application.test_client()
    client.set_cookie("parvis_connexion", "whatever")
    answer = client.get("/demarches")
    assert answer.status_code == 500
    assert "Une erreur est survenue" in answer.text


@pytest.mark.parametrize(
    ("sent", "back"),
    [
        ("/demandes/ABCD-EFGH/lien", "/demandes/ABCD-EFGH"),
        ("/demandes/ABCD-EFGH/pieces", "/demandes/ABCD-EFGH"),
        ("/demarches/signalement/liste-d-attente/quitter", "/demarches/signalement"),
        ("/mon-espace/profil/code/renvoi", "/mon-espace/profil/code"),
        ("/deconnexion", "/"),
    ],
)
def test_who_comes_back_to_where_a_form_was_sent_finds_its_page(visitor: Visitor, sent: str, back: str) -> None:
    answer = visitor.get(sent, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (answer.status_code, answer.location) == (303, back)
    assert visitor.get(sent).status_code == 405  # programs are told


def test_a_slash_too_many_leads_to_the_page(visitor: Visitor) -> None:
    answer = visitor.get("/demarches/composteur/")
    assert (answer.status_code, answer.location) == (301, "/demarches/composteur")
    assert visitor.get("/nulle-part/").status_code == 404


def test_who_does_not_hold_a_request_is_told_of_the_link(visitor: Visitor) -> None:
    page = visitor.follow(visitor.get("/demandes/ABCD-EFGH/suivi"))
    assert page.request.path == "/connexion"
    assert "ouvrez plutôt le lien reçu par courriel" in page.text
