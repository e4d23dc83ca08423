"""`./parvis keys`: the secret key that an installation made for itself, and its rotation."""

from __future__ import annotations

import argparse

from commands import installation


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `keys`."""
    parser = subparsers.add_parser("keys", help="rotate the secret key of this installation")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    rotate = verbs.add_parser("rotate", help="make a new secret key; the former one still reads what it wrote")
    installation.add_options(rotate)
    rotate.set_defaults(run=run_rotate)
    drop = verbs.add_parser("drop", help="forget the former keys: what only they could read is lost")
    installation.add_options(drop)
    drop.add_argument("--yes", action="store_true", required=True, help="you have read docs/security.md on this")
    drop.set_defaults(run=run_drop)


def run_rotate(options: argparse.Namespace) -> int:
    """Put a new key before the others, in the file that holds them."""
    from engine.core import config

    former = config.rotate_kept_secret(installation.settings(options).data)
    print(f"a new secret key is in place, and {former} former ones still read: restart the processes that serve")
    return 0


def run_drop(options: argparse.Namespace) -> int:
    """Keep the current key alone."""
    from engine.core import config

    gone = config.drop_former_secrets(installation.settings(options).data)
    print(f"{gone} former keys are gone: restart the processes that serve")
    return 0
