"""`./parvis check`: what is wrong with procedures, before they are deployed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from commands import CommandFailed


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command that checks procedures."""
    check = subparsers.add_parser("check", help="list everything that is wrong with procedures and their forms")
    check.add_argument("files", nargs="*", type=Path, metavar="FILE.bpmn", help="else all those of processes/")
    check.set_defaults(run=run_check)


def run_check(options: argparse.Namespace) -> int:
    """Print each problem on its line; 0 when there is none, 1 when there is any. What is only doubtful is told beside."""
    from commands.catalogue import sources_of
    from engine.procedures import catalogue, lanes

    if missing := [str(path) for path in options.files if not path.is_file()]:
        raise CommandFailed(f"no such file: {', '.join(missing)}", status=2)
    found = sources_of(options.files)
    problems = [problem for sources in found for problem in catalogue.problems_of(sources)]
    for problem in dict.fromkeys(problems):  # a shared form is told of once
        print(problem)
    for doubt in lanes.doubtful(found, sources_of([]) if options.files else found):
        print(f"warning: {doubt}", file=sys.stderr)
    checked = "1 procedure checked" if len(found) == 1 else f"{len(found)} procedures checked"
    print(f"{checked}: {len(set(problems)) or 'no'} problem{'s' * (len(set(problems)) > 1)}", file=sys.stderr)
    return 1 if problems else 0
