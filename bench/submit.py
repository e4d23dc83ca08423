"""What a step costs over HTTP, beside the floor of the same server in the same run.

The work is that of docs/performance.md: a procedure of five user tasks, two exclusive gateways and a script; a submit
completes one user task over HTTP and commits. One client on loopback; every submit is followed by a floor request, so
that the noise of the machine falls on both alike.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.client import Client
from bench.reporting import percentile, print_report
from commands import CommandFailed, postgresql

JOURNEYS = 120
WARM_UP = 15


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
    spent: dict[str, list[float]] = {"submit": [], "floor": []}
    statements: dict[str, int] = {}
    with served(url, folder) as port:
        client = Client(port, measuring=True)
        for journey in range(WARM_UP + JOURNEYS):
            kept = journey >= WARM_UP
            for element, took, count in client.journey():
                submit_ms = client.server_ms
                floor = client.floor(journey)
                if kept:
                    spent["submit"].append(submit_ms)
                    spent["floor"].append(client.server_ms)
                    submits.append(took)
                    floors.append(floor)
                    statements[element] = max(count, statements.get(element, 0))
    return {
        "submit_p50_ms": round(statistics.median(submits), 2),
        "submit_p95_ms": round(percentile(submits, 95), 2),
        "floor_p50_ms": round(statistics.median(floors), 2),
        "floor_p95_ms": round(percentile(floors, 95), 2),
        "ratio_p50": round(statistics.median(submits) / statistics.median(floors), 2),
        # The processor's time of the web process alone: what else the machine does counts for little.
        "submit_cpu_ms": round(statistics.median(spent["submit"]), 2),
        "floor_cpu_ms": round(statistics.median(spent["floor"]), 2),
        "ratio_cpu": round(statistics.median(spent["submit"]) / statistics.median(spent["floor"]), 2),
        "statements": max(statements.values()),
        "statements_by_step": statements,
        "submits": len(submits),
    }


@contextmanager
def served(url: str, folder: Path, *, jobs: bool = False) -> Iterator[int]:
    """The portal with the floor on a free port, in a process of its own, on an empty database with the bench procedure.

    With `jobs` that process does them too, as `./parvis up` does; e-mail then goes to the demonstration's outbox.
    """
    command = [sys.executable, "-m", "bench.server", "--procedures", str(Path(__file__).parent / "procedure")]
    with running(
        [*command, "--jobs"] if jobs else command,
        {"PARVIS_DATABASE_URL": url, "PARVIS_DATA": str(folder), "PARVIS_DEMO": "yes" if jobs else "no"},
    ) as port:
        yield port


@contextmanager
def running(command: list[str], settings: dict[str, str]) -> Iterator[int]:
    """Start a server that prints its port on its first line; end it when the block does."""
    process = subprocess.Popen(command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True)
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
