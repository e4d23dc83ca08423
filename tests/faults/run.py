"""One run: a cluster, people who use it, chaos; then calm, and the verdict of the checker."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from commands import cluster
from commands.cluster import Cluster
from engine.core import clock, config
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.core.jobs import Job
from engine.people import accounts, groups, sessions
from engine.procedures import catalogue
from engine.procedures.tasks import HumanTask
from tests.faults import capacity, clients, effects
from tests.faults.browser import Browser
from tests.faults.chaos import WEIGHTS, Chaos
from tests.faults.checker import SOON, Verdict, check
from tests.faults.mailbox import Mailbox, mailbox
from tests.faults.record import Record

_HERE = Path(__file__).parent
RESIDENTS = 6
AGENTS = 3
# People without an account who all want the same places and slots.
RIVALS = 4
# Seconds between kills, on average.
EVERY = 2.5
# How long everything may take to come to rest once nothing is killed any more.
PATIENCE = 240.0
_SHOWN = 20


def run(
    seconds: float,
    seed: int,
    *,
    every: float = EVERY,
    weights: Mapping[str, int] = WEIGHTS,
    variant: str | None = None,
) -> dict[str, Any]:
    """Play for so many seconds and report.

    Every so many seconds something is killed, chosen by `weights`; `variant` names a broken way of doing jobs
    (`broken.VARIANTS`). When something is wrong with the platform, the folder with the logs is kept.
    """
    # Not in the folder of whoever calls: PostgreSQL runs under an account of its own.
    folder = Path(tempfile.mkdtemp(prefix="parvis-faults-"))
    folder.chmod(0o711)
    kept = variant is None
    # Each message in a letter of its own, so that letters can be counted.
    settings = {"PARVIS_DEMO": "no", "PARVIS_DIGEST_MINUTES": "0", "FAULTS_VARIANT": variant or ""}
    record = Record(folder / "record.jsonl")
    try:
        with (
            effects.installed(),
            mailbox() as box,
            cluster.running(
                folder / "cluster",
                worker_processes=2,
                program=(sys.executable, "-P", str(_HERE / "program.py")),
                settings={**settings, "PARVIS_SMTP_URL": box.url},
            ) as parts,
        ):
            report = _play(parts, box, record, seconds, seed, every, weights)
        kept = not report["ok"] and variant is None
        if kept:
            report["kept"] = str(folder)
        return report
    finally:
        record.close()
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def _play(
    parts: Cluster, box: Mailbox, record: Record, seconds: float, seed: int, every: float, weights: Mapping[str, int]
) -> dict[str, Any]:
    with closing(Database(parts.database_url)) as database, ExitStack() as stack:
        cookies = _prepare(database)
        until = time.monotonic() + seconds + PATIENCE
        leaving, resting = threading.Event(), threading.Event()

        def browsers(kind: str, closing: threading.Event) -> list[Browser]:
            return [
                Browser(parts.urls, held, record, seed=f"{seed} {kind} {number}", closing=closing, until=until)
                for number, held in enumerate(cookies[kind])
            ]

        people = clients.start(clients.resident, browsers("resident", leaving), "resident")
        rivals = [
            Browser(parts.urls, {}, record, seed=f"{seed} rival {number}", closing=leaving, until=until)
            for number in range(RIVALS)
        ]
        people += clients.start(capacity.resident, rivals, "rival")
        staff = clients.start(clients.agent, browsers("agent", resting), "agent")
        chaos = Chaos(parts, seed, every=every, weights=weights)
        chaos.start()
        stack.callback(chaos.close)
        time.sleep(seconds)
        chaos.stop()
        for failure in chaos.failures:
            record.surprise(failure[-500:])
        _look_whether_ready(parts, record)
        calm_since = time.monotonic()
        leaving.set()
        _join(people, until, record)
        _wait_for_rest(database, until)
        settled = time.monotonic() - calm_since
        resting.set()
        _join(staff, until + 60, record)
        # Its connections are from before the last crash.
        database.engine.dispose()
        config.use(_settings(parts))
        verdict = check(database, [one for one in record.acked if one.action not in capacity.ACTIONS], box.received)
        shared = database.read(capacity.check, [one for one in record.acked if one.action in capacity.ACTIONS])
        return _report(verdict, shared, chaos, record, seconds, seed, settled)


def _prepare(database: Database) -> dict[str, list[dict[str, str]]]:
    """The procedure, and the people signed in: the cookies of each."""
    effects.create_tables(database)
    for sources in catalogue.read_folder(_HERE / "procedure"):
        database.run(catalogue.deploy, sources)
    database.run(capacity.prepare)

    def sign_in(session: Session, kind: accounts.Kind, number: int) -> dict[str, str]:
        account = accounts.create(
            session,
            kind=kind,
            login=f"{kind}-{number}@exemple.fr",
            first_names=f"{kind.title()} {'abcdefghij'[number]}",
            birth_name="Essai",
        )
        if kind == "agent":
            groups.assign(session, account, [clients.GROUP])
        return {"parvis_connexion": sessions.open(session, account)}

    return {
        "resident": [database.run(sign_in, "resident", number) for number in range(RESIDENTS)],
        "agent": [database.run(sign_in, "agent", number) for number in range(AGENTS)],
    }


def _settings(parts: Cluster) -> Settings:
    """Those of the cluster: enough to read the files that it keeps."""
    data = Path(parts.environment["PARVIS_DATA"])
    key = parts.environment.get("PARVIS_SECRET_KEY") or (data / "secret_key").read_text().split()[0]
    return Settings(data=data, database_url=parts.database_url, secret_key=key)


def _look_whether_ready(parts: Cluster, record: Record) -> None:
    deadline = time.monotonic() + 30
    for part in parts.web:
        while not cluster.serves_soon(part):
            if time.monotonic() > deadline:
                record.surprise(f"{part.name} runs and isn't ready:\n{part.said(5)}")
                break


def _join(threads: Sequence[threading.Thread], until: float, record: Record) -> None:
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
        if thread.is_alive():
            record.surprise(f"{thread.name} never came to an end")


def _wait_for_rest(database: Database, until: float) -> None:
    """Return once no job waits and no agent has anything to do; or when nothing will ever change; or when patience ends."""
    quiet = 0
    while quiet < 3 and time.monotonic() < until:
        time.sleep(0.5)
        quiet = quiet + 1 if not database.read(_left) else 0


def _left(session: Session) -> int:
    waiting = (
        session.scalar(
            select(func.count()).select_from(Job).where(Job.state == "waiting", Job.due_at <= clock.now() + SOON)
        )
        or 0
    )
    # A resident's task has a timer, which is a job.
    tasks = select(func.count()).select_from(HumanTask).where(HumanTask.group == clients.GROUP)
    return waiting + (session.scalar(tasks) or 0)


def _report(
    verdict: Verdict, shared: capacity.Found, chaos: Chaos, record: Record, seconds: float, seed: int, settled: float
) -> dict[str, Any]:
    acked = Counter(one.action for one in record.acked)
    return {
        "seed": seed,
        "seconds": seconds,
        "cores": os.cpu_count(),
        "kills": sum(chaos.kills.values()),
        "kills_by_part": dict(sorted(chaos.kills.items())),
        "acked": sum(acked.values()),
        "acked_by_action": dict(sorted(acked.items())),
        "lost": len(verdict.lost),
        "twice": len(verdict.twice),
        "timers": {"fired": verdict.timers_fired, "wrong": len(verdict.timers)},
        "history": len(verdict.history),
        "stuck": len(verdict.stuck),
        "jobs_left": len(verdict.jobs),
        "cases": verdict.cases,
        "effects": verdict.effects,
        "places": {"kept": shared.kept, "wrong": len(shared.places), "lost": len(shared.lost)},
        "slots": {"planned": shared.planned, "wrong": len(shared.slots)},
        "mail": {"sent": verdict.mail_sent, "doubles": verdict.mail_doubles},
        "met": dict(sorted(record.met.items())),
        "surprises": len(record.surprises),
        "ended_by_themselves": chaos.ended,
        "started_late": len(chaos.late),
        "settled_in_s": round(settled, 1),
        "ok": verdict.ok and shared.ok and not record.surprises and not chaos.ended,
        "found": {
            name: found[:_SHOWN]
            for name, found in (
                ("lost", verdict.lost),
                ("twice", verdict.twice),
                ("timers", verdict.timers),
                ("history", verdict.history),
                ("stuck", verdict.stuck),
                ("jobs", verdict.jobs),
                ("places", [*shared.places, *shared.lost]),
                ("slots", shared.slots),
                ("surprises", record.surprises),
                ("started_late", [said[-500:] for said in chaos.late]),
            )
            if found
        },
    }
