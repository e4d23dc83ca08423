"""`./parvis COMMAND`: every module of this room that has a `register` adds its commands here."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence

import commands


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands, in alphabetical order."""
    parser = argparse.ArgumentParser(
        prog="parvis", description="Run a city’s online procedures.", epilog="./parvis COMMAND --help says more."
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for name in sorted(module.name for module in pkgutil.iter_modules(commands.__path__)):
        if name != "__main__":
            module = importlib.import_module(f"commands.{name}")
            if hasattr(module, "register"):
                module.register(subparsers)
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
        return str(error)
    # Only a command that opened a database has these loaded.
    sqlalchemy = sys.modules.get("sqlalchemy.exc")
    if sqlalchemy is not None and isinstance(error, sqlalchemy.OperationalError):
        return f"the database does not answer as it should: {str(error.orig).strip()}"
    return None


if __name__ == "__main__":
    sys.exit(main())
