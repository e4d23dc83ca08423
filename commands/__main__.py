"""`./parvis COMMAND`: each family of commands registers here; what a command needs is imported when it runs."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

import commands

# In the order of the help. Importing one of these must need nothing but Python itself: help works before set-up.
FAMILIES = (
    "up",
    "prepare",
    "web",
    "worker",
    "beat",
    "cluster",
    "test",
    "lint",
    "new",
    "layout",
    "check",
    "rehearse",
    "catalogue",
    "operations",
    "account",
    "jobs",
    "incidents",
    "agendas",
    "receive",
    "interruption",
    "privacy",
    "audit",
    "keys",
    "files",
    "backup",
    "bench",
    "faults",
)


class _OneLineEach(argparse.HelpFormatter):
    def add_argument(self, action: argparse.Action) -> None:
        """Leave room for the indent of the commands' names, which argparse forgets."""
        super().add_argument(action)
        self._action_max_length += 2 * isinstance(action, argparse._SubParsersAction)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="parvis",
        description="Run a city’s online procedures.",
        epilog="./parvis COMMAND --help says more.",
        formatter_class=_OneLineEach,
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for name in FAMILIES:
        importlib.import_module(f"commands.{name}").register(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 failed, 2 misused."""
    parser = build_parser()
    options, rest = parser.parse_known_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    if rest and not hasattr(options, "rest"):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if hasattr(options, "rest"):
        options.rest = rest
    try:
        status: int | None = options.run(options)
    except commands.CommandFailed as failure:
        print(f"parvis: {failure}", file=sys.stderr)
        return failure.status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (`| head`) has seen enough; Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        known = _plain_words(error)
        if known is None:
            raise
        print(f"parvis: {known}", file=sys.stderr)
        return 1
    return status or 0


def _plain_words(error: Exception) -> str | None:
    """What to say of an error that isn't a defect of ours; None of a defect, which keeps its traceback."""
    from engine.core.errors import ParvisError

    if isinstance(error, ParvisError):
        return error.for_operators
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    # Only a command that opened a database has these loaded.
    sqlalchemy = sys.modules.get("sqlalchemy.exc")
    if sqlalchemy is not None and isinstance(error, sqlalchemy.OperationalError):
        return f"the database does not answer as it should: {str(error.orig).strip()}"
    return None


if __name__ == "__main__":
    sys.exit(main())
