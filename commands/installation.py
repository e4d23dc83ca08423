"""The installation that a command works on: a folder of data, its settings and its database."""

from __future__ import annotations

import argparse
import fcntl
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from commands import CommandFailed

if TYPE_CHECKING:
    from engine.core.config import Settings
    from engine.core.db import Database

ROOT = Path(__file__).parent.parent


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let the command be told which installation it works on."""
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="where everything is kept (else PARVIS_DATA, else var/)"
    )


def folder(options: argparse.Namespace) -> Path:
    """The data folder that the options name, else the environment, else the one beside the code."""
    return options.data.absolute() if options.data is not None else Path(os.environ.get("PARVIS_DATA", ROOT / "var"))


def settings(options: argparse.Namespace) -> Settings:
    """The settings of the installation that the options name, made those of this process."""
    from engine.core import config

    os.environ["PARVIS_DATA"] = str(folder(options))
    loaded = config.load()
    config.use(loaded)
    return loaded


def distributed(options: argparse.Namespace) -> Settings:
    """The settings of an installation whose processes are many, or `CommandFailed` saying what is missing for that."""
    from engine.core.config import METRICS_FOLDER

    loaded = settings(options)
    if loaded.database_url.startswith("sqlite"):
        raise CommandFailed(
            "PARVIS_DATABASE_URL must name a PostgreSQL: SQLite is for a single process, which ./parvis up starts"
        )
    if loaded.waker is None:
        raise CommandFailed("PARVIS_REDIS_URL must name the Redis through which the workers are woken")
    # The processes of this installation on this machine count together, so that any of them can tell of all. Before
    # `engine.core.metrics` is imported, which reads it.
    mark = zlib.crc32(str(loaded.data).encode())
    folder = Path(tempfile.gettempdir()) / f"parvis-metrics-{os.geteuid()}-{mark:08x}"
    os.environ.setdefault(METRICS_FOLDER, str(folder))
    return loaded


@contextmanager
def database(options: argparse.Namespace) -> Iterator[Database]:
    """The database of an installation that exists, or `CommandFailed` where none has been made."""
    from sqlalchemy import make_url

    from engine.core.db import Database

    url = make_url(settings(options).database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise CommandFailed(f"there is no installation in {Path(url.database or '').parent}: ./parvis up makes one")
    opened = Database(url.render_as_string(hide_password=False))
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def held(data: Path) -> Iterator[None]:
    """Keep the folder to this process, or `CommandFailed` when another one serves it."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandFailed(f"another Parvis serves {data} already") from None
        yield
