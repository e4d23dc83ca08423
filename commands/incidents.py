"""`./parvis incidents`: requests that can't go on, with the element of the process that stops them."""

from __future__ import annotations

import argparse
from uuid import UUID

from commands import CommandFailed, installation, table


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `incidents`."""
    parser = subparsers.add_parser("incidents", help="list requests that are stuck; try one again")
    installation.add_options(parser)
    parser.add_argument("--solved", action="store_true", help="those solved, the latest first")
    parser.set_defaults(run=run_list)
    verbs = parser.add_subparsers(metavar="VERB")
    retry = verbs.add_parser("retry", help="try again what stopped, with what the person had typed")
    retry.add_argument("id", type=UUID)
    retry.set_defaults(run=run_retry)


def run_list(options: argparse.Namespace) -> int:
    """List incidents, the oldest first."""
    from engine.procedures import incidents

    with installation.database(options) as database, database.reading() as session:
        rows = [
            (incident.id, incident.at, case.reference, case.procedure, incident.element_id, incident.reason)
            for incident, case in incidents.listing(session, solved=options.solved)
        ]
    empty = "no incident was ever solved" if options.solved else "no request is stuck"
    table.show(("ID", "SINCE (UTC)", "REQUEST", "PROCEDURE", "ELEMENT", "REASON"), rows, empty=empty)
    return 0


def run_retry(options: argparse.Namespace) -> int:
    """Try again what stopped; when it stops again, the incident keeps its new reason."""
    from engine.core.errors import ProcessStuck
    from engine.procedures import incidents

    with installation.database(options) as database:
        try:
            database.run(incidents.retry, options.id)
        except ProcessStuck as error:
            database.run(incidents.record, error)
            raise CommandFailed(f"stuck again at {error.element_id}: {error.reason}") from error
    print(f"incident {options.id} is solved")
    return 0
