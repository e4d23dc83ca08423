"""What the peers run on, installed from PyPI and npm by lock into folders that git ignores.

Each in an environment of its own, beside that of Parvis: nothing of Parvis imports them. Viewflow is under the AGPL (or a
licence that one buys), bpmn-engine under the MIT licence.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

from commands import CommandFailed, installation, node

HERE = Path(__file__).parent
VIEWFLOW = HERE / "viewflow"
BPMN_ENGINE = HERE / "bpmn_engine"
ENVIRONMENT = installation.ROOT / ".cache" / "peers" / "viewflow"


def install() -> None:
    """Install what isn't there yet at the version of the locks; `CommandFailed` when a registry can't be reached."""
    _viewflow()
    _bpmn_engine()


def _viewflow() -> None:
    lock, done = VIEWFLOW / "requirements.lock", ENVIRONMENT / "requirements.lock"
    if _same(lock, done):
        return
    say("Installing Viewflow and Django from PyPI")
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    try:
        _run(sys.executable, "-m", "venv", str(ENVIRONMENT))
        _run(
            *(str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"),
            *("--require-hashes", "--only-binary", ":all:", "-r", str(lock)),
        )
    except CommandFailed as failure:
        raise _unreachable("Viewflow", "PyPI", failure) from None
    shutil.copyfile(lock, done)


def _bpmn_engine() -> None:
    lock, done = BPMN_ENGINE / "package-lock.json", BPMN_ENGINE / "node_modules" / ".installed-from"
    if _same(lock, done):
        return
    say("Installing bpmn-engine from npm")
    try:
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        node.run(node.program("npm"), "ci", *quiet, folder=BPMN_ENGINE)
    except CommandFailed as failure:
        raise _unreachable("bpmn-engine", "npm", failure) from None
    shutil.copyfile(lock, done)


def say(step: str) -> None:
    """Tell who waits what is being done."""
    print(f"• {step}…", file=sys.stderr, flush=True)


def _same(lock: Path, done: Path) -> bool:
    return done.exists() and filecmp.cmp(lock, done, shallow=False)


def _run(*command: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CommandFailed((done.stdout + done.stderr).strip()[-2000:])


def _unreachable(product: str, registry: str, failure: CommandFailed) -> CommandFailed:
    return CommandFailed(
        f"{product} could not be installed, so that there is nothing to measure beside Parvis. It comes from {registry}, "
        f"which has to be reached once.\n{failure}"
    )
