"""The parts of a cluster are ready when they serve, however long that takes after they have started."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from commands import cluster, server
from commands.cluster import Part

# Listens at once and has its database back half a second later.
LATE = """
import http.server, sys, time
begin = time.monotonic()
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if time.monotonic() > begin + 0.5 else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""


@pytest.fixture
def late(tmp_path: Path) -> Iterator[Part]:
    port = server.free_port("127.0.0.1", 0)
    with ThreadPoolExecutor(1) as spawner:
        part = Part(
            "late",
            [sys.executable, "-c", LATE, str(port)],
            {},
            tmp_path / "log",
            cluster.serves_soon,
            spawner,
            url=f"http://127.0.0.1:{port}",
        )
        yield part
        part.kill()


def test_a_web_process_that_starts_before_its_database_is_ready_once_that_is_back(
    late: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE", 20)
    late.start()
    assert late.alive
    assert cluster.serves_soon(late)
