"""`./parvis jobs`: what the platform has promised to do: mail to send, timers to fire."""

from __future__ import annotations

import argparse
from uuid import UUID

from commands import CommandFailed, installation, table


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `jobs`."""
    parser = subparsers.add_parser("jobs", help="list what is promised and what failed; try a failed job again")
    installation.add_options(parser)
    parser.add_argument("--failed", action="store_true", help="only those whose last try is behind them")
    parser.set_defaults(run=run_list)
    verbs = parser.add_subparsers(metavar="VERB")
    retry = verbs.add_parser("retry", help="give a failed job all its tries again")
    retry.add_argument("id", type=UUID)
    retry.set_defaults(run=run_retry)


def run_list(options: argparse.Namespace) -> int:
    """List jobs, the failed ones first."""
    from engine.core import jobs

    with installation.database(options) as database, database.reading() as session:
        rows = [
            (job.id, job.state, job.kind, job.due_at, job.tries, job.error)
            for job in jobs.listing(session, state="failed" if options.failed else None)
        ]
    empty = "no job has failed" if options.failed else "nothing is promised"
    table.show(("ID", "STATE", "KIND", "DUE (UTC)", "TRIES", "LAST ERROR"), rows, empty=empty)
    return 0


def run_retry(options: argparse.Namespace) -> int:
    """Give a failed job all its tries again; the server picks it up."""
    from engine.core import jobs
    from engine.core.errors import NotFound

    with installation.database(options) as database:
        try:
            database.run(jobs.retry, options.id)
        except NotFound:
            raise CommandFailed(f"there is no job {options.id}") from None
    print(f"job {options.id} waits again")
    return 0
