"""`./parvis test`: everything that has to hold, with the servers it takes."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
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
            [sys.executable, "-P", "-m", "pytest", *options.rest], cwd=ROOT, env=environment, check=False
        ).returncode
