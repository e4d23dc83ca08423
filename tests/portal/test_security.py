"""What every page owes its visitors: forms that only its pages can send, reading that changes nothing, keys that rotate (G5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select
from werkzeug.test import Client

from engine.core import audit, config
from engine.core.audit import AuditEntry
from engine.core.db import Database
from engine.people import captcha
from engine.people.accounts import Account
from portal.app import create_app
from tests.portal.conftest import PASSWORD, Visitor
from tests.portal.test_statement_counts import counted


def address(app: Flask, rule: Any) -> str:
    values = {name: _any(converter) for name, converter in rule._converters.items()}
    with app.test_request_context():
        return str(rule.build(values)[1])


def _any(converter: Any) -> Any:
    name = type(converter).__name__
    if name == "UUIDConverter":
        return "00000000-0000-0000-0000-000000000001"
    return 1 if name == "IntegerConverter" else "a"


@pytest.mark.sqlite_only
def test_no_form_of_another_site_is_taken(portal: Flask, data: Database) -> None:
    """Every write asks for the token of one's own page: sent without it from elsewhere, nothing is written."""
    client = portal.test_client()
    written: list[str] = []
    event.listen(data.engine, "before_cursor_execute", lambda _c, _u, sql, *_: written.append(sql))
    tried = 0
    for rule in portal.url_map.iter_rules():
        if "POST" not in rule.methods:
            continue
        answer = client.post(address(portal, rule), data={"a": "b"}, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 400, rule.endpoint
        tried += 1
    assert tried > 50
    assert [sql for sql in written if not sql.startswith(("SELECT", "BEGIN", "PRAGMA"))] == []


@pytest.mark.sqlite_only
def test_numbers_that_no_database_holds_are_not_found(portal: Flask) -> None:
    """Found by schemathesis as an agent: the database's driver would have raised."""
    numbered = [rule for rule in portal.url_map.iter_rules() if "IntegerConverter" in str(rule._converters)]
    assert numbered
    for rule in numbered:
        with portal.test_request_context():
            address = rule.build(dict.fromkeys(rule.arguments, 2**63))[1]
        method = "GET" if "GET" in rule.methods else "POST"
        assert portal.test_client().open(address, method=method).status_code == 404, rule


def test_a_form_left_open_over_a_rotation_of_the_key_still_works(
    portal: Flask, data: Database, account: Callable[..., Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cookie and the token of a form that the former key signed are taken, and what is new is signed by the new one."""
    login = account().login
    visitor = Visitor(portal)
    visitor.get("/connexion")
    proof = captcha.make_pass()
    settings = config.current()
    after = create_app(
        replace(settings, secret_key="the next one", former_secret_keys=(settings.secret_key,)), database=data
    )
    visitor.client = _same_browser(visitor.client, after)
    fields = {"identifiant": login, "mot_de_passe": PASSWORD, "csrf_token": visitor.token}
    assert visitor.client.post("/connexion", data=fields).status_code == 303
    assert captcha.pass_holds(proof)
    dropped = create_app(replace(settings, secret_key="the next one"), database=data)
    assert not captcha.pass_holds(proof)
    stranger = Visitor(portal)
    config.use(settings)
    stranger.get("/connexion")
    stranger.client = _same_browser(stranger.client, dropped)
    answer = stranger.client.post("/connexion", data={**fields, "csrf_token": stranger.token})
    assert answer.status_code == 400


def _same_browser(former: Client, app: Flask) -> Client:
    """The browser with its cookies, in front of another application."""
    client = app.test_client()
    kept = former.get_cookie("parvis")
    assert kept is not None
    client.set_cookie("parvis", kept.decoded_value)
    return client


def test_what_happens_at_the_door_is_told(visitor: Visitor, data: Database, account: Callable[..., Account]) -> None:
    """Signing in, being refused and signing out, by ids and from which network; no name, no login."""
    known = account()
    visitor.sign_in(known.login, mot_de_passe="wrong")
    visitor.sign_in("nobody@exemple.fr")
    visitor.sign_in(known.login)
    visitor.post("/deconnexion")
    with data.reading() as session:
        entries = audit.listing(session)[::-1]
        assert audit.verify(session) == audit.Verdict(4, [])
        told = session.execute(select(AuditEntry.__table__)).all()
    assert [(one.action, one.object_id) for one in entries] == [
        ("account.sign_in_refused", str(known.id)),
        ("account.sign_in_refused", None),
        ("account.signed_in", str(known.id)),
        ("account.signed_out", str(known.id)),
    ]
    assert {one.origin for one in entries} == {"127.0.0.0/24"}
    assert "exemple.fr" not in str(told)
    assert "Claire" not in str(told)


@pytest.mark.parametrize("path", ["/demarches", "/mentions-legales", "/demarches/signalement"])
def test_being_signed_in_costs_a_page_two_statements(
    visitor: Visitor, data: Database, account: Callable[..., Account], path: str
) -> None:
    """Who it is, and the favourites of the menu; the draft that they have of a procedure comes with the procedure (A9)."""
    visitor.get(path)
    with counted(data) as anonymous:
        assert visitor.get(path).status_code == 200
    visitor.sign_in(account().login)
    visitor.get(path)
    with counted(data) as signed_in:
        assert visitor.get(path).status_code == 200
    assert len(signed_in) <= len(anonymous) + 2, "\n".join(signed_in)
