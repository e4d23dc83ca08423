"""`./parvis prepare`: everything that has to be there before the portal serves: assets, schema, procedures, demo data."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from commands import installation

if TYPE_CHECKING:
    from engine.core.config import Settings
    from engine.core.db import Database


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `prepare`."""
    parser = subparsers.add_parser("prepare", help="bring assets, schema and procedures to this release, and end")
    parser.add_argument("--no-assets", action="store_true", help="leave the built assets as they are")
    installation.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prepare the installation: once a release, before its processes are started."""
    from commands import assets

    if not options.no_assets:
        assets.build()
    settings = installation.settings(options)
    opened, _ = prepared(settings)
    opened.close()
    return 0


def prepared(settings: Settings) -> tuple[Database, list[str]]:
    """The database with this release's schema and procedures, and what there is to say of the demo data."""
    from engine import handlers
    from engine.core import db, texts

    texts.check()
    say("Preparing the database")
    db.migrate(settings.database_url)
    database = db.Database(settings.database_url)
    _deploy(database)
    database.run(handlers.promise_daily)
    database.run(handlers.promise_filling)
    return database, _demo(database) if settings.demo else []


def _deploy(database: Database) -> None:
    """Deploy the procedures of the house whose content isn't known yet.

    The others are left alone: a version that an operator has taken back stays taken back.
    """
    from engine.procedures import catalogue

    with database.reading() as session:
        known = {(version.slug, version.content_hash) for version, _ in catalogue.versions(session)}
    for sources in catalogue.read_folder(installation.ROOT):
        if (sources.slug, sources.content_hash) not in known:
            say(f"Deploying {sources.slug}")
            database.run(catalogue.deploy, sources)


def _demo(database: Database) -> list[str]:
    """Load the demo data where there is none; the lines that say who can sign in."""
    from engine.procedures import demo

    people = demo.load(database)
    width = max(len(person.login) for person in people)
    return [
        f"Outbox: the messages that would be sent are at /boite-denvoi. Demo accounts, password {demo.PASSWORD}:",
        *(f"  {person.login:{width}}  {person.about}" for person in people),
        "Files of beneficiaries without an account, who make theirs at /beneficiaire:",
        *(f"  {file.reference}  {file.first_names} {file.name}, born {file.birth_date}" for file in demo.files()),
    ]


def say(step: str) -> None:
    """Tell who waits what is being done."""
    print(f"• {step}…", file=sys.stderr, flush=True)
