"""`./parvis receive`: take one message in, as a mail server hands it over: an answer to a notice, or one that came back."""

from __future__ import annotations

import argparse
import sys

from commands import installation

# What mail servers understand (sysexits.h).
REFUSED, LATER = 77, 75


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `receive`."""
    parser = subparsers.add_parser("receive", help="take in one message on standard input: an answer, or a bounce")
    installation.add_options(parser)
    parser.set_defaults(run=run_receive)


def run_receive(options: argparse.Namespace) -> int:
    """Take the message in; what is refused goes back to its sender with the reason, what can't be done now comes again."""
    from engine.core import config
    from engine.core.errors import Unavailable
    from engine.procedures import incoming

    raw = sys.stdin.buffer.read(incoming.BYTES_MAX + 1)
    with installation.database(options) as database:
        try:
            outcome = incoming.take(database, config.current(), raw)
        except incoming.Refused as error:
            print(error.message, file=sys.stderr)
            return REFUSED
        except Unavailable as error:
            print(error.message, file=sys.stderr)
            return LATER
    print(outcome)
    return 0
