"""FranceConnect as visitors meet it, refusals included (B1, B5, B6). A real browser meets another provider in tests/browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from engine.core import audit, config
from engine.core.db import Database
from engine.core.mail import Mail
from engine.people import accounts, identities, openid, recovery, terms
from tests.issuer import CLAIRE, SECRET, Issuer
from tests.portal.conftest import PASSWORD, Visitor

pytestmark = pytest.mark.sqlite_only

Said = Callable[[TestResponse], str]
Account = Callable[..., Any]
BACK = "/franceconnect/retour"


@pytest.fixture(scope="module")
def running() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


@pytest.fixture
def issuer(running: Issuer, portal: Flask) -> Issuer:
    """FranceConnect, which this city uses."""
    running.as_new()
    openid.forget_keys()
    config.use(replace(config.current(), franceconnect=running.settings()))
    return running


def address_in(page: TestResponse) -> str:
    """Where a page that goes on by itself goes."""
    (found,) = re.findall(r'<meta http-equiv="refresh" content="0; url=([^"]+)">', page.text)
    return unescape(found)


def leave(visitor: Visitor, path: str = "/franceconnect/connexion", **fields: str) -> str:
    page = visitor.post(path, fields)
    assert page.status_code == 200
    return address_in(page)


def sign_in(
    visitor: Visitor, issuer: Issuer, *, subject: str = "sub-1", suite: str = "", **person: Any
) -> TestResponse:
    query = issuer.approve(leave(visitor, suite=suite), {**CLAIRE, **person}, subject=subject)
    return visitor.get(f"{BACK}?{query}")


def code_sent(data: Database) -> str:
    with data.reading() as session:
        texts = session.scalars(select(Mail.text).order_by(Mail.written_at.desc(), Mail.id))
        return next(line for text in texts for line in text.splitlines() if re.fullmatch(r"\d{4}", line))


def make_account(visitor: Visitor, data: Database, email: str = "claire@exemple.fr") -> TestResponse:
    """From the page of the choice to the first page of the account."""
    page = visitor.get("/franceconnect/compte")
    (texts,) = re.findall(r'name="textes" value="([^"]+)"', page.text)
    answer = visitor.post("/franceconnect/compte", {"courriel": email, "conditions": "oui", "textes": texts})
    assert answer.location == "/compte/creation/code", answer.text
    return visitor.post("/compte/creation/code", {"code": code_sent(data)})


# --- the buttons -----------------------------------------------------------------------------------------------------------


def test_without_settings_there_is_no_button_and_no_address(visitor: Visitor, account: Account) -> None:
    account()
    for path in ("/connexion", "/compte/creation"):
        assert "FranceConnect" not in visitor.get(path).text
    assert visitor.post("/franceconnect/connexion").status_code == 404
    assert visitor.get(f"{BACK}?state=x&code=y").status_code == 404
    visitor.sign_in("claire.martin@exemple.fr")
    assert "Lier mon compte" not in visitor.get("/mon-espace/profil").text
    assert visitor.post("/mon-espace/profil/franceconnect/depart").status_code == 404


def test_franceconnect_is_offered_before_the_form(visitor: Visitor, issuer: Issuer, said: Said) -> None:
    """B1: with its own words, and the link that its rules prescribe."""
    for path, form in (("/compte/creation", 'name="prenoms"'), ("/connexion", 'name="mot_de_passe"')):
        page = visitor.get(path)
        assert "S’identifier avec FranceConnect Qu’est-ce que FranceConnect ?" in said(page)
        assert page.text.index("ville-provider__button") < page.text.index(form)


# --- making an account -----------------------------------------------------------------------------------------------------


def test_an_account_is_made_and_its_owner_is_back_at_the_procedure(
    visitor: Visitor, issuer: Issuer, data: Database, said: Said
) -> None:
    """B5: the terms accepted there too, no proof of identity asked, the identity locked in the request."""
    locked = "stationnement-premiere-demande"
    query = issuer.approve(leave(visitor, demarche=locked), CLAIRE)
    answer = visitor.get(f"{BACK}?{query}")
    assert answer.location == "/franceconnect/compte"
    page = visitor.get(answer.location)
    assert "Nom MARTIN Date de naissance 14\xa0mars 1987" in said(page).replace("14 mars", "14\xa0mars")
    assert 'value="claire.martin@exemple.fr"' in page.text
    answer = make_account(visitor, data)
    assert re.fullmatch(r"/demandes/[^/]+", answer.location), answer.location
    page = visitor.follow(answer)
    assert page.status_code in (200, 302)
    page = visitor.get(page.location) if page.status_code == 302 else page
    assert "Votre identité est certifiée par FranceConnect." in said(page)
    assert 'name="nom_naissance"' not in page.text
    with data.reading() as session:
        made = accounts.by_login(session, "claire@exemple.fr")
        assert made is not None
        assert (made.password_hash, made.certified, made.birth_name) == (None, True, "MARTIN")
        assert {one.text for one in terms.accepted(session, made.id)} == set(terms.versions())
        assert [entry.action for entry in audit.listing(session, action="identity.")] == ["identity.linked"]


def test_what_is_missing_is_said_and_nothing_is_made(
    visitor: Visitor, issuer: Issuer, data: Database, said: Said
) -> None:
    sign_in(visitor, issuer)
    page = visitor.post("/franceconnect/compte", {"courriel": "pas une adresse"})
    assert page.status_code == 422
    assert "Acceptez les conditions" in said(page)
    assert 'value="pas une adresse"' in page.text
    page = visitor.post("/franceconnect/compte", {"courriel": "c@exemple.fr", "conditions": "oui", "textes": "vieux:0"})
    assert page.status_code == 422
    assert "viennent de changer" in said(page)
    page = visitor.post("/franceconnect/rattachement", {})
    assert page.status_code == 422
    assert 'href="#identifiant"' in page.text
    assert 'href="#mot_de_passe"' in page.text
    with data.reading() as session:
        assert accounts.search(session, "martin") == []


@pytest.mark.parametrize("birthdate", ["1952-00-00", "1952-07-00"])
def test_a_birth_that_civil_records_hardly_know(
    visitor: Visitor, issuer: Issuer, data: Database, said: Said, birthdate: str
) -> None:
    """An incomplete date and no birthplace: certified all the same, shown, and locked in a request that can be filed."""
    assert sign_in(visitor, issuer, birthdate=birthdate, birthplace="", birthcountry="99352").status_code == 303
    told = {"1952-00-00": "1952", "1952-07-00": "juillet\xa01952"}[birthdate]
    assert f"Date de naissance {told}".replace("\xa0", " ") in said(visitor.get("/franceconnect/compte"))
    visitor.follow(make_account(visitor, data))
    for path in ("/mon-espace/profil", "/mon-espace/profil/identite"):
        assert told.replace("\xa0", " ") in said(visitor.get(path))
    answer = visitor.post("/mon-espace/profil/identite", {"nom_usage": "Durand"})
    assert answer.location == "/mon-espace/profil"
    step = visitor.follow(visitor.post("/demarches/coordonnees-telephone"))
    step_path = step.request.path
    answer = visitor.post(step_path, {"contact_prefere": "courriel", "courriel": "c@exemple.fr", "adresse.voie": "1 rue du Four",
        "adresse.code_postal": "95999", "adresse.commune": "Valmont", "date_naissance-day": "1"})  # fmt: skip
    assert answer.status_code == 303, said(answer)
    with data.reading() as session:
        made = accounts.by_login(session, "claire@exemple.fr")
        assert made is not None
        assert (made.birth_date, made.usage_name, made.certified) == (birthdate, "Durand", True)


def test_an_account_without_password_gets_one_by_the_forgotten_one(
    visitor: Visitor, visitors: Callable[[], Visitor], issuer: Issuer, data: Database, said: Said
) -> None:
    """B5: nobody knows a password of it before."""
    sign_in(visitor, issuer)
    make_account(visitor, data)
    assert "Aucun pour le moment" in said(visitor.get("/mon-espace/profil"))
    for page in ("mot-de-passe", "courriel/connexion"):
        assert "Votre compte n’a pas encore de mot de passe" in said(visitor.get(f"/mon-espace/profil/{page}"))
    other = visitors()
    assert other.sign_in("claire@exemple.fr").status_code == 422
    data.run(recovery.send_link, "claire@exemple.fr")
    with data.reading() as session:
        text = session.scalars(select(Mail.text).where(Mail.subject.startswith("Choisissez un nouveau"))).one()
    (link,) = re.findall(r"/mot-de-passe/nouveau/\S+", text)
    place = other.follow(other.get(link)).request.path
    other.post(place, {"mot_de_passe": PASSWORD, "mot_de_passe_confirmation": PASSWORD})
    assert other.sign_in("claire@exemple.fr").location == "/mon-espace"


# --- signing in ------------------------------------------------------------------------------------------------------------


def test_signing_in_leads_back_with_what_was_typed(
    visitor: Visitor, issuer: Issuer, data: Database, said: Said
) -> None:
    """A3, B5: the session was over, the step is sent, FranceConnect signs in, and nothing typed is lost."""
    sign_in(visitor, issuer)
    make_account(visitor, data)
    step = visitor.follow(visitor.post("/demarches/coordonnees-telephone")).request.path
    former = visitor.client.get_cookie("parvis_connexion")
    assert former is not None
    visitor.post("/deconnexion")
    visitor.client.set_cookie("parvis_connexion", former.value)
    answer = visitor.post(step, {"adresse.voie": "48 rue que j’ai saisie"})
    assert answer.location.startswith("/connexion?suite=")
    page = visitor.get(answer.location)
    assert f'name="suite" value="{step}"' in page.text
    answer = sign_in(visitor, issuer, suite=step)
    assert answer.location == step
    assert "48 rue que j’ai saisie" in visitor.get(step).text


def test_signing_in_rotates_the_session_and_is_recorded(visitor: Visitor, issuer: Issuer, data: Database) -> None:
    sign_in(visitor, issuer)
    make_account(visitor, data)
    before = visitor.client.get_cookie("parvis_connexion")
    answer = sign_in(visitor, issuer)
    assert answer.location == "/mon-espace"
    after = visitor.client.get_cookie("parvis_connexion")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    with data.reading() as session:
        (entry,) = [
            one for one in audit.listing(session, action="account.signed_in") if one.facts.get("by") == "franceconnect"
        ]
        assert entry.actor_kind == "resident"
    visitor.client.set_cookie("parvis_connexion", before.value)
    assert visitor.get("/mon-espace").status_code == 303


def test_signing_in_leads_nowhere_else(visitor: Visitor, issuer: Issuer, data: Database) -> None:
    sign_in(visitor, issuer)
    make_account(visitor, data)
    assert sign_in(visitor, issuer, suite="//ailleurs.example").location == "/mon-espace"


# --- tying ---------------------------------------------------------------------------------------------------------------


def test_an_account_is_tied_by_its_password_and_by_nothing_less(
    visitor: Visitor, issuer: Issuer, data: Database, account: Account, said: Said
) -> None:
    """The same e-mail, the same names: an account opens to who knows its password."""
    mine = account()
    assert sign_in(visitor, issuer).location == "/franceconnect/compte"
    wrong = visitor.post("/franceconnect/rattachement", {"identifiant": mine.login, "mot_de_passe": "Faux-1234!"})
    assert wrong.status_code == 422
    assert "incorrect" in said(wrong)
    with data.reading() as session:
        assert not identities.of_account(session, mine.id)
    right = {"identifiant": mine.login, "mot_de_passe": PASSWORD}
    answer = visitor.post("/franceconnect/rattachement", right)
    assert answer.location == "/mon-espace"
    assert "votre identité est certifiée" in said(visitor.follow(answer))
    assert visitor.post("/franceconnect/rattachement", right).location == "/connexion"


def test_an_agents_account_is_not_tied(visitor: Visitor, issuer: Issuer, data: Database, account: Account) -> None:
    """FranceConnect would go around their second factor."""
    agent = account("sonia@exemple.fr", kind="agent")
    sign_in(visitor, issuer)
    answer = visitor.post("/franceconnect/rattachement", {"identifiant": agent.login, "mot_de_passe": PASSWORD})
    assert answer.status_code == 422
    with data.reading() as session:
        assert not identities.of_account(session, agent.id)


def test_the_profile_ties_with_the_password(
    visitor: Visitor, issuer: Issuer, data: Database, account: Account, said: Said
) -> None:
    mine = account()
    visitor.sign_in(mine.login)
    assert "Lier mon compte à FranceConnect" in said(visitor.get("/mon-espace/profil"))
    query = issuer.approve(leave(visitor, "/mon-espace/profil/franceconnect/depart"), CLAIRE)
    answer = visitor.get(f"{BACK}?{query}")
    assert answer.location == "/mon-espace/profil/franceconnect"
    assert "Claire Léa" in said(visitor.get(answer.location))
    assert visitor.post(answer.location, {}).status_code == 422
    assert visitor.post(answer.location, {"mot_de_passe": "Faux-1234!"}).status_code == 422
    page = visitor.follow(visitor.post(answer.location, {"mot_de_passe": PASSWORD}))
    assert "certifiée par FranceConnect, lié à votre compte le" in said(page)
    assert "si vous souhaitez supprimer la liaison FranceConnect" in said(page)
    assert "Lier mon compte" not in said(page)
    assert visitor.get("/mon-espace/profil/franceconnect").location == "/mon-espace/profil"


def test_a_visit_to_tie_ends_with_who_asked_for_it(
    visitor: Visitor, issuer: Issuer, data: Database, account: Account
) -> None:
    """Signed out, or somebody else signed in meanwhile: nothing is tied; and the identity waits for no other account."""
    mine, other = account(), account("autre@exemple.fr")
    visitor.sign_in(mine.login)
    query = issuer.approve(leave(visitor, "/mon-espace/profil/franceconnect/depart"), CLAIRE)
    visitor.sign_in(other.login)
    assert visitor.get(f"{BACK}?{query}").status_code == 409
    for place, back in (
        ("/mon-espace/profil/franceconnect", "/mon-espace/profil"),
        ("/franceconnect/compte", "/connexion"),
    ):
        visitor.sign_in(mine.login)
        query = issuer.approve(leave(visitor, "/mon-espace/profil/franceconnect/depart"), CLAIRE)
        visitor.get(f"{BACK}?{query}")
        visitor.sign_in(other.login)
        assert visitor.get(place).location == back
    with data.reading() as session:
        assert not any(identities.of_account(session, one.id) for one in (mine, other))


def test_an_identity_that_opens_another_account_is_not_tied(
    visitor: Visitor, visitors: Callable[[], Visitor], issuer: Issuer, data: Database, account: Account, said: Said
) -> None:
    mine = account()
    other = visitors()
    sign_in(other, issuer)
    make_account(other, data)
    visitor.sign_in(mine.login)
    query = issuer.approve(leave(visitor, "/mon-espace/profil/franceconnect/depart"), CLAIRE)
    place = visitor.get(f"{BACK}?{query}").location
    page = visitor.follow(visitor.post(place, {"mot_de_passe": PASSWORD}))
    assert "déjà liée à un autre compte" in said(page)


# --- signing out -----------------------------------------------------------------------------------------------------------


def test_signing_out_ends_both_sessions(visitor: Visitor, issuer: Issuer, data: Database, said: Said) -> None:
    sign_in(visitor, issuer)
    make_account(visitor, data)
    page = visitor.post("/deconnexion")
    assert visitor.get("/mon-espace").status_code == 303
    address = urlsplit(address_in(page))
    asked = parse_qs(address.query)
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{issuer.url}/session/end"
    assert asked["id_token_hint"][0].count(".") == 2
    assert asked["post_logout_redirect_uri"] == [f"{config.current().public_url}/franceconnect/deconnexion"]
    assert len(asked["state"][0]) >= 32
    answer = visitor.get(f"/franceconnect/deconnexion?state={asked['state'][0]}")
    assert "Vous êtes déconnecté." in said(visitor.follow(answer))
    assert visitor.get("/franceconnect/deconnexion?state=inconnu").location == "/demarches"


def test_a_change_of_password_forgets_nothing_of_it(visitor: Visitor, issuer: Issuer, account: Account) -> None:
    """Whoever comes next on a shared computer would be let in by the session that FranceConnect still holds."""
    mine = account()
    sign_in(visitor, issuer)
    visitor.post("/franceconnect/rattachement", {"identifiant": mine.login, "mot_de_passe": PASSWORD})
    another = "Chataigne-1987!"
    answer = visitor.post(
        "/mon-espace/profil/mot-de-passe",
        {"mot_de_passe_actuel": PASSWORD, "mot_de_passe": another, "mot_de_passe_confirmation": another},
    )
    assert answer.location == "/mon-espace/profil"
    assert "/session/end" in address_in(visitor.post("/deconnexion"))


def test_a_session_opened_by_password_ends_here(visitor: Visitor, issuer: Issuer, account: Account) -> None:
    visitor.sign_in(account().login)
    assert visitor.post("/deconnexion").location == "/demarches"


# --- refusals --------------------------------------------------------------------------------------------------------------


def test_the_way_back_is_taken_once_and_by_the_browser_that_left(
    visitor: Visitor, visitors: Callable[[], Visitor], issuer: Issuer, said: Said
) -> None:
    """Replay of the state and of the code, another browser, a state that never was."""
    query = issuer.approve(leave(visitor), CLAIRE)
    stranger = visitors()
    assert stranger.get(f"{BACK}?{query}").status_code == 409
    leave(stranger)
    page = stranger.get(f"{BACK}?{query}")
    assert page.status_code == 409
    assert "dans un autre navigateur" in said(page)
    assert visitor.get(f"{BACK}?{query}").location == "/franceconnect/compte"
    assert visitor.get(f"{BACK}?{query}").status_code == 409
    for nothing in ("", "?state=", "?state=inconnu&code=x", "?code=x", "?state=a&state=b&error=x"):
        assert visitor.get(BACK + nothing).status_code == 409
    assert [path for path in issuer.asked if path.endswith("/token")] == ["/api/v2/token"]


def test_a_code_that_is_over_or_somebody_elses_signs_nobody_in(visitor: Visitor, issuer: Issuer, said: Said) -> None:
    query = issuer.approve(leave(visitor, suite="/demarches?q=vélo"), CLAIRE)
    issuer.codes.clear()
    page = visitor.get(f"{BACK}?{query}")
    assert page.status_code == 403
    assert "n’a pas pu être vérifiée" in said(page)
    assert 'href="/connexion?suite=' in page.text
    assert visitor.client.get_cookie("parvis_connexion") is None
    # The code of one visit with the state of another: the nonce tells.
    first, second = leave(visitor), leave(visitor)
    code = parse_qs(issuer.approve(first, CLAIRE))["code"][0]
    state = parse_qs(issuer.approve(second, CLAIRE))["state"][0]
    assert visitor.get(f"{BACK}?code={code}&state={state}").status_code == 403


@pytest.mark.parametrize(
    ("lies", "query"), [({"acr": "eidas0"}, ""), ({"nonce": "x" * 43}, ""), ({}, "&iss=https://autre.example")], ids=str
)
def test_a_lie_signs_nobody_in(visitor: Visitor, issuer: Issuer, lies: dict[str, Any], query: str) -> None:
    issuer.lies = lies
    answer = visitor.get(f"{BACK}?{issuer.approve(leave(visitor), CLAIRE)}{query}")
    assert answer.status_code == 403
    assert visitor.client.get_cookie("parvis_connexion") is None
    assert visitor.get("/franceconnect/compte").location == "/connexion"


def test_who_refuses_there_is_back_where_they_were(visitor: Visitor, issuer: Issuer, said: Said) -> None:
    for error, told in (
        ("access_denied", "Vous n’avez pas terminé la connexion avec FranceConnect."),
        ("server_error", "FranceConnect n’a pas pu vous identifier."),
        ("<script>", "FranceConnect n’a pas pu vous identifier."),
    ):
        state = parse_qs(urlsplit(leave(visitor, suite="/demarches?q=vélo")).query)["state"][0]
        answer = visitor.get(BACK, query_string={"error": error, "state": state})
        assert answer.location.startswith("/connexion?suite=/demarches")
        assert told in said(visitor.get(answer.location))


def test_a_provider_that_is_down_is_said_to_be(visitor: Visitor, issuer: Issuer, said: Said) -> None:
    query = issuer.approve(leave(visitor), CLAIRE)
    issuer.down = True
    page = visitor.get(f"{BACK}?{query}")
    assert page.status_code == 503
    assert "FranceConnect ne répond pas" in said(page)


def test_an_account_that_was_closed_stays_closed(visitor: Visitor, issuer: Issuer, data: Database, said: Said) -> None:
    sign_in(visitor, issuer)
    make_account(visitor, data)

    def close(session: Any) -> None:
        accounts.deactivate(session, accounts.by_login(session, "claire@exemple.fr"))  # type: ignore[arg-type]

    data.run(close)
    page = sign_in(visitor, issuer)
    assert page.status_code == 403
    assert "n’est plus actif" in said(page)


def test_nothing_of_it_is_told_to_the_logs(visitor: Visitor, issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    """Operators read why, and never a token, a secret or a name."""
    issuer.lies = {"acr": "eidas0"}
    visitor.get(f"{BACK}?{issuer.approve(leave(visitor), CLAIRE)}")
    assert "sign-in with franceconnect refused: acr" in caplog.text
    for secret in (SECRET, "MARTIN", "sub-1", "eyJ"):
        assert secret not in caplog.text
