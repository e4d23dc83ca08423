"""One HTTP connection for as little of the processor as can be: the clients of a bench run beside the server that they measure.

http.client reads an answer's headers with the parser of e-mails, which takes longer than many an answer takes to be made.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping


class Answer:
    """What came back: the status, the headers, the body."""

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.headers = Headers(headers)
        self.body = body


class Headers:
    """Headers by name, in whatever case."""

    def __init__(self, given: list[tuple[str, str]]) -> None:
        self._given = [(name.lower(), value) for name, value in given]

    def get_all(self, name: str) -> list[str]:
        """Every value of that name."""
        return [value for known, value in self._given if known == name.lower()]

    def get(self, name: str, missing: str = "") -> str:
        """The first value of that name."""
        return next(iter(self.get_all(name)), missing)

    def __getitem__(self, name: str) -> str:
        found = self.get_all(name)
        if not found:
            raise KeyError(name)
        return found[0]


class Wire:
    """A connection that stays open, and is opened again where the server closes it after an answer."""

    def __init__(self, port: int, timeout: float = 60) -> None:
        self.port = port
        self._timeout = timeout
        self._socket: socket.socket | None = None
        self._read = b""

    def exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Send a request and wait for its whole answer. `OSError` when the connection breaks, `HTTPException` when what
        comes isn't HTTP."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self.port), self._timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += (f"{name}: {value}" for name, value in headers.items())
        if body is not None or method == "POST":
            lines.append(f"Content-Length: {len(body or b'')}")
        try:
            self._socket.sendall("\r\n".join((*lines, "", "")).encode("latin-1") + (body or b""))
            answer = self._answer(method)
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if answer.headers.get("connection").lower() == "close":
            self.close()
        return answer

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._read = None, b""

    def _answer(self, method: str) -> Answer:
        head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        words = head[0].split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdecimal():
            raise http.client.BadStatusLine(head[0])
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in head[1:-2])]
        answer = Answer(int(words[1]), headers, b"")
        if method == "HEAD" or answer.status in (204, 304):
            return answer
        if "chunked" in answer.headers.get("transfer-encoding"):
            pieces = []
            while size := int(self._until(b"\r\n").split(b";")[0], 16):
                pieces.append(self._exactly(size + 2)[:-2])
            self._until(b"\r\n")
            answer.body = b"".join(pieces)
        else:
            answer.body = self._exactly(int(answer.headers.get("content-length", "0")))
        return answer

    def _until(self, end: bytes) -> bytes:
        while (found := self._read.find(end)) < 0:
            self._more()
        place = found + len(end)
        taken, self._read = self._read[:place], self._read[place:]
        return taken

    def _exactly(self, size: int) -> bytes:
        while len(self._read) < size:
            self._more()
        taken, self._read = self._read[:size], self._read[size:]
        return taken

    def _more(self) -> None:
        assert self._socket is not None
        piece = self._socket.recv(65536)
        if not piece:
            raise http.client.RemoteDisconnected("the server closed the connection")
        self._read += piece
