"""What a step costs over HTTP, beside the floor of the same server in the same run.

The work is that of docs/performance.md: a procedure of five user tasks, two exclusive gateways and a script; a submit
completes one user task over HTTP and commits. One client on loopback; every submit is followed by a floor request, so
that the noise of the machine falls on both alike.
"""

from __future__ import annotations

import http.client
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.reporting import percentile, print_report
from commands import CommandFailed, postgresql

JOURNEYS = 120
WARM_UP = 15

STEPS: tuple[tuple[str, dict[str, str]], ...] = (
    ("mes_informations", {"prenoms": "Ada", "nom_naissance": "Lovelace", "courriel": "ada@exemple.fr"}),
    ("ma_demande", {"objet": "Un banc", "montant": "120", "details": "Près de la fontaine. " * 20}),
    ("precisions", {"raison": "Pour s’asseoir"}),
    ("recapitulatif", {"certifie": "true"}),
    ("complement", {"reponse": "Voilà."}),
)


def main(as_json: bool = False) -> None:
    """Measure on SQLite, then on PostgreSQL when there is one, and print the figures."""
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="parvis-bench-") as folder:
        report.update(measure(f"sqlite:///{folder}/bench.sqlite3", Path(folder)))
    try:
        with postgresql.server(durable=True) as url, tempfile.TemporaryDirectory(prefix="parvis-bench-") as folder:
            report["postgresql"] = measure(url, Path(folder))
    except CommandFailed as missing:
        report["postgresql"] = f"not measured: {missing}"
    print_report("Submitting a step over HTTP, one client", report, as_json)


def measure(url: str, folder: Path) -> dict[str, Any]:
    """The figures of one database: milliseconds, and the statements of the dearest step."""
    submits: list[float] = []
    floors: list[float] = []
    statements: dict[str, int] = {}
    with served(url, folder) as port:
        client = Client(port)
        for journey in range(WARM_UP + JOURNEYS):
            kept = journey >= WARM_UP
            for element, took, count in client.journey():
                floor = client.floor(journey)
                if kept:
                    submits.append(took)
                    floors.append(floor)
                    statements[element] = max(count, statements.get(element, 0))
    return {
        "submit_p50_ms": round(statistics.median(submits), 2),
        "submit_p95_ms": round(percentile(submits, 95), 2),
        "floor_p50_ms": round(statistics.median(floors), 2),
        "floor_p95_ms": round(percentile(floors, 95), 2),
        "ratio_p50": round(statistics.median(submits) / statistics.median(floors), 2),
        "statements": max(statements.values()),
        "statements_by_step": statements,
        "submits": len(submits),
    }


class Client:
    """A resident's browser, as far as the server can tell: one connection, its cookies, its forms' tokens."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.cookies: dict[str, str] = {}

    def send(
        self, method: str, path: str, fields: dict[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, str]:
        """One request and its whole answer."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = None
        if fields is not None:
            body = urlencode(fields)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        text = response.read().decode()
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        return response, text

    def token(self, page: str) -> str:
        """The page's anti-forgery token."""
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        if found is None:
            raise RuntimeError(f"no token in the page: {page[:500]}")
        return found[1]

    def journey(self) -> Iterator[tuple[str, float, int]]:
        """Walk the procedure without an account; for each step, its element, its milliseconds and its statements."""
        self.cookies.clear()
        _, page = self.send("GET", "/demarches/banc")
        response, _ = self.send("POST", "/demarches/banc", {"csrf_token": self.token(page)})
        where = response.headers["Location"]
        for element, answers in STEPS:
            _, page = self.send("GET", where)
            if element == "complement":
                # After filing: the page of the request, then the task that waits there.
                found = re.search(r'href="([^"]*/a-faire/[^"]+)"', page)
                if found is None:
                    tracking = re.search(r'href="([^"]*/suivi[^"]*)"', page)
                    _, page = self.send("GET", tracking[1] if tracking else where)
                    found = re.search(r'href="([^"]*/a-faire/[^"]+)"', page)
                if found is None:
                    raise RuntimeError("the request shows nothing to do")
                where = found[1]
                _, page = self.send("GET", where)
            fields = {**answers, "csrf_token": self.token(page)}
            begin = time.perf_counter()
            response, text = self.send("POST", where, fields)
            took = (time.perf_counter() - begin) * 1000
            if response.status != 303:
                raise RuntimeError(f"{element}: {response.status} {text[:2000]}")
            yield element, took, int(response.headers["X-Statements"])
            where = response.headers["Location"]

    def floor(self, number: int) -> float:
        """The milliseconds of one bare transaction."""
        begin = time.perf_counter()
        response, _ = self.send("POST", f"/floor/{number}", {})
        if response.status != 204:
            raise RuntimeError(f"floor: {response.status}")
        return (time.perf_counter() - begin) * 1000


@contextmanager
def served(url: str, folder: Path) -> Iterator[int]:
    """The portal with the floor on a free port, in a process of its own, on an empty database with the bench procedure."""
    with running(
        [sys.executable, "-m", "bench.server", "--procedures", str(Path(__file__).parent / "procedure")],
        {"PARVIS_DATABASE_URL": url, "PARVIS_DATA": str(folder)},
    ) as port:
        yield port


@contextmanager
def running(command: list[str], settings: dict[str, str]) -> Iterator[int]:
    """Start a server that prints its port on its first line; end it when the block does."""
    process = subprocess.Popen(  # noqa: S603 - our own module
        command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.strip().isdigit():
            raise RuntimeError(f"the server did not start: {line!r}")
        yield int(line)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main("--json" in sys.argv)
