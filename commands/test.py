"""`./parvis test`: everything that has to hold, with the servers it takes."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `test`."""
    parser = subparsers.add_parser(
        "test",
        help="run the tests; what follows goes to pytest",
        usage="parvis test [PYTEST ARGUMENTS]",
        epilog="./parvis test -h shows this; ./parvis test --fixtures and the like reach pytest.",
    )
    parser.set_defaults(run=run, rest=[])


def run(options: argparse.Namespace) -> int:
    """Build the assets, start PostgreSQL, run pytest from the root of the house; pytest's exit status."""
    from commands import assets, postgresql

    assets.build()
    print("• Starting a PostgreSQL for the tests…", file=sys.stderr, flush=True)
    with postgresql.server() as url:
        environment = {
            **os.environ,
            "PARVIS_TEST_POSTGRESQL_URL": url,
            "PARVIS_TEST_CHROMIUM": shutil.which("chromium") or "",
        }
        return subprocess.run(
            [sys.executable, "-P", "-m", "pytest", *_side_by_side(options.rest), *options.rest],
            cwd=ROOT,
            env=environment,
            check=False,
        ).returncode


def _side_by_side(rest: Sequence[str]) -> list[str]:
    """Several processes of tests, unless told otherwise: most of them wait for a server or a browser most of the time.

    A file's tests stay together, since they share what they start.
    """
    if any(one in ("--pdb", "-s", "--collect-only", "--co", "-h", "--help", "--fixtures", "--markers") for one in rest):
        return []
    if any(one.startswith(("-n", "--numprocesses", "--dist", "-p")) for one in rest):
        return []
    return ["-n", str((os.cpu_count() or 1) + 1), "--dist", "loadfile", "--no-loadscope-reorder"]
