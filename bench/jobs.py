"""How soon a promised job is done by the workers of a cluster, how many a second, and what a minute without Redis does to it.

A promise is a row written by a committed transaction; its latency runs from the commit to the moment the job is done in a
worker's process. Redis only carries wake-ups: while it is away nothing is lost, promising takes no longer, and what waits
is done once it is back.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.reporting import percentile, print_report
from commands import CommandFailed, cluster
from engine import handlers
from engine.core import config, jobs
from engine.core.db import Database, Session
from engine.handlers import Kind

SINGLE = 100
# Further apart than wake-ups that travel together.
APART_SECONDS = 0.55
MANY = 5_000
OUTAGE_SECONDS = 60.0
PATIENCE_SECONDS = 180.0


def note(_session: Session, payload: Mapping[str, Any]) -> None:
    """The job that is measured: one line with its number and the moment, as quick as a job can be."""
    line = f"{payload['number']} {time.time()}\n".encode()
    descriptor = os.open(payload["file"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


handlers.KINDS["bench"] = Kind(note)
handlers.HANDLERS["bench"] = note


class Workers:
    """A cluster's workers as a web process sees them, and the file in which they note what they did."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self._files = 0

    def fresh(self) -> Path:
        """A file of its own for each question."""
        self._files += 1
        return self.folder / f"done-{self._files}"

    def promise(self, file: Path, numbers: range) -> float:
        """Promise so many jobs in one transaction; the moment of its commit."""
        with self.database.transaction() as session:
            jobs.promise_all(session, [jobs.Promise("bench", {"number": n, "file": str(file)}) for n in numbers])
        return time.time()

    def done(self, file: Path) -> list[tuple[int, float]]:
        """What was done so far: number and moment."""
        if not file.exists():
            return []
        return [(int(number), float(at)) for number, at in (line.split() for line in file.read_text().splitlines())]

    def wait(self, file: Path, count: int) -> None:
        """Return once so many are done."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.done(file)) < count:
            if time.monotonic() > deadline:
                raise CommandFailed(f"{len(self.done(file))} of {count} jobs were done in {PATIENCE_SECONDS:.0f} s")
            time.sleep(0.005)


def main(as_json: bool = False) -> None:
    """Measure, and print the figures."""
    with tempfile.TemporaryDirectory(prefix="parvis-bench-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        # Closed to the account that PostgreSQL runs under otherwise.
        folder.chmod(0o711)
        program = (sys.executable, "-P", str(Path(__file__)))
        with cluster.running(folder, web=0, program=program) as running:
            os.environ.update({name: text for name, text in running.environment.items() if name.startswith("PARVIS_")})
            config.use(config.load())
            jobs.use_waker(config.current().waker)
            database = Database(running.database_url)
            try:
                report = _measure(running, Workers(database, folder / "data"))
            finally:
                database.close()
    print_report("Jobs on a cluster's workers", report, as_json)


def _measure(running: cluster.Cluster, workers: Workers) -> dict[str, Any]:
    _latencies(workers)  # warms up
    before = _latencies(workers)
    file = workers.fresh()
    began = workers.promise(file, range(MANY))
    workers.wait(file, MANY)
    rate = MANY / (max(at for _, at in workers.done(file)) - began)
    outage = _without_redis(running, workers)
    return {
        "wake_p50_ms": round(statistics.median(before), 1),
        "wake_p95_ms": round(percentile(before, 95), 1),
        "jobs_per_s": round(rate, 1),
        "outage": outage,
    }


def _latencies(workers: Workers) -> list[float]:
    file = workers.fresh()
    promised = {}
    for number in range(SINGLE):
        promised[number] = workers.promise(file, range(number, number + 1))
        time.sleep(APART_SECONDS)
    workers.wait(file, SINGLE)
    return [max(0.0, at - promised[number]) * 1000 for number, at in workers.done(file)]


def _without_redis(running: cluster.Cluster, workers: Workers) -> dict[str, Any]:
    file = workers.fresh()
    running.redis.kill()
    until = time.monotonic() + OUTAGE_SECONDS
    taken: list[float] = []
    while time.monotonic() < until:
        began = time.perf_counter()
        workers.promise(file, range(len(taken), len(taken) + 1))
        taken.append((time.perf_counter() - began) * 1000)
        time.sleep(0.2)
    done = len(workers.done(file))
    running.redis.start()
    back = time.time()
    workers.wait(file, len(taken))
    caught_up = max(at for _, at in workers.done(file)) - back
    after = _latencies(workers)
    # Time for what would be done twice to show.
    time.sleep(jobs.HOLD.total_seconds() + 2)
    times = Counter(number for number, _ in workers.done(file))
    return {
        "seconds": OUTAGE_SECONDS,
        "promised": len(taken),
        "promise_p95_ms": round(percentile(taken, 95), 1),
        "done_meanwhile": done,
        "caught_up_s": round(caught_up, 2),
        "lost": len(taken) - len(times),
        "twice": sum(count > 1 for count in times.values()),
        "wake_after_p50_ms": round(statistics.median(after), 1),
        "wake_after_p95_ms": round(percentile(after, 95), 1),
    }


if __name__ == "__main__":
    from commands.__main__ import main as parvis

    sys.exit(parvis(sys.argv[1:]))
