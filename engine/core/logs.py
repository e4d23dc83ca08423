"""Logs: what was done, for whom and how it went, by ids; never what people typed.

Each request and each job has a `Doing`: who reads a log finds every line of one request by its id, and every line of a case
by its reference. Three things keep personal data out, whatever the level:

- the lines of the house name elements, ids and classes of errors (a test types a name and looks for it in every line);
- an exception is logged as its class and its frames. Its message is shown for our own errors alone: a library's quotes
  the value that it didn't like;
- libraries log from WARNING up. SpiffWorkflow's lines below that hold the data of tasks, SQLAlchemy's the rows.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

from engine.core.errors import ParvisError

# Ours follow the level that is asked for.
_OURS = ("engine", "portal", "workers", "commands")
# These keep to warnings even where somebody opens the root logger wide.
_TALKATIVE = ("SpiffWorkflow", "spiff", "sqlalchemy", "psycopg", "celery", "kombu", "PIL", "pikepdf", "urllib3")
_TALKATIVE_LEVEL = logging.WARNING

_ErrorInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


@dataclass(slots=True)
class Doing:
    """What this thread is busy with: the request or the job, the case it turned out to be about, the SQL it took.

    `address` is where a request came from. It is never logged, and the audit keeps no more of it than its network.
    """

    request: str | None = None
    job: str | None = None
    case: str | None = None
    statements: int = 0
    address: str | None = field(default=None, repr=False)


_doing: ContextVar[Doing | None] = ContextVar("doing", default=None)


def begin(doing: Doing) -> None:
    """From now on, this thread is busy with `doing`; what came before is over."""
    _doing.set(doing)


def doing() -> Doing | None:
    """What this thread is busy with."""
    return _doing.get()


@contextmanager
def during(doing: Doing) -> Iterator[Doing]:
    """Be busy with `doing` for as long as the block lasts."""
    token = _doing.set(doing)
    try:
        yield doing
    finally:
        _doing.reset(token)


def about(case: str) -> None:
    """Say which case, by its reference, the request or the job is about."""
    current = _doing.get()
    if current is not None:
        current.case = case


def count_statement(*_: object) -> None:
    """Count an SQL statement for the request or the job at hand; the database calls it before each one."""
    current = _doing.get()
    if current is not None:
        current.statements += 1


# --- writing ----------------------------------------


def set_up(form: str = "text", level: str | None = None, stream: TextIO | None = None) -> None:
    """Log to `stream` (standard error) as `text` or `json`, ours from `level` up.

    Without a level, JSON tells of every request (INFO) and text, which a person reads in a terminal, of what goes wrong.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(level or ("INFO" if form == "json" else "WARNING"))
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(_TALKATIVE_LEVEL)


def said_of(error: BaseException) -> str:
    """What may be written of an error: its class, and its message when the words are ours or the system's."""
    kind = type(error).__name__
    if isinstance(error, ParvisError):
        return f"{kind}: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{kind}: {error.strerror}"
    return kind


def _trace(info: _ErrorInfo) -> str:
    """Frames, ours and the libraries', with each error's class: no message, no value."""
    error: BaseException | None = info[1]
    parts: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"{frames}{said_of(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nbecause of\n".join(parts)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    """What the line is about: the request, the job, the case, and what the line itself brought along."""
    current = _doing.get()
    facts: dict[str, Any] = {}
    if current is not None:
        found = (("request", current.request), ("job", current.job), ("case", current.case))
        facts.update((name, value) for name, value in found if value is not None)
    facts.update(getattr(record, "facts", {}))
    return facts


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["trace"] = _trace(record.exc_info)
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str)


class TextFormatter(logging.Formatter):
    """One line for the eye: time, level, logger, message, then the facts."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        facts = " ".join(f"{name}={value}" for name, value in _facts(record).items())
        return super().formatMessage(record) + (f" [{facts}]" if facts else "")

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        return _trace(ei)
