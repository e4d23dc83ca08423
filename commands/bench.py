"""`./parvis bench`: measures, each beside its floor or its peer in the same run."""

from __future__ import annotations

import argparse
import importlib

NAMES = ("engine", "jobs", "load", "peers", "quota", "scale", "signin", "slots", "space", "submit")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `bench`."""
    parser = subparsers.add_parser("bench", help=f"measure ({', '.join(NAMES)})")
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="print the figures only, as JSON")
    parser.add_argument("--cases", type=int, default=1_000_000, help="for scale: how many requests (1000000)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run `bench.<name>.main(as_json)`."""
    further = {"cases_wanted": options.cases} if options.name == "scale" else {}
    importlib.import_module(f"bench.{options.name}").main(options.json, **further)
    return 0
