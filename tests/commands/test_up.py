"""`./parvis up` from an empty folder to a page, and back."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parent.parent.parent


class Page(NamedTuple):
    status: int
    location: str
    text: str


class Running:
    """A started `up`: what it said until it was ready, and its address."""

    def __init__(self, process: subprocess.Popen[str], said: str) -> None:
        self.process = process
        self.said = said
        found = re.search(r"Parvis is ready: (\S+)/demarches", said)
        assert found, said
        self.address = found[1]
        self.port = int(urlsplit(self.address).port or 0)

    def get(self, path: str) -> Page:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return Page(answer.status, answer.headers["Location"] or "", answer.read().decode())
        finally:
            connection.close()

    def seconds_worked(self) -> float:
        """The processor time it has taken so far: what a start takes, whatever else the machine is doing."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(15)


def command(data: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "commands", "up", "--data", str(data), *arguments]


def environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PARVIS_")}
    return {**own, "PYTHONPATH": str(ROOT)}


@contextmanager
def started(data: Path, *arguments: str) -> Iterator[Running]:
    process = subprocess.Popen(
        command(data, "--port", "0", *arguments),
        env=environment(),
        cwd=data.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            said = ""
            while "ready: " not in said and (line := process.stdout.readline()):
                said += line
            yield Running(process, said)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the first test makes an installation of, and the others start again."""
    return tmp_path_factory.mktemp("up") / "var"


def test_from_nothing_to_the_catalogue(data: Path) -> None:
    with started(data) as up:
        assert up.get("/healthz").status == 200
        home = up.get("/")
        assert (home.status, urlsplit(home.location).path) == (302, "/demarches")
        catalogue = up.get("/demarches")
        assert catalogue.status == 200
        page = catalogue.text
        for path in (ROOT / "processes").glob("*.bpmn"):
            assert f"/demarches/{path.stem}" in page
        assert up.stop() == 0
        assert up.process.stdout is not None
        rest = up.process.stdout.read()
    assert rest.endswith("Parvis has stopped.\n")
    assert "Traceback" not in rest


def test_demo_accounts_are_told(data: Path) -> None:
    with started(data) as up:
        assert up.process.stdout is not None
        said = "".join(up.process.stdout.readline() for _ in range(8))
        assert "claire.martin@exemple.fr" in said
        assert "/boite-denvoi" in said
        assert up.stop(signal.SIGINT) == 0


def test_what_it_keeps_is_its_owners_alone(data: Path) -> None:
    assert stat.S_IMODE((data / "secret_key").stat().st_mode) == 0o600
    assert {path.name for path in [data, *data.iterdir()] if stat.S_IMODE(path.stat().st_mode) & 0o077} == set()


def test_starting_again_is_quick_and_changes_nothing(data: Path) -> None:
    """B1: starting again takes under 3 s."""
    before = _versions(data)
    with started(data) as up:
        assert up.seconds_worked() < 2
        assert "Deploying" not in up.said
        assert up.stop() == 0
    assert _versions(data) == before


def test_a_version_taken_back_stays_taken_back(data: Path) -> None:
    run = [sys.executable, "-P", "-m", "commands"]
    subprocess.run(
        [*run, "withdraw", "signalement", "--data", str(data)], env=environment(), check=True, stdout=subprocess.PIPE
    )
    with started(data) as up:
        assert "/demarches/signalement" not in up.get("/demarches").text
        assert up.stop() == 0


def test_a_folder_is_served_once(data: Path) -> None:
    with started(data) as up:
        second = subprocess.run(
            command(data, "--port", "0"), env=environment(), capture_output=True, text=True, check=False, timeout=20
        )
        assert (second.returncode, second.stderr) == (1, f"parvis: another Parvis serves {data} already\n")
        assert up.stop() == 0


def test_a_port_in_use_is_said_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            command(tmp_path / "var", "--port", str(port)),
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr
    assert not (tmp_path / "var").exists()


def test_without_demo_nobody_is_there(tmp_path: Path) -> None:
    with started(tmp_path / "var", "--no-demo") as up:
        assert up.get("/boite-denvoi").status == 404
        assert up.stop() == 0
        assert up.process.stdout is not None
        assert "PARVIS_SMTP_URL names no server" in up.process.stdout.read()
    with sqlite3.connect(tmp_path / "var" / "parvis.sqlite3") as connection:
        assert connection.execute("SELECT count(*) FROM account").fetchone() == (0,)
    connection.close()


def _versions(data: Path) -> str:
    with sqlite3.connect(data / "parvis.sqlite3") as connection:
        rows = connection.execute("SELECT id, slug, number FROM version ORDER BY id").fetchall()
    connection.close()
    return json.dumps(rows, default=repr)
