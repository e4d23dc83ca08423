"""`./parvis privacy`: what a letter asks of the data of a person, a minor's representative's included (B16, B17)."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from commands import CommandFailed, installation
from commands.wording import counted

if TYPE_CHECKING:
    from engine.core.db import Session
    from engine.people.accounts import Account


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `privacy`."""
    parser = subparsers.add_parser("privacy", help="export or delete the data of a resident who asks for it by letter")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    export = verbs.add_parser("export", help="write all that is held of a resident to a JSON file")
    export.add_argument("login", help="the e-mail or user name that signs in")
    export.add_argument("file", type=Path)
    installation.add_options(export)
    export.set_defaults(run=run_export)
    erase = verbs.add_parser("erase", help="delete an account as its owner would, at once or when its requests close")
    erase.add_argument("login", help="the e-mail or user name that signs in")
    erase.add_argument("--yes", action="store_true", help="delete; without it, say what would go")
    installation.add_options(erase)
    erase.set_defaults(run=run_erase)


def run_export(options: argparse.Namespace) -> int:
    """Write the export, readable by nobody else, and record it."""
    from engine.core import audit
    from engine.privacy import export

    with installation.database(options) as database:
        with database.reading() as session:
            _found(session, options.login)
        try:
            handle = os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise CommandFailed(f"{options.file} is there already") from None
        try:
            with os.fdopen(handle, "w") as file, database.reading() as session:
                file.writelines(export.as_json(session, _found(session, options.login)))
            with database.transaction() as session:
                account = _found(session, options.login)
                audit.record(session, audit.OPERATOR, "account.exported", "account", account.id, form="json")
        except BaseException:
            # Half an export is none, and one that isn't recorded must not stay.
            options.file.unlink()
            raise
    print(f"written to {options.file}")
    return 0


def run_erase(options: argparse.Namespace) -> int:
    """Delete the account, or note that it is to be deleted; without `--yes`, say what would go."""
    from engine.core import audit
    from engine.privacy import deletion

    with installation.database(options) as database:
        if not options.yes:
            raise CommandFailed(database.read(lambda session: _what_goes(session, options.login)), status=2)
        asked = database.run(lambda session: deletion.ask(session, _found(session, options.login), audit.OPERATOR))
    if asked.done:
        print(f"{options.login} is deleted")
    else:
        waits = ", ".join(case.reference for case in asked.waits_for)
        print(f"{options.login} will be deleted when these requests are closed: {waits}")
    return 0


def _what_goes(session: Session, login: str) -> str:
    from engine.contact import documents
    from engine.procedures import cases

    account = _found(session, login)
    requests = cases.listing(session, account.id, size=1).total
    kept = len(documents.of_account(session, account.id))
    return (
        f"{login} is {account.display_name}, with {counted(requests, 'request')} and {counted(kept, 'document')} of their own: "
        "--yes deletes it"
    )


def _found(session: Session, login: str) -> Account:
    from engine.people import accounts

    account = accounts.by_login(session, login)
    if account is None or account.kind != "resident":
        raise CommandFailed(f"no resident signs in with {login}")
    return account
