"""What comes back from FranceConnect is believed only when everything about it is right (B5, E7)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey

from engine.core import clock
from engine.core.config import OpenIdProvider
from engine.core.errors import Unavailable
from engine.people import openid
from engine.people.openid import FRANCECONNECT, PROCONNECT, Proved, SignInRefused
from tests.issuer import CLAIRE, SECRET, Issuer, shared_key

BACK = "https://portail.example/franceconnect/retour"
NONCE = "a nonce of more than twenty-two characters"


@pytest.fixture(scope="module")
def running() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


@pytest.fixture
def issuer(running: Issuer) -> Issuer:
    running.as_new()
    openid.forget_keys()
    return running


def come_back(
    issuer: Issuer, provider: OpenIdProvider | None = None, name: str = FRANCECONNECT, **person: Any
) -> Proved:
    provider = provider or issuer.settings()
    address = openid.authorize_url(name, provider, redirect_uri=BACK, state="state", nonce=NONCE)
    code = parse_qs(issuer.approve(address, {**CLAIRE, **person}))["code"][0]
    return openid.exchange(name, provider, code, redirect_uri=BACK, nonce=NONCE)


def test_a_person_is_believed_when_everything_is_right(issuer: Issuer) -> None:
    proved = come_back(issuer)
    assert (proved.subject, proved.acr, proved.claims["family_name"]) == ("sub-1", "eidas1", "MARTIN")
    assert SECRET not in repr(issuer.settings())
    for personal in (proved.id_token, proved.subject, "MARTIN"):
        assert personal not in repr(proved)


def test_only_what_franceconnect_knows_is_asked(issuer: Issuer) -> None:
    """No PKCE, no prompt, no claims: an unknown parameter ends the visit there (`Issuer.approve` holds it)."""
    address = openid.authorize_url(FRANCECONNECT, issuer.settings(), redirect_uri=BACK, state="s", nonce=NONCE)
    asked = parse_qs(urlsplit(address).query)
    assert asked["scope"] == ["openid identite_pivot preferred_username email"]
    assert asked["acr_values"] == ["eidas1"]
    assert SECRET not in address


@pytest.mark.parametrize(
    "lies",
    [
        {"iss": "https://autre.example/api/v2"},
        {"iss": None},
        {"aud": "autre-service"},
        {"aud": ["parvis", "autre-service"]},
        {"aud": None},
        {"nonce": "the nonce of somebody else’s visit"},
        {"nonce": None},
        {"exp": 0},
        {"exp": None},
        {"exp": "demain"},
        {"iat": 9_999_999_999},
        {"sub": None},
        {"sub": ""},
        {"sub": 12},
        {"sub": "s" * 256},
        {"acr": None},
        {"acr": "eidas0"},
        {"acr": ["eidas1"]},
        {"nbf": 9_999_999_999},
    ],
    ids=str,
)
def test_a_token_that_says_anything_else_is_refused(issuer: Issuer, lies: dict[str, Any]) -> None:
    issuer.lies = lies
    with pytest.raises(SignInRefused):
        come_back(issuer)
    assert "/api/v2/userinfo" not in issuer.asked


@pytest.mark.parametrize(
    "lies", [{"sub": "sub-2"}, {"aud": "autre-service"}, {"iss": "https://autre.example"}, {"exp": 0}]
)
def test_an_identity_that_is_somebody_elses_is_refused(issuer: Issuer, lies: dict[str, Any]) -> None:
    issuer.userinfo_lies = lies
    with pytest.raises(SignInRefused):
        come_back(issuer)


def test_an_unsigned_identity_is_refused(issuer: Issuer) -> None:
    issuer.plain_userinfo = True
    with pytest.raises(SignInRefused):
        come_back(issuer)


@pytest.mark.parametrize("forgery", ["another key", "none", "our secret", "the public key as a secret"])
def test_a_forged_token_is_refused(issuer: Issuer, forgery: str) -> None:
    """One algorithm is pinned: the header doesn't choose. The keys are asked for once more, and once only."""
    if forgery == "another key":
        issuer.signing = ECKey.generate_key("P-256")
    elif forgery == "none":
        issuer.header = {"alg": "none"}
    else:
        public = json.dumps(issuer.key.as_dict(private=False))
        issuer.header = {"alg": "HS256"}
        issuer.signing = shared_key(SECRET if forgery == "our secret" else public)
    with pytest.raises(SignInRefused):
        come_back(issuer)
    assert issuer.asked.count("/api/v2/jwks") == 2


def test_another_algorithm_than_the_declared_one_is_refused(issuer: Issuer) -> None:
    with pytest.raises(SignInRefused):
        come_back(issuer, issuer.settings(algorithm="RS256"))


def test_keys_that_rotate_are_fetched_once_more(issuer: Issuer) -> None:
    come_back(issuer)
    come_back(issuer)
    assert issuer.asked.count("/api/v2/jwks") == 1
    issuer.rotate()
    assert come_back(issuer).subject == "sub-1"
    come_back(issuer)
    assert issuer.asked.count("/api/v2/jwks") == 2


def test_keys_are_asked_for_again_after_an_hour(issuer: Issuer, clock_at: Callable[[datetime], datetime]) -> None:
    """One that was withdrawn is trusted no longer, even if nothing else changes."""
    come_back(issuer)
    withdrawn = issuer.key
    issuer.rotate()
    issuer.key = withdrawn
    assert come_back(issuer).subject == "sub-1"
    clock_at(clock.now() + timedelta(hours=1))
    with pytest.raises(SignInRefused):
        come_back(issuer)


def test_a_higher_level_than_asked_for_is_fine_and_a_lower_one_is_not(issuer: Issuer) -> None:
    issuer.lies = {"acr": "eidas2"}
    assert come_back(issuer).acr == "eidas2"
    assert come_back(issuer, issuer.settings(acr="eidas2")).strong
    with pytest.raises(SignInRefused):
        come_back(issuer, issuer.settings(acr="eidas3"))


@pytest.mark.parametrize(
    ("acr", "strong"),
    [
        (None, False),
        ("eidas1", False),
        ("eidas2", True),
        ("eidas3", True),
        ("https://proconnect.example/assurance/self-asserted", False),
        ("https://proconnect.example/assurance/self-asserted-2fa", True),
        ("https://proconnect.example/assurance/consistency-checked-2fa", True),
        ("eidas2-not", False),
    ],
)
def test_proconnect_says_by_its_level_whether_two_factors_stand_behind(
    issuer: Issuer, acr: str | None, strong: bool
) -> None:
    """E7: any level signs in, and only some spare the second factor."""
    issuer.lies = {"acr": acr}
    assert come_back(issuer, name=PROCONNECT).strong is strong


def test_a_code_serves_once(issuer: Issuer) -> None:
    address = openid.authorize_url(FRANCECONNECT, issuer.settings(), redirect_uri=BACK, state="s", nonce=NONCE)
    code = parse_qs(issuer.approve(address, CLAIRE))["code"][0]
    openid.exchange(FRANCECONNECT, issuer.settings(), code, redirect_uri=BACK, nonce=NONCE)
    with pytest.raises(SignInRefused) as refused:
        openid.exchange(FRANCECONNECT, issuer.settings(), code, redirect_uri=BACK, nonce=NONCE)
    assert refused.value.facts == {"why": "invalid_grant"}


def test_a_token_lasts_as_long_as_it_says(issuer: Issuer, clock_at: Callable[[datetime], datetime]) -> None:
    now = clock.now()
    issuer.lies = {"iat": int(now.timestamp()) - 60, "exp": int(now.timestamp())}
    clock_at(now + timedelta(seconds=3))
    assert come_back(issuer).subject == "sub-1"
    clock_at(now + timedelta(seconds=7))
    with pytest.raises(SignInRefused):
        come_back(issuer)


def test_a_provider_that_does_not_answer_is_no_refusal(issuer: Issuer) -> None:
    address = openid.authorize_url(FRANCECONNECT, issuer.settings(), redirect_uri=BACK, state="s", nonce=NONCE)
    issuer.approve(address, CLAIRE)
    issuer.down = True
    with pytest.raises(Unavailable):
        openid.exchange(FRANCECONNECT, issuer.settings(), "code", redirect_uri=BACK, nonce=NONCE)
    nobody = OpenIdProvider("http://127.0.0.1:9/api/v2", "parvis", SECRET)
    with pytest.raises(Unavailable):
        openid.exchange(FRANCECONNECT, nobody, "code", redirect_uri=BACK, nonce=NONCE)


def test_signing_out_there_carries_the_hint(issuer: Issuer) -> None:
    address = openid.logout_url(issuer.settings(), id_token="an.id.token", back="https://portail.example/x", state="s")
    assert address.startswith(f"{issuer.url}/session/end?")
    assert parse_qs(urlsplit(address).query) == {
        "id_token_hint": ["an.id.token"],
        "post_logout_redirect_uri": ["https://portail.example/x"],
        "state": ["s"],
    }
