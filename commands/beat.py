"""`./parvis beat`: the clock of the workers: each second it has them look for jobs that are due."""

from __future__ import annotations

import argparse

from commands import installation, readiness, worker


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `beat`."""
    parser = subparsers.add_parser("beat", help="have the workers look for due jobs each second (Redis)")
    installation.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Beat until SIGTERM or Ctrl-C. Two of them do no harm: whoever looks for a job takes one that nobody else has."""
    worker.log_as_we_do(installation.distributed(options))
    from celery import signals

    from workers.app import connected

    signals.beat_init.connect(_tell_ready, weak=False)
    try:
        connected().Beat(quiet=True).run()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _tell_ready(**_: object) -> None:
    readiness.tell()
