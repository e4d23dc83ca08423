"""`./parvis operations`: what the service tasks of a procedure can ask for."""

from __future__ import annotations

import argparse


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `operations`."""
    parser = subparsers.add_parser("operations", help="list what service tasks can call, with parameters and results")
    parser.add_argument("name", nargs="?", help="only this one")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print every operation as an analyst needs it to draw a service task."""
    from commands import CommandFailed
    from engine.procedures import operations

    found = [one for one in operations.listing() if options.name in (None, one.name)]
    if not found:
        raise CommandFailed(f"there is no operation {options.name}")
    for one in found:
        print(f"{one.name}: {one.meaning}")
        for name, parameter in one.parameters.items():
            print(f"    {name} ({parameter.kind}{'' if parameter.required else ', optional'}): {parameter.meaning}")
        for name, kind in one.returns.items():
            print(f"    → {name}: {kind}")
        notes = [
            "may run before filing" if one.idempotent else "only after filing",
            *(["needs an account"] if one.account else []),
        ]
        print(f"    {'; '.join(notes)}\n")
    return 0
