"""A real Redis for the tests, the one that `./parvis cluster` starts."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from commands import redis as server


@dataclass
class Server:
    """A server that tests may stop, hang, and start again with nothing in it."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return server.address(self.folder / "redis")

    def start(self) -> None:
        path = self.folder / "redis"
        self.process = subprocess.Popen(server.command(self.folder, path), stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not server.answers(path):
            assert self.process.poll() is None, "redis-server ended"
            assert time.monotonic() < deadline, "redis-server did not start"
            time.sleep(0.01)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    @contextmanager
    def hung(self) -> Iterator[None]:
        """It takes connections, and says nothing."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def content(self) -> dict[bytes, dict[bytes, bytes]]:
        """Every key with its fields."""
        with redis.Redis.from_url(self.address) as client:
            return {name: client.hgetall(name) for name in client.scan_iter()}

    def seconds_left(self, name: bytes) -> float:
        """How long a key stays."""
        with redis.Redis.from_url(self.address) as client:
            return float(client.pttl(name)) / 1000

    def empty(self) -> None:
        with redis.Redis.from_url(self.address) as client:
            client.flushall()


@contextmanager
def running() -> Iterator[Server]:
    """A server for as long as the block."""
    # Not in pytest's folders: a path longer than 107 bytes is no socket.
    with tempfile.TemporaryDirectory(prefix="parvis-redis-") as folder:
        made = Server(Path(folder))
        made.start()
        try:
            yield made
        finally:
            made.kill()
