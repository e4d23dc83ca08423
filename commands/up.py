"""`./parvis up`: the whole platform in one process, made ready first: assets, database, procedures, demo data."""

from __future__ import annotations

import argparse
import os

from commands import installation, prepare

HOST = "127.0.0.1"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `up`."""
    parser = subparsers.add_parser("up", help="prepare what is missing, then serve the portal and do the jobs")
    parser.add_argument("--port", type=port_number, default=8000, help="8000 unless told otherwise; 0 for any free one")
    parser.add_argument("--no-demo", action="store_true", help="no demo procedures’ people, requests and outbox page")
    installation.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C; requests in flight and the job at hand are finished."""
    from commands import assets, server
    from engine.core import observing, traces

    port = server.free_port(HOST, options.port)
    assets.build()
    # From here on, what is written holds what residents confide: no other account of the machine may read it.
    os.umask(0o077)
    os.environ.setdefault("PARVIS_PUBLIC_URL", f"http://{HOST}:{port}")
    if options.no_demo:
        os.environ["PARVIS_DEMO"] = "no"
    else:
        os.environ.setdefault("PARVIS_DEMO", "yes")
    settings = installation.settings(options)
    observing.start(settings)
    with installation.held(settings.data):
        database, about_demo = prepare.prepared(settings)
        welcome = [f"\nParvis is ready: {settings.public_url}/demarches", *about_demo]
        if settings.clamd is None:
            welcome.append("Files are not scanned for viruses, and agents read so: PARVIS_CLAMD names no scanner.")

        if settings.smtp_url is None and not settings.outbox:
            welcome.append("Mail waits, invitations to agents too: PARVIS_SMTP_URL names no server.")

        from engine.core import jobs
        from engine.handlers import HANDLERS
        from portal.app import create_app

        app = create_app(settings, database=database)
        pace = server.pace_of(settings)
        runner = jobs.Runner(database, HANDLERS, pace=pace) if settings.embedded else None
        if runner is not None:
            runner.start()
        try:
            server.serve(
                app,
                host=HOST,
                port=port,
                pace=pace,
                ready=lambda: print("\n".join(welcome), flush=True),
            )
        finally:
            if runner is not None:
                runner.stop()
            database.close()
            traces.stop()
    print("Parvis has stopped.")
    return 0


def port_number(text: str) -> int:
    """A port, as typed."""
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port number")
    return int(text)
