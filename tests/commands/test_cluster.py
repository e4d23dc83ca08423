"""`./parvis cluster`, and the web, worker and beat that it starts (G1): all of it runs, all of it ends."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Not in pytest's folder: it is closed to the account that PostgreSQL runs under."""
    made = Path(tempfile.mkdtemp(prefix="parvis-cluster-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


def environment(**settings: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PARVIS_")}
    return {**own, "PYTHONPATH": str(ROOT), **settings}


def start(folder: Path) -> tuple[subprocess.Popen[str], list[str], str]:
    """A cluster of one web process and one worker: its process, its addresses, what it said."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-m",
            "commands",
            "cluster",
            "--data",
            str(folder / "city"),
            "--workers",
            "1",
            "--no-demo",
        ],
        env=environment(PARVIS_CITY_NAME="Villebourg", PARVIS_LOG="json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        umask=0o077,  # an administrator's: PostgreSQL's own account has to reach its folder all the same
    )
    assert process.stdout is not None
    said = ""
    while "Logs: " not in said and (line := process.stdout.readline()):
        said += line
    return process, re.findall(r"ready: http://(\S+)/demarches", said), said


def descendants(pid: int) -> set[int]:
    listed = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listed.splitlines()[1:])}
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def still_there(pids: set[int], seconds: float = 15) -> set[int]:
    deadline = time.monotonic() + seconds
    while (left := {pid for pid in pids if Path(f"/proc/{pid}").exists()}) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def get(address: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the end of the parent is only told on Linux")
def test_it_serves_and_nothing_outlives_it_even_killed(folder: Path) -> None:
    process, addresses, said = start(folder)
    with process:
        try:
            assert len(addresses) == 2, said
            for address in addresses:
                assert get(address, "/readyz") == (200, "ready\n")
                page = get(address, "/demarches")[1]
                assert "/demarches/signalement" in page
                assert "Villebourg" in page, "its parts take the settings over"
            assert '"request"' in (folder / "city" / "log" / "web-1.log").read_text()
            started = descendants(process.pid)
            assert len(started) > 10, "PostgreSQL’s and the worker’s own processes too"
        finally:
            process.kill()
    assert still_there(started) == set()


def test_started_again_on_what_a_crash_left_it_stops_in_order(folder: Path) -> None:
    process, addresses, said = start(folder)
    with process:
        try:
            assert get(addresses[0], "/healthz") == (200, "ok\n"), said
            started = descendants(process.pid)
            process.send_signal(signal.SIGTERM)
            assert process.stdout is not None
            assert process.stdout.read() == "Parvis has stopped.\n"
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert still_there(started) == set()
    assert "database system is shut down" in (folder / "city" / "log" / "postgresql.log").read_text()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "PARVIS_DATABASE_URL must name a PostgreSQL"),
        ({"PARVIS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "PARVIS_REDIS_URL must name the Redis"),
    ],
)
@pytest.mark.parametrize("command", ["web", "worker", "beat"])
def test_what_is_missing_is_said(command: str, settings: dict[str, str], complaint: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "commands", command, "--data", str(tmp_path)],
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert complaint in done.stderr
