"""`./parvis account`: agents are added by an operator."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from engine.core import audit
from engine.core.db import Database
from engine.people import accounts, groups, invitations, passwords
from engine.procedures import tasks

pytestmark = pytest.mark.sqlite_only
NAMES = ("--first-names", "Sonia", "--birth-name", "Lefèvre")
PASSWORD = "Trois-Petits-Chats-42!"
NEW = "--new-group"


@pytest.fixture
def typed_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))


@pytest.mark.usefixtures("typed_password")
def test_an_agent_is_added_with_groups(run: Any, installed: Database) -> None:
    status, said, _ = run(
        "account", "add", "sonia@exemple.fr", *NAMES, "--agent", "--group", "Stationnement", "--group", "Voirie", NEW
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
    assert complaint == "parvis: there is already an account sonia@exemple.fr\n"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("verb", [("add", *NAMES, "--generate"), ("invite",)])
@pytest.mark.parametrize("address", ["", "sonia", "sonia@", "so nia@exemple.fr"])
def test_what_is_no_address_is_refused(run: Any, verb: tuple[str, ...], address: str) -> None:
    complaint = f"parvis: «{address}» is no e-mail address, such as name@example.fr\n"
    assert run("account", verb[0], address, *verb[1:]) == (1, "", complaint)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("arguments", "wrong"), [(["sonia"], "e-mail address"), (["s@exemple.fr", "--agent", "--group", "X"], "group")]
)
def test_a_password_is_not_asked_for_in_vain(
    run: Any, monkeypatch: pytest.MonkeyPatch, arguments: list[str], wrong: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("soleil\n"))
    assert wrong in run("account", "add", *arguments, *NAMES)[2]
    assert sys.stdin.read() == "soleil\n"


@pytest.mark.usefixtures("installed")
def test_a_weak_password_is_refused_with_the_rules(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("soleil\n"))
    status, _, complaint = run("account", "add", "sonia@exemple.fr", *NAMES)
    assert status == 1
    assert "8 to 128 characters, a capital letter among them" in complaint


@pytest.mark.usefixtures("installed")
def test_a_resident_has_no_group(run: Any) -> None:
    status, _, complaint = run("account", "add", "a@exemple.fr", *NAMES, "--group", "Voirie", "--generate")
    assert (status, complaint) == (2, "parvis: only agents have groups and roles: add --agent\n")


def test_groups_are_replaced(run: Any, installed: Database) -> None:
    run("account", "add", "sonia@exemple.fr", *NAMES, "--agent", "--group", "Voirie", NEW, "--generate")
    assert run("account", "groups", "sonia@exemple.fr", "Propreté", NEW)[0] == 0
    with installed.reading() as session:
        account = accounts.by_login(session, "sonia@exemple.fr")
        assert account is not None
        assert groups.of(session, account.id) == {"Propreté"}


@pytest.mark.usefixtures("installed")
def test_accounts_are_listed_found_and_closed(run: Any) -> None:
    run("account", "add", "sonia@exemple.fr", *NAMES, "--agent", "--group", "Voirie", NEW, "--generate")
    assert run("account", "reopen", "sonia@exemple.fr") == (0, "sonia@exemple.fr is open already\n", "")
    assert run("account", "close", "sonia@exemple.fr") == (0, "closed sonia@exemple.fr\n", "")
    assert run("account", "close", "sonia@exemple.fr") == (0, "sonia@exemple.fr is closed already\n", "")
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
    assert run("account", "groups", "sonia@exemple.fr", "Voirie", "--supervise", "Propreté", NEW)[0] == 0
    lines = run("account", "list", "lefevre")[1].splitlines()
    assert lines[1].endswith("Propreté (supervisor), Voirie, administrator")
    last = "parvis: this account is the last active administrator: give that role to somebody else first\n"
    assert run("account", "roles", "sonia@exemple.fr", "analyst") == (1, "", last)
    assert run("account", "close", "sonia@exemple.fr") == (1, "", last)
    with installed.reading() as session:
        entries = [(one.actor_kind, one.action) for one in audit.listing(session)]
    assert ("operator", "account.role_given") in entries


def test_an_agent_is_invited(run: Any, installed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARVIS_SMTP_URL", "smtp://127.0.0.1:25")
    status, said, warning = run("account", "invite", "paul@exemple.fr", "--group", "Voirie", NEW, "--role", "analyst")
    assert (status, said, warning) == (0, "invited paul@exemple.fr: the link is good for 7 days\n", "")
    assert run("account", "invite", "paul@exemple.fr") == (
        1,
        "",
        "parvis: paul@exemple.fr was invited already: an administrator can send the letter again, or cancel it\n",
    )
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


def test_a_letter_that_nothing_can_carry_is_told(run: Any, installed: Database) -> None:
    run("account", "add", "sonia@exemple.fr", *NAMES, "--agent", "--generate")
    for verb, email in (("invite", "paul@exemple.fr"), ("reset", "sonia@exemple.fr")):
        status, _, warning = run("account", verb, email)
        assert status == 0
        assert warning.startswith("parvis: warning: PARVIS_SMTP_URL names no server here: the letter waits"), verb


@pytest.fixture
def with_groups(installed: Database) -> Database:
    """The installation has two groups."""
    installed.run(lambda session: [groups.ensure(session, name) for name in ("Stationnement", "Propreté")])
    return installed


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "paul@exemple.fr", *NAMES, "--generate", "--agent", "--group", "Stationement"),
        ("add", "paul@exemple.fr", *NAMES, "--generate", "--agent", "--supervise", "stationnement"),
        ("invite", "paul@exemple.fr", "--group", "Stationement"),
        ("groups", "sonia@exemple.fr", "Propreté", "Stationement"),
    ],
)
def test_a_mistyped_group_is_not_opened(run: Any, with_groups: Database, arguments: tuple[str, ...]) -> None:
    run("account", "add", "sonia@exemple.fr", *NAMES, "--agent", "--group", "Stationnement", "--generate")
    status, said, complaint = run("account", *arguments)
    assert (status, said) == (1, "")
    assert complaint == (
        f"parvis: there is no group «{arguments[-1]}»: did you mean «Stationnement»? There are «Propreté», "
        "«Stationnement»; --new-group opens another\n"
    )
    with with_groups.reading() as session:
        sonia = accounts.by_login(session, "sonia@exemple.fr")
        assert sonia is not None
        assert groups.of(session, sonia.id) == {"Stationnement"}
        assert accounts.by_login(session, "paul@exemple.fr") is None
        assert not invitations.unanswered(session)
        assert len(groups.names(session)) == 2


def test_a_new_group_is_opened_when_told_to(run: Any, with_groups: Database) -> None:
    assert run("account", "invite", "paul@exemple.fr", "--group", " Espaces  verts", NEW)[0] == 0
    assert run("account", "invite", "anne@exemple.fr", "--group", "Espaces verts")[0] == 0
    assert run("account", "invite", "luc@exemple.fr", "--group", "usager", NEW) == (
        1,
        "",
        "parvis: «usager» can't be the name of a group of agents\n",
    )
    with with_groups.reading() as session:
        assert groups.names(session) == ["Espaces verts", "Propreté", "Stationnement"]


@pytest.mark.usefixtures("with_groups")
@pytest.mark.parametrize(("given_back", "said"), [(1, "1 task that they held is"), (3, "3 tasks that they held are")])
def test_what_goes_back_to_the_queue_is_said(
    run: Any, monkeypatch: pytest.MonkeyPatch, given_back: int, said: str
) -> None:
    run("account", "add", "sonia@exemple.fr", *NAMES, "--agent", "--group", "Propreté", "--generate")
    monkeypatch.setattr(tasks, "release_all", lambda *_, **__: given_back)
    whole = f"{said} in the queue again\n"
    assert run("account", "groups", "sonia@exemple.fr", "--none") == (0, f"sonia@exemple.fr: no group; {whole}", "")
    assert run("account", "close", "sonia@exemple.fr") == (0, f"closed sonia@exemple.fr; {whole}", "")


@pytest.mark.usefixtures("with_groups")
def test_what_only_agents_have_is_refused_to_residents(run: Any) -> None:
    run("account", "add", "claire@exemple.fr", *NAMES, "--generate")
    for arguments in (("groups", "claire@exemple.fr", "Propreté"), ("roles", "claire@exemple.fr", "analyst")):
        assert run("account", *arguments) == (1, "", "parvis: only agents have groups and roles\n")
    run("account", "add", "sonia@exemple.fr", *NAMES, "--agent", "--generate")
    assert run("account", "roles", "sonia@exemple.fr", "analist") == (
        2,
        "",
        "parvis: there is no role analist: there are administrator and analyst\n",
    )


@pytest.mark.usefixtures("with_groups")
def test_asking_takes_nothing_away(run: Any) -> None:
    """Without a name, `groups` and `roles` look like a question, and answer it."""
    place = ("--group", "Propreté", "--supervise", "Stationnement", "--role", "analyst")
    run("account", "add", "sonia@exemple.fr", *NAMES, "--agent", *place, "--generate")
    run("account", "add", "claire@exemple.fr", *NAMES, "--generate")
    there = (0, "sonia@exemple.fr: Propreté, Stationnement (supervisor), analyst\n", "")
    for verb in ("groups", "roles"):
        assert run("account", verb, "sonia@exemple.fr") == there
        assert run("account", verb, "sonia@exemple.fr", "x", "--none")[0] == 2
        assert run("account", verb, "claire@exemple.fr")[2] == "parvis: only agents have groups and roles\n"
    assert run("account", "roles", "sonia@exemple.fr", "--none")[1] == "sonia@exemple.fr: no role\n"
    run("account", "groups", "sonia@exemple.fr", "--none")
    assert run("account", "groups", "sonia@exemple.fr")[1] == "sonia@exemple.fr: no group, no role\n"


@pytest.mark.usefixtures("with_groups")
def test_a_group_opened_by_mistake_is_removed(run: Any) -> None:
    run("account", "add", "sonia@exemple.fr", *NAMES, "--agent", "--group", "Propreté", "--generate")
    assert run("account", "remove-group", "Stationement") == (
        1,
        "",
        "parvis: there is no group «Stationement»: did you mean «Stationnement»?\n",
    )
    assert run("account", "remove-group", "Stationnement") == (0, "removed the group «Stationnement»\n", "")
    assert run("account", "remove-group", "Propreté") == (
        1,
        "",
        "parvis: agents in the group «Propreté», closed accounts included: 1\n",
    )
