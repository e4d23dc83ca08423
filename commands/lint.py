"""`./parvis lint`: everything about the code that can be judged without running it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHECKS = {
    "ruff": ["ruff", "check"],
    "format": ["ruff", "format", "--check"],
    "types": ["mypy"],
    "imports": ["lint-imports", "--no-cache", "--no-logo"],
}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `lint`."""
    parser = subparsers.add_parser("lint", help="check style, types and who imports whom")
    parser.add_argument("only", nargs="*", choices=[[], *CHECKS], metavar="CHECK", help=f"among {', '.join(CHECKS)}")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run every check, even after one has failed, and say which failed."""
    scripts = Path(sysconfig.get_path("scripts"))
    failed = []
    for name in options.only or CHECKS:
        tool, *arguments = CHECKS[name]
        print(f"• {name}", file=sys.stderr, flush=True)
        done = subprocess.run(
            [scripts / tool, *arguments], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
        )
        if done.returncode:
            failed.append(name)
    print(f"lint: {', '.join(failed)} failed" if failed else "lint: all is well", file=sys.stderr)
    return 1 if failed else 0
