"""`./parvis files`: the files that residents sent: how many, where, what the virus scan said of them."""

from __future__ import annotations

import argparse

from commands import CommandFailed, installation, table
from commands.wording import counted


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `files`."""
    parser = subparsers.add_parser("files", help="say what is known of residents’ files; have them scanned")
    installation.add_options(parser)
    parser.set_defaults(run=run_show)
    verbs = parser.add_subparsers(metavar="VERB")
    scan = verbs.add_parser("scan", help="have every file scanned that never was; nobody opens it before")
    installation.add_options(scan)
    scan.set_defaults(run=run_scan)


def run_show(options: argparse.Namespace) -> int:
    """Say how many files there are, by what their scan said, and where they are kept."""
    from engine.contact import documents
    from engine.core import config

    with installation.database(options) as database:
        settings = config.current()
        states = database.read(documents.states)
    print(f"kept in {'the store of PARVIS_FILES_URL' if settings.files_url else settings.files}, encrypted")
    print(
        f"scanned by clamd at {settings.clamd}"
        if settings.clamd
        else "scanned by nothing: PARVIS_CLAMD names no scanner, and what comes in is marked as unscanned"
    )
    table.show(("SCAN", "FILES"), [(state, str(count)) for state, count in sorted(states.items())], empty="no file")
    return 0


def run_scan(options: argparse.Namespace) -> int:
    """Put files that were never scanned into quarantine and promise their scan."""
    from engine.contact import documents
    from engine.core import config

    with installation.database(options) as database:
        if not config.current().clamd:
            raise CommandFailed("PARVIS_CLAMD names no scanner: nothing would ever answer")
        number = database.run(documents.scan_all)
    print(
        f"{counted(number, 'file')} {'waits' if number == 1 else 'wait'} for {'its' if number == 1 else 'their'} scan"
    )
    return 0
