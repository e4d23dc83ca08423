"""Queues as files for spreadsheets: what a page of a queue shows, for every task and nothing more (E1).

Written as they are read, so that a million tasks take no more memory than a thousand.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime

from engine.core.clock import PARIS
from engine.core.db import Session
from engine.people.actors import Actor
from engine.procedures import tasks

COLUMNS = ("Référence", "Démarche", "Tâche", "Corbeille", "Usager", "Dépôt", "Échéance", "Prise en charge")
# Spreadsheets take a cell that begins so for a formula, and run it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_PIECE = 500


def queue_csv(
    session: Session,
    actor: Actor,
    *,
    group: str | None = None,
    words: str = "",
    mine: bool = False,
    late: bool = False,
) -> Iterator[str]:
    """The open tasks of the agent's groups, chosen as by `tasks.queue`, in pieces of a CSV file.

    Separated by semicolons after a byte order mark, as spreadsheets expect it in French. The session has to stay open
    until the last piece.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    buffer.write("\ufeff")
    writer.writerow(COLUMNS)
    for number, row in enumerate(tasks.listing(session, actor, group=group, words=words, mine=mine, late=late), 1):
        writer.writerow(
            (
                row.reference,
                _cell(row.procedure_title),
                _cell(row.title),
                _cell(row.group),
                _cell(row.applicant),
                _moment(row.filed_at),
                _moment(row.due_at),
                _cell(row.claimed_name or ""),
            )
        )
        if number % _PIECE == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    piece = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return piece


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _moment(at: datetime | None) -> str:
    return at.astimezone(PARIS).strftime("%Y-%m-%d %H:%M") if at else ""
