"""What runs in place of `./parvis` in these tests: the same, with kinds of jobs that do what a test needs."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from commands.__main__ import main
from engine import handlers
from engine.core import jobs
from engine.core.db import Session
from engine.handlers import Kind


def write(_session: Session, payload: Mapping[str, Any]) -> None:
    """One line for each time that the job was done, with the moment."""
    with Path(payload["file"]).open("a") as file:
        file.write(f"{payload['n']} {time.time()}\n")


def wait(_session: Session, payload: Mapping[str, Any]) -> None:
    with Path(payload["file"]).open("a") as file:
        file.write(f"begin {os.getpid()}\n")
        file.flush()
        time.sleep(payload["seconds"])
        file.write(f"end {os.getpid()}\n")


def die(_session: Session, payload: Mapping[str, Any]) -> None:
    """What a job does that takes all the memory."""
    with Path(payload["file"]).open("a") as file:
        file.write(f"{os.getpid()}\n")
    os.kill(os.getpid(), signal.SIGKILL)


def chain(session: Session, payload: Mapping[str, Any]) -> None:
    """Promises the next one: workers wake workers."""
    write(session, payload)
    if payload["n"] < payload["last"]:
        jobs.promise(session, "test_chain", **{**payload, "n": payload["n"] + 1})


KINDS = {
    "test_write": Kind(write),
    "test_chain": Kind(chain),
    "test_wait": Kind(wait, "slow", seconds=30),
    "test_few": Kind(wait, "slow", seconds=30, at_once=1),
    "test_long": Kind(wait, "slow", seconds=1),
    "test_die": Kind(die),
}

if __name__ == "__main__":
    for name, kind in KINDS.items():
        handlers.KINDS[name] = kind
        handlers.HANDLERS[name] = kind.handle
    # The tests don't wait as long as a city would.
    jobs.taking.HOLD = timedelta(seconds=float(os.environ.get("TEST_HOLD", jobs.HOLD.total_seconds())))
    sys.exit(main(sys.argv[1:]))
