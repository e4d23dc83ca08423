"""The portal with the floor route, served as `./parvis up` serves it; prints its port once it takes connections."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.floor import create_app
from commands.server import free_port, pace_of, serve
from engine.core import config, db, jobs
from engine.handlers import HANDLERS
from engine.procedures import catalogue


def main() -> None:
    """Prepare the database, print the port, serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--procedures", type=Path, required=True)
    parser.add_argument("--jobs", action="store_true", help="do the jobs too")
    options = parser.parse_args()
    settings = config.current()
    db.migrate(settings.database_url)
    database = db.Database(settings.database_url)
    for sources in catalogue.read_folder(options.procedures):
        database.run(catalogue.deploy, sources)
    database.close()
    port = free_port("127.0.0.1", 0)
    app = create_app()
    pace = pace_of(settings)
    runner = jobs.Runner(app.extensions["database"], HANDLERS, pace=pace) if options.jobs else None
    if runner is not None:
        runner.start()
    serve(
        app,
        host="127.0.0.1",
        port=port,
        pace=pace,
        ready=lambda: print(port, flush=True),
    )
    if runner is not None:
        runner.stop()


if __name__ == "__main__":
    main()
