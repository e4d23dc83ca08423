"""An identity provider in the process: real addresses, real signatures, FranceConnect's strictness, and every kind of lie.

    with Issuer() as issuer:
        config.use(replace(settings, franceconnect=issuer.settings()))
        query = issuer.approve(address, PERSON)      # what a person does there; `lies` change what the tokens say

The oidc-provider of tests/browser/franceconnect.mjs is the other rig: an implementation that isn't ours.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from engine.core import clock
from engine.core.config import OpenIdProvider

KNOWN = {"client_id", "acr_values", "response_type", "nonce", "state", "redirect_uri", "scope"}
SECRET = "a secret that both sides know and nobody else does"
CLAIRE = {
    "given_name": "Claire Léa",
    "given_name_array": ["Claire", "Léa"],
    "family_name": "MARTIN",
    "birthdate": "1987-03-14",
    "gender": "female",
    "birthplace": "75107",
    "birthcountry": "99100",
    "email": "claire.martin@exemple.fr",
}


class Issuer:
    """The provider. `lies` change the claims of the ID token, `userinfo_lies` those of userinfo; `down` makes it fail."""

    def __init__(self) -> None:
        self.as_new()

    def as_new(self) -> None:
        """Forget every lie, code and key: what one test asked for isn't the next one's."""
        self.key = ECKey.generate_key("P-256", parameters={"kid": "first"})
        self.published = [self.key]
        self.codes: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.lies: dict[str, Any] = {}
        self.userinfo_lies: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.signing: Any = None
        self.plain_userinfo = False
        self.down = False

    def __enter__(self) -> Issuer:
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Silent)
        self.url = f"http://127.0.0.1:{self._server.server_port}/api/v2"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def settings(self, **more: Any) -> OpenIdProvider:
        return OpenIdProvider(self.url, "parvis", SECRET, **more)

    def rotate(self) -> None:
        """Sign with another key, and publish that one alone."""
        self.key = ECKey.generate_key("P-256", parameters={"kid": secrets.token_hex(4)})
        self.published = [self.key]

    def approve(self, address: str, person: Mapping[str, Any], *, subject: str = "sub-1", acr: str = "eidas1") -> str:
        """What a person who consents does at the authorize address: the query that they come back with."""
        parts = urlsplit(address)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.url}/authorize"
        assert set(asked) == KNOWN, f"FranceConnect refuses other parameters: {sorted(asked)}"
        assert len(asked["nonce"]) >= 22
        assert asked["response_type"] == "code"
        code = secrets.token_urlsafe(16)
        self.codes[code] = {**asked, "person": dict(person), "sub": subject, "acr": acr}
        return urlencode({"code": code, "state": asked["state"]})

    # --- what the other side asks of it ---

    def _answer(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        self.asked.append(request.path)
        if self.down:
            return Response("down", 503)(environ, start_response)
        route = {"/jwks": self._jwks, "/token": self._token, "/userinfo": self._userinfo}
        return route[request.path.removeprefix("/api/v2")](request)(environ, start_response)

    def _jwks(self, _request: Request) -> Response:
        return _json({"keys": [{**key.as_dict(private=False), "use": "sig"} for key in self.published]})

    def _token(self, request: Request) -> Response:
        form = request.form
        assert set(form) == {"grant_type", "code", "redirect_uri", "client_id", "client_secret"}
        if (form["client_id"], form["client_secret"]) != ("parvis", SECRET):
            return _json({"error": "invalid_client"}, 401)
        found = self.codes.pop(form["code"], None)
        if found is None or found["redirect_uri"] != form["redirect_uri"]:
            return _json({"error": "invalid_grant"}, 400)
        access = secrets.token_urlsafe(16)
        self.tokens[access] = found
        now = int(clock.now().timestamp())
        claims = {
            "iss": self.url, "aud": "parvis", "sub": found["sub"], "nonce": found["nonce"], "acr": found["acr"],
            "iat": now, "exp": now + 60, **self.lies,
        }  # fmt: skip
        return _json(
            {"access_token": access, "token_type": "Bearer", "expires_in": 60, "id_token": self._signed(claims)}
        )

    def _userinfo(self, request: Request) -> Response:
        found = self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if found is None:
            return _json({"error": "invalid_token"}, 401)
        claims = {"iss": self.url, "aud": "parvis", "sub": found["sub"], **found["person"], **self.userinfo_lies}
        if self.plain_userinfo:
            return _json(claims)
        return Response(self._signed(claims), content_type="application/jwt")

    def _signed(self, claims: Mapping[str, Any]) -> str:
        header = {"alg": "ES256", "kid": self.key.kid, **self.header}
        kept = {name: value for name, value in claims.items() if value is not None}
        if header["alg"] == "none":
            return ".".join((_part(header), _part(kept), ""))
        return jwt.encode(header, kept, self.signing or self.key, algorithms=[str(header["alg"])])


def shared_key(text: str) -> OctKey:
    """A key for those who sign with what both sides know."""
    return OctKey.import_key(text)


class _Silent(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        pass


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
