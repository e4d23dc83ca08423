"""The portal with the floor route, served by Granian on a free port of loopback; prints the port when it is ready to start."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

from granian import Granian
from granian.constants import Interfaces

from engine.core import config, db
from engine.procedures import catalogue


def main() -> None:
    """Prepare the database, print the port, serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--procedures", type=Path, required=True)
    options = parser.parse_args()
    settings = config.current()
    db.migrate(settings.database_url)
    database = db.Database(settings.database_url)
    for sources in catalogue.read_folder(options.procedures):
        database.run(catalogue.deploy, sources)
    database.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    print(port, flush=True)
    Granian(
        "bench.floor:create_app",
        factory=True,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=8,
        log_enabled=False,
    ).serve()


if __name__ == "__main__":
    main()
