"""`./parvis cluster`: all that a city runs on many machines, on one: PostgreSQL, Redis, web processes, workers, beat.

For developers, CI, benches and the faults program, which kill its parts one by one. Everything is in one folder, PostgreSQL
and Redis are reached through sockets there, and nothing outlives the process that started it, however that ends.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from commands import CommandFailed, installation, postgresql, processes, readiness, redis

HOST = "127.0.0.1"
_PATIENCE = 90.0
# PostgreSQL's own processes take a moment to notice that it was killed, and it doesn't start before they do.
_TRIES = 8
# A socket's path may have 107 characters, the longest name in the folder taken off.
_PATH_MAX = 80


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `cluster`."""
    parser = subparsers.add_parser("cluster", help="run PostgreSQL, Redis, web processes, workers and beat here")
    parser.add_argument("--web", type=int, default=2, help="how many web processes, each with its port (2)")
    parser.add_argument("--workers", type=int, default=2, help="how many workers (2)")
    parser.add_argument("--no-demo", action="store_true", help="no demo data")
    installation.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until SIGTERM or Ctrl-C; a part that ends by itself is started again."""
    from commands import assets

    assets.build()
    folder = options.data or Path(os.environ.get("PARVIS_DATA") or installation.ROOT / "var" / "cluster")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    settings = {**passed_on(os.environ), "PARVIS_DEMO": "no" if options.no_demo else "yes"}
    with (
        _told_to_stop(stopping),
        running(folder.absolute(), web=options.web, workers=options.workers, settings=settings) as cluster,
    ):
        print("\n".join(f"Parvis is ready: {url}/demarches" for url in cluster.urls))
        print(
            f"PostgreSQL: {cluster.database_url}\nRedis: {cluster.redis_url}\nLogs: {cluster.folder / 'log'}",
            flush=True,
        )
        while not stopping.wait(0.5):
            for part in cluster.parts:
                if not part.alive and not stopping.is_set():
                    print(f"parvis: {part.name} has ended and is started again", file=sys.stderr, flush=True)
                    part.start()
    print("Parvis has stopped.")
    return 0


# What a cluster decides itself.
_OWN = frozenset(
    f"PARVIS_{name}"
    for name in ("DATA", "DATABASE_URL", "REDIS_URL", "WAKER", "HOST", "PORT", "WEB_PROCESSES", "WORKER_PROCESSES")
)


def passed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of who starts a cluster that its parts take over: all but those that make it a cluster."""
    return {name: value for name, value in environ.items() if name.startswith("PARVIS_") and name not in _OWN}


@contextmanager
def _told_to_stop(stopping: threading.Event) -> Iterator[None]:
    """Being told to stop while parts still start is no failure."""
    try:
        yield
    except CommandFailed:
        if not stopping.is_set():
            raise


@dataclass
class Part:
    """One program of the cluster. Its process changes when it is started again, its name and address don't."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    ready: Callable[[Part], bool]
    spawner: ThreadPoolExecutor
    stop_signal: signal.Signals = signal.SIGTERM
    url: str = ""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        """The process's id; `CommandFailed` when it was never started."""
        if self.process is None:
            raise CommandFailed(f"{self.name} was not started")
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None

    def start(self, *, wait: bool = True) -> None:
        """Start it, and return once it is ready unless told not to wait; `CommandFailed` when it doesn't get there."""
        if self.alive:
            return
        self.process = self.spawner.submit(self._spawn).result()
        if wait:
            self.wait()

    def wait(self) -> None:
        """Return once it is ready; a start that fails is tried again for some seconds, as systemd would."""
        deadline = time.monotonic() + _PATIENCE
        tries = 1
        while not self.ready(self):
            if time.monotonic() > deadline or (tries == _TRIES and not self.alive):
                raise CommandFailed(f"{self.name} did not start:\n{self.said()}")
            if not self.alive:
                time.sleep(0.2 * tries)
                tries += 1
                self.process = self.spawner.submit(self._spawn).result()

    def kill(self) -> None:
        """End it as a crash would: kill -9."""
        self._end(signal.SIGKILL, 10)

    def stop(self, seconds: float = 30) -> None:
        """Tell it to stop and wait until it has; it is killed when it takes longer than `seconds`."""
        self._end(self.stop_signal, seconds)

    def restart(self) -> None:
        """Stop it in order and start it again."""
        self.stop()
        self.start()

    def said(self, lines: int = 30) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def _spawn(self) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C is for who started the cluster, who then stops the parts in order.
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.log.parent,
                start_new_session=True,
            )

    def _end(self, number: signal.Signals, seconds: float) -> None:
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Cluster:
    """A cluster that runs. `environment` makes any `./parvis` command work on it."""

    folder: Path
    environment: Mapping[str, str]
    database_url: str
    redis_url: str
    postgresql: Part
    redis: Part
    web: list[Part]
    workers: list[Part]
    beats: list[Part]

    @property
    def parts(self) -> list[Part]:
        """Every program, in the order in which they need each other."""
        return [self.postgresql, self.redis, *self.web, *self.workers, *self.beats]

    @property
    def urls(self) -> list[str]:
        """Where the web processes answer."""
        return [part.url for part in self.web]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `./parvis` with these arguments on the cluster and wait for its end."""
        return subprocess.run(
            [*_PARVIS, *arguments], env=dict(self.environment), capture_output=True, text=True, check=False
        )


_PARVIS = (sys.executable, "-P", "-m", "commands")


@contextmanager
def running(
    folder: Path,
    *,
    web: int = 2,
    workers: int = 2,
    beats: int = 1,
    worker_processes: int = 4,
    durable: bool = True,
    app: str = "portal.app:create_app",
    program: Sequence[str] = _PARVIS,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Cluster]:
    """A cluster in `folder` for as long as the block lasts; the folder keeps the data for the next time.

    Without `durable`, PostgreSQL writes faster and would lose data with the machine, though not with its own process. `app`
    names the function that makes the web application, `program` is what runs in place of `./parvis` for web processes,
    workers and beat, `settings` are further variables of the environment.
    """
    logs, run_folder, data = folder / "log", folder / "run", folder / "data"
    with ExitStack() as stack:
        folder.mkdir(parents=True, exist_ok=True)
        if len(str(run_folder)) > _PATH_MAX:
            run_folder = Path(tempfile.mkdtemp(prefix="parvis-cluster-"))
            stack.callback(shutil.rmtree, run_folder, ignore_errors=True)
        for needed in (logs, run_folder, data, folder / "redis", folder / "postgresql"):
            needed.mkdir(exist_ok=True)
        for private in (logs, data):
            private.chmod(0o700)
        if os.geteuid() == 0:
            # The account that PostgreSQL runs under passes through, whatever the umask: what is private is closed above.
            folder.chmod(folder.stat().st_mode | 0o011)
        stack.enter_context(installation.held(data))
        # A part is sent a signal when the thread that started it ends: they all have this one, which ends last.
        spawner = ThreadPoolExecutor(1, "cluster")
        stack.callback(spawner.shutdown)

        user = postgresql.hand_over(run_folder)
        postgresql.hand_over(folder / "postgresql")
        if not (folder / "postgresql" / "data" / "PG_VERSION").exists():
            postgresql.initialise(folder / "postgresql" / "data", user)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PARVIS_")},
            "PYTHONPATH": str(installation.ROOT),
            "PARVIS_DATA": str(data),
            "PARVIS_DATABASE_URL": postgresql.address(run_folder, user),
            "PARVIS_REDIS_URL": redis.address(run_folder / "redis.sock"),
            "PARVIS_HOST": HOST,
            "PARVIS_WEB_PROCESSES": "1",
            "PARVIS_WORKER_PROCESSES": str(worker_processes),
            **(settings or {}),
        }
        ports = [_free_port() for _ in range(web)]
        if ports:
            environment.setdefault("PARVIS_PUBLIC_URL", f"http://{HOST}:{ports[0]}")

        def part(name: str, command: Sequence[str], ready: Callable[[Part], bool], **more: object) -> Part:
            return Part(name, command, environment, logs / f"{name}.log", ready, spawner, **more)  # type: ignore[arg-type]

        # Nothing of ours needs an orderly end: what is cut off is done again.
        ours = [*processes.ending_with_parent("KILL"), *program]

        def web_part(number: int, port: int) -> Part:
            command = [*ours, "web", "--port", str(port), "--app", app]
            return part(f"web-{number}", command, serves_soon, url=f"http://{HOST}:{port}")

        def behind_part(kind: str, number: int) -> Part:
            name = f"{kind}-{number}"
            listener = readiness.Listener(run_folder / f"{name}.ready")
            stack.callback(listener.close)
            made = part(name, [*ours, kind], lambda one: listener.wait(0.5, lambda: one.alive))
            made.environment = {**environment, "NOTIFY_SOCKET": str(listener.path)}
            return made

        cluster = Cluster(
            folder=folder,
            environment=environment,
            database_url=environment["PARVIS_DATABASE_URL"],
            redis_url=environment["PARVIS_REDIS_URL"],
            postgresql=part(
                "postgresql",
                postgresql.command(
                    folder / "postgresql" / "data",
                    user,
                    sockets=run_folder,
                    # Kept by the machine's memory from a crash of PostgreSQL alone.
                    settings={} if durable else {"fsync": "off", "full_page_writes": "off"},
                ),
                lambda one: one.alive and _soon(lambda: postgresql.answers(run_folder)),
                stop_signal=signal.SIGINT,  # "fast": clients are cut off
            ),
            redis=part(
                "redis",
                redis.command(folder / "redis", run_folder / "redis.sock"),
                lambda one: one.alive and _soon(lambda: redis.answers(run_folder / "redis.sock")),
            ),
            web=[web_part(number, port) for number, port in enumerate(ports, 1)],
            workers=[behind_part("worker", number) for number in range(1, workers + 1)],
            beats=[behind_part("beat", number) for number in range(1, beats + 1)],
        )
        stack.callback(_stop, cluster)
        for server in (cluster.postgresql, cluster.redis):
            server.start(wait=False)
        for server in (cluster.postgresql, cluster.redis):
            server.wait()
        done = cluster.command("prepare", "--no-assets")
        if done.returncode:
            raise CommandFailed(f"the database could not be prepared:\n{done.stderr}")
        rest = [*cluster.web, *cluster.workers, *cluster.beats]
        for one in rest:
            one.start(wait=False)
        for one in rest:
            one.wait()
        yield cluster


def _stop(cluster: Cluster) -> None:
    """Stop everything, those that need others first."""
    first = [*cluster.beats, *cluster.web, *cluster.workers]
    for part in first:
        if part.alive:
            part.process.send_signal(part.stop_signal)  # type: ignore[union-attr]
    for part in [*first, cluster.redis, cluster.postgresql]:
        part.stop()


def _soon(question: Callable[[], bool]) -> bool:
    if question():
        return True
    time.sleep(0.1)
    return False


def serves_soon(part: Part) -> bool:
    """Whether a web process is ready: asked again as long as it isn't, since it may start before its database is back."""
    return part.alive and _soon(lambda: _serves(part.url))


def _serves(url: str) -> bool:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    from commands import server

    return server.free_port(HOST, 0)
