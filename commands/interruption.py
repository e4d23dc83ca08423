"""`./parvis interruption`: what every page says of an interruption of the service, planned or not (D5)."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import TYPE_CHECKING

from commands import CommandFailed, installation

if TYPE_CHECKING:
    from engine.core.interruptions import Interruption


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `interruption`."""
    parser = subparsers.add_parser(
        "interruption", help="tell residents of an interruption of the service, on every page"
    )
    installation.add_options(parser)
    parser.set_defaults(run=run_show)
    verbs = parser.add_subparsers(metavar="VERB")
    tell = verbs.add_parser("tell", help="show a message, in place of the one before")
    tell.add_argument("message", help="in French, for residents")
    tell.add_argument("--planned", action="store_true", help="it is planned: «Interruption prévue»")
    tell.add_argument(
        "--shown-from", type=moment, metavar="TIME", help="when pages begin to say so; at once unless told"
    )
    tell.add_argument("--begins", type=moment, metavar="TIME", help="when the interruption begins: 2027-03-01T20:00")
    tell.add_argument("--until", type=moment, metavar="TIME", help="when it ends; pages then say nothing any more")
    tell.set_defaults(run=run_tell)
    verbs.add_parser("end", help="show nothing any more").set_defaults(run=run_end)


def run_show(options: argparse.Namespace) -> int:
    """Say what is announced."""
    from engine.core import interruptions

    settings = installation.settings(options)
    found = interruptions.announced(settings)
    if found is None:
        print("nothing is announced")
    else:
        print(_told(found, shows=interruptions.shown(settings) is not None))
    return 0


def run_tell(options: argparse.Namespace) -> int:
    """Announce an interruption."""
    from engine.core import interruptions

    made = interruptions.announce(
        installation.settings(options),
        options.message,
        planned=options.planned,
        shown_from=options.shown_from,
        begins=options.begins,
        until=options.until,
    )
    print(_told(made, shows=True))
    return 0


def run_end(options: argparse.Namespace) -> int:
    """Take the announcement away."""
    from engine.core import interruptions

    if not interruptions.withdraw(installation.settings(options)):
        raise CommandFailed("nothing is announced")
    print("pages say nothing of an interruption any more")
    return 0


def moment(text: str) -> datetime:
    """A time on the city's clocks, as typed."""
    from engine.core.clock import PARIS

    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no time: write 2027-03-01T20:00") from None
    return at if at.tzinfo else at.replace(tzinfo=PARIS)


def _told(one: Interruption, *, shows: bool) -> str:
    from engine.core.clock import PARIS

    def said(at: datetime | None) -> str:
        return f"{at.astimezone(PARIS):%Y-%m-%d %H:%M}" if at else "not said"

    kind = "planned" if one.planned else "in progress"
    state = "shown" if shows else "not shown now"
    return (
        f"{kind}, {state}: {one.message}\n"
        f"shown from {said(one.shown_from)}, begins {said(one.begins)}, ends {said(one.until)}"
    )
