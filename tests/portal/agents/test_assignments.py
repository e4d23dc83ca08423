"""Who supervises a group takes a task back from a colleague and gives it to another, on its page (E2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import uuid4

import pytest

from engine.core.db import Database
from engine.people import groups
from engine.people.accounts import Account
from engine.procedures.tasks import HumanTask
from tests.portal.agents.conftest import SERVICE
from tests.portal.conftest import Visitor

SENT = {"suite": "intervenir", "equipe": "proprete"}
Address = Callable[[str], str]
Said = Callable[..., str]


@pytest.fixture
def odile(data: Database, account: Callable[..., Account], signed_in: Callable[[Account], Visitor]) -> Visitor:
    """Who supervises the service."""
    made = account(
        "odile@valmont.example", kind="agent", first_names="Odile", birth_name="Chef", groups_=(SERVICE, "Courrier")
    )
    data.run(groups.supervise, made, (SERVICE,))
    return signed_in(made)


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="(_demande|_agent)" value="([^"]*)"', page))


def test_a_task_goes_from_hand_to_hand(
    odile: Visitor,
    jeanne: Visitor,
    paul: Visitor,
    colleague: Account,
    reported: Callable[[], str],
    address_of: Address,
    said: Said,
) -> None:
    address = address_of(reported())
    jeanne.post(f"{address}/prise-en-charge")
    page = odile.get(address)
    assert "Paul Aussi" in said(page)
    given = odile.post(f"{address}/attribution?tri=depot", {**hidden(page.text), "agent": str(colleague.id)})
    assert (given.status_code, given.location) == (303, f"{address}?tri=depot")
    text = said(odile.follow(given))
    assert "est confiée à Paul Aussi." in text
    assert "Tâche confiée à Paul Aussi : Examiner le signalement" in text
    assert "Terminer la tâche" in paul.get(address).text
    assert "Paul Aussi s’en occupe" in said(jeanne.get(address))
    back = odile.post(f"{address}/attribution", {**hidden(odile.get(address).text), "agent": ""})
    text = said(odile.follow(back))
    assert "est dans la corbeille, à prendre en charge." in text
    assert "Tâche reprise à Paul Aussi et rendue à la corbeille" in text
    assert jeanne.post(f"{address}/prise-en-charge").status_code == 303


def test_what_changed_meanwhile_is_said_and_kept(
    odile: Visitor,
    jeanne: Visitor,
    colleague: Account,
    reported: Callable[[], str],
    address_of: Address,
    task_of: Callable[[str], HumanTask],
    said: Said,
) -> None:
    reference = reported()
    address = address_of(reference)
    seen = hidden(odile.get(address).text)
    jeanne.post(f"{address}/prise-en-charge")
    refused = odile.post(f"{address}/attribution", {**seen, "agent": str(colleague.id)})
    assert refused.status_code == 409
    assert "Jeanne Instruit s’en occupe maintenant." in said(refused)
    for odd in (str(uuid4()), "Paul"):
        wrong = odile.post(f"{address}/attribution", {**seen, "agent": odd})
        assert wrong.status_code == 422
        assert 'id="agent-erreur"' in wrong.text
        assert 'href="#agent"' in wrong.text
    assert task_of(reference).claimed_name == "Jeanne Instruit"
    jeanne.post(address, SENT)
    late = odile.post(f"{address}/attribution", {**seen, "agent": str(colleague.id)})
    assert late.status_code == 409
    assert "Jeanne Instruit a terminé cette tâche le" in said(late)
    assert f'href="/agents/demandes/{reference}"' in late.text


def test_a_colleague_shares_nothing_out(
    jeanne: Visitor, agent: Account, reported: Callable[[], str], address_of: Address
) -> None:
    address = address_of(reported())
    assert "/attribution" not in jeanne.get(address).text
    assert jeanne.post(f"{address}/attribution", {"agent": str(agent.id)}).status_code == 403
