"""Granian in this very process: the pages, the jobs' thread and whoever stops them are one, so nothing outlives it.

Granian's usual server puts its workers in processes of their own, where `atexit` doesn't run and which go on serving when
their parent is killed. Its threaded server is meant for free-threaded Python, yet for WSGI it does the same work with the
interpreter's lock: Python code takes turns in either case.
"""

from __future__ import annotations

import gc
import io
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import MTServer
from sqlalchemy import make_url

from commands import CommandFailed
from engine.core.config import Settings
from engine.core.pace import Pace, aside

# How long requests in flight may take to finish once the server is told to stop.
GRACE = 25.0


class _Server(MTServer):
    def _check_gil(self) -> None:
        """Granian refuses this server on a Python with a lock; see above why it is right here."""

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        """The first signal stops the server, the second one cuts off who is still waiting."""
        if self.interrupt_signal:
            os._exit(1)
        deadline = threading.Timer(GRACE, os._exit, [1])
        deadline.daemon = True
        deadline.start()
        self.interrupt_signal = True
        self.main_loop_interrupt.set()


def serve(
    app: Callable[..., Any],
    *,
    host: str,
    port: int,
    threads: int = 12,
    pace: Pace | None = None,
    ready: Callable[[], object] | None = None,
) -> None:
    """Serve a WSGI application until SIGTERM or Ctrl-C, then let requests in flight finish.

    Eight of the `threads` may wait for the hash of a password at a time, and the others still serve pages (bench `signin`).
    `pace` is that of the requests, None for as they come. `ready` is called once the address takes
    connections. Must run in the main thread.
    """
    if pace is not None:
        app = _paced(app, pace)
    server = _Server(
        "app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        blocking_threads=threads,
        backlog=1024,
        websockets=False,
        log_level=LogLevels.error,
    )
    if ready is not None:
        # Granian's own start-up hook runs before its thread listens.
        threading.Thread(target=_tell_when_open, args=(host, port, ready), daemon=True).start()
    # The modules, templates and tables that were loaded stay as long as the process: a collection that walks them all stops
    # every request for a tenth of a second.
    gc.collect()
    gc.freeze()
    server.serve(target_loader=lambda: app, wrap_loader=False)
    # What the application left in the buffers is lost if a daemon thread holds the interpreter at exit.
    sys.stdout.flush()


def pace_of(settings: Settings) -> Pace:
    """The pace that suits the database: one request at a time where it works on this machine, so that nobody idles meanwhile;
    two where a request waits for the network, and another can run."""
    return Pace(1 if _is_here(settings.database_url) else 2)


def _is_here(address: str) -> bool:
    """Whether the database is a file, or reached through a socket of this machine or its own interface."""
    url = make_url(address)
    host = url.query.get("host") or url.host or ""
    return isinstance(host, str) and (host.startswith("/") or host in {"", "localhost", "127.0.0.1", "::1"})


# What is read before a request takes its place: more than a form, less than a file.
_READ_BEFORE = 64 * 1024


def _paced(app: Callable[..., Any], pace: Pace) -> Callable[..., Any]:
    """The application, at that pace. Nobody holds a place while a slow network brings what they send."""

    def call(environ: dict[str, Any], start_response: Any) -> Any:
        length = environ.get("CONTENT_LENGTH") or ""
        if length.isdecimal() and int(length) <= _READ_BEFORE:
            environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(length)))
        elif length or "HTTP_TRANSFER_ENCODING" in environ:
            environ["wsgi.input"] = _Arriving(environ["wsgi.input"])
        with pace:
            return app(environ, start_response)

    return call


class _Arriving(io.RawIOBase):
    """What is sent with a request, read aside."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with aside():
            piece = self._body.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


def _tell_when_open(host: str, port: int, ready: Callable[[], object]) -> None:
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            ready()
            return


def free_port(host: str, port: int) -> int:
    """`port`, or any free one when it is 0; `CommandFailed` when it is taken.

    Granian shares its port with whoever else does: two servers would start without a word and each get half of the requests.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise CommandFailed(f"this account may not use port {port}: choose one with --port") from None
        except OSError as error:
            raise CommandFailed(
                f"port {port} of {host} can't be used ({error.strerror}): choose one with --port"
            ) from None
        return int(probe.getsockname()[1])
