"""`./parvis faults`: kill the parts of a cluster while people use it, and prove that nothing is lost or done twice."""

from __future__ import annotations

import argparse
import importlib
import json
import secrets

from commands import CommandFailed, installation


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `faults`."""
    parser = subparsers.add_parser(
        "faults", help="kill parts of a cluster in use; prove that nothing is lost or doubled"
    )
    parser.add_argument("--seconds", type=_seconds, default=60.0, help="how long parts are killed (60)")
    parser.add_argument("--seed", type=int, help="what is killed and when follows from it; else a new one")
    parser.add_argument("--json", action="store_true", help="print the report only, as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Play once; 0 when the checker found nothing wrong, 1 when it did."""
    if not (installation.ROOT / "tests" / "faults").is_dir():
        raise CommandFailed("the faults program is part of the tests, which are not installed here")
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    report = importlib.import_module("tests.faults.run").run(options.seconds, seed)
    print(json.dumps(report, indent=None if options.json else 2, ensure_ascii=False))
    return 0 if report["ok"] else 1


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds <= 7200:
        raise argparse.ArgumentTypeError("from 1 to 7200 seconds")
    return seconds
