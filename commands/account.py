"""`./parvis account`: who may sign in. Residents make their own accounts on the portal; agents are added here."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import TYPE_CHECKING

from commands import CommandFailed, installation, table

if TYPE_CHECKING:
    from engine.core.db import Session
    from engine.people.accounts import Account


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `account`."""
    parser = subparsers.add_parser("account", help="add residents and agents, list them, choose agents’ groups")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    add = verbs.add_parser("add", help="add an account; its password is asked for, or read from standard input")
    add.add_argument("email", help="the address to sign in with")
    add.add_argument("--first-names", required=True)
    add.add_argument("--birth-name", required=True)
    add.add_argument("--agent", action="store_true", help="an agent; without it, a resident")
    add.add_argument("--group", action="append", default=[], metavar="NAME", help="a group of the agent (repeatable)")
    add.add_argument("--generate", action="store_true", help="make a password up and print it")
    installation.add_options(add)
    add.set_defaults(run=run_add)

    groups = verbs.add_parser("groups", help="put an agent in exactly these groups")
    groups.add_argument("email")
    groups.add_argument("groups", nargs="*", metavar="GROUP")
    installation.add_options(groups)
    groups.set_defaults(run=run_groups)

    close = verbs.add_parser("close", help="close an account: nobody signs in with it any more")
    close.add_argument("email")
    installation.add_options(close)
    close.set_defaults(run=run_close)

    listing = verbs.add_parser("list", help="list accounts")
    listing.add_argument("words", nargs="*", help="a part of the name or of the address")
    installation.add_options(listing)
    listing.set_defaults(run=run_list)


def run_add(options: argparse.Namespace) -> int:
    """Add an account, or say what is wrong with what was given."""
    from engine.people import accounts, groups, passwords

    if options.group and not options.agent:
        raise CommandFailed("only agents have groups: add --agent", status=2)
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
            if options.agent:
                groups.assign(session, account, options.group)

        database.run(add)
    print(f"added {options.email}" + (f", password {password}" if options.generate else ""))
    return 0


def run_groups(options: argparse.Namespace) -> int:
    """Put an agent in exactly the groups given."""
    from engine.people import groups

    with installation.database(options) as database:
        database.run(lambda session: groups.assign(session, _account(session, options.email), options.groups))
    print(f"{options.email}: {', '.join(options.groups) or 'no group'}")
    return 0


def run_close(options: argparse.Namespace) -> int:
    """Close an account."""
    from engine.people import accounts

    with installation.database(options) as database:
        database.run(lambda session: accounts.deactivate(session, _account(session, options.email)))
    print(f"closed {options.email}")
    return 0


def run_list(options: argparse.Namespace) -> int:
    """List the accounts that answer to the words given."""
    from engine.people import accounts, groups

    with installation.database(options) as database, database.reading() as session:
        rows = [
            (
                account.login,
                account.display_name,
                account.kind if account.active else f"{account.kind}, closed",
                ", ".join(sorted(groups.of(session, account.id))) if account.kind == "agent" else "",
            )
            for account in accounts.search(session, " ".join(options.words), limit=200)
        ]
    table.show(("ADDRESS", "NAME", "KIND", "GROUPS"), rows, empty="no such account")
    return 0


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
