"""The PostgreSQL that `test` and the benches start for themselves."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from commands import postgresql

ROOT = Path(__file__).parent.parent.parent


def folder_of(url: str) -> Path:
    return Path(parse_qs(urlsplit(url).query)["host"][0])


@pytest.mark.parametrize(("durable", "fsync"), [(False, "off"), (True, "on")])
def test_a_server_lives_as_long_as_its_block(durable: bool, fsync: str) -> None:
    with postgresql.server(durable=durable) as url, psycopg.connect(url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == (fsync,)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",), "no port for anyone else"
        folder = folder_of(url)
        assert folder.is_dir()
    assert not folder.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


@pytest.mark.skipif(sys.platform != "linux", reason="the end of the parent is only told on Linux")
def test_it_ends_with_its_parent_even_killed() -> None:
    code = (
        "import os, signal\n"
        "from commands import postgresql\n"
        "with postgresql.server() as url:\n"
        "    print(url, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    folder = folder_of(done.stdout.strip())
    pid = int((folder / "data" / "postmaster.pid").read_text().split()[0]) if (folder / "data").exists() else None
    deadline = time.monotonic() + 10
    while pid and Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not pid or not Path(f"/proc/{pid}").exists()
    subprocess.run(["rm", "-rf", folder], check=True)
