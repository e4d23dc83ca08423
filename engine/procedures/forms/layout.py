"""The fields of a form, worked out once from its schema: what each is, and when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jsonschema.protocols import Validator

from engine.procedures.forms.conditions import Guard, Ways, guard

ALWAYS: Ways = ((),)
RADIOS_AT_MOST = 7
LINE_LENGTH = 500
TEXT_LENGTH = 5_000
ITEMS_AT_MOST = 100
FILES_AT_MOST = 4

_FORMATS = {
    "date": "date",
    "email": "email",
    "fr-phone": "phone",
    "fr-mobile": "phone",
    "fr-landline": "phone",
    "fr-plate": "plate",
    "fr-postcode": "postcode",
}
_SHAPES = {"type", "enum", "oneOf", "const", "properties", "items", "format", "x-widget", "x-options"}
# Their value is a text, a number or a truth; the others hold lists or other fields.
SINGLE = {
    *("text", "textarea", "number", "integer", "date", "email", "phone", "plate", "postcode"),
    *("radios", "select", "yesno", "consent"),
}
TEXTS = {"text", "textarea", "date", "email", "phone", "plate", "postcode"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer among several."""

    value: Any
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place for an answer: what `fields` draws and `clean` keeps.

    Two spots of a group may share a `key` when different branches of a condition ask a different question under one name.
    """

    key: str
    kind: str
    schema: dict[str, Any] = field(repr=False)
    shown: Ways
    hidden: Ways
    needed: Ways
    spots: tuple[Spot, ...] = ()
    choices: tuple[Choice, ...] = ()

    @property
    def label(self) -> str:
        """The question, or its key where the schema gives no title."""
        return str(self.schema.get("title", self.key))

    @property
    def max_length(self) -> int:
        """The longest text that is taken."""
        return int(self.schema.get("maxLength", TEXT_LENGTH if self.kind == "textarea" else LINE_LENGTH))

    @property
    def max_items(self) -> int:
        """The most items that are taken."""
        return int(self.schema.get("maxItems", FILES_AT_MOST if self.kind == "files" else ITEMS_AT_MOST))


# A piece of schema that says something about a field, with the guards under which it says it.
Said = tuple[dict[str, Any], tuple[Guard, ...]]


def lay_out(schema: dict[str, Any], validator: Validator) -> tuple[Spot, ...]:
    """The spots of an expanded schema, in the order of the page."""
    return Layout(validator).group([(schema, ())], 0, frozenset())


class Layout:
    """One reading of a schema; what it names without asking for it is kept for the checker."""

    def __init__(self, validator: Validator) -> None:
        self.validator = validator
        self.required_unknown: list[str] = []
        self.order_unknown: list[str] = []

    def said(self, schema: Any, depth: int, guards: tuple[Guard, ...]) -> Iterator[Said]:
        """Everything that a schema says about one value, branches included."""
        if not isinstance(schema, dict):
            return
        yield schema, guards
        for sub in schema.get("allOf", ()):
            yield from self.said(sub, depth, guards)
        if "if" in schema:
            for word, wanted in (("then", True), ("else", False)):
                if word in schema:
                    one = guard(schema["if"], wanted, depth, self.validator)
                    yield from self.said(schema[word], depth, (*guards, one))
        for key, sub in schema.get("dependentSchemas", {}).items():
            one = guard({"required": [key]}, True, depth, self.validator)
            yield from self.said(sub, depth, (*guards, one))

    def group(self, parts: Iterable[Said], depth: int, known: frozenset[Guard]) -> tuple[Spot, ...]:
        """The spots of an object, from all that is said about it; `known` is what already holds where the object shows."""
        said = [(one, way) for schema, guards in parts for one, way in self.said(schema, depth, guards)]
        about: dict[str, list[Said]] = {}
        hidden: dict[str, list[tuple[Guard, ...]]] = {}
        needed: dict[str, list[tuple[Guard, ...]]] = {}
        order: list[str] = []
        wanted_order: list[str] = []
        last_after: dict[str, str] = {}
        for schema, guards in said:
            way = tuple(one for one in guards if one not in known)
            wanted_order = wanted_order or list(schema.get("x-order", ()))
            for name in schema.get("required", ()):
                needed.setdefault(name, []).append(way)
            for key, names in schema.get("dependentRequired", {}).items():
                one = guard({"required": [key]}, True, depth, self.validator)
                for name in names:
                    needed.setdefault(name, []).append((*way, one))
            for name, sub in schema.get("properties", {}).items():
                if sub is False:
                    hidden.setdefault(name, []).append(way)
                    continue
                about.setdefault(name, []).append((sub if isinstance(sub, dict) else {}, way))
                if name not in order:
                    _insert(order, name, way, depth, last_after)
        self.required_unknown += [name for name in needed if name not in about]
        self.order_unknown += [name for name in wanted_order if name not in about]
        order = [name for name in wanted_order if name in order] + [name for name in order if name not in wanted_order]
        return tuple(
            spot
            for name in order
            for spot in self.spots(
                name, about[name], depth, known, tuple(hidden.get(name, ())), tuple(needed.get(name, ()))
            )
        )

    def spots(
        self, key: str, parts: list[Said], depth: int, known: frozenset[Guard], hidden: Ways, needed: Ways
    ) -> Iterator[Spot]:
        """The spots of one property: one, or one for each branch that defines it differently."""
        spoken = [(merged(schema), schema, way) for schema, way in parts]
        everywhere = [one for one in spoken if not one[2]]
        if any(_SHAPES & set(whole) for whole, _, _ in everywhere) or all(not _SHAPES & set(one[0]) for one in spoken):
            first = everywhere + [one for one in spoken if one[2]]
            shown: Ways = ALWAYS if everywhere else tuple(way for _, _, way in spoken)
            yield self.spot(key, first, depth, known, shown, hidden, needed)
            return
        plain = [one for one in spoken if not _SHAPES & set(one[0])]
        shaped = [one for one in spoken if _SHAPES & set(one[0])]
        kinds = {kind_of(whole) for whole, _, _ in shaped}
        if kinds <= {"group", "address"} or kinds == {"blocks"}:
            yield self.spot(key, shaped + plain, depth, known, tuple(way for _, _, way in shaped), hidden, needed)
            return
        variants: list[tuple[dict[str, Any], list[tuple[dict[str, Any], dict[str, Any], tuple[Guard, ...]]]]] = []
        for one in shaped:
            same = next((group for whole, group in variants if whole == one[0]), None)
            if same is None:
                variants.append((one[0], [one]))
            else:
                same.append(one)
        for _, group in variants:
            yield self.spot(key, group + plain, depth, known, tuple(way for _, _, way in group), hidden, needed)

    def spot(
        self,
        key: str,
        parts: Sequence[tuple[dict[str, Any], dict[str, Any], tuple[Guard, ...]]],
        depth: int,
        known: frozenset[Guard],
        shown: Ways,
        hidden: Ways,
        needed: Ways,
    ) -> Spot:
        whole: dict[str, Any] = {}
        for schema, _, _ in parts:
            whole = {**schema, **whole}
        kind = kind_of(whole)
        # What must hold for this spot to show needn't be said again for what is inside it.
        inside = known | frozenset(shown[0]) if len(shown) == 1 else known
        spots: tuple[Spot, ...] = ()
        if kind in ("group", "address"):
            spots = self.group([(schema, way) for _, schema, way in parts], depth + 1, inside)
        elif kind == "blocks":
            items = [
                (one["items"], way)
                for _, schema, guards in parts
                for one, way in self.said(schema, depth + 1, guards)
                if isinstance(one.get("items"), dict)
            ]
            spots = self.group(items, depth + 2, inside)
        return Spot(key, kind, whole, shown, hidden, needed, spots, tuple(choices_of(whole, kind)))


def _insert(order: list[str], name: str, way: tuple[Guard, ...], depth: int, last_after: dict[str, str]) -> None:
    """Put a conditional field under the question that calls for it, after those already put there."""
    asked = [one for guard_ in way if guard_.depth == depth for one in guard_.names if one in order]
    if not asked:
        order.append(name)
        return
    question = asked[-1]
    order.insert(order.index(last_after.get(question, question)) + 1, name)
    last_after[question] = name


def merged(schema: dict[str, Any]) -> dict[str, Any]:
    """What a schema says of its value at all times, its own words before those of its `allOf`."""
    whole = {keyword: value for keyword, value in schema.items() if keyword != "allOf"}
    for sub in schema.get("allOf", ()):
        if isinstance(sub, dict):
            whole = {**merged(sub), **whole}
    if isinstance(whole.get("items"), dict):
        whole["items"] = merged(whole["items"])
    return whole


def kind_of(schema: dict[str, Any]) -> str:
    """How the answer is asked for."""
    widget = schema.get("x-widget")
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    if widget == "files":
        return "files"
    if kind == "array":
        items = schema.get("items")
        if isinstance(items, dict) and (items.get("type") == "object" or "properties" in items):
            return "blocks"
        return "checkboxes"
    if kind == "object" or "properties" in schema:
        return "address" if widget == "address" else "group"
    if widget in ("consent", "yesno", "textarea", "radios", "select", "plate", "phone"):
        return str(widget)
    if kind == "boolean" or isinstance(schema.get("const"), bool):
        return "consent" if schema.get("const") is True else "yesno"
    if "enum" in schema or "oneOf" in schema or "x-options" in schema:
        return "radios" if len(schema.get("enum") or schema.get("oneOf") or ()) <= RADIOS_AT_MOST else "select"
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    if kind in ("integer", "number"):
        return str(kind)
    return "textarea" if schema.get("maxLength", 0) > 200 else "text"


def choices_of(schema: dict[str, Any], kind: str) -> Iterator[Choice]:
    """The choices that the schema itself lists."""
    if kind == "yesno":
        yield Choice(True, "Oui")
        yield Choice(False, "Non")
        return
    if kind == "checkboxes":
        schema = schema.get("items") or {}
    elif kind not in ("radios", "select"):
        return
    for value in schema.get("enum", ()):
        yield Choice(value, str(value))
    for one in schema.get("oneOf", ()):
        if isinstance(one, dict) and "const" in one:
            yield Choice(one["const"], str(one.get("title", one["const"])), str(one.get("description", "")))


def options_of(spot: Spot) -> str | None:
    """The name of the choices that the platform computes for this field, if it does."""
    found = spot.schema.get("x-options") or (spot.schema.get("items") or {}).get("x-options")
    return str(found) if found else None


def with_choices(spot: Spot, choices: Iterable[Choice]) -> Spot:
    """The spot offering these choices."""
    return replace(spot, choices=tuple(choices))
