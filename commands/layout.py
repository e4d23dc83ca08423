"""`./parvis layout`: draw a procedure's diagram anew, lanes included."""

from __future__ import annotations

import argparse
from pathlib import Path

from commands import CommandFailed


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command that draws diagrams."""
    layout = subparsers.add_parser("layout", help="draw the diagram of BPMN files anew from their flows and lanes")
    layout.add_argument("files", nargs="+", type=Path, metavar="FILE.bpmn")
    layout.set_defaults(run=run_layout)


def run_layout(options: argparse.Namespace) -> int:
    """Redraw each file in place; a file that can't be drawn is left as it is."""
    from engine.bpmn.layout import LayoutError, lay_out
    from engine.core.errors import DefinitionError

    failed = 0
    for path in options.files:
        try:
            before = path.read_bytes()
            after = lay_out(before)
        except (OSError, DefinitionError, LayoutError) as error:
            print(f"{path}: {error.strerror if isinstance(error, OSError) else error}")
            failed += 1
            continue
        if after != before:
            path.write_bytes(after)
        print(f"{path}: {'drawn' if after != before else 'nothing to change'}")
    if failed:
        raise CommandFailed(f"{failed} not drawn")
    return 0
