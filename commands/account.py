"""`./parvis account`: who may sign in. Residents make their own accounts on the portal; agents are invited, by administrators on
its pages or here, and the first ones added here."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from commands import CommandFailed, installation, table
from commands.wording import counted, nearest

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

    groups = verbs.add_parser("groups", help="put an agent in exactly these groups; without any, say theirs")
    groups.add_argument("email", help="the address that the agent signs in with")
    groups.add_argument("groups", nargs="*", metavar="GROUP", help="every group that the agent is to be in")
    groups.add_argument("--none", action="store_true", help="take the agent out of every group")
    groups.add_argument("--supervise", action="append", default=[], metavar="GROUP", help="one that they supervise")
    _add_new_group(groups)
    installation.add_options(groups)
    groups.set_defaults(run=run_groups)

    roles = verbs.add_parser("roles", help="give an agent exactly these roles; without any, say theirs")
    roles.add_argument("email", help="the address that the agent signs in with")
    roles.add_argument("roles", nargs="*", metavar="ROLE", help=" or ".join(ROLES))
    roles.add_argument("--none", action="store_true", help="take every role away")
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

    removal = verbs.add_parser("remove-group", help="remove a group of agents that was opened by mistake")
    removal.add_argument("group", metavar="GROUP", help="a group without agents, to which nothing gives work")
    installation.add_options(removal)
    removal.set_defaults(run=run_remove_group)

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
    _add_new_group(parser)


def _add_new_group(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--new-group",
        action="store_true",
        help="open the groups that aren't there yet (publishing opens those of lanes)",
    )


def _place(options: argparse.Namespace) -> Place:
    from engine.people.places import Place

    return Place({*options.group, *options.supervise}, frozenset(options.supervise), frozenset(options.role))


def run_add(options: argparse.Namespace) -> int:
    """Add an account, or say what is wrong with what was given, before the password is asked for if that can be."""
    from engine.core import audit
    from engine.people import accounts, passwords, places

    place = _place(options)
    if (place.groups or place.roles) and not options.agent:
        raise CommandFailed("only agents have groups and roles: add --agent", status=2)
    with installation.database(options) as database:

        def check(session: Session) -> None:
            if accounts.by_login(session, address := accounts.email(options.email).lower()) is not None:
                raise CommandFailed(f"there is already an account {address}")
            _check_groups(session, options, place.groups)

        database.read(check)
        password = passwords.proposal() if options.generate else _asked_password()
        if passwords.unmet(password, about=[options.email, options.first_names, options.birth_name]):
            raise CommandFailed(
                f"the password was refused: it takes {passwords.LENGTH_MIN} to {passwords.LENGTH_MAX} characters, a capital "
                "letter among them, a small one, a digit and a special sign such as ? ! -, none of "
                f"{' '.join(passwords.FORBIDDEN)}, and isn't easily guessed"
            )
        password_hash = passwords.hashed(password)

        def add(session: Session) -> None:
            _open_groups(session, options, place.groups)
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

        def invite(session: Session) -> None:
            _open_groups(session, options, place.groups)
            invitations.invite(session, options.email, place, who=audit.OPERATOR)

        database.run(invite)
    print(f"invited {options.email}: the link is good for {invitations.VALID_FOR.days} days")
    _warn_of_waiting_mail()
    return 0


def run_groups(options: argparse.Namespace) -> int:
    """Put an agent in exactly the groups given."""
    wanted = sorted({*options.groups, *options.supervise})
    if _asks(options, wanted):
        return _say_place(options)
    given_back = _put(options, groups=frozenset(wanted), supervises=frozenset(options.supervise))
    print(f"{options.email}: {', '.join(wanted) or 'no group'}{_given_back(given_back)}")
    return 0


def run_roles(options: argparse.Namespace) -> int:
    """Give an agent exactly the roles given."""
    if _asks(options, options.roles):
        return _say_place(options)
    if unknown := [role for role in options.roles if role not in ROLES]:
        raise CommandFailed(f"there is no role {unknown[0]}: there are {' and '.join(ROLES)}", status=2)
    _put(options, roles=frozenset(options.roles))
    print(f"{options.email}: {', '.join(options.roles) or 'no role'}")
    return 0


def _asks(options: argparse.Namespace, wanted: Collection[str]) -> bool:
    """Whether nothing is to be changed: taking everything away is said with --none."""
    if wanted and options.none:
        raise CommandFailed("--none goes with no name", status=2)
    return not wanted and not options.none


def _say_place(options: argparse.Namespace) -> int:
    from engine.people import places

    with installation.database(options) as database, database.reading() as session:
        account = _account(session, options.email)
        if account.kind != "agent":
            raise CommandFailed("only agents have groups and roles")
        placed = _placed(places.of(session, account.id))
    print(f"{options.email}: {placed or 'no group, no role'}")
    return 0


def _given_back(tasks: int) -> str:
    return (
        f"; {counted(tasks, 'task')} that they held {'is' if tasks == 1 else 'are'} in the queue again" if tasks else ""
    )


def _put(options: argparse.Namespace, **change: frozenset[str]) -> int:
    from engine.core import audit
    from engine.people import places
    from engine.procedures import departures

    with installation.database(options) as database:

        def put(session: Session) -> int:
            account = _account(session, options.email)
            _open_groups(session, options, change.get("groups", ()))
            place = replace(places.of(session, account.id), **change)
            return departures.put(session, account, place, who=audit.OPERATOR)

        return database.run(put)


def run_close(options: argparse.Namespace) -> int:
    """Close an account."""
    from engine.core import audit
    from engine.procedures import departures

    with installation.database(options) as database:

        def close(session: Session) -> tuple[bool, int]:
            account = _account(session, options.email)
            was_open = account.active
            return was_open, departures.close(session, account, who=audit.OPERATOR)

        changed, given_back = database.run(close)
    print((f"closed {options.email}" if changed else f"{options.email} is closed already") + _given_back(given_back))
    return 0


def run_reopen(options: argparse.Namespace) -> int:
    """Open an account again."""
    from engine.core import audit
    from engine.people import agents

    with installation.database(options) as database:

        def reopen(session: Session) -> bool:
            account = _account(session, options.email)
            was_open = account.active
            agents.reopen(session, account, who=audit.OPERATOR)
            return not was_open

        changed = database.run(reopen)
    print(f"reopened {options.email}" if changed else f"{options.email} is open already")
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
    _warn_of_waiting_mail()
    return 0


def _warn_of_waiting_mail() -> None:
    """Whoever waits for a letter that can't leave learns of it here, rather than never."""
    from engine.core import config

    if config.current().smtp_url is None:
        print(
            "parvis: warning: PARVIS_SMTP_URL names no server here: the letter waits until it does (a demonstration shows it at "
            "/boite-denvoi)",
            file=sys.stderr,
        )


def run_remove_group(options: argparse.Namespace) -> int:
    """Remove a group, or say what uses it."""
    from engine.core import audit
    from engine.people import groups
    from engine.procedures import group_removal

    with installation.database(options) as database:

        def remove(session: Session) -> None:
            found = {group.name: group.id for group, _, _ in groups.sizes(session)}
            if options.group not in found:
                near = nearest(options.group, found)
                raise CommandFailed(
                    f"there is no group «{options.group}»" + (f": did you mean «{near}»?" if near else "")
                )
            group_removal.remove(session, found[options.group], who=audit.OPERATOR)

        database.run(remove)
    print(f"removed the group «{options.group}»")
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


def _check_groups(session: Session, options: argparse.Namespace, names: Collection[str]) -> None:
    """Refuse a group that isn't there, unless told that it is to be opened: nobody would look into a mistyped one."""
    from engine.people import groups

    unknown = groups.unknown(session, names)
    if not unknown or options.new_group:
        return
    known = groups.names(session)
    near = nearest(unknown[0], known)
    said = f"there is no group «{unknown[0]}»" + (f": did you mean «{near}»?" if near else ".")
    there = f"There are {', '.join(f'«{name}»' for name in known)}; " if known else "There is none yet; "
    raise CommandFailed(f"{said} {there}--new-group opens {'another' if known else 'it'}")


def _open_groups(session: Session, options: argparse.Namespace, names: Collection[str]) -> None:
    from engine.people import groups

    _check_groups(session, options, names)
    for name in sorted(names):
        groups.ensure(session, name)


def _asked_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise CommandFailed("the two passwords differ")
    return password
