"""The benches' own connection reads what servers send, in whatever pieces it comes."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from bench.wire import Wire

Serve = Callable[..., Wire]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(b"…", b"…")` makes a connection to a server that answers each request with the next one, a byte at a time, and
    then closes."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []
    asked: list[bytes] = []

    def start(*answers: bytes) -> Wire:
        def answer() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for text in answers:
                    asked.append(accepted.recv(65536))
                    for place in range(len(text)):
                        accepted.sendall(text[place : place + 1])

        threads.append(threading.Thread(target=answer))
        threads[-1].start()
        wire = Wire(listener.getsockname()[1], timeout=10)
        wire.asked = asked  # type: ignore[attr-defined]
        return wire

    yield start
    for thread in threads:
        thread.join(10)
    listener.close()


def test_answers_follow_each_other_on_one_connection(serve: Serve) -> None:
    wire = serve(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nset-cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n\r\nHello",
        b"HTTP/1.1 303 See Other\r\nlocation: /there\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n7;x=y\r\n, world\r\n0\r\n\r\n",
    )
    first = wire.exchange("GET", "/", {"Cookie": "c=3"})
    assert (first.status, first.body) == (200, b"Hello")
    assert first.headers.get_all("Set-Cookie") == ["a=1; Path=/", "b=2"]
    second = wire.exchange("POST", "/", {}, b"x=y")
    assert (second.status, second.headers["Location"], second.headers.get("X-Other", "0")) == (303, "/there", "0")
    assert wire.exchange("POST", "/", {}).status == 204
    assert wire.exchange("GET", "/", {}).body == b"Hello, world"
    wire.close()
    asked = wire.asked  # type: ignore[attr-defined]
    assert asked[0].startswith(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:")
    assert asked[0].endswith(b"\r\nCookie: c=3\r\n\r\n")
    assert asked[1].endswith(b"Content-Length: 3\r\n\r\nx=y")
    assert asked[2].endswith(b"Content-Length: 0\r\n\r\n")


def test_a_connection_that_ends_is_told(serve: Serve) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        serve(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHel").exchange("GET", "/", {})
    with pytest.raises(http.client.BadStatusLine):
        serve(b"Good morning\r\n\r\n").exchange("GET", "/", {})


def test_it_is_opened_again_after_an_answer_that_closes_it(serve: Serve) -> None:
    wire = serve(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
    assert wire.exchange("GET", "/", {}).body == b"no"
    serve(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes")
    assert wire.exchange("GET", "/", {}).body == b"yes"
    wire.close()
