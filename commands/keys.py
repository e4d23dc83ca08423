"""`./parvis keys`: the secret key that an installation made for itself, and its rotation."""

from __future__ import annotations

import argparse
import sys

from commands import installation
from commands.wording import counted


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `keys`."""
    parser = subparsers.add_parser("keys", help="rotate the secret key of this installation")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    rotate = verbs.add_parser("rotate", help="make a new secret key; the former one still reads what it wrote")
    installation.add_options(rotate)
    rotate.set_defaults(run=run_rotate)
    again = verbs.add_parser("reseal", help="write again with the present key what former ones wrote, files included")
    installation.add_options(again)
    again.set_defaults(run=run_reseal)
    drop = verbs.add_parser("drop", help="forget the former keys: what only they could read is lost")
    installation.add_options(drop)
    drop.add_argument("--yes", action="store_true", required=True, help="you have read docs/security.md on this")
    drop.set_defaults(run=run_drop)


def run_rotate(options: argparse.Namespace) -> int:
    """Put a new key before the others, in the file that holds them."""
    from engine.core import config

    former = config.rotate_kept_secret(installation.settings(options).data)
    others = f"{counted(former, 'former one')} still {'reads' if former == 1 else 'read'}"
    print(f"a new secret key is in place, and {others}: restart the processes that serve")
    return 0


def run_reseal(options: argparse.Namespace) -> int:
    """Encrypt anew, while everything runs; stopped, it goes on when run again. Status 1 when something can't be read."""
    from engine.contact import documents
    from engine.core import config
    from engine.people import totp

    with installation.database(options) as database:
        factors = database.run(totp.reseal)
        files = documents.reseal(database, config.current())
    for path in files.unreadable:
        print(f"can't be read: {path}", file=sys.stderr)
    print(f"{factors} second factors and {files.done} files are written again with the present key")
    return 1 if files.unreadable else 0


def run_drop(options: argparse.Namespace) -> int:
    """Keep the current key alone."""
    from engine.core import config

    gone = config.drop_former_secrets(installation.settings(options).data)
    print(f"{counted(gone, 'former key')} {'is' if gone == 1 else 'are'} gone: restart the processes that serve")
    return 0
