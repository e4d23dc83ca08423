"""Many residents at once over HTTP, beside the floor of the same server at the same moment.

1, 8 and 32 clients, each a process of its own with its own connection, walk the bench's procedure: `embedded` on the server
of `./parvis up` with SQLite, `cluster` on the processes of `./parvis cluster` (PostgreSQL, Redis, two web processes, two
workers). Four things take turns, so that the noise of the machine falls on all alike:

- whole journeys: every page is drawn, every step submitted: `submits_per_s`;
- the same with one floor request after each submit, so that both wait in the same queue: the milliseconds and their floor;
- `steps_only`: what programs do: steps submitted without looking at their pages;
- the floor alone: one bare transaction, again and again.
"""

from __future__ import annotations

import http.client
import itertools
import math
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.client import Client
from bench.reporting import percentile, print_report
from bench.submit import served
from commands import CommandFailed, cluster
from engine.core.db import Database
from engine.procedures import catalogue

CLIENTS = (1, 8, 32)
ROUNDS = 3
SECONDS = 3.0
WARM_UP = 2.0
PROCEDURE = Path(__file__).parent / "procedure"


@dataclass
class Tally:
    """What clients saw: milliseconds of submits and of floors, and what went wrong."""

    submits: list[float] = field(default_factory=list)
    floors: list[float] = field(default_factory=list)
    errors: int = 0
    first_error: str = ""
    seconds: float = 0.0
    until: float = math.inf
    """The monotonic time after which nothing counts."""

    def submit(self, ms: float) -> bool:
        """Count a submit that has just ended; False when time is up."""
        return self._count(self.submits, ms)

    def floor(self, ms: float) -> bool:
        """Count a floor request that has just ended; False when time is up."""
        return self._count(self.floors, ms)

    def _count(self, kind: list[float], ms: float) -> bool:
        if time.monotonic() > self.until:
            return False
        kind.append(ms)
        return True

    def add(self, other: Tally) -> None:
        """Take what another client saw along."""
        self.submits += other.submits
        self.floors += other.floors
        self.errors += other.errors
        self.first_error = self.first_error or other.first_error


def main(as_json: bool = False) -> None:
    """Measure both modes and print the figures."""
    report: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory(prefix="parvis-bench-") as folder,
        served(f"sqlite:///{folder}/bench.sqlite3", Path(folder), jobs=True) as port,
    ):
        report["embedded"] = measure([port])
    try:
        with clustered() as parts:
            report["cluster"] = measure(ports_of(parts))
    except CommandFailed as missing:
        report["cluster"] = f"not measured: {missing}"
    print_report("Residents at once", report, as_json)


@contextmanager
def clustered() -> Iterator[cluster.Cluster]:
    """The processes of `./parvis cluster` with the floor and the bench's procedure, in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="parvis-bench-") as folder:
        # PostgreSQL doesn't run as root: the account that it runs as has to reach its own folder.
        Path(folder).chmod(0o711)
        # With demo data, as `./parvis cluster` has it: mail that can leave nowhere would be a job that fails, again and again.
        demo = {"PARVIS_DEMO": "yes"}
        with cluster.running(Path(folder), app="bench.floor:create_app", settings=demo) as parts:
            _deploy(parts.database_url)
            yield parts


def ports_of(parts: cluster.Cluster) -> list[int]:
    """Where its web processes listen."""
    return [int(url.rpartition(":")[2]) for url in parts.urls]


def _deploy(url: str) -> None:
    database = Database(url)
    try:
        for sources in catalogue.read_folder(PROCEDURE):
            database.run(catalogue.deploy, sources)
    finally:
        database.close()


def measure(ports: Sequence[int]) -> dict[str, Any]:
    """The figures of a server that listens on `ports`, by the number of clients."""
    figures: dict[str, Any] = {}
    for clients in CLIENTS:
        together(journeys, ports, clients, WARM_UP)
        alone, whole, steps, floor = Tally(), Tally(), Tally(), Tally()
        for _ in range(ROUNDS):
            for tally, act in ((alone, journeys), (whole, _journeys_beside), (steps, steps_only), (floor, _floors)):
                tally.seconds += together(act, ports, clients, SECONDS, tally)
        figures[str(clients)] = {
            **_figures(whole),
            "submits_per_s": round(len(alone.submits) / alone.seconds, 1),
            "errors": alone.errors + whole.errors,
            "floor_p50_ms": round(statistics.median(whole.floors), 2),
            "ratio_p50": round(statistics.median(whole.submits) / statistics.median(whole.floors), 2),
            "p95_to_p50": round(percentile(whole.submits, 95) / statistics.median(whole.submits), 2),
            "steps_only": {
                **_figures(steps),
                "floor_p50_ms": round(statistics.median(floor.floors), 2),
                "floors_per_s": round(len(floor.floors) / floor.seconds, 1),
                "ratio_p50": round(statistics.median(steps.submits) / statistics.median(floor.floors), 2),
                "p95_to_p50": round(percentile(steps.submits, 95) / statistics.median(steps.submits), 2),
            },
        }
    return figures


def _figures(tally: Tally) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "submits_per_s": round(len(tally.submits) / tally.seconds, 1),
        "p50_ms": round(statistics.median(tally.submits), 2),
        "p95_ms": round(percentile(tally.submits, 95), 2),
        "p99_ms": round(percentile(tally.submits, 99), 2),
        "submits": len(tally.submits),
        "errors": tally.errors,
    }
    return shown | ({"first_error": tally.first_error} if tally.errors else {})


# --- clients -----------------------------------------------------------------------------------------------------------

Act = Callable[[Client, Tally], None]


def journeys(client: Client, tally: Tally) -> None:
    """Walk the procedure once, looking at every page, as far as there is time."""
    for _, took, _ in client.journey():
        if not tally.submit(took):
            return


def _journeys_beside(client: Client, tally: Tally) -> None:
    for number, (_, took, _) in enumerate(client.journey()):
        if not tally.submit(took) or not tally.floor(client.floor(number)):
            return


def steps_only(client: Client, tally: Tally) -> None:
    """Walk it once as a program would, as far as there is time."""
    for _, took, _ in client.journey(pages=False):
        if not tally.submit(took):
            return


def _floors(client: Client, tally: Tally) -> None:
    for number in range(10):
        if not tally.floor(client.floor(number)):
            return


def together(
    act: Act,
    ports: Sequence[int],
    clients: int,
    seconds: float,
    into: Tally | None = None,
    *,
    client: Callable[[int], Client] = Client,
) -> float:
    """So many clients, each in a process of its own, for so many seconds, which are returned: what ends later doesn't count.

    `client` makes one, in its process, from the port that it asks.
    """
    context = multiprocessing.get_context("fork")
    begin = time.monotonic()
    started = []
    for _, port in zip(range(clients), itertools.cycle(ports), strict=False):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_be_client, args=(act, client, port, begin + seconds, there))
        process.start()
        there.close()
        started.append((process, here))
    for process, here in started:
        tally: Tally = here.recv()
        process.join()
        if into is not None:
            into.add(tally)
    return seconds


def _be_client(act: Act, make: Callable[[int], Client], port: int, until: float, results: Connection) -> None:
    tally = Tally(until=until)
    client = make(port)
    while time.monotonic() < until:
        try:
            act(client, tally)
        except (RuntimeError, OSError, http.client.HTTPException) as error:
            tally.errors += 1
            tally.first_error = tally.first_error or f"{type(error).__name__}: {error}"[:500]
            client = make(port)
    results.send(tally)


if __name__ == "__main__":
    main("--json" in sys.argv)
