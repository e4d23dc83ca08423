"""What was posted, read back as answers: names as paths, texts as the values that the form expects, wrong ones as typed."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from werkzeug.datastructures import FileStorage, MultiDict

from engine.core.errors import BadRequest
from engine.procedures.forms import Form, at
from engine.procedures.forms.answers import active, clean
from engine.procedures.forms.conditions import Path, State, text_of
from engine.procedures.forms.form import spot_at
from engine.procedures.forms.layout import TEXTS, Spot

# What a browser sends even when nothing was typed or chosen.
_ALWAYS_SENT = {*TEXTS, "number", "integer", "select"} - {"date"}
_DIGITS = re.compile(r"\d{1,18}")


def read(form: Form, posted: MultiDict[str, str]) -> dict[str, Any]:
    """The answers as posted, for `forms.validate`; what no field asks for is left out, what is wrong is kept as typed."""
    found = _group(form.spots, posted, "", (), None)
    if _has_variants(form.spots):
        # Which of the questions under one name is asked follows from the other answers.
        found = _group(form.spots, posted, "", (), State(clean(form, found)))
    return found


def _has_variants(spots: Sequence[Spot]) -> bool:
    return len({spot.key for spot in spots}) < len(spots) or any(_has_variants(spot.spots) for spot in spots)


def _group(
    spots: Sequence[Spot], posted: MultiDict[str, str], prefix: str, scope: Path, state: State | None
) -> dict[str, Any]:
    """The answers of a group; where branches ask several questions under one name, `state` says which of them counts."""
    found: dict[str, Any] = {}
    for key in dict.fromkeys(spot.key for spot in spots):
        variants = [spot for spot in spots if spot.key == key]
        path = (*scope, key)
        asked = [spot for spot in variants if active(spot, path, state)] if state and len(variants) > 1 else []
        for spot in asked or variants:
            value = _value(spot, variants, posted, f"{prefix}{key}", path, state)
            # Of several that may count, the one that was answered.
            if value is not None and (key not in found or found[key] in ("", {}, [])):
                found[key] = value
    return found


def _value(
    spot: Spot, variants: Sequence[Spot], posted: MultiDict[str, str], name: str, path: Path, state: State | None
) -> Any:
    if spot.kind in ("group", "address"):
        return _group(spot.spots, posted, f"{name}.", path, state)
    if spot.kind == "blocks":
        return [
            _group(spot.spots, posted, f"{name}.{index}.", (*path, place), state)
            for place, index in enumerate(_indexes(posted, name, spot.max_items))
        ]
    if spot.kind == "date":
        return _date(posted, name)
    texts = posted.getlist(name)
    if len(variants) > 1:
        texts = _own(spot, variants, texts)
    if spot.kind in ("checkboxes", "files"):
        return [_choice(spot, text) for text in texts if text]
    if not texts:
        return None
    # Two questions under one name, both on a page without JavaScript: the one that was filled in.
    text = next((one for one in texts if one.strip()), texts[0])
    if spot.kind in ("radios", "select", "yesno", "consent"):
        return _choice(spot, text)
    if spot.kind in ("integer", "number"):
        return _number(text)
    if spot.schema.get("x-autocomplete") == "one-time-code":
        # Pasted from a letter, with the blanks around and within it.
        return "".join(text.split())
    return text


def _own(spot: Spot, variants: Sequence[Spot], texts: list[str]) -> list[str]:
    """Of what was sent under the name of several questions, what may be the answer to one of them."""
    if len(texts) == len(variants) and all(one.kind in _ALWAYS_SENT for one in variants):
        # Without JavaScript each box sends something, in the order of the page.
        return [texts[variants.index(spot)]]
    if not spot.choices:
        return texts
    own = {text_of(choice.value) for choice in spot.choices}
    others = {text_of(choice.value) for one in variants for choice in one.choices} - own
    return [text for text in texts if text not in others] or [""] * bool(texts)


def _indexes(posted: MultiDict[str, str], name: str, most: int) -> list[int]:
    pattern = re.compile(rf"{re.escape(name)}\.([0-9]{{1,6}})\.")
    indexes = {int(found[1]) for key in posted if (found := pattern.match(key))}
    # One too many is enough for the form to refuse them.
    return sorted(indexes)[: most + 1]


def _choice(spot: Spot, text: str) -> Any:
    if spot.kind == "consent":
        return True if text == "true" else text
    for choice in spot.choices:
        if text_of(choice.value) == text:
            return choice.value
    return text


def _number(text: str) -> Any:
    plain = re.sub(r"\s", "", text).replace(",", ".").replace("\u2212", "-")
    sign, digits = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
    if _DIGITS.fullmatch(digits) and digits.isascii():
        return int(sign + digits)
    if re.fullmatch(r"[0-9]{1,15}\.[0-9]{1,15}", digits):
        return float(sign + digits)
    return text


def _date(posted: MultiDict[str, str], name: str) -> str | None:
    texts = [[one.strip() for one in posted.getlist(f"{name}-{part}")] for part in ("day", "month", "year")]
    if not any(texts):
        return posted.get(name)
    count = max(len(one) for one in texts)
    typed = [[one[index] if index < len(one) else "" for one in texts] for index in range(count)]
    day, month, year = next((one for one in typed if any(one)), ["", "", ""])
    if not (day or month or year):
        return None
    try:
        if all(one.isascii() and one.isdigit() for one in (day, month, year)) and len(year) == 4:
            return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        pass
    # Kept as typed: shown again in its three boxes, refused by the form.
    return "/".join(one.replace("/", "") for one in (day, month, year))


def uploads(form: Form, posted: MultiDict[str, FileStorage]) -> dict[str, list[FileStorage]]:
    """The files that were sent, by the path of their field; empty file boxes are left out."""
    found: dict[str, list[FileStorage]] = {}
    for name in posted:
        path = name.removesuffix("-files")
        spot = spot_at(form, tuple(path.split(".")))
        files = [one for one in posted.getlist(name) if one.filename]
        if path != name and spot is not None and spot.kind == "files" and files:
            found[path] = files
    return found


PICKED = "-pieces"
"""How the name of a choice among the documents of one's space ends, after the path of its field."""
_MEDIA_TYPES = {"pdf": "application/pdf", "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png"}


def picked(form: Form, posted: MultiDict[str, str]) -> dict[str, list[str]]:
    """The files of one's space that were chosen, by the path of their field."""
    found: dict[str, list[str]] = {}
    for name in posted:
        path = name.removesuffix(PICKED)
        spot = spot_at(form, tuple(path.split(".")))
        ids = [one for one in posted.getlist(name) if one]
        if path != name and spot is not None and spot.kind == "files" and ids:
            # One too many is enough for the field to refuse them.
            found[path] = list(dict.fromkeys(ids))[: spot.max_items + 1]
    return found


def accepted(form: Form, path: str) -> list[str]:
    """The kinds of files that the field at a path takes, as extensions."""
    spot = spot_at(form, tuple(path.split(".")))
    return kinds_of(spot.schema if spot is not None else {})


def accepts(form: Form, path: str, media_type: str) -> bool:
    """Whether the field at a path takes files of this type."""
    return media_type in {_MEDIA_TYPES.get(kind) for kind in accepted(form, path)}


def kinds_of(schema: Mapping[str, Any]) -> list[str]:
    """What a field of files says that it takes, as extensions."""
    found = str(schema.get("x-accept", "pdf,jpg,png")).replace(".", "").lower().split(",")
    return [kind.strip() for kind in found if kind.strip()]


@dataclass(frozen=True, slots=True)
class Action:
    """What the pressed button asks for: `next`, `save`, or `add`, `remove`, `attach`, `remove-file` at a path."""

    name: str
    path: str = ""
    file: str = ""

    @property
    def stays(self) -> bool:
        """Whether the page is shown again without checking the answers."""
        return self.name in ("add", "remove", "attach", "remove-file")


def action(posted: MultiDict[str, str]) -> Action:
    """The button that was pressed; `next` when none is named, as when Enter is typed."""
    text = posted.get("_action") or "next"
    name, _, rest = text.partition(":")
    if name in ("add", "remove", "attach") and rest:
        return Action(name, rest)
    if name == "remove-file" and ":" in rest:
        path, _, file = rest.rpartition(":")
        return Action(name, path, file)
    if not rest and re.fullmatch(r"[a-z-]{1,30}", name) and name not in ("add", "remove", "attach", "remove-file"):
        return Action(name)
    raise BadRequest(action=text[:80])


def act(form: Form, answers: dict[str, Any], wanted: Action) -> dict[str, Any]:
    """The answers after a block was added or removed, or a file taken away; BadRequest for a place that doesn't exist."""
    answers = copy.deepcopy(answers)
    parts = wanted.path.split(".")
    spot = spot_at(form, tuple(parts))
    if wanted.name == "remove-file" and spot is not None and spot.kind == "files":
        given = at(answers, wanted.path)
        if isinstance(given, list) and wanted.file in given:
            given.remove(wanted.file)
    elif wanted.name == "add" and spot is not None and spot.kind == "blocks" and not parts[-1].isdigit():
        blocks = _list_at(answers, parts)
        if len(blocks) < spot.max_items:
            blocks.append({})
    elif wanted.name == "remove" and spot is not None and spot.kind == "blocks" and parts[-1].isdigit():
        blocks = _list_at(answers, parts[:-1])
        index = int(parts[-1])
        if index < len(blocks):
            del blocks[index]
    elif wanted.stays and not (wanted.name == "attach" and spot is not None and spot.kind == "files"):
        raise BadRequest(action=wanted.name, path=wanted.path[:80])
    return answers


def _list_at(answers: dict[str, Any], parts: list[str]) -> list[Any]:
    """The list at a path, made when it isn't there."""
    place: Any = answers
    for step in _steps(parts[:-1]):
        if isinstance(place, list):
            if not isinstance(step, int) or step >= len(place):
                raise BadRequest(path=".".join(parts)[:80])
            place = place[step]
        else:
            place = place.setdefault(str(step), {})
    if not isinstance(place, dict):
        raise BadRequest(path=".".join(parts)[:80])
    found = place.setdefault(parts[-1], [])
    if not isinstance(found, list):
        found = place[parts[-1]] = []
    return found


def _steps(parts: Iterable[str]) -> Iterator[str | int]:
    for part in parts:
        yield int(part) if part.isdigit() else part
