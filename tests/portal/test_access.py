"""Every route, as every persona, on one's own and on somebody else's: who may is who the table says, and nobody else (G5, E7)."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import event, select, update
from werkzeug.test import Client, TestResponse

from engine.contact import appointments, documents, exchanges
from engine.contact.documents import StoredFile
from engine.contact.notifications import TO_POST, Notification
from engine.core import clock, config, pdf
from engine.core.db import Database, Session
from engine.people import access as rules
from engine.people import accounts, groups, roles, sessions, throttle
from engine.people.accounts import Account
from engine.people.sessions import AccountSession
from engine.procedures import quotas
from engine.procedures.cases import Case
from engine.procedures.tasks import HumanTask
from portal import access
from tests.portal import audiences
from tests.portal.audiences import ROUTES, Audience, Outcome, Whose
from tests.portal.conftest import INFORMATION, REPORT, Visitor, text_of

GROUP, OTHER_GROUP = "Propreté et espace public", "Stationnement résidentiel"
ABROAD, HERE = "203.0.113.9", "127.0.0.1"
WRITES = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM) (?!audit_|account_session)")
Browsers = dict[str, dict[str, Any]]


def test_every_route_has_its_line(application: Flask) -> None:
    """A new route says who may call it, and this table says it again."""
    bare = {rule.endpoint for rule in application.url_map.iter_rules()} - set(ROUTES)
    assert bare == set(), "add a line to ROUTES in tests/portal/audiences.py for each of these"
    assert set(ROUTES) - {rule.endpoint for rule in application.url_map.iter_rules()} == set(), "these are gone"


def test_every_policy_stands_on_a_rule(application: Flask) -> None:
    for endpoint, view in application.view_functions.items():
        policy = access.policy_of(view)
        assert policy is not None, endpoint
        assert policy.action in rules.RULES, endpoint


@pytest.mark.sqlite_only
def test_each_route_lets_in_who_it_should_and_nobody_else(
    portal: Flask, data: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that is called here is kept: each call finds the world as it was."""
    monkeypatch.setitem(portal.config, "WTF_CSRF_ENABLED", False)  # its own test is in `test_security`
    monkeypatch.setattr(Database, "transaction", _undone)
    monkeypatch.setattr(pdf, "make", lambda _html, **_: b"%PDF")  # slow, and who may is settled before
    client = portal.test_client(use_cookies=False)
    wrong = []
    sent: list[str] = []
    event.listen(data.engine, "before_cursor_execute", lambda _connection, _cursor, sql, *_: sent.append(sql))
    for rule in portal.url_map.iter_rules():
        audience = ROUTES[rule.endpoint]
        sent.clear()
        for persona in audience.personas:
            for whose in world.owners(audience):
                expected = audience.outcome(persona, whose)
                call = partial(_call, client, portal, rule, world.browsers[persona])
                found = {
                    outcome(call(values), audience, expected, partial(call, MISSING))
                    for values in world.values(rule, whose)
                }
                # A state of the request may leave nothing to see, and none may show what isn't one's own.
                if "error" in found or not (expected in found if expected == "in" else found == {expected}):
                    wrong.append(f"{rule.endpoint}: {persona}, {whose}: {sorted(found)} in place of {expected}")
        if "GET" in rule.methods:
            # A link that is followed, or fetched ahead, changes nothing, but that somebody was seen or read something.
            wrong += [f"{rule.endpoint} writes: {sql}" for sql in sent if WRITES.match(sql)]
    assert not wrong, "\n".join(wrong)


@contextmanager
def _undone(database: Database) -> Iterator[Session]:
    with database._writer, database._writing() as session:
        yield session
        session.flush()


def _call(client: Client, app: Flask, rule: Any, browser: dict[str, Any], values: dict[str, Any]) -> TestResponse:
    with app.test_request_context():
        address = rule.build({name: values[name] for name in rule.arguments})[1]
    throttle.reset()
    method = next(iter(rule.methods - {"HEAD", "OPTIONS", "GET"}), "GET")
    return client.open(address, method=method, data={} if method == "POST" else None, **browser)


def outcome(answer: TestResponse, audience: Audience, expected: Outcome, of_nothing: Callable[[], TestResponse]) -> str:
    """What an answer means for who asked. `of_nothing` asks the same of something that doesn't exist."""
    if answer.status_code == 500:
        return "error"
    if audience is audiences.EVERYONE:
        # Whatever it answers, it isn't because of who asks.
        return "forbidden" if answer.status_code == 403 else "in"
    if answer.status_code == 303 and re.match(r"/connexion\b(?!/)", answer.location):
        return "sign in"
    if answer.status_code == 403:
        return "forbidden"
    if audience.things and answer.status_code == 404:
        return expected if audience.nothing_there and expected == "in" else "hidden"
    # Not a word of what is there: the very answer that nothing gets.
    if audience.things and expected == "hidden" and _said(answer) == _said(of_nothing()):
        return "hidden"
    return "in"


def _said(answer: TestResponse) -> tuple[int, str, str]:
    """An answer without the ids that came with the question."""
    nameless = partial(re.sub, r"[0-9a-f-]{36}", "")
    return answer.status_code, nameless(answer.location or ""), nameless(text_of(answer))


# --- the world -------------------------------------------------------------------------------------------------------------


class World:
    """A request of an account and one without, each as a draft and filed; and the browsers of all the personas."""

    def __init__(self) -> None:
        self.browsers: Browsers = {}
        self.things: dict[Whose, list[dict[str, Any]]] = {"account": [], "link": []}

    def owners(self, audience: Audience) -> tuple[Whose, ...]:
        return ("account", "link") if audience.name.startswith("who holds") else ("account",)

    def values(self, rule: Any, whose: Whose) -> list[dict[str, Any]]:
        """What the address of the route names: once for each state of the thing, where it names one."""
        if not rule.arguments:
            return [{}]
        things = [{**thing, **thing.get(rule.endpoint, {})} for thing in self.things[whose]]
        missing = rule.arguments - set(things[0])
        assert not missing, f"{rule.endpoint}: say in `_thing`, `MISSING` or `ANY` what {sorted(missing)} may be"
        found = [{name: thing[name] for name in rule.arguments} for thing in things]
        return [one for place, one in enumerate(found) if one not in found[:place]]


@pytest.fixture
def world(
    portal: Flask,
    data: Database,
    account: Callable[..., Account],
    visitors: Callable[[], Visitor],
) -> World:
    made = World()
    people = {
        audiences.OWNER: account("claire@exemple.fr"),
        audiences.NEIGHBOUR: account("nadia@exemple.fr"),
        audiences.BEARER_SIGNED_IN: account("ada@exemple.fr"),
        audiences.AGENT: account("a@valmont.example", kind="agent", groups_=(GROUP,)),
        audiences.OTHER_AGENT: account("b@valmont.example", kind="agent", groups_=(OTHER_GROUP,)),
        audiences.SUPERVISOR: account("c@valmont.example", kind="agent", groups_=(GROUP,)),
        audiences.OTHER_SUPERVISOR: account("d@valmont.example", kind="agent", groups_=(OTHER_GROUP,)),
        audiences.ANALYST: account("e@valmont.example", kind="agent"),
        audiences.ADMINISTRATOR: account("f@valmont.example", kind="agent"),
        "the agent, suspended": account("g@valmont.example", kind="agent", groups_=(GROUP,)),
    }

    def prepare(session: Session) -> None:
        one = {name: accounts.find(session, person.id) for name, person in people.items()}
        groups.supervise(session, one[audiences.SUPERVISOR], (GROUP,))
        groups.supervise(session, one[audiences.OTHER_SUPERVISOR], (OTHER_GROUP,))
        roles.assign(session, one[audiences.ANALYST], (roles.ANALYST,))
        roles.assign(session, one[audiences.ADMINISTRATOR], (roles.ADMINISTRATOR,))
        for name, person in one.items():
            made.browsers[name] = _browser(sessions.open(session, person))
        over = sessions.open(session, one[audiences.OWNER])
        session.execute(
            update(AccountSession)
            .where(AccountSession.token_hash == sessions._hash(over))
            .values(expires_at=clock.now() - timedelta(minutes=1))
        )
        one["the agent, suspended"].active = False
        made.browsers["the owner, session over"] = _browser(over)

    data.run(prepare)
    made.browsers["a passer-by"] = _browser()
    made.browsers["a forged cookie"] = _browser("A" * 43)
    made.browsers["a monitor"] = {"environ_overrides": {"REMOTE_ADDR": HERE}}

    owner, bearer, other = visitors(), visitors(), visitors()
    owner.client.set_cookie("parvis_connexion", _token(made.browsers[audiences.OWNER]))
    for whose, visitor in (("account", owner), ("link", bearer)):
        made.things[whose] = [_thing(visitor, data, filed=filed) for filed in (True, False)]
    _thing(other, data, filed=False)
    made.browsers[audiences.BEARER] = _browser(jar=bearer)
    made.browsers["the bearer of another link"] = _browser(jar=other)
    made.browsers[audiences.BEARER_SIGNED_IN] = _browser(_token(made.browsers[audiences.BEARER_SIGNED_IN]), jar=bearer)
    return made


def _browser(token: str | None = None, *, jar: Visitor | None = None) -> dict[str, Any]:
    cookies = [f"parvis_connexion={token}"] if token else []
    if jar is not None:
        kept = jar.client.get_cookie("parvis")
        assert kept is not None
        cookies.append(f"parvis={kept.value}")
    return {"headers": {"Cookie": "; ".join(cookies)}, "environ_overrides": {"REMOTE_ADDR": ABROAD}}


def _token(browser: dict[str, Any]) -> str:
    return str(browser["headers"]["Cookie"]).partition("=")[2]


def _thing(visitor: Visitor, data: Database, *, filed: bool) -> dict[str, Any]:
    """A report of a nuisance with a photo, and everything that addresses name of it."""
    first = visitor.post("/demarches/signalement").location
    if "/etapes/" not in first:
        # A draft is there already: the one that was filed before isn't.
        first = visitor.follow(visitor.get(first)).request.path
    reference = first.split("/")[2]
    step = visitor.post(first, INFORMATION).location
    step = visitor.post(step, {**REPORT, "photos-files": _photo()}).location
    if filed:
        visitor.post(step, {"certification": "true"})
    with data.reading() as session:
        case = session.scalars(select(Case).where(Case.reference == reference)).one()
        task = session.scalar(select(HumanTask).where(HumanTask.reference == reference))
        file_id = session.scalar(select(StoredFile.id).where(StoredFile.case_id == case.id))
    return {
        **ANY,
        "reference": reference,
        "element_id": step.rpartition("/")[2],
        "tab": "historique",
        "task_id": task.id if task else uuid4(),
        "file_id": file_id,
        **data.run(_more, case),
    }


def _more(session: Session, case: Case) -> dict[str, Any]:
    """What hangs on a request or on its owner's account, made without going through its pages."""
    exchange = exchanges.begin(session, case_id=case.id, subject="Le matelas", group=GROUP)
    letter = Notification(
        case_id=case.id,
        reference=case.reference,
        group=GROUP,
        state=TO_POST,
        channel="courrier",
        name="accuse-reception",
        subject="Objet",
        text="Texte",
        sent_at=clock.now(),
        postal="1 rue du Four",
    )
    session.add(letter)
    session.flush()
    capacity = appointments.Wish("essai", "essai", GROUP, "Mairie", "1 place", (appointments.Opening(1, 540, 720),))
    appointments.save(session, capacity)
    place = quotas.hold(session, quotas.Rule("signalement", 9), case.id)
    found: dict[str, Any] = {
        "exchange_id": exchange.id,
        "letter_id": letter.id,
        "code": "essai",
        "quota_id": place.quota_id,
    }
    if case.account_id is None:
        return found
    settings, document_id = config.current(), uuid4()
    document = documents.begun(session, case.account_id, document_id)
    content, name = _photo()
    received = documents.receive(settings, owner=document_id, filename=name, stream=content)
    kept = documents.add_file(session, settings, document, received)
    documents.finish(
        session, settings, document, kind="autre", title="", dated_on=None, expires_on=None, file_ids=[str(kept.id)]
    )
    return {**found, "document_id": document_id, "residents.download_own": {"file_id": kept.id}}


def _photo() -> tuple[io.BytesIO, str]:
    content = io.BytesIO()
    Image.new("RGB", (8, 8), "navy").save(content, "PNG")
    content.seek(0)
    return content, "trottoir.png"


# What addresses name that is nobody's, or that only its owner's session reaches.
ANY: dict[str, Any] = {
    "slug": "signalement",
    "token": "A" * 43,
    "key": "A" * 20,
    "name": "portal.css",
    "use": "contact",
    "sector": "cadre-de-vie",
    "version": "2026-01",
    "appointment_id": UUID(int=1),
    "deed": "fermeture",
    "session_id": UUID(int=1),
    "factor_id": UUID(int=1),
    "invitation_id": UUID(int=1),
    "account_id": UUID(int=1),
    "group_id": UUID(int=1),
    "number": 1,
}
MISSING: dict[str, Any] = {
    **ANY,
    "reference": "AAAA-AAAA-AAAA",
    "element_id": "rien",
    "tab": "historique",
    "task_id": UUID(int=1),
    "file_id": UUID(int=1),
    "document_id": UUID(int=1),
    "exchange_id": UUID(int=1),
    "letter_id": 999,
    "code": "rien",
    "quota_id": UUID(int=1),
}
