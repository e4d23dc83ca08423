"""A real clamd for the tests, with one signature of our own in place of the 200 MB that ClamAV downloads."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLAMD = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin:/usr/local/sbin")
MISSING = "needs clamd: ./parvis test brings it"

# The industry's harmless test file, in two pieces so that no scanner takes this one for it.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-" + rb"STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The path of the socket of a clamd that knows EICAR, for as long as the block."""
    assert CLAMD, MISSING
    signatures = folder / "signatures"
    signatures.mkdir()
    (signatures / "local.ndb").write_text(f"Parvis.Test:0:*:{EICAR[:34].hex()}\n")
    # A path longer than 107 bytes is no socket: pytest's folders may be.
    socket_path = folder / "clamd"
    configuration = folder / "clamd.conf"
    configuration.write_text(
        f"LocalSocket {socket_path}\nDatabaseDirectory {signatures}\nForeground yes\nTemporaryDirectory {folder}\n"
        "MaxThreads 2\nSelfCheck 0\n"
    )
    with subprocess.Popen(
        [CLAMD, "--config-file", str(configuration)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            _wait(process, socket_path)
            yield str(socket_path)
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[str], path: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stdout and process.stdout.read()
        with socket.socket(socket.AF_UNIX) as line:
            try:
                line.connect(str(path))
                line.sendall(b"zPING\0")
                assert line.recv(5) == b"PONG\0"
                return
            except OSError:
                time.sleep(0.02)
    raise AssertionError("clamd did not start")
