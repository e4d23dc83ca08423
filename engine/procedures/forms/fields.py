"""What a page needs to draw a form: one `Field` for each question, with what was answered so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.procedures.forms.answers import active, choices_in, clean, is_locked, limit, with_locked
from engine.procedures.forms.conditions import Guard, Path, Rule, State, Ways, either
from engine.procedures.forms.form import Form
from engine.procedures.forms.layout import ALWAYS, Choice, Spot
from engine.procedures.forms.summary import in_words
from engine.procedures.forms.wording import NBSP

_NOT_WORDS = {"group", "address", "blocks", "files"}


@dataclass(frozen=True, slots=True)
class Field:
    """One question as the page shows it.

    `kind` is one of text, textarea, number, integer, date, email, phone, plate, postcode, radios, select, yesno, consent,
    checkboxes, files, group, address, blocks. `active` says whether the answers call for it now; `shown_if` is the rule
    by which the page shows it (None: always), `when` the same in words. `value` is what was typed, even when wrong,
    `text` the answer in words.
    """

    path: str
    key: str
    kind: str
    label: str
    hint: str
    required: bool
    required_if: Rule | None
    active: bool
    shown_if: Rule | None
    when: str
    value: Any
    text: str
    locked: bool
    choices: tuple[Choice, ...]
    fields: tuple[Field, ...]
    blocks: tuple[tuple[Field, ...], ...]
    schema: Mapping[str, Any]
    max_length: int
    max_items: int
    min_items: int
    variant: int = 0

    @property
    def item_title(self) -> str:
        """What one block of a repeated group is called."""
        return str(self.schema.get("x-itemTitle", self.label))

    @property
    def add_label(self) -> str:
        """The button that adds a block."""
        return str(self.schema.get("x-add", f"Ajouter{NBSP}: {self.item_title[:1].lower()}{self.item_title[1:]}"))

    @property
    def certified(self) -> bool:
        """Whether the value is locked because the identity is certified."""
        return self.locked and self.schema.get("x-certified") is True

    @property
    def legend(self) -> str:
        """The title of the fieldset that holds this field and its neighbours of the same group, or nothing."""
        return str(self.schema.get("x-group", ""))


def fields(
    form: Form,
    answers: Mapping[str, Any],
    *,
    context: Mapping[str, Any] | None = None,
    locked: Mapping[str, Any] | None = None,
) -> list[Field]:
    """The fields of the form in the order of the page, inactive ones included.

    `answers` may be as typed: wrong values are shown as they are. `context` and `locked` are those of `validate`.
    """
    given = with_locked(answers, locked or {})
    drawing = _Drawing(form, State(clean(form, given)), context or {}, locked or {})
    return list(drawing.of(form.spots, given, (), ""))


@dataclass(frozen=True, slots=True)
class _Drawing:
    form: Form
    state: State
    context: Mapping[str, Any]
    locked: Mapping[str, Any]

    def of(self, spots: Iterable[Spot], given: Mapping[str, Any], scope: Path, prefix: str) -> Iterator[Field]:
        variants: dict[str, int] = {}
        for spot in spots:
            variant = variants[spot.key] = variants.get(spot.key, -1) + 1
            yield self.one(spot, given.get(spot.key), (*scope, spot.key), f"{prefix}{spot.key}", variant)

    def one(self, spot: Spot, value: Any, path: Path, where: str, variant: int) -> Field:
        always, rule = _need(spot, path)
        required = always or self.state.any_of(spot.needed, path)
        blocks: list[Any] = []
        if spot.kind == "blocks":
            blocks = list(value[: spot.max_items]) if isinstance(value, list) else []
            # One to fill in at once where one is required.
            blocks = blocks or [{}] * min(max(int(spot.schema.get("minItems", 0)), int(required)), spot.max_items)
        return Field(
            path=where,
            key=spot.key,
            kind=spot.kind,
            label=spot.label,
            hint=str(spot.schema.get("description", "")),
            required=required,
            required_if=rule,
            active=active(spot, path, self.state),
            shown_if=_shown_if(spot, path),
            when="" if spot.shown == ALWAYS and not spot.hidden else self.when(spot),
            value=value,
            text=in_words(spot, value, self.context) if spot.kind not in _NOT_WORDS else "",
            locked=is_locked(where, self.locked),
            choices=choices_in(self.context, spot),
            fields=tuple(self.of(spot.spots, _mapping(value), path, f"{where}.")) if spot.kind != "blocks" else (),
            blocks=tuple(
                tuple(self.of(spot.spots, _mapping(one), (*path, index), f"{where}.{index}."))
                for index, one in enumerate(blocks)
            ),
            schema=_with_limits(spot),
            max_length=spot.max_length,
            max_items=spot.max_items,
            min_items=int(spot.schema.get("minItems", 0)),
            variant=variant,
        )

    def when(self, spot: Spot) -> str:
        """When an answer is asked for, in words, for pages without JavaScript."""
        general = "À remplir selon vos réponses aux autres questions."
        if spot.hidden or len(spot.shown) != 1 or len(spot.shown[0]) != 1:
            return general
        (one,) = spot.shown[0]
        question, values = _said_of(one)
        asked = self.question(one, question)
        if asked is None:
            return general
        label = f"«{NBSP}{asked.label}{NBSP}»"
        if values is None:
            return f"À remplir si vous avez répondu à {label}."
        labels = [choice.label for choice in choices_in(self.context, asked) if str(_text(choice.value)) in values]
        if asked.kind == "consent":
            return f"À remplir si vous avez coché {label}."
        if not labels or len(labels) != len(values):
            return general
        answers = " ou ".join(f"«{NBSP}{one}{NBSP}»" for one in labels)
        return f"À remplir si vous avez répondu {answers} à {label}."

    def question(self, one: Guard, path: str) -> Spot | None:
        """The question of a condition, looked for among the spots at its depth."""
        if not path:
            return None
        found = [spot for depth, where, spot in _deep(self.form.spots, 0, "") if depth == one.depth and where == path]
        return found[0] if len(found) == 1 else None


def _deep(spots: Iterable[Spot], depth: int, prefix: str) -> Iterator[tuple[int, str, Spot]]:
    """Every spot as seen from each place above it: how deep that place is, the path from there, the spot."""
    for spot in spots:
        yield depth, spot.key, spot
        step = 2 if spot.kind == "blocks" else 1
        for inner, where, found in _deep(spot.spots, depth + step, ""):
            yield inner, where, found
            if spot.kind != "blocks" and inner == depth + step:
                yield depth, f"{spot.key}.{where}", found


def _said_of(one: Guard) -> tuple[str, set[str] | None]:
    """The path and the values of a simple condition: «this question has one of these answers»; no values: any answer."""
    rule = one.rule
    if not one.wanted or rule is None:
        return "", None
    if set(rule) == {"any"} and len(rule["any"]) == 2 and "in" in rule["any"][1]:
        rule = rule["any"][1]
    if set(rule) == {"path", "in"}:
        return str(rule["path"]), set(rule["in"])
    if set(rule) == {"path", "given"}:
        return str(rule["path"]), None
    return "", None


def _shown_if(spot: Spot, path: Path) -> Rule | None:
    if spot.hidden:
        away = either(spot.hidden, path)
        here = None if spot.shown == ALWAYS else either(spot.shown, path)
        if away is None or (here is None and spot.shown != ALWAYS):
            return None
        return {"not": away} if here is None else {"all": [here, {"not": away}]}
    return either(spot.shown, path)


def _need(spot: Spot, path: Path) -> tuple[bool, Rule | None]:
    """Whether the answer is required each time that it is asked for; otherwise, the rule by which it is."""
    if all(any(set(way) <= set(shown) for way in spot.needed) for shown in spot.shown):
        return True, None
    ways: Ways = tuple(spot.needed)
    return False, either(ways, path) if ways else None


def _with_limits(spot: Spot) -> Mapping[str, Any]:
    if spot.kind != "date":
        return spot.schema
    return {**spot.schema, **{word: limit(spot, word) for word in ("x-min", "x-max") if word in spot.schema}}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def every_field(found: Iterable[Field]) -> Iterator[Field]:
    """Every field, those inside groups and blocks included, in the order of the page."""
    for one in found:
        yield one
        yield from every_field(one.fields)
        for block in one.blocks:
            yield from every_field(block)
