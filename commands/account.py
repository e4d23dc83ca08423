"""`./parvis account`: who may sign in. Residents make their own accounts on the portal; agents are invited, by administrators on
its pages or here, and the first ones added here."""

from __future__ import annotations

import argparse
import getpass
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from commands import CommandFailed, installation, table

if TYPE_CHECKING:
    from engine.core.db import Session
    from engine.people.accounts import Account
    from engine.people.places import Place

ROLES = ("administrator", "analyst")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `account`."""
    parser = subparsers.add_parser("account", help="add residents and agents, list them, choose agents’ groups")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    add = verbs.add_parser("add", help="add an account; its password is asked for, or read from standard input")
    add.add_argument("email", help="the address to sign in with")
    add.add_argument("--first-names", required=True)
    add.add_argument("--birth-name", required=True)
    add.add_argument("--agent", action="store_true", help="an agent; without it, a resident")
    _add_place_options(add)
    add.add_argument("--generate", action="store_true", help="make a password up and print it")
    installation.add_options(add)
    add.set_defaults(run=run_add)

    invite = verbs.add_parser("invite", help="write to somebody, who makes their agent’s account from a link")
    invite.add_argument("email", help="the address that they will sign in with")
    _add_place_options(invite)
    installation.add_options(invite)
    invite.set_defaults(run=run_invite)

    groups = verbs.add_parser("groups", help="put an agent in exactly these groups")
    groups.add_argument("email")
    groups.add_argument("groups", nargs="*", metavar="GROUP")
    groups.add_argument("--supervise", action="append", default=[], metavar="GROUP", help="one that they supervise")
    installation.add_options(groups)
    groups.set_defaults(run=run_groups)

    roles = verbs.add_parser("roles", help="give an agent exactly these roles")
    roles.add_argument("email")
    roles.add_argument("roles", nargs="*", metavar="ROLE", help=" or ".join(ROLES))
    installation.add_options(roles)
    roles.set_defaults(run=run_roles)

    for verb, run, about in (
        ("close", run_close, "close an account: nobody signs in with it any more"),
        ("reopen", run_reopen, "open an agent’s account again"),
        ("reset", run_reset, "take an agent’s second factors and password away: a link to choose another is mailed"),
    ):
        one = verbs.add_parser(verb, help=about)
        one.add_argument("email")
        installation.add_options(one)
        one.set_defaults(run=run)

    listing = verbs.add_parser("list", help="list accounts")
    listing.add_argument("words", nargs="*", help="a part of the name or of the address")
    installation.add_options(listing)
    listing.set_defaults(run=run_list)


def _add_place_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--group", action="append", default=[], metavar="NAME", help="a group of the agent (repeatable)"
    )
    parser.add_argument("--supervise", action="append", default=[], metavar="NAME", help="one of these, to supervise")
    parser.add_argument("--role", action="append", default=[], choices=ROLES, help="another role (repeatable)")


def _place(options: argparse.Namespace) -> Place:
    from engine.people.places import Place

    return Place({*options.group, *options.supervise}, frozenset(options.supervise), frozenset(options.role))


def run_add(options: argparse.Namespace) -> int:
    """Add an account, or say what is wrong with what was given."""
    from engine.core import audit
    from engine.people import accounts, passwords, places

    place = _place(options)
    if (place.groups or place.roles) and not options.agent:
        raise CommandFailed("only agents have groups and roles: add --agent", status=2)
    password = passwords.proposal() if options.generate else _asked_password()
    if broken := passwords.unmet(password, about=[options.email, options.first_names, options.birth_name]):
        raise CommandFailed("the password was refused:\n" + "\n".join(broken))
    password_hash = passwords.hashed(password)
    with installation.database(options) as database:

        def add(session: Session) -> None:
            account = accounts.create(
                session,
                kind="agent" if options.agent else "resident",
                login=options.email,
                first_names=options.first_names,
                birth_name=options.birth_name,
                password_hash=password_hash,
            )
            audit.record(session, audit.OPERATOR, "account.created", "account", account.id)
            if options.agent:
                places.put(session, account, place, who=audit.OPERATOR)

        database.run(add)
    print(f"added {options.email}" + (f", password {password}" if options.generate else ""))
    return 0


def run_invite(options: argparse.Namespace) -> int:
    """Invite an agent: the letter leaves with the next jobs."""
    from engine.core import audit
    from engine.people import invitations

    place = _place(options)
    with installation.database(options) as database:
        database.run(lambda session: invitations.invite(session, options.email, place, who=audit.OPERATOR))
    print(f"invited {options.email}: the link is good for {invitations.VALID_FOR.days} days")
    return 0


def run_groups(options: argparse.Namespace) -> int:
    """Put an agent in exactly the groups given."""
    wanted = sorted({*options.groups, *options.supervise})
    _put(options, groups=frozenset(wanted), supervises=frozenset(options.supervise))
    print(f"{options.email}: {', '.join(wanted) or 'no group'}")
    return 0


def run_roles(options: argparse.Namespace) -> int:
    """Give an agent exactly the roles given."""
    _put(options, roles=frozenset(options.roles))
    print(f"{options.email}: {', '.join(options.roles) or 'no role'}")
    return 0


def _put(options: argparse.Namespace, **change: frozenset[str]) -> None:
    from engine.core import audit
    from engine.people import places

    with installation.database(options) as database:

        def put(session: Session) -> None:
            account = _account(session, options.email)
            places.put(session, account, replace(places.of(session, account.id), **change), who=audit.OPERATOR)

        database.run(put)


def run_close(options: argparse.Namespace) -> int:
    """Close an account."""
    from engine.core import audit
    from engine.people import agents

    with installation.database(options) as database:
        database.run(lambda session: agents.suspend(session, _account(session, options.email), who=audit.OPERATOR))
    print(f"closed {options.email}")
    return 0


def run_reopen(options: argparse.Namespace) -> int:
    """Open an account again."""
    from engine.core import audit
    from engine.people import agents

    with installation.database(options) as database:
        database.run(lambda session: agents.reopen(session, _account(session, options.email), who=audit.OPERATOR))
    print(f"reopened {options.email}")
    return 0


def run_reset(options: argparse.Namespace) -> int:
    """Let an agent who lost their second factor begin anew."""
    from engine.core import audit
    from engine.people import agents

    with installation.database(options) as database:

        def reset(session: Session) -> None:
            account = _account(session, options.email)
            if account.kind != "agent":
                raise CommandFailed("only agents have a second factor")
            agents.reset_second_factor(session, account, who=audit.OPERATOR)

        database.run(reset)
    print(f"{options.email}: a link to choose a new password is on its way; a second factor is asked for at sign-in")
    return 0


def run_list(options: argparse.Namespace) -> int:
    """List the accounts that answer to the words given."""
    from engine.people import accounts, places

    with installation.database(options) as database, database.reading() as session:
        rows = [
            (
                account.login,
                account.display_name,
                account.kind if account.active else f"{account.kind}, closed",
                _placed(places.of(session, account.id)) if account.kind == "agent" else "",
            )
            for account in accounts.search(session, " ".join(options.words), limit=200)
        ]
    table.show(("ADDRESS", "NAME", "KIND", "GROUPS AND ROLES"), rows, empty="no such account")
    return 0


def _placed(place: Place) -> str:
    supervised = [f"{name} (supervisor)" if name in place.supervises else name for name in sorted(place.groups)]
    return ", ".join([*supervised, *sorted(place.roles)])


def _account(session: Session, email: str) -> Account:
    from engine.people import accounts

    account = accounts.by_login(session, email)
    if account is None:
        raise CommandFailed(f"there is no account {email}")
    return account


def _asked_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise CommandFailed("the two passwords differ")
    return password
