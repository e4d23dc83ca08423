"""Agents find the requests of their service by name, beyond the tasks that are open (E1, E3)."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import update
from werkzeug.test import TestResponse

from engine.core.db import Database
from engine.people.accounts import Account
from engine.procedures.cases import Case
from tests.portal.agents.conftest import references_in
from tests.portal.agents.test_cases import finish
from tests.portal.conftest import Visitor

CASES = "/agents/demandes"
Said = Callable[[TestResponse], str]
Address = Callable[[str], str]


def search(agent: Visitor, words: str) -> list[str]:
    return references_in(agent.get(CASES, query_string={"q": words}))


def test_what_is_over_or_waits_for_the_resident_is_found_by_name(
    jeanne: Visitor,
    zoe: Visitor,
    visitors: Callable[[], Visitor],
    report: Callable[..., str],
    address_of: Address,
    said: Said,
) -> None:
    over, waiting, reference = reported = [report(visitors(), filed=True) for _ in range(3)]
    draft = report(visitors())
    finish(jeanne, address_of, over)
    jeanne.post(f"{address_of(waiting)}/prise-en-charge")
    jeanne.post(address_of(waiting), {"suite": "preciser", "question": "À quel étage ?"})
    for typed in ("petit", "Nadia", "PÉTIT nad"):
        assert search(jeanne, typed) == reported[::-1], typed
    assert search(jeanne, reference[:5].lower()) == [reference]
    for typed in ("martin", "petit martin", "etit", "%", "", draft):
        assert search(jeanne, typed) == [], typed
    assert search(zoe, "petit") == []
    page = said(jeanne.get(CASES, query_string={"q": "petit"}))
    assert "En cours" in page
    assert page.count("PETIT Nadia") == 3
    none = jeanne.get("/agents/corbeilles", query_string={"q": "inconnu"})
    assert 'href="/agents/demandes?q=inconnu"' in none.text


def test_a_request_that_is_over_is_found_by_the_names_of_its_account(
    jeanne: Visitor,
    account: Callable[..., Account],
    signed_in: Callable[[Account], Visitor],
    report: Callable[..., str],
    address_of: Address,
) -> None:
    reference = report(signed_in(account(first_names="Nadia", birth_name="Petit")), filed=True)
    finish(jeanne, address_of, reference)
    for typed in ("petit", "nad pet"):
        assert search(jeanne, typed) == [reference], typed
    # The address that signs in isn't a name.
    assert search(jeanne, "exemple") == []


def test_searching_costs_as_many_statements_whatever_is_found(
    jeanne: Visitor, reported: Callable[[], str], statements: list[str]
) -> None:
    found = []
    for _ in range(2):
        found += [reported(), reported()]
        search(jeanne, "petit")
        statements.clear()
        assert len(search(jeanne, "petit")) == len(found)
        assert len(statements) == 4, statements


def test_erased_requests_are_nobody_s(
    jeanne: Visitor, reported: Callable[[], str], address_of: Address, data: Database
) -> None:
    reference = reported()
    finish(jeanne, address_of, reference)
    with data.transaction() as session:
        session.execute(update(Case).values(document={}, applicant={}, search_name=None))
    assert search(jeanne, "petit") == []
    assert search(jeanne, reference) == [reference]
