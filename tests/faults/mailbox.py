"""A mail server on loopback that keeps nothing but how often each Message-ID came."""

from __future__ import annotations

import re
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^>]+>)", re.IGNORECASE | re.MULTILINE)


class Mailbox(socketserver.ThreadingTCPServer):
    """`received` counts the deliveries that were acknowledged, by Message-ID."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.received: Counter[str] = Counter()
        self.turn = threading.Lock()

    @property
    def url(self) -> str:
        """What PARVIS_SMTP_URL has to say."""
        return f"smtp://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """Who writes may be killed in the middle of a sentence."""


class _Conversation(socketserver.StreamRequestHandler):
    server: Mailbox
    timeout = 60

    def handle(self) -> None:
        self._say("220 faults")
        while line := self.rfile.readline(2000):
            match line.split()[0].upper() if line.split() else b"":
                case b"DATA":
                    self._say("354 go on")
                    self._take()
                case b"QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 ok")

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline(10_000)) != b".\r\n":
            if not line:
                return
            lines.append(line)
        found = _MESSAGE_ID.search(b"".join(lines))
        with self.server.turn:
            self.server.received[found[1].decode() if found else ""] += 1
        self._say("250 taken")

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mailbox for as long as the block lasts."""
    with Mailbox() as box:
        thread = threading.Thread(target=box.serve_forever, name="mailbox", daemon=True)
        thread.start()
        yield box
        box.shutdown()
        thread.join()
