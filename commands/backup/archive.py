"""The archive: a gzipped tar whose last members are a manifest of all the others and the manifest's own checksum.

Checksums tell of accidents. Who can write the archive can write its checksums too: keep it where nobody else does.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from commands import CommandFailed

FORMAT = 1
MANIFEST = "manifest.json"
SEAL = "manifest.sha256"
# What an archive may hold, and therefore what reading one may write.
_NAMES = re.compile(r"database\.sqlite3|secret_key|tables/[a-z_]+|files/[0-9A-Za-z_-]+(/[0-9A-Za-z_-][0-9A-Za-z._-]*)*")
_CHUNK = 1024 * 1024


@dataclass
class Manifest:
    """What an archive says of itself.

    `rows`: table -> number of rows; `columns`: table -> their order in its member (PostgreSQL); `members`: name -> size and
    SHA-256.
    """

    kind: str
    revision: str
    taken_at: str
    rows: dict[str, int]
    columns: dict[str, list[str]] = field(default_factory=dict)
    members: dict[str, tuple[int, str]] = field(default_factory=dict)
    format: int = FORMAT


class Writer:
    """An archive being written; see `writing`."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.members: dict[str, tuple[int, str]] = {}

    def add(self, name: str, path: Path) -> str:
        """Add a file under a name; its SHA-256. `FileNotFoundError` when it isn't there, and nothing is added."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            read = _Hashing(file)
            self._tar.addfile(_entry(name, size), cast(IO[bytes], read))
        self.members[name] = (size, read.digest.hexdigest())
        return self.members[name][1]

    def add_content(self, name: str, content: bytes) -> str:
        """Add a content under a name; its SHA-256."""
        self._tar.addfile(_entry(name, len(content)), io.BytesIO(content))
        self.members[name] = (len(content), hashlib.sha256(content).hexdigest())
        return self.members[name][1]

    def seal(self, manifest: Manifest) -> None:
        """Add the manifest, then its checksum: an archive that was cut short has neither."""
        manifest.members = self.members
        text = json.dumps(asdict(manifest), indent=1, sort_keys=True).encode()
        for name, content in ((MANIFEST, text), (SEAL, hashlib.sha256(text).hexdigest().encode())):
            self._tar.addfile(_entry(name, len(content)), io.BytesIO(content))


class _Hashing:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self.digest.update(chunk)
        return chunk


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mode = 0o600
    return entry


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """Write an archive that appears at `path` once it is whole and on the disk; no archive of that name may exist."""
    if path.exists():
        raise CommandFailed(f"{path} exists already: a backup overwrites nothing")
    if not path.parent.is_dir():
        raise CommandFailed(f"{path.parent} is no folder: a backup is written into one that exists")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            with (
                gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6) as packed,
                tarfile.open(fileobj=packed, mode="w|") as tar,
            ):
                yield Writer(tar)
            file.flush()
            os.fsync(file.fileno())
        # A link and not a rename, which would overwrite what came to be there in the meantime.
        os.link(partial, path)
    except FileExistsError:
        raise CommandFailed(f"{path} exists already: a backup overwrites nothing") from None
    finally:
        partial.unlink(missing_ok=True)


def check(path: Path) -> Manifest:
    """Read the archive through, or raise `CommandFailed` when anything in it isn't as it was written."""
    return unpack(path, None)


def unpack(path: Path, folder: Path | None) -> Manifest:
    """Write the members below `folder` (nowhere when None) and check each; `CommandFailed` when the archive is damaged."""
    try:
        return _unpack(path, folder)
    except FileNotFoundError:
        raise CommandFailed(f"there is no {path}") from None
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, KeyError, TypeError) as error:
        raise CommandFailed(
            f"{path} is no backup, or a damaged one ({error or type(error).__name__}): nothing was changed"
        ) from None


def _unpack(path: Path, folder: Path | None) -> Manifest:
    found: dict[str, tuple[int, str]] = {}
    last: dict[str, bytes] = {}
    with path.open("rb") as file, tarfile.open(fileobj=file, mode="r|gz") as tar:
        for entry in tar:
            content = tar.extractfile(entry) if entry.isreg() else None
            if content is None:
                raise ValueError(f"{entry.name!r} is no plain file")
            if entry.name in (MANIFEST, SEAL):
                last[entry.name] = content.read()
            elif not _NAMES.fullmatch(entry.name) or entry.name in found:
                raise ValueError(f"{entry.name!r} does not belong in a backup")
            else:
                found[entry.name] = _copy(content, folder / entry.name if folder else None)
    if SEAL not in last or MANIFEST not in last:
        raise ValueError("its end is missing")
    if hashlib.sha256(last[MANIFEST]).hexdigest().encode() != last[SEAL]:
        raise ValueError("its manifest was changed")
    told: dict[str, Any] = json.loads(last[MANIFEST])
    if told.get("format") != FORMAT:
        raise ValueError(f"its format is {told.get('format')}, and this release reads {FORMAT}")
    manifest = Manifest(**told)
    manifest.members = {name: (size, digest) for name, (size, digest) in manifest.members.items()}
    wrong = sorted(name for name in {*found, *manifest.members} if found.get(name) != manifest.members.get(name))
    if wrong:
        raise ValueError(f"not as it was written: {', '.join(wrong[:5])}")
    return manifest


def _copy(content: IO[bytes], target: Path | None) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    if target is not None:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(os.devnull if target is None else target, "wb") as file:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        if target is not None:
            file.flush()
            os.fsync(file.fileno())
    return size, digest.hexdigest()
