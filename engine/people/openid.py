"""OpenID Connect as FranceConnect v2 and ProConnect speak it: the address to send a person to, what they come back with, the way
out (B5, E7). Nothing here touches the database: an answer of the other side may take seconds.

    address = openid.authorize_url(provider, redirect_uri=…, state=…, nonce=…)
    proved = openid.exchange(provider, code, redirect_uri=…, nonce=…)      # over the network: token, keys, userinfo

Their addresses are fixed by their rules, so that nothing is discovered at run time. FranceConnect refuses any parameter that it
doesn't know, PKCE's included. Every token is checked against one pinned algorithm, whatever its header says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import ClaimsOption, JWTClaimsRegistry
from requests import RequestException

from engine.core import clock, pace
from engine.core.config import OpenIdProvider
from engine.core.errors import Forbidden, Unavailable

FRANCECONNECT, PROCONNECT = "franceconnect", "proconnect"
NAMES = {FRANCECONNECT: "FranceConnect", PROCONNECT: "ProConnect"}
# What is asked of each; FranceConnect's `preferred_username` is the name in use.
SCOPES = {
    FRANCECONNECT: "openid identite_pivot preferred_username email",
    PROCONNECT: "openid given_name usual_name email uid",
}
# FranceConnect's levels, the lowest first: more than was asked for is fine.
LEVELS = ("eidas1", "eidas2", "eidas3")
# ProConnect's levels that two factors stand behind, by the end of their names.
_STRONG = re.compile(r"eidas[23]|.*-2fa")
_LEEWAY = 5  # seconds that two clocks may differ by
_TIMEOUT = (3.05, 8)  # seconds to connect, and to wait for an answer
# A key that the provider no longer publishes is trusted no longer than that.
_KEYS_LAST = timedelta(hours=1)
_TOKEN_LENGTH_MAX = 50_000


class SignInRefused(Forbidden):
    """What came back from the provider proves nobody's identity: forged, expired, for somebody else, or too weak."""

    default = (
        "La connexion n’a pas pu être vérifiée. Recommencez\u00a0: si cela se reproduit, connectez-vous autrement."
    )


@dataclass(frozen=True)
class Proved:
    """Somebody proved who they are to the provider `name`, which certifies `claims`. `id_token` goes back to it at the end."""

    name: str
    subject: str = field(repr=False)
    acr: str
    claims: Mapping[str, Any] = field(repr=False)
    id_token: str = field(repr=False)

    @property
    def strong(self) -> bool:
        """Whether two factors stand behind it, which only the level of assurance tells."""
        return bool(_STRONG.fullmatch(self.acr))


# --- out and back ----------------------------------------------------------------------------------------------------------


def authorize_url(name: str, provider: OpenIdProvider, *, redirect_uri: str, state: str, nonce: str) -> str:
    """Where to send the person: exactly the parameters that the provider knows."""
    with _client(name, provider, redirect_uri) as client:
        url, _ = client.create_authorization_url(
            f"{provider.issuer}/authorize", state=state, nonce=nonce, acr_values=provider.acr
        )
    return str(url)


def exchange(name: str, provider: OpenIdProvider, code: str, *, redirect_uri: str, nonce: str) -> Proved:
    """Who came back with this code, every token checked; `SignInRefused` when it proves nothing, `Unavailable` when the provider
    doesn't answer."""
    try:
        with pace.aside(), _client(name, provider, redirect_uri) as client:
            token = client.fetch_token(
                f"{provider.issuer}/token",
                grant_type="authorization_code",
                code=code,
                timeout=_TIMEOUT,
                allow_redirects=False,
            )
            id_token = _text_of(token.get("id_token"))
            proved = _checked(provider, id_token, nonce={"essential": True, "value": nonce})
            subject, acr = str(proved["sub"]), str(proved.get("acr", ""))
            _check_level(name, provider, acr)
            answer = client.get(f"{provider.issuer}/userinfo", timeout=_TIMEOUT, allow_redirects=False)
            if answer.status_code != 200:
                raise SignInRefused(why="userinfo", status=answer.status_code)
            claims = _checked(provider, _text_of(answer.text), lasting=False)
    except RequestException as error:
        raise Unavailable(f"{name} doesn't answer: {type(error).__name__}") from error
    except (AuthlibBaseError, JoseError, LookupError, TypeError, ValueError) as error:
        # The kind of fault and never what was sent: tokens name people.
        raise SignInRefused(why=str(getattr(error, "error", "") or type(error).__name__)) from None
    if claims["sub"] != subject:
        raise SignInRefused(why="userinfo is somebody else's")
    return Proved(name, subject, acr, claims, id_token)


def logout_url(provider: OpenIdProvider, *, id_token: str, back: str, state: str) -> str:
    """Where to send the person to end their session at the provider, which then sends them `back`."""
    asked = {"id_token_hint": id_token, "post_logout_redirect_uri": back, "state": state}
    return f"{provider.issuer}/session/end?{urlencode(asked)}"


def _client(name: str, provider: OpenIdProvider, redirect_uri: str) -> Any:
    return OAuth2Session(
        provider.client_id,
        provider.client_secret,
        scope=SCOPES[name],
        redirect_uri=redirect_uri,
        token_endpoint_auth_method="client_secret_post",  # noqa: S106 - the name of a way
        # FranceConnect's access token lives for 60 s: with the usual margin it would be born expired.
        leeway=_LEEWAY,
    )


# --- tokens ----------------------------------------------------------------------------------------------------------------


def _checked(provider: OpenIdProvider, text: str, *, lasting: bool = True, **expected: ClaimsOption) -> dict[str, Any]:
    """The claims of a token that the provider signed for us; `JoseError` or `SignInRefused` otherwise."""
    token = _verified(provider, text)
    needed: ClaimsOption = {"essential": lasting}
    registry = JWTClaimsRegistry(
        now=lambda: int(clock.now().timestamp()),
        leeway=_LEEWAY,
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True},
        sub={"essential": True},
        exp=needed,
        iat=needed,
        **expected,
    )
    registry.validate(token.claims)
    # For us alone: a token for several is for nobody in particular.
    if token.claims["aud"] not in (provider.client_id, [provider.client_id]):
        raise SignInRefused(why="aud")
    if not 0 < len(token.claims["sub"]) <= 255:
        raise SignInRefused(why="sub")
    return token.claims


def _verified(provider: OpenIdProvider, text: str) -> jwt.Token:
    """The token, its signature checked with the provider's keys; when they don't fit, with those that it publishes now."""
    try:
        return jwt.decode(text, _keys(provider), algorithms=[provider.algorithm])
    except (JoseError, ValueError):
        # Keys rotate. Asked once: a forged token is no reason to ask on.
        return jwt.decode(text, _keys(provider, again=True), algorithms=[provider.algorithm])


_known: dict[str, tuple[datetime, KeySet]] = {}


def _keys(provider: OpenIdProvider, *, again: bool = False) -> KeySet:
    """The provider's public keys, fetched now and then. Two threads may fetch them at once, to the same end."""
    since, keys = _known.get(provider.issuer, (None, None))
    if keys is None or again or since is None or clock.now() - since >= _KEYS_LAST:
        with pace.aside():
            answer = requests.get(f"{provider.issuer}/jwks", timeout=_TIMEOUT, allow_redirects=False)
        answer.raise_for_status()
        published = [one for one in answer.json()["keys"] if one.get("use", "sig") == "sig"]
        keys = KeySet.import_key_set({"keys": published})
        _known[provider.issuer] = clock.now(), keys
    return keys


def forget_keys() -> None:
    """Fetch every provider's keys anew at the next need, for tests."""
    _known.clear()


def _check_level(name: str, provider: OpenIdProvider, acr: str) -> None:
    """`SignInRefused` when FranceConnect vouches for less than was asked. ProConnect's levels have no order (`Proved.strong`)."""
    if name == FRANCECONNECT and not (acr in LEVELS and LEVELS.index(acr) >= LEVELS.index(provider.acr)):
        raise SignInRefused(why="acr")


def _text_of(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _TOKEN_LENGTH_MAX:
        raise SignInRefused(why="no token")
    return value
