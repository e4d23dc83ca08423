"""Sixty-four people who want five places at the same instant: how many have one, and was anybody told so too early?

Each presses «Commencer» over HTTP, half of them on each of two servers over one database. Whoever is told yes looks at
once, through a connection of their own, whether the place is there: what isn't committed isn't seen.
"""

from __future__ import annotations

import http.client
import shutil
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import sqlalchemy

from bench.client import Client
from bench.reporting import print_report
from bench.submit import running
from commands import CommandFailed, postgresql
from engine.core import db

CLIENTS = 64
CAPACITY = 5
_HERE = Path(__file__).parent


def main(as_json: bool = False) -> None:
    """Race on SQLite, then on PostgreSQL when there is one, and print the figures."""
    with tempfile.TemporaryDirectory(prefix="parvis-bench-") as folder:
        report = measure(f"sqlite:///{folder}/bench.sqlite3", Path(folder))
    try:
        with postgresql.server(durable=True) as url, tempfile.TemporaryDirectory(prefix="parvis-bench-") as folder:
            report["postgresql"] = measure(url, Path(folder))
    except CommandFailed as missing:
        report["postgresql"] = f"not measured: {missing}"
    print_report(f"{CLIENTS} clients race for {CAPACITY} places", report, as_json)


def measure(url: str, folder: Path) -> dict[str, Any]:
    """One race on one database."""
    procedures = _with_quota(folder / "procedures")
    with ExitStack() as stack:
        ports = [stack.enter_context(running(*_server(procedures, url, folder))) for _ in range(2)]
        look = db.connect(url)
        stack.callback(look.dispose)
        race = _Race(look)
        clients = [race.client(ports[number % len(ports)]) for number in range(CLIENTS)]
        threads = [threading.Thread(target=race.run, args=client) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with look.connect() as connection:
            places, taken = (
                connection.scalar(sqlalchemy.text(query))
                for query in ("SELECT count(*) FROM quota_place", "SELECT taken FROM quota")
            )
    if race.strange:
        raise RuntimeError(f"answers that nobody expected: {race.strange[:3]}")
    return {
        "clients": CLIENTS,
        "capacity": CAPACITY,
        "granted": len(race.granted),
        "refused": race.refused,
        "places": places,
        "taken": taken,
        "told_before_commit": race.early,
        "p50_ms": round(statistics.median(race.took), 1),
    }


class _Race:
    """What was answered to whom."""

    def __init__(self, look: sqlalchemy.Engine) -> None:
        self.look = look
        self.start = threading.Barrier(CLIENTS)
        self.granted: list[str] = []
        self.refused = 0
        self.early = 0
        self.took: list[float] = []
        self.strange: list[str] = []
        self._lock = threading.Lock()

    def client(self, port: int) -> tuple[Client, str]:
        """Somebody with the page of the procedure before their eyes."""
        client = Client(port)
        _, page = client.send("GET", "/demarches/banc")
        return client, client.token(page)

    def run(self, client: Client, token: str) -> None:
        """Press the button when everybody does."""
        self.start.wait()
        began = time.perf_counter()
        try:
            answer, _ = client.send("POST", "/demarches/banc", {"csrf_token": token})
        except (OSError, http.client.HTTPException) as error:
            with self._lock:
                self.strange.append(str(error))
            return
        took = (time.perf_counter() - began) * 1000
        where = answer.headers.get("Location", "")
        there = self._is_there(where.split("/")[2]) if answer.status == 303 and where.startswith("/demandes/") else None
        with self._lock:
            self.took.append(took)
            if there is not None:
                self.granted.append(where)
                self.early += not there
            elif answer.status == 409:
                self.refused += 1
            else:
                self.strange.append(f"{answer.status} {where}")

    def _is_there(self, reference: str) -> bool:
        query = 'SELECT count(*) FROM quota_place JOIN "case" ON "case".id = quota_place.case_id WHERE reference = :it'
        with self.look.connect() as connection:
            return bool(connection.scalar(sqlalchemy.text(query), {"it": reference}))


def _with_quota(folder: Path) -> Path:
    """The bench's procedure, with so many places."""
    shutil.copytree(_HERE / "procedure", folder)
    path = folder / "processes" / "banc.bpmn"
    mark = '<spiffworkflow:property name="description"'
    text = path.read_text("utf-8")
    path.write_text(
        text.replace(mark, f'<spiffworkflow:property name="quota" value="{CAPACITY}"/>\n{mark}', 1), "utf-8"
    )
    return folder


def _server(procedures: Path, url: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    settings = {
        "PARVIS_DATABASE_URL": url,
        "PARVIS_DATA": str(folder),
        "PARVIS_SECRET_KEY": "of the bench, for both servers",
    }
    return [sys.executable, "-m", "bench.server", "--procedures", str(procedures)], settings
