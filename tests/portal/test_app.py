"""The application as a whole: who may call what, and what every answer carries."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from flask import Flask

from engine.core.config import Settings
from portal import access
from portal.app import create_app
from portal.rendering import assets
from tests.portal.conftest import Visitor

pytestmark = pytest.mark.sqlite_only


def test_a_route_without_a_policy_answers_to_nobody(application: Flask, settings: Settings) -> None:
    app = create_app(settings)
    app.add_url_rule("/bare", "bare", lambda: "secret")
    answer = app.test_client().get("/bare")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    app.extensions["database"].close()


def test_a_view_declares_one_policy_and_opens_a_session_for_it() -> None:
    def view() -> None: ...

    with pytest.raises(TypeError, match="opens no session"):
        access.resident(view)
    access.anyone(view)
    with pytest.raises(TypeError, match="two policies"):
        access.anyone(view)


def test_the_root_leads_to_the_catalogue(visitor: Visitor) -> None:
    assert visitor.get("/").location == "/demarches"


def test_health_says_that_it_can_serve(visitor: Visitor) -> None:
    answer = visitor.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


@pytest.mark.parametrize("path", ["/demarches", "/connexion", "/nulle-part", "/healthz"])
def test_every_answer_carries_the_headers(visitor: Visitor, path: str) -> None:
    headers = visitor.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in policy


def test_each_page_has_a_nonce_of_its_own(visitor: Visitor) -> None:
    first, second = visitor.get("/demarches"), visitor.get("/demarches")
    nonces = [page.text.split('nonce="')[1].split('"')[0] for page in (first, second)]
    assert nonces[0] != nonces[1]
    assert f"'nonce-{nonces[0]}'" in first.headers["Content-Security-Policy"]


def test_cookies_follow_the_scheme_of_the_public_address(settings: Settings) -> None:
    """Tied to the host over https; without the prefix that browsers drop over plain http otherwise."""
    from dataclasses import replace

    app = create_app(replace(settings, public_url="https://demarches.example"))
    assert app.config["SESSION_COOKIE_NAME"] == "__Host-parvis"
    with app.test_request_context():
        assert access.cookie_name(app) == "__Host-parvis_connexion"
    assert app.config["SESSION_COOKIE_SECURE"]
    answer = app.test_client().get("/nulle-part", base_url="https://demarches.example")
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    app.extensions["database"].close()


def test_built_files_are_kept_for_good_and_travel_compressed(
    visitor: Visitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    (tmp_path / "portal-1a2b3c.css").write_text("a{color:red}" * 100)
    plain = visitor.client.get("/static/portal-1a2b3c.css", buffered=True)
    packed = visitor.client.get("/static/portal-1a2b3c.css", headers={"Accept-Encoding": "br, gzip"}, buffered=True)
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data)
    for answer in (plain, packed):
        assert "immutable" in answer.headers["Cache-Control"]
        assert "Accept-Encoding" in answer.headers["Vary"]
    assert visitor.get("/static/nothing.css", headers={"Accept-Encoding": "gzip"}).status_code == 404
