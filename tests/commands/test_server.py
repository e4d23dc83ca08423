"""The server as `up` and the benches start it: one process, an orderly end, a port of its own."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from commands import CommandFailed
from commands.server import _paced, free_port, pace_of
from engine.core.config import Settings
from engine.core.pace import Pace

ROOT = Path(__file__).parent.parent.parent
PROGRAM = textwrap.dedent(
    """
    import os, sys, time
    from commands.server import serve

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            time.sleep(float(environ["QUERY_STRING"]))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(os.getpid()).encode()]

    serve(app, host="127.0.0.1", port=int(sys.argv[1]), ready=lambda: print("ready", flush=True))
    print("stopped", flush=True)
    """
)


class Server:
    """The server of `PROGRAM`, in a process."""

    def __init__(self) -> None:
        self.port = free_port("127.0.0.1", 0)
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(self.port)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.stdout = self.process.stdout
        assert self.stdout.readline() == "ready\n"

    def get(self, path: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()


@pytest.fixture
def start() -> Iterator[Callable[[], Server]]:
    with ExitStack() as stack:

        def begin() -> Server:
            server = Server()
            stack.callback(server.stdout.close)
            stack.callback(server.process.wait)
            stack.callback(server.process.kill)
            return server

        yield begin


def test_pages_come_from_the_process_that_was_started(start: Callable[[], Server]) -> None:
    """The jobs' thread, the pages and the signals share a process: nothing is left when it is killed."""
    server = start()
    assert server.get("/") == str(server.process.pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_flight_is_finished(start: Callable[[], Server], number: signal.Signals) -> None:
    server = start()
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(server.get("/slow?1")))
    thread.start()
    time.sleep(0.4)
    server.process.send_signal(number)
    thread.join()
    assert answers == [str(server.process.pid)]
    assert server.process.wait(10) == 0
    assert server.stdout.read() == "stopped\n"


def test_an_idle_connection_holds_nothing_up(start: Callable[[], Server]) -> None:
    server = start()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/")
    connection.getresponse().read()
    server.process.terminate()
    assert server.process.wait(5) == 0
    connection.close()


def test_a_second_signal_does_not_wait(start: Callable[[], Server]) -> None:
    server = start()

    def ask() -> None:
        with pytest.raises((http.client.HTTPException, OSError)):
            server.get("/slow?20")

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.4)
    server.process.terminate()
    time.sleep(0.4)
    server.process.terminate()
    assert server.process.wait(5) == 1
    thread.join()


def test_a_port_in_use_is_refused(start: Callable[[], Server]) -> None:
    """Granian shares its port: without this a second server would start and take half of the requests."""
    server = start()
    with pytest.raises(CommandFailed, match=f"port {server.port}.*--port"):
        free_port("127.0.0.1", server.port)


def test_a_port_just_left_can_be_used_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), listening.accept()[0]:
            pass
    assert free_port("127.0.0.1", port) == port


class Upload:
    """The body of a request that arrives when it is told to."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.asked = threading.Event()
        self.arrives = threading.Event()

    def read(self, size: int) -> bytes:
        self.asked.set()
        assert self.arrives.wait(10)
        piece, self.content = self.content[:size], self.content[size:]
        return piece


@pytest.mark.parametrize(
    ("address", "places"),
    [
        ("sqlite:////var/lib/parvis/parvis.sqlite3", 1),
        ("postgresql://parvis@/parvis?host=/run/postgresql", 1),
        ("postgresql:///parvis", 1),
        ("postgresql://parvis:secret@localhost:5432/parvis", 1),
        ("postgresql://parvis:secret@127.0.0.1/parvis", 1),
        ("postgresql://parvis@[::1]/parvis", 1),
        ("postgresql://parvis:secret@db.ville.example/parvis", 2),
        ("postgresql+psycopg://parvis@192.0.2.7:6432/parvis", 2),
        ("postgresql://parvis@/parvis?host=one.example&host=two.example", 2),
    ],
)
def test_another_request_goes_in_where_one_waits_for_the_network(settings: Settings, address: str, places: int) -> None:
    """Issue 3, point 9."""
    pace = pace_of(replace(settings, database_url=address))
    assert sum(pace._enter() for _ in range(places)) == places
    assert pace._waiting == deque()
    pace._patience = 0
    assert not pace._enter()


@pytest.mark.parametrize("length", ["12", "12000000", ""])
def test_a_slow_network_keeps_nobody_else_waiting(length: str) -> None:
    """Issue 3, point 9: requests go in one after the other, but for what somebody is still sending."""
    received: list[bytes] = []

    def app(environ: dict[str, Any], _start: object) -> list[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            received.append(environ["wsgi.input"].read(12))
        return []

    paced = _paced(app, Pace(1, patience=60))
    upload = Upload(b"Hello, world")
    environ = {"REQUEST_METHOD": "POST", "wsgi.input": upload, "CONTENT_LENGTH": length}
    if not length:
        environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    sender = threading.Thread(target=paced, args=(environ, None))
    sender.start()
    assert upload.asked.wait(10)
    paced({"REQUEST_METHOD": "GET", "wsgi.input": None}, None)
    upload.arrives.set()
    sender.join()
    assert received == [b"Hello, world"]
