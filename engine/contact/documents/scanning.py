"""The virus scan: ClamAV's daemon is asked over its socket (`PARVIS_CLAMD`), and only its answer makes a file clean.

A file whose scan gave no answer waits in quarantine: nobody opens it, and a job asks again until the daemon answers. Without the
setting nothing is scanned, and files are marked so.
"""

from __future__ import annotations

import logging
import socket
import struct
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

from engine.core import pace
from engine.core.config import Settings
from engine.core.errors import Unavailable

log = logging.getLogger(__name__)

State = Literal["unscanned", "waiting", "clean", "infected"]
UNSCANNED: State = "unscanned"
WAITING: State = "waiting"
CLEAN: State = "clean"
INFECTED: State = "infected"

# While a person waits for their page, and in a job.
AT_ONCE = 5.0
IN_A_JOB = 60.0
# How long until a daemon that gave no answer is asked again.
AGAIN_AFTER = timedelta(minutes=2)
_CHUNK = 1 << 16
_ANSWER_MAX = 4096


def first_look(settings: Settings, content: bytes) -> State:
    """What can be said of a file while its sender waits: without an answer it waits for `scan_file`."""
    if not settings.clamd:
        return UNSCANNED
    try:
        return scan(settings, content, seconds=AT_ONCE)
    except Unavailable as error:
        log.warning("a file goes into quarantine: %s", error)
        return WAITING


def scan(settings: Settings, content: bytes, *, seconds: float = IN_A_JOB) -> State:
    """`CLEAN` or `INFECTED`, as the daemon says; `Unavailable` when it doesn't say."""
    answer = _ask(settings.clamd or "", content, seconds)
    if answer == "stream: OK":
        return CLEAN
    if answer.startswith("stream: ") and answer.endswith(" FOUND"):
        log.warning("a file is infected: %s", answer.removeprefix("stream: ").removesuffix(" FOUND"))
        return INFECTED
    raise Unavailable(reason="the virus scanner gave no verdict", answer=answer[:200])


def _host(address: str) -> tuple[str, int] | None:
    parts = urlsplit(address)
    return (parts.hostname, parts.port) if parts.hostname and parts.port else None


def _ask(address: str, content: bytes, seconds: float) -> str:
    """The daemon's answer to INSTREAM (clamd(8)): chunks with their length before them, an empty one at the end."""
    try:
        with pace.aside(), _connected(address, seconds) as line:
            line.sendall(b"zINSTREAM\0")
            for start in range(0, len(content), _CHUNK):
                chunk = content[start : start + _CHUNK]
                line.sendall(struct.pack("!L", len(chunk)) + chunk)
            line.sendall(struct.pack("!L", 0))
            answer = b""
            while len(answer) < _ANSWER_MAX and not answer.endswith(b"\0") and (more := line.recv(_ANSWER_MAX)):
                answer += more
    except OSError as error:
        raise Unavailable(reason=f"the virus scanner does not answer: {type(error).__name__}") from error
    if not answer.endswith(b"\0"):
        raise Unavailable(reason="the virus scanner hung up")
    return answer.rstrip(b"\0").decode("utf-8", "replace").strip()


def _connected(address: str, seconds: float) -> socket.socket:
    host = _host(address)
    if host is not None:
        return socket.create_connection(host, timeout=seconds)
    line = socket.socket(socket.AF_UNIX)
    try:
        line.settimeout(seconds)
        line.connect(address)
    except BaseException:
        line.close()
        raise
    return line
