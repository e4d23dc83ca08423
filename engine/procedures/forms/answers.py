"""Answers: cleaned of what isn't asked, normalised, validated in French, filled in from the account."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jsonschema.exceptions import ValidationError

from engine.core import clock
from engine.core.errors import InvalidAnswers
from engine.procedures import durations
from engine.procedures.forms import formats, messages
from engine.procedures.forms.conditions import Path, State, dotted
from engine.procedures.forms.form import Form, spot_at, walk
from engine.procedures.forms.layout import FILES_AT_MOST, SINGLE, TEXTS, Choice, Spot, options_of

# What a missing or empty answer is: it leaves no trace in cleaned answers.
_NOTHING: Any = object()
_ROUNDS = 20


def clean(form: Form, answers: Mapping[str, Any], *, locked: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The answers to the questions that these answers call for, normalised, and nothing else.

    Never fails and can be stored as it is; cleaning twice changes nothing. Values of `locked` (by path) replace what was given.
    """
    given = with_locked(answers, locked or {})
    state = State(given)
    kept: dict[str, Any] = _asked(form.spots, given, (), state)
    if not state.looked_at:
        return kept
    for _ in range(_ROUNDS):
        # An answer that goes may open another branch: begin again from what was given.
        again = _asked(form.spots, given, (), State(kept))
        if again == kept:
            return kept
        kept = again
    # Conditions that contradict one another: only take away, which comes to an end.
    while True:
        again = _asked(form.spots, kept, (), State(kept))
        if again == kept:
            return kept
        kept = again


def validate(
    form: Form,
    answers: Mapping[str, Any],
    *,
    context: Mapping[str, Any] | None = None,
    locked: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The cleaned answers, or InvalidAnswers with a French sentence for each field at fault, in the order of the page.

    `context` holds what the platform alone knows: under the name of an `x-options`, the choices (`Choice`); under what an
    `x-other-than` is about, the values known by name; under `files`, the ids of the files that may be given (not checked
    without it). What was posted for the paths of `locked` is ignored.
    """
    locked = locked or {}
    given = with_locked(answers, locked)
    cleaned = clean(form, given)
    faults = dict(_faults(form.spots, given, (), State(cleaned)))
    if "" not in faults:
        for path, message in _violations(form, cleaned, faults, context or {}):
            faults.setdefault(path, message)
    faults = {path: message for path, message in faults.items() if not is_locked(path, locked)}
    if faults:
        raise InvalidAnswers(_in_order(form, cleaned, faults))
    return cleaned


def prefill(form: Form, usager: Mapping[str, Any]) -> dict[str, Any]:
    """The first answers of a form: what the account knows (`x-prefill`), else `default`, where the field accepts it."""
    answers: dict[str, Any] = {}
    for path, spot in walk(form.spots):
        if "*" in path or spot.kind in ("group", "address", "files"):
            continue
        for value in (known(spot, usager), spot.schema.get("default")):
            if value not in (None, "") and _acceptable(form, spot, value):
                put(answers, path, value)
                break
    return clean(form, answers)


def locks(form: Form, usager: Mapping[str, Any]) -> dict[str, Any]:
    """The values by path that the resident may not change: `x-readonly` always, `x-certified` for a certified identity."""
    found: dict[str, Any] = {}
    for path, spot in walk(form.spots):
        if "*" in path:
            continue
        value = known(spot, usager)
        value = spot.schema.get("default") if value is None else value
        certified = (
            spot.schema.get("x-certified") is True and usager.get("certifie") is True and value not in (None, "")
        )
        if spot.schema.get("x-readonly") is True or certified:
            found[path] = value
    return found


def known(spot: Spot, usager: Mapping[str, Any]) -> Any:
    """What the account says for a field, by its `x-prefill`."""
    path = str(spot.schema.get("x-prefill", ""))
    root, _, rest = path.partition(".")
    value: Any = usager if root == "usager" and rest else None
    for key in rest.split(".") if rest else ():
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def put(answers: dict[str, Any], path: str, value: Any) -> None:
    """Write `value` at a dotted path, making the groups on the way."""
    *parents, last = path.split(".")
    for key in parents:
        inner = answers.get(key)
        if not isinstance(inner, dict):
            inner = answers[key] = {}
        answers = inner
    if value is None:
        answers.pop(last, None)
    else:
        answers[last] = value


def with_locked(answers: Mapping[str, Any], locked: Mapping[str, Any]) -> dict[str, Any]:
    """The answers with the locked values in place of what was given there."""
    given = dict(answers)
    for path, value in locked.items():
        for key in list(_parents(path)):
            # Copied on the way: what the caller handed over stays as it was.
            inner = at(given, key)
            put(given, key, dict(inner) if isinstance(inner, Mapping) else {})
        put(given, path, value)
    return given


def at(answers: Any, path: str | Path) -> Any:
    """The value at a path, or None."""
    for part in path.split(".") if isinstance(path, str) else path:
        if isinstance(answers, Mapping):
            answers = answers.get(str(part))
        elif isinstance(answers, list) and str(part).isdigit() and int(part) < len(answers):
            answers = answers[int(part)]
        else:
            return None
    return answers


def active(spot: Spot, path: Path, state: State) -> bool:
    """Whether the answers call for this question."""
    return state.any_of(spot.shown, path) and not state.any_of(spot.hidden, path)


def is_locked(path: str, locked: Mapping[str, Any]) -> bool:
    """Whether the value at `path`, or a group that it is in, is locked."""
    return path in locked or any(parent in locked for parent in _parents(path))


def _parents(path: str) -> Iterator[str]:
    parts = path.split(".")
    for length in range(1, len(parts)):
        yield ".".join(parts[:length])


def _asked(spots: Iterable[Spot], given: Mapping[str, Any], scope: Path, state: State) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for spot in spots:
        path = (*scope, spot.key)
        if spot.key in kept or not active(spot, path, state):
            continue
        value = _kept(spot, given.get(spot.key), path, state)
        if value is not _NOTHING:
            kept[spot.key] = value
    return kept


def _kept(spot: Spot, value: Any, path: Path, state: State) -> Any:
    if spot.kind in ("group", "address"):
        inner = _asked(spot.spots, value if isinstance(value, Mapping) else {}, path, state)
        # A group that must be there stays even when empty, so that errors go to its fields.
        return inner if inner or state.any_of(spot.needed, path) else _NOTHING
    if spot.kind == "blocks":
        if not isinstance(value, list) or not value:
            return _NOTHING
        return [
            _asked(spot.spots, one if isinstance(one, Mapping) else {}, (*path, index), state)
            for index, one in enumerate(value)
        ]
    if spot.kind in ("checkboxes", "files"):
        if not isinstance(value, list):
            return _NOTHING
        items = [normal(one) for one in value if isinstance(one, (str, int, float, bool))]
        items = [one for index, one in enumerate(items) if one not in ("", None) and one not in items[:index]]
        return items or _NOTHING
    if isinstance(value, (Mapping, list, tuple, set)) or value is None:
        return _NOTHING
    value = normal(value, spot)
    return _NOTHING if value in ("", None) else value


def normal(value: Any, spot: Spot | None = None) -> Any:
    """A single value in its one writing: trimmed, NFC, in the form that its format prescribes."""
    if isinstance(value, float):
        return (
            (int(value) if value.is_integer() and spot and spot.kind == "integer" else value)
            if math.isfinite(value)
            else None
        )
    if isinstance(value, (bool, int)):
        return value
    if not isinstance(value, str):
        return None
    if spot is None:
        return formats.line(value)
    text = formats.lines(value) if spot.kind == "textarea" else formats.line(value)
    kinds = {"email": "email", "phone": "fr-phone", "plate": "fr-plate", "postcode": "fr-postcode"}
    normalise = formats.NORMALISERS.get(kinds.get(spot.kind) or str(spot.schema.get("format", "")))
    return normalise(text) if normalise else text


def _faults(spots: Iterable[Spot], given: Mapping[str, Any], scope: Path, state: State) -> Iterator[tuple[str, str]]:
    """What is wrong with the answers before any schema looks at them: the wrong kind of thing, too much, unsafe text."""
    seen = set()
    for spot in spots:
        path = (*scope, spot.key)
        value = given.get(spot.key)
        if value is None or spot.key in seen or not active(spot, path, state):
            continue
        seen.add(spot.key)
        yield from _fault(spot, value, path, state)


def _fault(spot: Spot, value: Any, path: Path, state: State) -> Iterator[tuple[str, str]]:
    where = dotted(path)
    if spot.kind in ("group", "address"):
        if isinstance(value, Mapping):
            yield from _faults(spot.spots, value, path, state)
        elif value != "":
            yield where, messages.said(spot, "type")
    elif spot.kind in ("blocks", "checkboxes", "files"):
        if not isinstance(value, list):
            if value != "":
                yield where, messages.said(spot, "type")
        elif len(value) > spot.max_items:
            yield where, messages.said(spot, "maxItems", spot.max_items)
        else:
            for index, one in enumerate(value):
                inner = (*path, index)
                if spot.kind == "blocks":
                    if isinstance(one, Mapping):
                        yield from _faults(spot.spots, one, inner, state)
                    else:
                        yield dotted(inner), messages.said(spot, "type")
                elif not isinstance(one, (str, int, float, bool)) or (isinstance(one, str) and formats.forbidden(one)):
                    yield where, messages.said(spot, "enum")
    elif isinstance(value, str):
        if formats.forbidden(value):
            yield where, messages.said(spot, "characters")
        elif len(normal(value, spot)) > spot.max_length:
            yield where, messages.said(spot, "maxLength", spot.max_length)
    elif not isinstance(value, (int, float, bool)) or (isinstance(value, float) and not math.isfinite(value)):
        yield where, messages.said(spot, "type")


def _violations(
    form: Form, cleaned: dict[str, Any], faults: Mapping[str, str], context: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    # A text that is already refused isn't handed to the schema's patterns: it may be endless.
    safe = cleaned if not faults else _without(cleaned, faults)
    found: list[tuple[int, str, str]] = []
    for error in form.validator.iter_errors(safe):
        for path, keyword in _places(error):
            spot = spot_at(form, path)
            own = messages.own(error.schema, keyword) if keyword != "required" else None
            said = messages.said(spot, keyword, error.validator_value, at(safe, path)) if spot else messages.UNKNOWN
            found.append((messages.rank(keyword), _field_path(path, spot), own or said))
    for _, where, message in sorted(found, key=lambda one: one[0]):
        yield where, message
    yield from _beyond_schema(form.spots, safe, (), context)


def _field_path(path: Path, spot: Spot | None) -> str:
    # The fault of one choice among several is the fault of the whole question.
    if spot is not None and spot.kind in ("checkboxes", "files") and path and isinstance(path[-1], int):
        path = path[:-1]
    return dotted(path)


def _places(error: ValidationError) -> Iterator[tuple[Path, str]]:
    """The fields that an error of the validator is about, with the keyword that each breaks."""
    path = tuple(error.absolute_path)
    keyword = str(error.validator)
    value: Any = error.validator_value
    instance: Any = error.instance
    if keyword == "required":
        yield from (((*path, name), keyword) for name in value if name not in instance)
    elif keyword == "dependentRequired":
        for key, names in value.items():
            if key in instance:
                yield from (((*path, name), "required") for name in names if name not in instance)
    else:
        yield path, keyword


def _without(cleaned: dict[str, Any], faults: Mapping[str, str]) -> dict[str, Any]:
    def copy(value: Any, path: str) -> Any:
        if isinstance(value, dict):
            inner = {key: (f"{path}.{key}" if path else key, one) for key, one in value.items()}
            return {key: copy(one, where) for key, (where, one) in inner.items() if where not in faults}
        if isinstance(value, list):
            return [copy(one, f"{path}.{index}") for index, one in enumerate(value)]
        return value

    found = copy(cleaned, "")
    assert isinstance(found, dict)
    return found


def _beyond_schema(
    spots: Iterable[Spot], cleaned: Mapping[str, Any], scope: Path, context: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """What the standard has no word for: choices, files and values that the platform knows, days before or after another."""
    seen = set()
    for spot in spots:
        if spot.key not in cleaned or spot.key in seen:
            continue
        seen.add(spot.key)
        path, value = (*scope, spot.key), cleaned[spot.key]
        if spot.kind in ("group", "address"):
            yield from _beyond_schema(spot.spots, value, path, context)
        elif spot.kind == "blocks":
            for index, one in enumerate(value):
                yield from _beyond_schema(spot.spots, one, (*path, index), context)
        elif options_of(spot):
            allowed = [one.value for one in choices_in(context, spot)]
            if any(one not in allowed for one in (value if isinstance(value, list) else [value])):
                yield dotted(path), messages.said(spot, "enum")
        elif spot.kind == "files" and "files" in context and any(one not in context["files"] for one in value):
            yield dotted(path), messages.said(spot, "files")
        elif spot.kind == "date" and formats.is_date(value):
            first, last = limit(spot, "x-min"), limit(spot, "x-max")
            if first and value < first:
                yield dotted(path), messages.said(spot, "x-min", first)
            elif last and value > last:
                yield dotted(path), messages.said(spot, "x-max", last)
        elif value is not None and _same(value, _known_already(spot, cleaned, context)):
            yield dotted(path), messages.said(spot, "x-other-than")


def _known_already(spot: Spot, answers: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
    """What the platform knows already, where the answer must be another: `emails.usage` is the e-mail for the use that the
    answer `usage` names."""
    about, _, question = str(spot.schema.get("x-other-than", "")).partition(".")
    values = context.get(about) if question else None
    return values.get(answers.get(question)) if isinstance(values, Mapping) else None


def _same(value: Any, known: Any) -> bool:
    return isinstance(value, str) and isinstance(known, str) and value.casefold() == known.strip().casefold()


def limit(spot: Spot, keyword: str) -> str | None:
    """The first or last day that a date may be, `aujourdhui` being the day it is; `aujourdhui+P1Y` is a year later."""
    value = spot.schema.get(keyword)
    day, _, later = str(value).partition("+")
    if day != "aujourdhui":
        return value
    today = clock.today()
    return (today + durations.length(later, today) if later else today).isoformat()


def choices_in(context: Mapping[str, Any] | None, spot: Spot) -> tuple[Choice, ...]:
    """The choices of a field: those of the schema, or those that the platform computed."""
    name = options_of(spot)
    return spot.choices if name is None else tuple((context or {}).get(name, ()))


def _acceptable(form: Form, spot: Spot, value: Any) -> bool:
    if spot.kind in SINGLE and isinstance(value, (Mapping, list)):
        return False
    value = normal(value, spot) if spot.kind in SINGLE else value
    if spot.kind in TEXTS and not isinstance(value, str):
        return False
    return bool(options_of(spot)) or form.validator.evolve(schema=spot.schema).is_valid(value)


def _in_order(form: Form, cleaned: Mapping[str, Any], faults: Mapping[str, str]) -> dict[str, str]:
    rank = {path: index for index, (path, _) in enumerate(walk(form.spots))}

    def place(path: str) -> list[int]:
        # Block by block, then field by field in each: positions level by level.
        places: list[int] = []
        seen: list[str] = []
        for part in path.split("."):
            seen.append("*" if part.isdigit() else part)
            places.append(int(part) if part.isdigit() else rank.get(".".join(seen), len(rank)))
        return places

    return {path: faults[path] for path in sorted(faults, key=place)}


def file_ids(form: Form, answers: Mapping[str, Any]) -> dict[str, list[str]]:
    """The ids of the files among cleaned answers, by the path of their field."""
    found: dict[str, list[str]] = {}

    def look(spots: Iterable[Spot], given: Mapping[str, Any], scope: Path) -> None:
        for spot in spots:
            value = given.get(spot.key)
            path = (*scope, spot.key)
            if spot.kind == "files" and isinstance(value, list):
                found[dotted(path)] = [one for one in value if isinstance(one, str)][
                    : max(spot.max_items, FILES_AT_MOST)
                ]
            elif spot.spots and isinstance(value, Mapping):
                look(spot.spots, value, path)
            elif spot.spots and isinstance(value, list):
                for index, one in enumerate(value):
                    if isinstance(one, Mapping):
                        look(spot.spots, one, (*path, index))

    look(form.spots, answers, ())
    return found
