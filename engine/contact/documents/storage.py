"""Where the bytes of files are: in folders on disk, or in a bucket of an S3-compatible store (`PARVIS_FILES_URL`).

What is kept under a path never changes: it is put there once, whole, and taken away. A path says nothing of what it holds.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

from engine.core import pace
from engine.core.config import Settings
from engine.core.errors import ConfigurationError, Unavailable

log = logging.getLogger(__name__)


class Storage(Protocol):
    """What both ways of keeping files do."""

    def put(self, path: str, content: bytes) -> None:
        """Keep the content: once this returns, it outlives a crash."""

    def get(self, path: str) -> bytes:
        """The content; `FileNotFoundError` when there is none."""

    def remove(self, path: str) -> None:
        """Take the content away; there may be none."""

    def paths(self, before: datetime | None = None) -> Iterator[list[str]]:
        """Every path, or those put there before a moment, some at a time."""


def of(settings: Settings) -> Storage:
    """Where this installation keeps its files."""
    return _bucket(settings.files_url) if settings.files_url else Folder(settings.files)


def new_path() -> str:
    """A path that nobody can guess, in one of 256 folders."""
    key = uuid4().hex
    return f"{key[:2]}/{key}"


@dataclass(frozen=True)
class Folder:
    """Folders on disk, outside of anything that a web server serves."""

    root: Path

    def put(self, path: str, content: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(target)
            _sync_folder(target.parent)
        except OSError as error:
            partial.unlink(missing_ok=True)
            # A full disk, most often: the person is told to come back, operators read why.
            log.error("a file could not be written: %s", error.strerror)
            raise Unavailable(reason=f"a file could not be written: {error.strerror}") from error
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def get(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def remove(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)

    def paths(self, before: datetime | None = None) -> Iterator[list[str]]:
        for folder in sorted(self.root.glob("??")):
            found = []
            for path in sorted(folder.iterdir()):
                with suppress(FileNotFoundError):  # removed by whoever it belongs to
                    if before is None or path.stat().st_mtime < before.timestamp():
                        found.append(f"{folder.name}/{path.name}")
            if found:
                yield found


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass(frozen=True)
class Bucket:
    """A bucket of an S3-compatible store, or the part of one whose keys begin with `prefix`."""

    client: Any
    name: str
    prefix: str

    def put(self, path: str, content: bytes) -> None:
        with _answering():
            self.client.put_object(
                Bucket=self.name, Key=self.prefix + path, Body=content, ContentType="application/octet-stream"
            )

    def get(self, path: str) -> bytes:
        with _answering():
            try:
                found = self.client.get_object(Bucket=self.name, Key=self.prefix + path)
                return bytes(found["Body"].read())
            except self.client.exceptions.NoSuchKey:
                raise FileNotFoundError(path) from None

    def remove(self, path: str) -> None:
        with _answering():
            self.client.delete_object(Bucket=self.name, Key=self.prefix + path)

    def paths(self, before: datetime | None = None) -> Iterator[list[str]]:
        with _answering():
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=self.prefix):
                found = [
                    one["Key"].removeprefix(self.prefix)
                    for one in page.get("Contents", ())
                    if before is None or one["LastModified"].astimezone(UTC) < before
                ]
                if found:
                    yield found


@contextmanager
def _answering() -> Iterator[None]:
    """Say of a store that doesn't do what it is asked that it is unavailable, without its words: they may hold its address."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        with pace.aside():
            yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise Unavailable(reason=f"the store of files answers {code}") from error
    except BotoCoreError as error:
        raise Unavailable(reason=f"the store of files does not answer: {type(error).__name__}") from error


@lru_cache(maxsize=4)
def _bucket(url: str) -> Bucket:
    """The bucket of `s3+https://KEY:SECRET@host[:port]/bucket[/prefix][?region=…]`."""
    parts = urlsplit(url)
    name, _, prefix = parts.path.strip("/").partition("/")
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        raise ConfigurationError(
            "PARVIS_FILES_URL needs boto3: pip install --require-hashes -r requirements-s3.lock"
        ) from None
    host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
    client = boto3.client(
        "s3",
        endpoint_url=f"{parts.scheme.removeprefix('s3+')}://{host}",
        region_name=parse_qs(parts.query).get("region", ["us-east-1"])[0],
        aws_access_key_id=unquote(parts.username or ""),
        aws_secret_access_key=unquote(parts.password or ""),
        config=Config(
            connect_timeout=5,
            read_timeout=20,
            retries={"total_max_attempts": 3, "mode": "standard"},
            # Other stores than Amazon's know neither its newer checksums nor buckets as hosts.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"},
        ),
    )
    return Bucket(client, name, f"{prefix}/" if prefix else "")
