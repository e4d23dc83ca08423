"""The Redis server of this machine: found as PostgreSQL's is, reached through a socket of the file system, keeping nothing."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

from commands import CommandFailed, processes


def command(folder: Path, path: Path) -> list[str]:
    """The command that serves on the socket `path`; it ends when who starts it does.

    Nothing is written to disk: what Redis carries can be lost.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise CommandFailed("Redis is not installed (Debian package: redis-server)")
    settings = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
    }
    options = [word for name, value in settings.items() for word in (f"--{name}", value)]
    return [*processes.ending_with_parent("TERM"), program, *options]


def address(path: Path) -> str:
    """The address of the server behind the socket `path`."""
    return f"unix://{path}"


def answers(path: Path) -> bool:
    """Whether the server behind the socket `path` takes commands."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
