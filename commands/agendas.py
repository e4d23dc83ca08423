"""`./parvis agendas`: where people are received, listed, or set up from a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from commands import CommandFailed, installation, table


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `agendas`."""
    parser = subparsers.add_parser("agendas", help="list the agendas of appointments; set them up from a file")
    installation.add_options(parser)
    parser.set_defaults(run=run_list)
    verbs = parser.add_subparsers(metavar="VERB")
    importing = verbs.add_parser("import", help="make or change the agendas of a YAML file: all of them, or none")
    importing.add_argument("file", type=Path)
    importing.set_defaults(run=run_import)


def run_list(options: argparse.Namespace) -> int:
    """List the agendas, by service and place."""
    from engine.contact import appointments

    with installation.database(options) as database, database.reading() as session:
        rows = [
            (one.service, one.code, one.place, one.group, f"{one.duration} min", "open" if one.active else "closed")
            for one in appointments.everything(session)
        ]
    table.show(("SERVICE", "CODE", "PLACE", "GROUP", "DURATION", "BOOKINGS"), rows, empty="there is no agenda")
    return 0


def run_import(options: argparse.Namespace) -> int:
    """Save every agenda of the file, or say everything that is wrong with it and save none."""
    import yaml

    from engine.contact import appointments
    from engine.core import audit
    from engine.core.db import Session
    from engine.core.errors import Invalid

    try:
        found = yaml.safe_load(options.file.read_text("utf-8"))
    except UnicodeDecodeError:
        raise CommandFailed(f"{options.file}: this is no text") from None
    except yaml.YAMLError as error:
        raise CommandFailed(f"{options.file} can't be read: {error}") from error
    listed = found.get("agendas") if isinstance(found, dict) else None
    if not isinstance(listed, list) or not listed:
        raise CommandFailed(f"{options.file}: a list under « agendas » is expected")
    wishes, problems = [], []
    for one in listed:
        try:
            wishes.append(appointments.read(one))
        except Invalid as error:
            problems.append(error.for_operators)
    if problems:
        raise CommandFailed("\n".join(problems))

    def save(session: Session) -> list[tuple[str, int]]:
        made = [appointments.save(session, wish) for wish in wishes]
        for agenda in made:
            audit.record(session, audit.OPERATOR, "agenda.changed", "agenda", agenda.code)
        return [(agenda.code, len(appointments.outside_hours(session, agenda))) for agenda in made]

    with installation.database(options) as database:
        for code, outside in database.run(save):
            warning = f", {outside} appointments don't fit its hours any more" if outside else ""
            print(f"agenda {code} is saved{warning}")
    return 0
