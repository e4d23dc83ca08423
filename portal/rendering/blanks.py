"""Questions drawn once, with holes where what somebody typed goes.

The components' macros are the dearest part of a page, and what they make of a question changes only with the few things that a
`Shape` names. What people type is no part of it and isn't kept: it is put into the holes of each page anew, escaped.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from engine.procedures.forms import Field
from engine.procedures.forms.conditions import text_of
from engine.procedures.forms.layout import Choice
from portal.rendering import drawing
from portal.rendering.drawing import Page

_BOXES = frozenset({"text", "textarea", "number", "integer", "email", "phone", "plate", "postcode"})
_CHOICES = frozenset({"radios", "yesno", "select", "checkboxes", "consent"})
# From Unicode's private area: what a form says has none of them, and nothing escapes them.
_HOLES = "\ue000\ue001\ue002"
_HOLE = re.compile(f"[{_HOLES}]")
# The macros leave many empty lines.
_EMPTY_LINES = re.compile(r"\s*\n\s*")
_NOTHING = Page({}, {}, "", {}, ())


class Shape(NamedTuple):
    """All that decides how a question without an error is drawn, but for what stands in its boxes.

    `filled` says which boxes have something in them; `chosen` are the values that are ticked or selected.
    """

    kind: str
    path: str
    variant: int
    label: str
    hint: str
    required: bool
    required_if: str
    autocomplete: str | None
    width: int | None
    max_length: int | None
    choices: tuple[tuple[str, str, str], ...]
    chosen: tuple[str, ...]
    filled: tuple[bool, ...]


def draw(field: Field, page: Page, level: int) -> Markup:
    """The question as the macros draw it."""
    if field.locked or field.path in page.errors:
        return drawing.whole(field, page, level)
    if field.kind in _BOXES:
        values: tuple[str, ...] = (drawing.typed(field),)
    elif field.kind == "date":
        values = drawing.boxes(field)
    elif field.kind in _CHOICES:
        values = ()
    else:
        return drawing.whole(field, page, level)
    pieces = _pieces(_shape(field, values))
    given = [value for value in values if value]
    if len(pieces) != len(given) + 1:
        return drawing.whole(field, page, level)
    return pieces[0] + Markup().join(escape(value) + after for value, after in zip(given, pieces[1:], strict=True))


def _shape(field: Field, values: tuple[str, ...]) -> Shape:
    choices: tuple[tuple[str, str, str], ...] = ()
    chosen: tuple[str, ...] = ()
    if field.kind == "consent":
        chosen = ("true",) if field.value is True else ()
    elif field.kind in _CHOICES:
        given = drawing.given(field)
        choices = tuple((text_of(one.value), one.label, one.hint) for one in field.choices)
        chosen = tuple(value for value, _, _ in choices if value in given)
    schema = field.schema
    return Shape(
        field.kind,
        field.path,
        field.variant,
        field.label,
        field.hint,
        field.required,
        "" if field.required_if is None else drawing.rule(field.required_if),
        schema.get("x-autocomplete"),
        schema.get("x-width"),
        field.max_length if "maxLength" in schema else None,
        choices,
        chosen,
        tuple(map(bool, values)),
    )


# A city's procedures have some hundreds of questions; one with choices has a shape for each answer.
@lru_cache(maxsize=4096)
def _pieces(shape: Shape) -> tuple[Markup, ...]:
    """The drawing of a shape, cut at its holes."""
    html = _EMPTY_LINES.sub("\n", drawing.whole(_field(shape), _NOTHING, 2))
    return tuple(Markup(piece) for piece in _HOLE.split(html))  # noqa: S704 - the macros' own


def _field(shape: Shape) -> Field:
    """A field of this shape and nothing else: what a macro asks for beyond it is missing for everybody, and tests see it."""
    holes = [hole if filled else "" for hole, filled in zip(_HOLES, shape.filled, strict=False)]
    value: Any = "/".join(holes) if any(shape.filled) else None
    if shape.kind == "consent":
        value = bool(shape.chosen)
    elif shape.kind in _CHOICES:
        value = list(shape.chosen)
    words = {"x-autocomplete": shape.autocomplete, "x-width": shape.width, "maxLength": shape.max_length}
    return Field(
        path=shape.path,
        key=shape.path.rpartition(".")[2],
        kind=shape.kind,
        label=shape.label,
        hint=shape.hint,
        required=shape.required,
        required_if=json.loads(shape.required_if) if shape.required_if else None,
        active=True,
        shown_if=None,
        when="",
        value=value,
        text="",
        locked=False,
        choices=tuple(Choice(*one) for one in shape.choices),
        fields=(),
        blocks=(),
        schema={word: said for word, said in words.items() if said is not None},
        max_length=shape.max_length or 0,
        max_items=1,
        min_items=0,
        variant=shape.variant,
    )
