"""Answers read back: each question beside its answer, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.procedures.forms.answers import active, choices_in, clean, with_locked
from engine.procedures.forms.conditions import Path, State, dotted
from engine.procedures.forms.form import Form
from engine.procedures.forms.layout import Spot
from engine.procedures.forms.wording import NBSP, long_date, number, phone

NOT_GIVEN = "Non renseigné"


@dataclass(frozen=True, slots=True)
class Line:
    """A question and its answer; `files` are the ids of given files, whose names the caller knows."""

    label: str
    text: str
    path: str
    files: tuple[str, ...] = ()
    given: bool = True


@dataclass(frozen=True, slots=True)
class Section:
    """A group of questions, or one block of a repeated group, under its title."""

    title: str
    lines: tuple[Line | Section, ...]
    path: str


def summary(
    form: Form,
    answers: Mapping[str, Any],
    *,
    context: Mapping[str, Any] | None = None,
    locked: Mapping[str, Any] | None = None,
) -> list[Line | Section]:
    """The questions that the answers call for, in the order of the page, each with its answer in words."""
    cleaned = clean(form, with_locked(answers, locked or {}))
    return list(_lines(form.spots, cleaned, (), State(cleaned), context or {}))


def _lines(
    spots: Iterable[Spot], given: Mapping[str, Any], scope: Path, state: State, context: Mapping[str, Any]
) -> Iterator[Line | Section]:
    seen = set()
    for spot in spots:
        path = (*scope, spot.key)
        if spot.key in seen or not active(spot, path, state):
            continue
        seen.add(spot.key)
        value = given.get(spot.key)
        label = str(spot.schema.get("x-summary", spot.label))
        if spot.kind in ("group", "address") and value is not None:
            yield Section(label, tuple(_lines(spot.spots, value, path, state, context)), dotted(path))
        elif spot.kind == "blocks" and value:
            title = str(spot.schema.get("x-itemTitle", label))
            for index, one in enumerate(value):
                inner = (*path, index)
                lines = tuple(_lines(spot.spots, one, inner, state, context))
                yield Section(f"{title}{NBSP}{index + 1}", lines, dotted(inner))
        elif spot.kind == "files" and value:
            count = len(value)
            text = f"{count}{NBSP}fichier{'s' if count > 1 else ''}"
            yield Line(label, text, dotted(path), tuple(one for one in value if isinstance(one, str)))
        else:
            text = in_words(spot, value, context)
            yield Line(label, text or NOT_GIVEN, dotted(path), given=bool(text))


def in_words(spot: Spot, value: Any, context: Mapping[str, Any] | None = None) -> str:
    """One answer as people read it; nothing when there is none."""
    if value is None or value == []:
        return ""
    if isinstance(value, list):
        return ", ".join(in_words(spot, one, context) for one in value)
    if spot.kind in ("radios", "select", "checkboxes"):
        known = {str(one.value): one.label for one in choices_in(context, spot)}
        return known.get(str(value), str(value))
    if isinstance(value, bool):
        return "Oui" if value else "Non"
    if spot.kind == "date":
        return long_date(str(value))
    if spot.kind == "phone":
        return phone(str(value))
    if isinstance(value, (int, float)):
        return number(value)
    return str(value)
