"""`./parvis web` with several processes: one that ends is replaced, and all end together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commands.server import free_port

ROOT = Path(__file__).parent.parent.parent
# The supervisor with an application that says which process answers; no database is asked.
PROGRAM = textwrap.dedent(
    """
    import os, sys
    from pathlib import Path
    from commands import web
    from engine.core.config import Settings

    class App:
        extensions = {"database": type("Database", (), {"close": lambda self: None})()}

        def __call__(self, environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [str(os.getpid()).encode()]

    web._TOO_SOON = 0.1
    settings = Settings(Path("."), "sqlite:///unused.sqlite3", "", port=int(sys.argv[1]), web_processes=2)
    sys.exit(web._supervise(lambda _: App(), settings))
    """
)


def children(pid: int) -> set[int]:
    said = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return {int(line) for line in said.split()}


def becomes_true(question: Callable[[], object]) -> bool:
    deadline = time.monotonic() + 20
    while not question():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def web(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor with two processes that serve."""
    from commands.readiness import Listener

    listener = Listener(tmp_path / "ready")
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(free_port("127.0.0.1", 0))],
        cwd=ROOT,
        env={**os.environ, "NOTIFY_SOCKET": str(listener.path)},
    ) as process:
        try:
            assert listener.wait(20, lambda: process.poll() is None)
            yield process
        finally:
            process.kill()
    listener.close()


def test_a_process_that_ends_is_replaced(web: subprocess.Popen[bytes]) -> None:
    first = children(web.pid)
    assert len(first) == 2
    killed = min(first)
    os.kill(killed, signal.SIGKILL)
    assert becomes_true(lambda: len(children(web.pid)) == 2 and killed not in children(web.pid))
    assert first - children(web.pid) == {killed}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_end_together(web: subprocess.Popen[bytes], number: signal.Signals) -> None:
    processes = children(web.pid)
    web.send_signal(number)
    assert web.wait(20) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in processes)


@pytest.mark.skipif(sys.platform != "linux", reason="the end of the parent is only told on Linux")
def test_a_supervisor_that_is_killed_leaves_nobody(web: subprocess.Popen[bytes]) -> None:
    processes = children(web.pid)
    web.kill()
    assert becomes_true(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes))
