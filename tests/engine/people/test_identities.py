"""Which account a certified identity opens, and what it certifies there (B5, E7)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from engine.core import audit, config
from engine.core.db import Session
from engine.core.errors import Conflict, NotFound
from engine.core.mail import Mail
from engine.people import accounts, identities, identity_visits, registration, sessions, terms
from engine.people.accounts import Account
from engine.people.actors import SYSTEM
from engine.people.identities import Pivot
from engine.people.identity_visits import Visit, VisitOver
from engine.people.openid import FRANCECONNECT, PROCONNECT, Proved, SignInRefused
from tests.issuer import CLAIRE

NOWHERE = Visit("nonce", None, "", "")


def proved(subject: str = "sub-1", *, name: str = FRANCECONNECT, **claims: Any) -> Proved:
    return Proved(name, subject, "eidas1", {**CLAIRE, **claims}, "id.token")


def actions(session: Session) -> list[str]:
    return [entry.action for entry in reversed(audit.listing(session))]


def letters(session: Session) -> list[str]:
    return list(session.scalars(select(Mail.subject).order_by(Mail.written_at)))


# --- tying -----------------------------------------------------------------------------------------------------------------


def test_tying_certifies_the_identity_and_tells_the_owner(session: Session, claire: Account) -> None:
    assert identities.owner(session, proved()) is None
    identities.link(session, claire, proved(), proof="password")
    assert (claire.certified, claire.first_names, claire.birth_name, claire.sex) == (True, "Claire Léa", "MARTIN", "F")
    assert identities.owner(session, proved()) is claire
    assert identities.of_account(session, claire.id)
    assert letters(session) == ["Votre compte Mon Valmont est lié à FranceConnect"]
    assert actions(session) == ["identity.linked"]
    with pytest.raises(Conflict, match="certifiée"):
        accounts.update_identity(
            session, claire, sex="F", first_names="Clara", birth_name="MARTIN", usage_name=None, birth_date=None
        )


def test_an_email_address_opens_nothing(session: Session, claire: Account) -> None:
    """Not even with the same names and date of birth: whoever typed those wasn't checked."""
    claire.birth_name, claire.birth_date = "MARTIN", "1987-03-14"
    assert identities.owner(session, proved(email=claire.login)) is None


def test_an_identity_opens_one_account_only(session: Session, claire: Account) -> None:
    identities.link(session, claire, proved(), proof="password")
    other = accounts.create(session, login="autre@exemple.fr", first_names="Claire", birth_name="Martin")
    with pytest.raises(Conflict, match="déjà liée"):
        identities.link(session, other, proved(), proof="password")
    assert not other.certified


# --- several subjects ------------------------------------------------------------------------------------------------------


def test_the_same_person_under_another_subject_is_known_by_all_six_data(session: Session, claire: Account) -> None:
    identities.link(session, claire, proved("sub-1"), proof="password")
    assert identities.owner(session, proved("sub-2")) is claire
    assert {one.subject for one in identities.of_account(session, claire.id)} == {"sub-1", "sub-2"}
    assert len(letters(session)) == 2
    assert actions(session) == ["identity.linked", "identity.linked"]


@pytest.mark.parametrize(
    "other",
    [
        {"given_name": "Claire"},
        {"family_name": "MARTIN-DUBOIS"},
        {"birthdate": "1987-03-15"},
        {"gender": "male"},
        {"birthplace": "75108"},
        {"birthcountry": "99132"},
        {"birthplace": ""},
        {"gender": None},
    ],
    ids=str,
)
def test_five_data_out_of_six_are_nobody(session: Session, claire: Account, other: dict[str, Any]) -> None:
    identities.link(session, claire, proved(), proof="password")
    assert identities.owner(session, proved("sub-2", **other)) is None


@pytest.mark.parametrize("gap", [{"birthdate": "1987-00-00"}, {"birthdate": "1987-03-00"}, {"birthplace": ""}], ids=str)
def test_data_that_civil_records_lack_prove_nothing(session: Session, claire: Account, gap: dict[str, str]) -> None:
    """Two persons born in the same year, whose day isn't known, may well bear the same name."""
    identities.link(session, claire, proved(**gap), proof="password")
    assert identities.owner(session, proved("sub-2", **gap)) is None
    assert identities.owner(session, proved("sub-1", **gap)) is claire
    assert claire.birth_date == gap.get("birthdate", "1987-03-14")


def test_an_account_untied_or_closed_is_not_found_by_its_person(session: Session, claire: Account) -> None:
    identities.link(session, claire, proved(), proof="password")
    accounts.deactivate(session, claire)
    assert identities.owner(session, proved("sub-2")) is None
    with pytest.raises(SignInRefused):
        identities.owner(session, proved("sub-1"))


def test_what_the_provider_corrects_is_corrected_here(session: Session, claire: Account) -> None:
    identities.link(session, claire, proved(), proof="password")
    identities.owner(session, proved())
    assert "identity.changed" not in actions(session)
    identities.owner(session, proved(family_name="MARTINE", gender=None))
    assert (claire.birth_name, claire.sex) == ("MARTINE", "F")
    assert actions(session)[-1] == "identity.changed"


@pytest.mark.parametrize(
    "claims",
    [
        {"birthdate": None},
        {"birthdate": "14/03/1987"},
        {"birthdate": "1987-13-01"},
        {"given_name": "", "family_name": ""},
        {"given_name": "\x00", "family_name": 3},
    ],
    ids=str,
)
def test_what_is_no_civil_identity_is_refused(session: Session, claims: dict[str, Any]) -> None:
    with pytest.raises(SignInRefused):
        identities.owner(session, proved(**claims))


def test_a_name_may_be_missing() -> None:
    found = identities.pivot({"family_name": "", "given_name": " Madonna ", "birthdate": "1958-00-00"})
    assert found == Pivot("Madonna", "", "1958-00-00")
    assert not found.complete


# --- untying ---------------------------------------------------------------------------------------------------------------


def test_untying_lets_the_identity_be_changed_again(session: Session, claire: Account) -> None:
    identities.link(session, claire, proved("sub-1"), proof="password")
    identities.link(session, claire, proved("sub-2"), proof="password")
    assert identities.unlink(session, claire, actor=SYSTEM)
    assert (claire.certified, identities.of_account(session, claire.id)) == (False, [])
    assert claire.birth_name == "MARTIN"
    assert identities.owner(session, proved("sub-1")) is None
    assert actions(session)[-1] == "identity.unlinked"
    assert not identities.unlink(session, claire, actor=SYSTEM)


# --- agents ----------------------------------------------------------------------------------------------------------------


def test_an_agent_is_known_by_the_address_that_proconnect_vouches_for(session: Session, sonia: Account) -> None:
    """E7: the account exists already; from then on the subject opens it, whatever becomes of the address."""
    identity = proved(name=PROCONNECT, email="Sonia.Lefevre@exemple.fr", usual_name="Lefèvre")
    assert identities.agent(session, identity) is sonia
    assert not sonia.certified
    accounts.update_emails(session, sonia, login="sonia.durand@exemple.fr")
    assert identities.agent(session, identity) is sonia
    assert letters(session) == ["Votre compte Mon Valmont est lié à ProConnect"]


def test_nobody_becomes_an_agent_by_proconnect(session: Session, claire: Account, sonia: Account) -> None:
    for email in ("inconnue@exemple.fr", claire.login, claire.username, "", None, 3):
        with pytest.raises(SignInRefused, match="Aucun compte d’agent"):
            identities.agent(session, proved(name=PROCONNECT, email=email))
    identity = proved(name=PROCONNECT, email=sonia.login)
    identities.agent(session, identity)
    accounts.deactivate(session, sonia)
    with pytest.raises(SignInRefused, match="plus actif"):
        identities.agent(session, identity)


# --- visits ----------------------------------------------------------------------------------------------------------------


def test_a_visit_comes_back_once_from_the_browser_that_left(session: Session) -> None:
    begun = identity_visits.begin(session, FRANCECONNECT, "browser", suite="/demarches", slug="signalement")
    for provider, state, browser in (
        (FRANCECONNECT, begun.state, "another browser"),
        (PROCONNECT, begun.state, "browser"),
        (FRANCECONNECT, begun.nonce, "browser"),
        (FRANCECONNECT, "", ""),
    ):
        with pytest.raises(VisitOver):
            identity_visits.arrive(session, provider, state, browser)
    visit = identity_visits.arrive(session, FRANCECONNECT, begun.state, "browser")
    assert visit == Visit(begun.nonce, None, "/demarches", "signalement")
    with pytest.raises(VisitOver):
        identity_visits.arrive(session, FRANCECONNECT, begun.state, "browser")


def test_visits_and_waiting_identities_end(session: Session, clock_at: Any) -> None:
    clock_at("2027-01-04 10:00")
    begun = identity_visits.begin(session, FRANCECONNECT, "browser")
    token = identity_visits.wait(session, proved(), NOWHERE)
    clock_at("2027-01-04 10:30")
    with pytest.raises(VisitOver):
        identity_visits.arrive(session, FRANCECONNECT, begun.state, "browser")
    assert identity_visits.pending(session, token).proved.claims["family_name"] == "MARTIN"
    clock_at("2027-01-04 11:00")
    with pytest.raises(NotFound):
        identity_visits.pending(session, token)


def test_an_account_made_from_an_identity_has_no_password(session: Session, claire: Account) -> None:
    """Its e-mail is proved by the code; nobody else's account is touched, whatever the address."""
    key = identity_visits.pending(session, identity_visits.wait(session, proved(), NOWHERE)).key
    wanted = registration.Wanted(
        login="claire@exemple.fr",
        password_hash=None,
        sex="F",
        first_names="Claire Léa",
        birth_name="MARTIN",
        identity=key,
    )
    begun = registration.begin(session, wanted, terms_read=terms.versions())
    text = session.scalars(select(Mail.text).order_by(Mail.written_at.desc())).first() or ""
    outcome = registration.confirm(session, begun.token, next(line for line in text.splitlines() if line.isdigit()))
    account = outcome.account
    assert account is not None
    assert (account.password_hash, account.certified, account.birth_date) == (None, True, "1987-03-14")
    assert identities.owner(session, proved()) is account
    assert "J’ai oublié mon mot de passe" in (
        session.scalars(select(Mail.text).where(Mail.subject.startswith("Création de compte"))).one()
    )
    with pytest.raises(NotFound):
        identity_visits.waiting(session, key)


def test_the_providers_token_lasts_as_long_as_the_session(session: Session, claire: Account) -> None:
    token = sessions.open(session, claire)
    assert identity_visits.remembered(session, token) is None
    identity_visits.remember(session, token, FRANCECONNECT, "id.token")
    assert identity_visits.remembered(session, token) == (FRANCECONNECT, "id.token")
    sessions.close(session, token)
    assert identity_visits.remembered(session, token) is None


def test_the_settings_of_a_provider_go_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("PARVIS_DATA", str(tmp_path))
    assert config.load().franceconnect is None
    monkeypatch.setenv("PARVIS_FRANCECONNECT_ISSUER", "https://fournisseur.example/api/v2/")
    with pytest.raises(config.ConfigurationError, match="go together"):
        config.load()
    monkeypatch.setenv("PARVIS_FRANCECONNECT_CLIENT_ID", "parvis")
    monkeypatch.setenv("PARVIS_FRANCECONNECT_CLIENT_SECRET", "secret")
    found = config.load().franceconnect
    assert found == config.OpenIdProvider("https://fournisseur.example/api/v2", "parvis", "secret")
    for name, value in (("ISSUER", "http://fournisseur.example"), ("ALGORITHM", "HS256"), ("ACR", "eidas9")):
        with monkeypatch.context() as patch:
            patch.setenv(f"PARVIS_FRANCECONNECT_{name}", value)
            with pytest.raises(config.ConfigurationError):
                config.load()
