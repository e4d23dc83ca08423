"""Metrics for Prometheus: what was done, how long it took, what waits.

Counters and histograms are each process's own. Where several processes of one machine share an address (`./parvis web`)
or have none (`./parvis worker`), they count in the files of one folder (`PARVIS_METRICS_FOLDER`), which any of them reads
out whole. What the database knows (jobs, incidents) is asked of it when the metrics are read.

No label ever holds what a person typed: labels are routes, classes of errors, kinds of jobs, procedures and versions.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from engine.core.config import METRICS_FOLDER
from engine.core.errors import ConfigurationError


def _choose_folder() -> Path | None:
    """Where this process counts. The client decides that when it is imported, from a variable of its own."""
    named = os.environ.get(METRICS_FOLDER)
    if not named:
        return None
    folder = Path(named)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
        # Its files are mapped into memory: whoever writes them writes into the process.
        raise ConfigurationError(f"{folder} must belong to the account that runs Parvis, and nobody else may write it")
    _forget_the_dead(folder)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    return folder


def _forget_the_dead(folder: Path) -> None:
    """Empty the folder once none of the processes that counted in it is left.

    Not before: a total from which a dead process's share is taken looks like a counter that began anew.
    """
    files = list(folder.glob("*.db"))
    if not any(_lives(int(path.stem.rpartition("_")[2])) for path in files):
        for path in files:
            path.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


FOLDER = _choose_folder()

from prometheus_client import (  # noqa: E402 - see `_choose_folder`
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily  # noqa: E402
from prometheus_client.multiprocess import MultiProcessCollector  # noqa: E402
from prometheus_client.registry import Collector  # noqa: E402

CONTENT_TYPE = CONTENT_TYPE_LATEST

# The instant at which each series began would double what is kept, for nobody.
disable_created_metrics()  # type: ignore[no-untyped-call]

_FAST = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

HTTP = Histogram(
    "parvis_http_request_seconds",
    "Requests, by method, route and class of status, until their answer is ready",
    ("method", "route", "status"),
    buckets=_FAST,
)
STEPS = Histogram(
    "parvis_step_seconds",
    "Moves of cases, by procedure, version and kind of move, without the commit",
    ("procedure", "version", "move"),
    buckets=_FAST,
)
JOBS = Histogram(
    "parvis_job_seconds",
    "Tries of jobs, by kind and outcome (done, failed), without the commit",
    ("kind", "outcome"),
    buckets=_SLOW,
)
ERRORS = Counter("parvis_errors", "Errors, by where they surfaced (portal, job) and class", ("where", "error"))


@cache
def http(method: str, route: str, status: str) -> Histogram:
    """The histogram of one kind of answer; found once, since finding it costs as much as counting."""
    return HTTP.labels(method, route, status)


@cache
def step(procedure: str, version: int, move: str) -> Histogram:
    """The histogram of one kind of move of one version."""
    return STEPS.labels(procedure, str(version), move)


@cache
def job(kind: str, outcome: str) -> Histogram:
    """The histogram of one kind of job."""
    return JOBS.labels(kind, outcome)


def count_error(where: str, error: BaseException) -> None:
    """Count an error by its class."""
    ERRORS.labels(where, type(error).__name__).inc()


Values = Mapping[tuple[str, ...], float]


class Gauges(Collector):
    """Gauges made for one reading: name -> (what it says, names of the labels, values by labels)."""

    def __init__(self, found: Mapping[str, tuple[str, tuple[str, ...], Values]]) -> None:
        self._found = found

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for name, (about, labels, values) in self._found.items():
            family = GaugeMetricFamily(name, about, labels=labels)
            for of, value in values.items():
                family.add_metric(of, value)
            yield family


def exposition(gauges: Collector) -> bytes:
    """Everything counted by the processes that count together, and `gauges`, as Prometheus reads it."""
    asked = CollectorRegistry()
    asked.register(gauges)
    if FOLDER is None:
        return generate_latest(REGISTRY) + generate_latest(asked)
    MultiProcessCollector(asked, path=str(FOLDER))  # type: ignore[no-untyped-call]
    return generate_latest(asked)
