"""A cluster without web processes, whose workers know the kinds of jobs of `program.py`."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from commands import cluster
from commands.cluster import Cluster
from engine import handlers
from engine.core import config, jobs
from engine.core.db import Database
from tests.workers.program import KINDS
from workers import wake
from workers.app import app

PROGRAM = Path(__file__).parent / "program.py"


@pytest.fixture(scope="module")
def workers() -> Iterator[Cluster]:
    """PostgreSQL, Redis, one worker of three processes, and two beats, since two must do no harm."""
    # Not in pytest's folder: it is closed to the account that PostgreSQL runs under.
    folder = Path(tempfile.mkdtemp(prefix="parvis-workers-"))
    folder.chmod(0o711)
    with cluster.running(
        folder,
        web=0,
        workers=1,
        beats=2,
        worker_processes=3,
        durable=False,
        program=(sys.executable, "-P", str(PROGRAM)),
        settings={"TEST_HOLD": "0.7"},
    ) as running:
        yield running
    shutil.rmtree(folder)


@dataclass
class Site:
    """The cluster as a web process sees it, and the file in which the jobs of a test write."""

    cluster: Cluster
    database: Database
    file: Path

    def promise(self, kind: str, *, due_at: datetime | None = None, **payload: Any) -> None:
        with self.database.transaction() as session:
            jobs.promise(session, kind, due_at=due_at, file=str(self.file), **{"n": 0, **payload})

    def lines(self, beginning: str = "") -> list[str]:
        text = self.file.read_text() if self.file.exists() else ""
        return [line for line in text.splitlines() if line.startswith(beginning)]

    def waits_for(self, condition: Callable[[], bool], seconds: float = 40) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


@pytest.fixture
def site(workers: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The waker publishes to the cluster's Redis for the length of a test."""
    for name, value in workers.environment.items():
        if name.startswith("PARVIS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(config, "_current", config.load())
    # Celery keeps its connections to the first Redis that it was told of, and other tests name others.
    monkeypatch.setattr(app, "_pool", None)
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    for name, kind in KINDS.items():
        monkeypatch.setitem(handlers.KINDS, name, kind)
    waker = wake.Waker()
    monkeypatch.setattr(jobs.waking, "_wakers", [waker.ring])
    tmp_path.chmod(0o777)
    database = Database(workers.database_url)
    yield Site(workers, database, tmp_path / "done")
    waker.stop()
    database.close()
