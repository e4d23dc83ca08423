"""`./parvis backup` and `./parvis restore`: the database and the files in one archive, taken while everything runs.

An archive is a gzipped tar that only its owner reads: a snapshot of the database, the files that residents sent, the secret key
when the installation keeps it, and a manifest with the size and the SHA-256 of each. The snapshot comes first and the files
after it: files are never changed in place, so every file that a row of the snapshot names is there, unless it was removed in
between.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from commands import CommandFailed, installation

if TYPE_CHECKING:
    from commands.backup.archive import Manifest


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `backup` and `restore`."""
    parser = subparsers.add_parser(
        "backup", help="write the database and the files into one archive, while it all runs"
    )
    installation.add_options(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="the archive to write; it must not exist yet")
    parser.set_defaults(run=run_backup)
    parser = subparsers.add_parser("restore", help="bring back what an archive holds, with everything stopped")
    installation.add_options(parser)
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--replace", action="store_true", help="even where there is an installation already")
    parser.add_argument("--check", action="store_true", help="read the archive through and change nothing")
    parser.set_defaults(run=run_restore)


def run_backup(options: argparse.Namespace) -> int:
    """Write an archive; 1 when a file that a row names is lost or damaged, in which case the archive is written all the same."""
    from commands.backup.taking import take

    os.umask(0o077)
    with installation.database(options) as database:
        manifest, lost = take(database, installation.settings(options), options.file)
    print(f"{options.file}: {_summary(manifest)}")
    for path in lost:
        print(f"parvis: a row names {path}, which is not on the disk as it was received", file=sys.stderr)
    return 1 if lost else 0


def run_restore(options: argparse.Namespace) -> int:
    """Bring an archive back, whole or not at all."""
    from commands.backup import archive, restoring

    os.umask(0o077)
    if options.check:
        print(f"{options.file} is sound: {_summary(archive.check(options.file))}")
        return 0
    with _leaving_nothing(installation.folder(options)):
        settings = installation.settings(options)
        with installation.held(settings.data):
            manifest, aside = restoring.restore(settings, options.file, replace=options.replace)
    print(f"restored: {_summary(manifest)}")
    if aside is not None:
        print(f"what was there before is in {aside}: remove it once you are sure")
    return 0


@contextmanager
def _leaving_nothing(data: Path) -> Iterator[None]:
    """A restore that is refused takes away what it made itself: the folder, its lock, a key that sealed nothing."""
    made = [path for path in (data / "lock", data / "secret_key", data, *data.parents) if not path.exists()]
    try:
        yield
    except BaseException:
        for path in made:
            if path.is_dir():
                with suppress(OSError):
                    path.rmdir()
            else:
                path.unlink(missing_ok=True)
        raise


def _summary(manifest: Manifest) -> str:
    files = sum(name.startswith("files/") for name in manifest.members)
    return (
        f"{manifest.kind}, schema {manifest.revision}, {manifest.taken_at}, {len(manifest.rows)} tables, "
        f"{sum(manifest.rows.values())} rows, {files} files"
    )


__all__ = ["CommandFailed", "register", "run_backup", "run_restore"]
