"""`./parvis jobs`: what failed for good is visible and can be tried again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from engine.core import clock, jobs
from engine.core.db import Database, Session

pytestmark = pytest.mark.sqlite_only


def fail(session: Session, payload: Mapping[str, Any]) -> None:
    raise ConnectionRefusedError("what people typed stays out")


def exhaust(database: Database) -> str:
    """Promise a job that fails, and let it fail until its last try is behind it."""
    with database.transaction() as session:
        jobs.promise(session, "send_mail", key="one")
    for turn in range(jobs.LAST_TRY):
        with clock.moved(timedelta(days=turn)):
            jobs.drain(database, {"send_mail": fail}, limit=1)
    with database.reading() as session:
        return str(jobs.listing(session, state="failed")[0].id)


def test_a_failed_job_is_listed_and_tried_again(run: Any, installed: Database) -> None:
    failed = exhaust(installed)
    status, said, _ = run("jobs", "--failed")
    assert status == 0
    heading, line = said.splitlines()
    assert heading.split()[:3] == ["ID", "STATE", "KIND"]
    assert line.startswith(f"{failed}  failed  send_mail")
    assert line.endswith("ConnectionRefusedError at test_jobs.py:19"), "the kind and place of the error, not its words"
    assert run("jobs", "retry", failed) == (0, f"job {failed} waits again\n", "")
    assert run("jobs", "--failed")[1] == "no job has failed\n"
    done: list[str] = []
    jobs.drain(installed, {"send_mail": lambda session, payload: done.append("sent")})
    assert done == ["sent"]
    assert run("jobs")[1] == "nothing is promised\n"


@pytest.mark.usefixtures("installed")
def test_a_job_that_does_not_exist_is_said(run: Any) -> None:
    unknown = uuid4()
    assert run("jobs", "retry", str(unknown)) == (1, "", f"parvis: there is no job {unknown}\n")
