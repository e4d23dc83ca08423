"""Fields as HTML, over the macros of `fields.html`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from markupsafe import Markup, escape

from engine.procedures.forms import Field, every_field
from engine.procedures.forms.conditions import text_of
from engine.procedures.forms.formats import is_date, is_phone
from engine.procedures.forms.wording import phone
from portal.rendering.reading import kinds_of

NBSP = "\u00a0"
_WIDTHS = (2, 3, 4, 5, 10, 20, 30)
_TYPICAL_WIDTH = {"postcode": 5, "phone": 20, "plate": 10, "number": 10, "integer": 10}
_EXTENSIONS = {"pdf": (".pdf",), "jpg": (".jpg", ".jpeg"), "png": (".png",)}
_CERTIFIED = Markup(
    "Votre identité est certifiée par FranceConnect. Ces informations ne se modifient pas ici\u00a0: elles se corrigent auprès "
    "du fournisseur d’identité. "
    '<a class="govuk-link" href="/demarches/franceconnect-deliaison" target="_blank">Signaler une erreur'
    '<span class="govuk-visually-hidden"> (nouvel onglet)</span></a>'
)
_FROM_ACCOUNT = "Cette information vient de votre compte et ne se modifie pas ici."
_KINDS = {"pdf": "PDF", "jpg": "JPEG", "png": "PNG"}


# The documents of a person's space that a field of files may take: the name of each, and its files (`id`, `name`, `size`).
Own = Sequence[tuple[str, Sequence[Mapping[str, Any]]]]


@dataclass(frozen=True, slots=True)
class Page:
    """What the macros know of the page beside the fields: `notes` say by path why values can't be changed."""

    errors: Mapping[str, str]
    files: Mapping[str, Mapping[str, Any]]
    focus: str
    notes: Mapping[str, str]
    own: Own


def draw(
    fields: Sequence[Field],
    errors: Mapping[str, str] | None = None,
    *,
    files: Mapping[str, Mapping[str, Any]] | None = None,
    focus: str = "",
    level: int = 2,
    own: Own = (),
) -> Markup:
    """The fields of a form as HTML.

    `errors` are messages by path; `files` describe those already given, by id (`name`, `size`, `href`, `note`); `focus` is the
    path of the block to put the cursor in; `level` is the heading level of the groups; `own` are the documents of one's space.
    """
    page = Page(errors or {}, files or {}, focus, lock_notes(fields), own)
    drawn: Markup = _macros().fields(fields, page, level)
    return drawn


def whole(field: Field, page: Page, level: int) -> Markup:
    """One field by the macros, from its beginning to its end; `draw` spares that where it can (`blanks`)."""
    drawn: Markup = _macros().field(field, page, level)
    return drawn


@cache
def _macros() -> Any:
    from portal.rendering import blanks
    from portal.rendering.templates import environment

    alone = environment()
    alone.globals |= {
        "anchor": anchor,
        "blank": blanks.draw,
        "label": label,
        "typed": typed,
        "boxes": boxes,
        "options": options,
        "rule": rule,
        "width": width,
        "accept": accept,
        "files_hint": files_hint,
        "takes_photos": takes_photos,
        "own_items": own_items,
        "together": together,
        "date_error_boxes": date_error_boxes,
        "optional": optional,
    }
    return alone.get_template("fields.html").module


def anchor(path: str, variant: int = 0) -> str:
    """The id of the field at `path`."""
    return "f-" + path.replace(".", "-") + (f"--{variant}" if variant else "")


def label(field: Field) -> Markup:
    """The question, with its asterisk when an answer is required; one that depends on other answers follows them."""
    text = escape(field.label)
    if field.required_if is not None:
        hidden = Markup("") if field.required else Markup(" hidden")
        return text + Markup('<span class="ville-star" data-required-if="{}"{}>{}*</span>').format(
            rule(field.required_if), hidden, NBSP
        )
    return text + Markup('<span class="ville-star">{}*</span>').format(NBSP) if field.required else text


def optional(field: Field) -> bool:
    """Whether a group may be left empty although it has fields with an asterisk."""
    return not field.required and field.required_if is None and any(one.required for one in field.fields)


def rule(value: Any) -> str:
    """A rule as the page's script reads it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def typed(field: Field) -> str:
    """The value of a box: what was typed, or the stored answer as people write it."""
    value = field.value
    if isinstance(value, float):
        return f"{value:f}".rstrip("0").rstrip(".").replace(".", ",")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return ""
    if field.kind == "phone" and is_phone(value):
        return phone(value).replace(NBSP, " ")
    # HTML has no way to carry these.
    return "".join(one for one in value if one != "\0" and not "\ud800" <= one <= "\udfff")


def boxes(field: Field) -> tuple[str, str, str]:
    """Day, month and year of a date, as typed when it isn't one."""
    text = typed(field)
    if is_date(text):
        year, month, day = text.split("-")
        return str(int(day)), str(int(month)), year
    parts = text.split("/")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else ("", "", text)


def date_error_boxes(field: Field) -> tuple[bool, bool, bool]:
    """Which boxes of a wrong date to point at: the empty ones when some are filled, else all."""
    empty = tuple(not box.strip() for box in boxes(field))
    return (empty[0], empty[1], empty[2]) if any(empty) and not all(empty) else (True, True, True)


def given(field: Field) -> set[str]:
    """What was chosen, as pages send it."""
    return {
        text_of(one) for one in (field.value if isinstance(field.value, list) else [field.value]) if one is not None
    }


def options(field: Field) -> list[dict[str, Any]]:
    """The choices of a field as the component macros take them."""
    chosen = given(field)
    found: list[dict[str, Any]] = []
    for choice in field.choices:
        value = text_of(choice.value)
        hint = {"text": choice.hint} if choice.hint else None
        mark = "selected" if field.kind == "select" else "checked"
        found.append({"value": value, "text": choice.label, "hint": hint, mark: value in chosen})
    return found


def width(field: Field) -> str:
    """The class that gives a box the width of what it expects."""
    wanted = field.schema.get("x-width") or _TYPICAL_WIDTH.get(field.kind)
    if not wanted:
        return "govuk-!-width-two-thirds"
    return f"govuk-input--width-{next((one for one in _WIDTHS if one >= wanted), 30)}"


def accept(field: Field) -> str:
    """The `accept` attribute of a file box."""
    return ",".join(extension for kind in kinds_of(field.schema) for extension in _EXTENSIONS.get(kind, (f".{kind}",)))


def files_hint(field: Field) -> str:
    """What can be joined, said under the question."""
    kinds = [_KINDS.get(kind, kind.upper()) for kind in kinds_of(field.schema)]
    listed = f"{', '.join(kinds[:-1])} ou {kinds[-1]}" if len(kinds) > 1 else "".join(kinds)
    count = f"{field.max_items}{NBSP}fichiers" if field.max_items > 1 else f"1{NBSP}fichier"
    each = " chacun" if field.max_items > 1 else ""
    return f"{count} au plus, {listed}, 10{NBSP}Mo{each}."


def takes_photos(field: Field) -> bool:
    """Whether a photograph taken on the spot can be joined."""
    return "jpg" in kinds_of(field.schema)


def own_items(files: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The files of a document of one's space as choices."""
    return [{"value": one["id"], "text": f"{one['name']} ({one['size']})"} for one in files]


def together(fields: Sequence[Field]) -> Iterator[tuple[str, list[Field]]]:
    """Neighbours of the same `x-group` together, each run with its legend."""
    run: list[Field] = []
    for field in fields:
        if run and field.legend != run[0].legend:
            yield run[0].legend, run
            run = []
        run.append(field)
    if run:
        yield run[0].legend, run


def lock_notes(fields: Iterable[Field]) -> dict[str, str]:
    """Why values can't be changed here, by the path of the first field that each reason holds for: said once a page."""
    found: dict[bool, str] = {}
    for field in every_field(fields):
        if field.locked and field.kind not in ("group", "address", "blocks"):
            found.setdefault(field.certified, field.path)
    return {path: _CERTIFIED if certified else _FROM_ACCOUNT for certified, path in found.items()}


def error_list(fields: Iterable[Field], errors: Mapping[str, str]) -> list[dict[str, str]]:
    """The entries of the error summary, in the order of `errors`, each linked to its field.

    An error inside a repeated block says which block; one inside a group says which group where labels could be mistaken.
    """
    known: dict[str, tuple[Field, tuple[str, ...]]] = {}
    labels: dict[str, int] = {}

    def look(some: Iterable[Field], trail: tuple[str, ...]) -> None:
        for field in some:
            if field.path not in known or field.active:
                known[field.path] = (field, trail)
            labels[field.label] = labels.get(field.label, 0) + 1
            look(field.fields, (*trail, field.label))
            for index, block in enumerate(field.blocks):
                look(block, (*trail, f"{field.item_title}{NBSP}{index + 1}"))

    look(list(fields), ())
    found: list[dict[str, str]] = []
    for path, message in errors.items():
        if path not in known:
            found.append({"text": message})
            continue
        field, trail = known[path]
        inside_block = any(part.isdigit() for part in path.split("."))
        prefix = f"{', '.join(trail)}{NBSP}: " if trail and (inside_block or labels[field.label] > 1) else ""
        found.append({"text": prefix + message, "href": f"#{_first_control(field)}"})
    return found


def _first_control(field: Field) -> str:
    place = anchor(field.path, field.variant)
    if field.kind == "date" and not field.locked:
        wrong = date_error_boxes(field).index(True)
        return f"{place}-{('day', 'month', 'year')[wrong]}"
    return place
