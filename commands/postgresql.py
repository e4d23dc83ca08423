"""A PostgreSQL of one's own for as long as a block lasts: no port, no password, nothing left behind."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from commands import CommandFailed

# What a test writes may be lost with the machine: durability would only slow it down.
_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
_PATIENCE = 60  # seconds, for initdb as for the server's start and stop


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """The address of a new PostgreSQL server, reached through a socket of the file system and gone after the block.

    `durable` keeps the safe settings, for measures. The server dies with this process, however that ends.
    """
    folder = Path(tempfile.mkdtemp(prefix="parvis-pg-"))
    try:
        user = hand_over(folder)
        initialise(folder / "data", user)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command(folder / "data", user, sockets=folder, settings={} if durable else _FAST),
                stdout=log,
                stderr=log,
                cwd=folder,
            )
        try:
            _wait_until_ready(folder, process)
            yield address(folder, user)
        finally:
            process.send_signal(signal.SIGINT)  # "fast": clients are cut off
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def initialise(data: Path, user: str) -> None:
    """Make an empty cluster of databases in `data`, or `CommandFailed` with what initdb said."""
    words = ["-D", str(data), "-U", user, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    done = subprocess.run(
        [*_as(user), str(_programs() / "initdb"), *words],
        cwd=data.parent,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode:
        raise CommandFailed(f"initdb failed:\n{done.stderr or done.stdout}")


def command(data: Path, user: str, *, sockets: Path, settings: Mapping[str, str]) -> list[str]:
    """The command that serves `data` through a socket in the folder `sockets`; it ends when who starts it does."""
    all_settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "max_connections": "100",
        **settings,
    }
    options = [word for name, value in all_settings.items() for word in ("-c", f"{name}={value}")]
    return [*_as(user), str(_programs() / "postgres"), "-D", str(data), *options]


def address(sockets: Path, user: str) -> str:
    """The address of the server behind the socket in `sockets`."""
    return f"postgresql://{user}@/postgres?host={sockets}"


def answers(sockets: Path) -> bool:
    """Whether the server behind the socket in `sockets` takes connections."""
    return subprocess.run([_programs() / "pg_isready", "-q", "-h", sockets], check=False).returncode == 0


def _programs() -> Path:
    """The folder of the newest PostgreSQL installed; Debian keeps its programs off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).resolve().parent
    raise CommandFailed("PostgreSQL's server is not installed (Debian package: postgresql)")


def hand_over(folder: Path) -> str:
    """Give the folder to the account that PostgreSQL will run under, since it refuses root; the account's name."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, account.pw_uid, account.pw_gid)
        return name
    raise CommandFailed("PostgreSQL refuses to run as root, and there is no account `postgres` or `nobody` to run it")


def _as(user: str) -> list[str]:
    """The words to put before a command so that it runs as `user` and ends with this process."""
    if sys.platform != "linux":
        return []
    become = ["--reuid", user, "--regid", str(pwd.getpwnam(user).pw_gid), "--init-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *become, "--pdeathsig", "INT", "--"]


def _wait_until_ready(folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        if answers(folder):
            return
        time.sleep(0.1)
    raise CommandFailed(f"PostgreSQL did not start:\n{(folder / 'log').read_text(errors='replace')}")
