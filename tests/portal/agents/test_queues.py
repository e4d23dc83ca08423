"""The agents' queues (E1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from engine.core import audit, clock
from engine.core.db import Database
from engine.people import places
from engine.people.accounts import Account
from engine.people.places import Place
from engine.procedures import tasks
from engine.procedures.tasks import HumanTask
from tests.portal.agents.conftest import OTHER, SERVICE, references_in
from tests.portal.conftest import Visitor

QUEUE = "/agents/corbeilles"


def change(data: Database, reference: str, **values: object) -> None:
    with data.transaction() as session:
        session.execute(update(HumanTask).where(HumanTask.reference == reference).values(**values))


def test_the_most_urgent_come_first(
    jeanne: Visitor, reported: Callable[[], str], data: Database, said: Callable[[TestResponse], str]
) -> None:
    soon, late, undated = reported(), reported(), reported()
    change(data, late, due_at=clock.now() - timedelta(days=3))
    change(data, undated, due_at=None)
    page = jeanne.get(QUEUE)
    assert references_in(page) == [late, soon, undated]
    assert "En retard de 3 jours" in said(page)
    assert "Sans échéance" in said(page)
    assert "<title>Ma corbeille (3)" in page.text


def test_other_orders_are_a_link_away(jeanne: Visitor, reported: Callable[[], str], data: Database) -> None:
    first, second = reported(), reported()
    change(data, first, search_name="zola emile", applicant="ZOLA Émile")
    assert references_in(jeanne.get(f"{QUEUE}?tri=depot")) == [first, second]
    page = jeanne.get(f"{QUEUE}?tri=usager")
    assert references_in(page) == [second, first]
    assert page.text.count('aria-sort="ascending"') == 1
    # The heading of the column leads the other way round, and back.
    down = jeanne.get(f"{QUEUE}?tri=usager&sens=decroissant")
    assert 'href="/agents/corbeilles?tri=usager&amp;sens=decroissant"' in page.text
    assert references_in(down) == [first, second]
    assert down.text.count('aria-sort="descending"') == 1
    assert 'href="/agents/corbeilles?tri=usager"' in down.text
    assert references_in(jeanne.get(f"{QUEUE}?tri=nimporte")) == references_in(jeanne.get(QUEUE))


def test_each_service_sees_its_own(
    jeanne: Visitor, zoe: Visitor, reported: Callable[[], str], said: Callable[[TestResponse], str]
) -> None:
    reference = reported()
    assert references_in(jeanne.get(QUEUE)) == [reference]
    assert references_in(zoe.get(QUEUE)) == []
    assert "Aucune tâche n’attend" in said(zoe.get(f"{QUEUE}?corbeille={SERVICE}"))


def test_an_agent_of_several_services_chooses_among_them(
    account: Callable[..., Account],
    signed_in: Callable[[Account], Visitor],
    reported: Callable[[], str],
    said: Callable[[TestResponse], str],
) -> None:
    browser = signed_in(account("marc@valmont.example", kind="agent", groups_=(SERVICE, OTHER)))
    reference = reported()
    page = browser.get(QUEUE)
    assert references_in(page) == [reference]
    assert "Toutes (1)" in said(page)
    assert f"{OTHER} (0)" in said(page)
    assert references_in(browser.get(f"{QUEUE}?corbeille={OTHER}")) == []
    assert references_in(browser.get(f"{QUEUE}?corbeille={SERVICE}")) == [reference]


def test_lateness_is_counted(jeanne: Visitor, reported: Callable[[], str], data: Database) -> None:
    on_time, late = reported(), reported()
    change(data, late, due_at=clock.now() - timedelta(minutes=5))
    page = jeanne.get(f"{QUEUE}?retard=1")
    assert references_in(page) == [late]
    assert "En retard (1)" in page.text
    assert on_time not in page.text


def test_long_queues_are_counted_so_far(
    jeanne: Visitor, reported: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "COUNTED", 1)
    reported(), reported(), reported()
    page = jeanne.get(QUEUE)
    assert "<title>Ma corbeille (1+)" in page.text
    assert "Mes tâches (0)" in page.text
    assert len(references_in(page)) == 3


def test_searching_by_reference_or_name(jeanne: Visitor, reported: Callable[[], str], data: Database) -> None:
    wanted, other = reported(), reported()
    change(data, wanted, search_name="le goff anne marie", applicant="LE GOFF Anne-Marie")
    for typed in (wanted.lower().replace("-", " "), "le goff", "ANNE", "marie le", "Goff  anne"):
        assert references_in(jeanne.get(QUEUE, query_string={"q": typed})) == [wanted], typed
    assert references_in(jeanne.get(QUEUE, query_string={"q": "petit"})) == [other]
    for typed in ("%", "_", "'", "annette", "off"):
        assert references_in(jeanne.get(QUEUE, query_string={"q": typed})) == [], typed


def test_a_request_that_waits_for_nobody_here_is_found_all_the_same(
    jeanne: Visitor, zoe: Visitor, reported: Callable[[], str], data: Database, said: Callable[[TestResponse], str]
) -> None:
    reference = reported()
    with data.transaction() as session:
        session.query(HumanTask).delete()
    assert f"Consulter la demande {reference}" in said(jeanne.get(QUEUE, query_string={"q": reference}))
    assert "Consulter la demande" not in said(zoe.get(QUEUE, query_string={"q": reference}))


def test_who_holds_what(
    jeanne: Visitor,
    paul: Visitor,
    reported: Callable[[], str],
    address_of: Callable[[str], str],
    said: Callable[[TestResponse], str],
) -> None:
    mine, free = reported(), reported()
    assert jeanne.post(f"{address_of(mine)}/prise-en-charge").status_code == 303
    page = jeanne.get(QUEUE)
    assert "Mes tâches (1)" in page.text
    assert said(page).count("Prendre en charge") == 1
    assert references_in(jeanne.get(f"{QUEUE}?miennes=1")) == [mine]
    assert "Jeanne Instruit" in said(paul.get(QUEUE))
    assert free in said(paul.get(QUEUE))


def test_pages(
    jeanne: Visitor, reported: Callable[[], str], monkeypatch: object, said: Callable[[TestResponse], str]
) -> None:
    references = {reported() for _ in range(3)}
    monkeypatch.setattr(tasks, "PAGE", 2)  # type: ignore[attr-defined]
    first, second = jeanne.get(QUEUE), jeanne.get(f"{QUEUE}?page=2")
    assert {*references_in(first), *references_in(second)} == references
    assert (len(references_in(first)), len(references_in(second))) == (2, 1)
    assert 'rel="next"' in first.text
    assert 'rel="next"' not in second.text
    assert "Page précédente" in second.text
    # Of how many, where that is known without counting again.
    assert "Page 2 sur 2" in said(second)
    assert "Page 1 sur 2" in said(jeanne.get(f"{QUEUE}?tri=usager"))
    assert "sur" not in said(jeanne.get(QUEUE, query_string={"q": "petit"})).partition("Page 1")[2][:5]
    monkeypatch.setattr(tasks, "COUNTED", 2)  # type: ignore[attr-defined]
    assert "Page 1 sur 2 ou plus" in said(jeanne.get(QUEUE))


def test_what_means_nothing_in_the_address_is_left_out(jeanne: Visitor, reported: Callable[[], str]) -> None:
    reference = reported()
    for query in ("page=0", "page=-1", "page=x", "corbeille=Nulle part", "miennes=oui", "tri=", "retard=2", "page=①"):
        assert references_in(jeanne.get(f"{QUEUE}?{query}")) == [reference], query
    far = jeanne.get(f"{QUEUE}?page=99999999999999999999")
    assert far.status_code == 200


def test_a_queue_costs_three_statements_whatever_its_length(
    jeanne: Visitor, reported: Callable[[], str], statements: list[str]
) -> None:
    for _ in range(3):
        reported()
    jeanne.get(QUEUE)
    statements.clear()
    jeanne.get(QUEUE, query_string={"corbeille": SERVICE, "q": "petit", "tri": "usager"})
    # Who is signed in, the counts, the rows.
    assert len(statements) == 3, statements


def test_an_agent_without_a_service_is_told_so(
    account: Callable[..., Account], signed_in: Callable[[Account], Visitor], said: Callable[[TestResponse], str]
) -> None:
    browser = signed_in(account("seul@valmont.example", kind="agent"))
    assert "dans aucun service" in said(browser.get(QUEUE))


def test_queues_are_for_agents(visitor: Visitor, account: Callable[..., Account], portal: object) -> None:
    assert visitor.get(QUEUE).location.startswith("/connexion?")
    account()
    visitor.sign_in("claire.martin@exemple.fr")
    assert visitor.get(QUEUE).status_code == 403


def test_the_short_address_leads_to_the_queues(jeanne: Visitor) -> None:
    assert jeanne.get("/agents").location == QUEUE


def test_the_tasks_of_who_is_gone_are_free_again(
    jeanne: Visitor,
    agent: Account,
    account: Callable[..., Account],
    signed_in: Callable[[Account], Visitor],
    reported: Callable[[], str],
    address_of: Callable[[str], str],
    said: Callable[[TestResponse], str],
    data: Database,
) -> None:
    addresses = [address_of(reported()) for _ in range(2)]
    helene = account("helene@valmont.example", kind="agent", first_names="Hélène", birth_name="Faure")
    data.run(lambda session: places.put(session, helene, Place([SERVICE], (), ["administrator"]), who=audit.OPERATOR))
    admin = signed_in(helene)
    page = f"/administration/agents/{agent.id}"
    for address, deed, fields in zip(addresses, ("place", "fermeture"), ({"groupe": OTHER}, {}), strict=True):
        data.run(lambda session: places.put(session, agent, Place([SERVICE]), who=audit.OPERATOR))
        assert jeanne.post(f"{address}/prise-en-charge").status_code == 303
        assert "Jeanne Instruit" in said(admin.get(address))
        assert admin.post(f"{page}/{deed}", fields).status_code == 303
        text = said(admin.get(address))
        assert "Prise en charge Personne" in text
        assert "Tâche rendue à la corbeille" in text


def test_each_part_of_the_work_leads_to_the_others(jeanne: Visitor) -> None:
    parts = ("corbeilles", "demandes", "echanges", "courriers", "agendas", "quotas")
    for part in parts:
        page = jeanne.get(f"/agents/{part}").text
        nav = page[page.index('aria-label="Travail des agents"') : page.index("<main")]
        assert re.findall(r'href="/agents/(\w+)"( aria-current="page")?', nav) == [
            (one, ' aria-current="page"' if one == part else "") for one in parts
        ]
    assert 'aria-label="Travail des agents"' not in jeanne.get("/agents/profil").text
