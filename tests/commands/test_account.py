"""`./parvis account`: agents are added by an operator."""

from __future__ import annotations

import io
from typing import Any

import pytest

from engine.core import audit
from engine.core.db import Database
from engine.people import accounts, groups, invitations, passwords

pytestmark = pytest.mark.sqlite_only
NAMES = ("--first-names", "Sonia", "--birth-name", "Lefèvre")
PASSWORD = "Trois-Petits-Chats-42!"


@pytest.fixture
def typed_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))


@pytest.mark.usefixtures("typed_password")
def test_an_agent_is_added_with_groups(run: Any, installed: Database) -> None:
    status, said, _ = run(
        "account", "add", "sonia@exemple.fr", *NAMES, "--agent", "--group", "Stationnement", "--group", "Voirie"
    )
    assert (status, said) == (0, "added sonia@exemple.fr\n")
    with installed.reading() as session:
        account = accounts.by_login(session, "sonia@exemple.fr")
        assert account is not None
        assert account.kind == "agent"
        assert groups.of(session, account.id) == {"Stationnement", "Voirie"}
        assert passwords.check(PASSWORD, account.password_hash)


def test_a_password_can_be_made_up(run: Any, installed: Database) -> None:
    status, said, _ = run("account", "add", "karim@exemple.fr", *NAMES, "--generate")
    assert status == 0
    with installed.reading() as session:
        account = accounts.by_login(session, "karim@exemple.fr")
        assert account is not None
        assert account.kind == "resident"
        assert passwords.check(said.strip().rpartition(" ")[2], account.password_hash)


@pytest.mark.usefixtures("typed_password", "installed")
def test_a_second_account_with_the_same_address_is_refused(run: Any) -> None:
    assert run("account", "add", "sonia@exemple.fr", *NAMES)[0] == 0
    status, said, complaint = run("account", "add", "Sonia@exemple.fr", *NAMES, "--generate")
    assert (status, said) == (1, "")
    assert complaint.startswith("parvis: ")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("address", ["", "sonia", "sonia@", "so nia@exemple.fr"])
def test_what_is_no_address_is_refused(run: Any, address: str) -> None:
    status, _, complaint = run("account", "add", address, *NAMES, "--generate")
    assert status == 1
    assert complaint.startswith("parvis: ")
    assert "Traceback" not in complaint


@pytest.mark.usefixtures("installed")
def test_a_weak_password_is_refused_with_the_rules(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("soleil\n"))
    status, _, complaint = run("account", "add", "sonia@exemple.fr", *NAMES)
    assert status == 1
    assert "majuscule" in complaint


@pytest.mark.usefixtures("installed")
def test_a_resident_has_no_group(run: Any) -> None:
    status, _, complaint = run("account", "add", "a@exemple.fr", *NAMES, "--group", "Voirie", "--generate")
    assert (status, complaint) == (2, "parvis: only agents have groups and roles: add --agent\n")


def test_groups_are_replaced(run: Any, installed: Database) -> None:
    run("account", "add", "sonia@exemple.fr", *NAMES, "--agent", "--group", "Voirie", "--generate")
    assert run("account", "groups", "sonia@exemple.fr", "Propreté")[0] == 0
    with installed.reading() as session:
        account = accounts.by_login(session, "sonia@exemple.fr")
        assert account is not None
        assert groups.of(session, account.id) == {"Propreté"}


@pytest.mark.usefixtures("installed")
def test_accounts_are_listed_found_and_closed(run: Any) -> None:
    run("account", "add", "sonia@exemple.fr", *NAMES, "--agent", "--group", "Voirie", "--generate")
    assert run("account", "close", "sonia@exemple.fr") == (0, "closed sonia@exemple.fr\n", "")
    lines = run("account", "list", "lefevre")[1].splitlines()
    assert lines[1].split() == ["sonia@exemple.fr", "Sonia", "Lefèvre", "agent,", "closed", "Voirie"]
    assert run("account", "list", "nobody")[1] == "no such account\n"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("verb", ["close", "groups"])
def test_an_unknown_account_is_said(run: Any, verb: str) -> None:
    assert run("account", verb, "x@exemple.fr") == (1, "", "parvis: there is no account x@exemple.fr\n")


def test_nothing_works_before_an_installation_exists(run: Any) -> None:
    status, _, complaint = run("account", "list")
    assert status == 1
    assert "./parvis up makes one" in complaint


def test_an_agent_is_given_groups_to_supervise_and_roles(run: Any, installed: Database) -> None:
    run("account", "add", "sonia@exemple.fr", *NAMES, "--agent", "--role", "administrator", "--generate")
    assert run("account", "groups", "sonia@exemple.fr", "Voirie", "--supervise", "Propreté")[0] == 0
    lines = run("account", "list", "lefevre")[1].splitlines()
    assert lines[1].endswith("Propreté (supervisor), Voirie, administrator")
    assert run("account", "roles", "sonia@exemple.fr", "analyst")[2].startswith("parvis: Ce compte est le dernier")
    with installed.reading() as session:
        entries = [(one.actor_kind, one.action) for one in audit.listing(session)]
    assert ("operator", "account.role_given") in entries


def test_an_agent_is_invited(run: Any, installed: Database) -> None:
    status, said, _ = run("account", "invite", "paul@exemple.fr", "--group", "Voirie", "--role", "analyst")
    assert (status, said) == (0, "invited paul@exemple.fr: the link is good for 7 days\n")
    assert run("account", "invite", "paul@exemple.fr")[0] == 1
    with installed.reading() as session:
        (waiting,) = invitations.unanswered(session)
    assert (waiting.groups, waiting.roles) == (["Voirie"], ["analyst"])


@pytest.mark.usefixtures("installed")
def test_an_account_is_opened_again_and_its_second_factor_reset(run: Any) -> None:
    run("account", "add", "sonia@exemple.fr", *NAMES, "--agent", "--generate")
    run("account", "add", "claire@exemple.fr", *NAMES, "--generate")
    run("account", "close", "sonia@exemple.fr")
    assert run("account", "reopen", "sonia@exemple.fr") == (0, "reopened sonia@exemple.fr\n", "")
    assert run("account", "reset", "sonia@exemple.fr")[0] == 0
    assert run("account", "reset", "claire@exemple.fr")[2] == "parvis: only agents have a second factor\n"
