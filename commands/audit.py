"""`./parvis audit`: what was done and by whom, and whether somebody has tampered with it."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from commands import CommandFailed, installation, table
from commands.wording import counted

if TYPE_CHECKING:
    from engine.core.audit import Head


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `audit`."""
    parser = subparsers.add_parser("audit", help="show what was done and by whom; verify that nobody tampered with it")
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    show = verbs.add_parser("show", help="list what was done, the latest first")
    installation.add_options(show)
    show.add_argument("--action", help="only this kind of act, or those that begin so (account.)")
    show.add_argument(
        "--actor", type=UUID, metavar="ACCOUNT", help="only what this account did, or others on its behalf"
    )
    show.add_argument("--object", metavar="KIND[:ID]", help="only what was done on these (case, account:…)")
    show.add_argument("--since", type=_day, metavar="DATE", help="from this day on (2027-01-31, UTC)")
    show.add_argument("--until", type=_day, metavar="DATE", help="before this day")
    show.add_argument("--limit", type=_number, default=200, help="at most so many (200)")
    show.set_defaults(run=run_show)

    verify = verbs.add_parser("verify", help="follow the chain from its beginning; status 1 when it was tampered with")
    installation.add_options(verify)
    verify.add_argument(
        "--head",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a head that was kept elsewhere (those of the data folder are always compared)",
    )
    verify.set_defaults(run=run_verify)

    head = verbs.add_parser("head", help="print the signed head of the chain as it is now, to keep elsewhere")
    installation.add_options(head)
    head.set_defaults(run=run_head)

    actions = verbs.add_parser("actions", help="list the kinds of acts that are recorded")
    actions.set_defaults(run=run_actions)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 1_000_000):
        raise argparse.ArgumentTypeError(f"{text} is no number of entries, 1 or more")
    return int(text)


def run_show(options: argparse.Namespace) -> int:
    """List entries that match, the newest first."""
    from engine.core import audit

    kind, _, object_id = (options.object or "").partition(":")
    with installation.database(options) as database, database.reading() as session:
        entries = audit.listing(
            session,
            action=options.action,
            actor_id=options.actor,
            object_kind=kind or None,
            object_id=object_id or None,
            since=options.since,
            until=options.until,
            limit=options.limit,
        )
    rows = [
        (
            entry.at.strftime("%Y-%m-%d %H:%M:%S"),
            entry.action,
            _joined(entry.actor_kind, entry.actor_id),
            _joined(entry.object_kind, entry.object_id),
            " ".join(
                f"{name}={value}"
                for name, value in {**entry.facts, "on_behalf_of": entry.on_behalf_of}.items()
                if value
            ),
            entry.origin,
        )
        for entry in entries
    ]
    table.show(
        ("WHEN (UTC)", "ACT", "WHO", "ON WHAT", "FACTS", "FROM"), rows, empty="nothing was recorded that matches"
    )
    return 0


def run_verify(options: argparse.Namespace) -> int:
    """Say whether the chain is whole, and everything that is wrong with it."""
    from engine.core import audit

    with installation.database(options) as database:
        from engine.core import config

        heads = [*audit.kept_heads(audit.heads_folder(config.current())), *(_head(path) for path in options.head)]
        with database.reading() as session:
            verdict = audit.verify(session, heads)
    for flaw in verdict.flaws:
        print(flaw)
    if not verdict.sound:
        flaws, places = counted(len(verdict.flaws), "flaw"), counted(verdict.length, "place")
        raise CommandFailed(f"the audit was tampered with: {flaws} in {places}")
    latest = max(heads, key=lambda one: one.seq, default=None)
    covered = (
        f"compared with {counted(len(heads), 'head')}, the latest of {latest.at:%Y-%m-%d %H:%M} UTC at place {latest.seq}"
        if latest
        else "compared with no head: an end that was cut off would not show"
    )
    print(f"the audit is whole: {counted(verdict.length, 'place')}; {covered}")
    return 0


def run_head(options: argparse.Namespace) -> int:
    """Print the head as one line of JSON."""
    from engine.core import audit

    with installation.database(options) as database, database.reading() as session:
        print(audit.head(session).line())
    return 0


def run_actions(_options: argparse.Namespace) -> int:
    """List what is recorded."""
    from engine.core.audit import ACTIONS

    table.show(("ACT", "MEANING"), sorted(ACTIONS.items()), empty="")
    return 0


def _head(path: Path) -> Head:
    from engine.core import audit
    from engine.core.audit import UnreadableHead

    try:
        return audit.read_head(path.read_text("utf-8"))
    except UnicodeDecodeError:
        raise CommandFailed(f"{path}: this is no text") from None
    except UnreadableHead as error:
        raise CommandFailed(f"{path}: {error.for_operators}") from error


def _joined(kind: str | None, name: object) -> str:
    return f"{kind or ''}:{name}" if name else kind or ""


def _day(text: str) -> datetime:
    """A day, as typed."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no date: 2027-01-31 is one") from None
