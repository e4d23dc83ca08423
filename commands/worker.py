"""`./parvis worker`: a Celery worker, which does the jobs that web processes promise."""

from __future__ import annotations

import argparse
import os
import socket
from typing import TYPE_CHECKING

from commands import CommandFailed, installation, readiness

if TYPE_CHECKING:
    from engine.core.config import Settings


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `worker`."""
    parser = subparsers.add_parser("worker", help="do the jobs that web processes promise (PostgreSQL, Redis)")
    parser.add_argument("--processes", type=int, help="else PARVIS_WORKER_PROCESSES, else 4")
    parser.add_argument("--queues", help="only these, with commas between (tick, quick, slow); all unless told")
    installation.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do jobs until SIGTERM or Ctrl-C; those at hand are finished, whatever is cut off is done by another worker."""
    os.umask(0o077)
    settings = installation.distributed(options)
    log_as_we_do(settings)
    from celery import signals

    from workers.app import QUEUES, connected

    queues = options.queues.split(",") if options.queues else list(QUEUES)
    unknown = [name for name in queues if name not in QUEUES]
    if unknown:
        raise CommandFailed(f"there is no queue {', '.join(unknown)}: they are {', '.join(QUEUES)}")
    signals.worker_ready.connect(_tell_ready, weak=False)
    worker = connected().Worker(
        hostname=f"parvis-{os.getpid()}@{socket.gethostname()}",
        concurrency=options.processes or settings.worker_processes,
        queues=queues,
        pool="prefork",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def log_as_we_do(settings: Settings) -> None:
    """Log as the other commands do: Celery sets up a way of its own unless somebody answers this signal."""
    from celery import signals

    from engine.core import observing

    observing.start(settings)
    signals.setup_logging.connect(_keep_logging, weak=False)


def _keep_logging(**_: object) -> None:
    return None


def _tell_ready(**_: object) -> None:
    readiness.tell()
