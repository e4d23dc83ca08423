"""The three products, each served by two processes, each with a PostgreSQL of its own that waits for the disk at each commit."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, urlsplit

import psycopg

from bench import load
from bench.client import Client
from bench.peers import installing
from bench.peers.clients import PASSWORD, EngineResident, ViewflowResident, ViewflowResidents
from bench.peers.processor import spent
from commands import CommandFailed, node, postgresql, processes
from commands.server import free_port
from engine.core import jobs
from engine.core.db import Database

HOST = "127.0.0.1"
PROCESSES = 2
ACCOUNTS = 64
SIGNED_IN = 16
_PATIENCE = 60.0
_CATCHING_UP = 60.0


@dataclass(frozen=True)
class Product:
    """One that runs: where it listens, who asks it, and which processes it is made of."""

    ports: Sequence[int]
    client: Callable[[int], Client]
    database_url: str
    server: Sequence[int]
    database: int
    behind: Sequence[int] = ()
    """What works for it besides: Parvis' workers, beat and Redis."""
    busy: Callable[[], bool] = lambda: False
    """Whether something that it promised is still to be done."""

    def processor(self) -> dict[str, float]:
        """The milliseconds of processor that it took so far, by kind of process."""
        kinds: dict[str, Sequence[int]] = {"server": self.server, "database": [self.database]}
        if self.behind:
            kinds["behind"] = self.behind
        return {kind: spent(pids) for kind, pids in kinds.items()}

    def catch_up(self) -> float:
        """Return once it has done all that it promised; the seconds that took."""
        begin = time.monotonic()
        while self.busy():
            if time.monotonic() > begin + _CATCHING_UP:
                raise CommandFailed(f"jobs were still waiting after {_CATCHING_UP:.0f} s")
            time.sleep(0.02)
        return time.monotonic() - begin

    def stored(self) -> int:
        """The bytes of all rows that it holds, as they are stored, without their indexes."""
        tables = (
            "SELECT format('SELECT coalesce(sum(pg_column_size(one)), 0) FROM %I.%I one', schemaname, tablename)"
            " FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        with psycopg.connect(self.database_url) as connection:
            statements = [statement for (statement,) in connection.execute(tables)]
            return sum(int(row[0]) for each in statements for row in connection.execute(each))


@contextmanager
def parvis() -> Iterator[Product]:
    """The cluster of `./parvis bench load`."""
    with load.clustered() as parts, closing(Database(parts.database_url)) as database:
        yield Product(
            ports=load.ports_of(parts),
            client=Client,
            database_url=parts.database_url,
            server=[part.pid for part in parts.web],
            database=parts.postgresql.pid,
            behind=[part.pid for part in (*parts.workers, *parts.beats, parts.redis)],
            busy=partial(has_due_jobs, database),
        )


def has_due_jobs(database: Database) -> bool:
    """Whether a job's time has come and nobody has done it yet."""
    with database.reading() as session:
        return any(line.state == "due" for line in jobs.backlog(session))


@contextmanager
def viewflow() -> Iterator[Product]:
    """Viewflow as its documentation sets it up, served by Granian as Parvis is; with clients that are signed in."""
    with postgresql.server(durable=True) as url, TemporaryDirectory(prefix="parvis-bench-") as folder:
        sockets, user = _place(url)
        programs = installing.ENVIRONMENT / "bin"
        environment = _environment(
            PYTHONPATH=str(installing.VIEWFLOW),
            DJANGO_SETTINGS_MODULE="settings",
            BENCH_PGHOST=sockets,
            BENCH_PGUSER=user,
        )
        for words in (["migrate"], ["residents", str(ACCOUNTS), PASSWORD]):
            done = subprocess.run(
                [programs / "django-admin", *words], env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise CommandFailed(f"Viewflow’s database could not be prepared:\n{done.stderr[-2000:]}")
        # One port for each process, as Parvis has it: on a common one the kernel gives some more clients than others. One thread:
        # two or four take turns in the interpreter, and made an eighth fewer submits a second.
        words = ["--interface", "wsgi", "--workers", "1", "--blocking-threads", "1", "--no-access-log"]
        before = [str(programs / "granian"), "--host", HOST, *words, "--port"]
        with ExitStack() as stack:
            started = [
                stack.enter_context(_served(before, ["wsgi:application"], environment, Path(folder)))
                for _ in range(PROCESSES)
            ]
            ports = [port for port, _ in started]
            sessions = []
            for number in range(SIGNED_IN):
                resident = ViewflowResident(ports[number % PROCESSES])
                resident.sign_in(f"resident-{number}")
                sessions.append(resident.cookies)
            yield Product(
                ports=ports,
                client=ViewflowResidents(sessions),
                database_url=url,
                server=[pid for _, pid in started],
                database=_pid_of(sockets),
            )


@contextmanager
def bpmn_engine() -> Iterator[Product]:
    """The smallest server around bpmn-engine: `bpmn_engine/server.js`, in two processes."""
    with postgresql.server(durable=True) as url, TemporaryDirectory(prefix="parvis-bench-") as folder:
        sockets, user = _place(url)
        environment = _environment(PGHOST=sockets, PGUSER=user, PGDATABASE="postgres", NODE_ENV="production")
        command = [node.program("node"), str(installing.BPMN_ENGINE / "server.js")]
        with ExitStack() as stack:
            started = [stack.enter_context(_served(command, [], environment, Path(folder))) for _ in range(PROCESSES)]
            yield Product(
                ports=[port for port, _ in started],
                client=EngineResident,
                database_url=url,
                server=[pid for _, pid in started],
                database=_pid_of(sockets),
            )


PRODUCTS: Mapping[str, Callable[[], AbstractContextManager[Product]]] = {
    "parvis": parvis,
    "viewflow": viewflow,
    "bpmn_engine": bpmn_engine,
}


def _environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PARVIS_", "PYTHON"))} | more


def _place(url: str) -> tuple[str, str]:
    """The folder of the server's socket, and its user."""
    parts = urlsplit(url)
    return parse_qs(parts.query)["host"][0], parts.username or ""


def _pid_of(sockets: str) -> int:
    """The pid of the PostgreSQL server that `postgresql.server` started behind this socket."""
    return int((Path(sockets) / "data" / "postmaster.pid").read_text().split()[0])


@contextmanager
def _served(
    before: Sequence[str], after: Sequence[str], environment: Mapping[str, str], folder: Path
) -> Iterator[tuple[int, int]]:
    """Run a server whose port stands between these words until the block ends; its port and its pid once it listens."""
    port = free_port(HOST, 0)
    log = folder / f"{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*processes.ending_with_parent("TERM"), *before, str(port), *after],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_open(port, process, log)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_open(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise CommandFailed(f"a server of the peers did not start:\n{log.read_text(errors='replace')[-2000:]}")
