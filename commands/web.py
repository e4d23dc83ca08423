"""`./parvis web`: the portal's pages and nothing else, in as many processes as asked; workers do the jobs."""

from __future__ import annotations

import argparse
import importlib
import ipaddress
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from commands import CommandFailed, installation, processes, readiness, up

if TYPE_CHECKING:
    from engine.core.config import Settings

# A process that ends sooner than this is started again after as long: something is wrong with it, not with luck.
_TOO_SOON = 2.0


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `web`."""
    parser = subparsers.add_parser("web", help="serve the portal only (PostgreSQL, Redis); workers do the jobs")
    parser.add_argument("--host", help="the address to listen on, else PARVIS_HOST, else 127.0.0.1")
    parser.add_argument("--port", type=up.port_number, help="else PARVIS_PORT, else 8000")
    parser.add_argument("--processes", type=int, help="else PARVIS_WEB_PROCESSES, else 2")
    parser.add_argument("--threads", type=int, help="of each process, else PARVIS_WEB_THREADS, else 12")
    # The benches serve the portal with a route more.
    parser.add_argument("--app", default="portal.app:create_app", help=argparse.SUPPRESS)
    installation.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C; requests in flight are finished."""
    from commands import server
    from engine.core import config, observing

    os.umask(0o077)
    settings = installation.distributed(options)
    settings = replace(
        settings,
        host=options.host or settings.host,
        port=settings.port if options.port is None else options.port,
        web_processes=options.processes or settings.web_processes,
        web_threads=options.threads or settings.web_threads,
    )
    settings = replace(
        settings,
        port=server.free_port(settings.host, settings.port),
        loopback=settings.loopback and _is_loopback(settings.host),
    )
    config.use(settings)
    observing.start(settings)
    module, _, name = options.app.partition(":")
    create_app = getattr(importlib.import_module(module), name)
    if settings.web_processes == 1:
        _serve(create_app, settings, readiness.tell)
        return 0
    return _supervise(create_app, settings)


def _serve(create_app: Callable[[Settings], Any], settings: Settings, ready: Callable[[], object]) -> None:
    from commands import server
    from engine.core import traces

    app = create_app(settings)
    server.serve(
        app,
        host=settings.host,
        port=settings.port,
        threads=settings.web_threads,
        pace=server.pace_of(settings),
        ready=ready,
    )
    app.extensions["database"].close()
    traces.stop()


def _supervise(create_app: Callable[[Settings], Any], settings: Settings) -> int:
    """Keep as many processes as asked until a signal, which ends them all; 1 when one of them didn't end well."""
    stopping: list[int] = []
    started: dict[int, float] = {}

    def stop(number: int, _frame: object) -> None:
        stopping.append(number)
        for pid in started:
            os.kill(pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    heard, told = os.pipe()
    for _ in range(settings.web_processes):
        started[_fork(create_app, settings, told)] = time.monotonic()
    _wait_for_all(heard, started)
    status = 0
    while started:
        try:
            pid, ended = os.waitpid(-1, 0)
        except ChildProcessError:
            break
        lived = time.monotonic() - started.pop(pid, 0.0)
        if stopping:
            status = status or int(ended != 0)
            continue
        print(f"parvis: a web process ended ({_how(ended)}) and is started again", file=sys.stderr, flush=True)
        time.sleep(max(0.0, _TOO_SOON - lived))
        if not stopping:
            started[_fork(create_app, settings, told)] = time.monotonic()
    return status


def _wait_for_all(heard: int, started: dict[int, float]) -> None:
    """Return once each process serves, or when one ends before it does: the loop that follows deals with that."""
    os.set_blocking(heard, False)
    serving = 0
    while serving < len(started):
        try:
            serving += len(os.read(heard, 64))
        except BlockingIOError:
            time.sleep(0.05)
        if any(os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) for pid in started):
            return
    readiness.tell()


def _fork(create_app: Callable[[Settings], Any], settings: Settings, told: int) -> int:
    """Start a process that serves; its pid. What was imported so far is shared with it."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which says when to stop
        processes.end_with(parent)
        _serve(create_app, settings, lambda: os.write(told, b"."))
        status = 0
    except Exception:
        logging.getLogger(__name__).exception("a web process could not serve")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _how(ended: int) -> str:
    code = os.waitstatus_to_exitcode(ended)
    return f"status {code}" if code >= 0 else signal.Signals(-code).name


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise CommandFailed(f"{host} is no address to listen on: give one in figures") from None
