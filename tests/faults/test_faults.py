"""Nothing acknowledged is lost and nothing is done twice, whatever is killed (G4); and the checker would notice."""

from __future__ import annotations

import json
import sys

import pytest

from tests.faults.run import run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.sqlite_only,
    pytest.mark.skipif(sys.platform != "linux", reason="parts find the processes that they started in /proc"),
]
# The variants die in their middle by themselves: the rest of the cluster is left alone.
WORKERS = {"worker process": 1}


def test_kills_lose_nothing_and_double_nothing() -> None:
    report = run(60, seed=20)
    # As a text: what pytest shows of an object ends before what was found.
    assert report["ok"], json.dumps(report, indent=1)
    assert report["lost"] == report["twice"] == report["stuck"] == report["timers"]["wrong"] == 0
    # What proves nothing: a run in which little was killed or little was done.
    assert report["kills"] >= 5
    assert {"open", "step", "upload", "file", "claim", "decide", "message", "reply"} <= set(report["acked_by_action"])
    assert {"place", "book", "keep"} <= set(report["acked_by_action"])
    assert report["timers"]["fired"] >= 5


def test_jobs_that_are_marked_before_they_are_done_are_noticed() -> None:
    report = run(6, seed=21, every=2, weights=WORKERS, variant="mark-then-act")
    assert not report["ok"]
    assert report["lost"] + report["stuck"] + report["timers"]["wrong"] > 0
    assert report["twice"] == 0


def test_jobs_that_are_done_before_they_are_marked_are_noticed() -> None:
    report = run(6, seed=22, every=2, weights=WORKERS, variant="act-then-mark")
    assert not report["ok"]
    assert report["twice"] > 0
    assert report["lost"] == 0
