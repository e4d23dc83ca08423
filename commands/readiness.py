"""Saying that a process is ready, as systemd asks it (`Type=notify`); `cluster` asks the same way."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path


def tell() -> None:
    """Tell who started this process, if it asked, that it is ready to work."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        # An address that begins with @ is in the abstract namespace.
        sender.connect("\0" + address[1:] if address.startswith("@") else address)
        sender.send(b"READY=1")


class Listener:
    """The other side: a socket on which a process that was started says that it is ready."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(0.1)

    def forget(self) -> None:
        """Drop what an earlier process said."""
        while self._heard(0.0):
            pass

    def wait(self, seconds: float, alive: Callable[[], bool]) -> bool:
        """Whether the process says that it is ready, within `seconds` and its own life."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._heard(0.1):
                return True
            if not alive():
                return self._heard(0.0)
        return False

    def _heard(self, seconds: float) -> bool:
        self._socket.settimeout(seconds)
        try:
            return b"READY=1" in self._socket.recv(4096).split(b"\n")
        except (TimeoutError, BlockingIOError):
            return False

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
        self.path.unlink(missing_ok=True)
