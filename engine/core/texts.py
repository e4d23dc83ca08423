"""The texts that the city publishes with the portal: legal notice, terms of use, accessibility… (D6)

Each is a Markdown file of `texts/`; a file of the same name in the folder of `PARVIS_TEXTS` takes its place. A text that people
accept is a folder with a file for each version, which is never changed once it has been in force:

    texts/contact.md
    texts/conditions-generales/1.md
    texts/conditions-generales/2.md       its `date` says from when it is in force

A file begins with its title and its date, between two lines of dashes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path

from engine.core import clock, config
from engine.core.errors import ConfigurationError, NotFound

SHIPPED = Path(__file__).parents[2] / "texts"
_NAME = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class Text:
    """A text: its title, the day from which it holds, its Markdown; `version` is empty where none is kept.

    `facts` are the other lines of its head, `digest` the SHA-256 of the file.
    """

    name: str
    version: str
    title: str
    date: date
    markdown: str
    digest: str
    facts: Mapping[str, str] = field(default_factory=dict)


def find(name: str) -> Text:
    """The text of that name, or `NotFound`."""
    path = _path(f"{name}.md") if _NAME.fullmatch(name) else None
    if path is None:
        raise NotFound
    return _read(name, "", path, path.stat().st_mtime_ns)


def versions(name: str) -> list[Text]:
    """Every version of a text that people accept, the first one first; those to come included."""
    found: dict[str, Path] = {}
    for folder in _folders():
        found |= {path.stem: path for path in (folder / name).glob("*.md") if path.stem.isdigit()}
    return [
        _read(name, number, path, path.stat().st_mtime_ns)
        for number, path in sorted(found.items(), key=lambda one: int(one[0]))
    ]


def in_force(name: str) -> Text:
    """The version that holds today: the latest whose day has come, or the first one before that."""
    known, today = versions(name), clock.today()
    if not known:
        raise ConfigurationError(f"the text {name} has no version")
    return next((one for one in reversed(known) if one.date <= today), known[0])


def check() -> None:
    """Read every text that pages show: `ConfigurationError` names the first that can't be."""
    for folder in _folders():
        if not folder.is_dir():
            raise ConfigurationError(f"{folder} is no folder of texts")
        for path in sorted(folder.rglob("*.md")):
            # The city may keep its own notes beside.
            if path.stem.isdigit() or (SHIPPED / path.relative_to(folder)).is_file():
                _read(path.stem, "", path, path.stat().st_mtime_ns)


def _folders() -> list[Path]:
    """Where texts are, those that count most last."""
    own = config.current().texts
    return [SHIPPED, own] if own else [SHIPPED]


def _path(relative: str) -> Path | None:
    return next((path for folder in reversed(_folders()) if (path := folder / relative).is_file()), None)


@lru_cache(maxsize=64)
def _read(name: str, version: str, path: Path, _changed: int) -> Text:
    source = path.read_text("utf-8")
    lines = source.splitlines()
    try:
        end = lines.index("---", 1)
    except ValueError:
        end = 0
    if not end or lines[0] != "---":
        raise ConfigurationError(f"{path} does not begin with its title and its date between two lines ---")
    head = {
        key.strip(): value.strip()
        for key, separator, value in (line.partition(":") for line in lines[1:end])
        if separator
    }
    try:
        title, day = head.pop("title"), date.fromisoformat(head.pop("date"))
    except (KeyError, ValueError) as error:
        raise ConfigurationError(f"{path} needs a title and a date (2027-01-31)") from error
    digest = hashlib.sha256(source.encode()).hexdigest()
    return Text(name, version, title, day, "\n".join(lines[end + 1 :]).strip(), digest, head)
