"""Conditions: the `if` of a schema, as a test that the server makes and as a rule that the page can follow.

A rule is JSON: `{"all": […]}`, `{"any": […]}`, `{"not": rule}`, or a statement on one field: `{"path": p}` with one of
`given: true`, `in: [texts]` (also true when one of several choices is among them), `min`/`max`/`above`/`below: number`,
`least`/`most: count`, `match: pattern`. A condition that can't be said so has no rule: the page then shows the field at
all times, and the server decides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from jsonschema.protocols import Validator

Rule: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str | int, ...]

_NUMBERS = {"minimum": "min", "maximum": "max", "exclusiveMinimum": "above", "exclusiveMaximum": "below"}
_SILENT = {"title", "description", "type", "$comment", "examples", "default"}


@dataclass(frozen=True, slots=True)
class Guard:
    """One condition that must be `wanted` (true or false), tested on the answers `depth` steps from the top."""

    depth: int
    key: str
    wanted: bool
    test: Validator = field(compare=False, repr=False)
    rule: Rule | None = field(compare=False, repr=False)
    names: tuple[str, ...] = field(compare=False, repr=False)

    def rule_at(self, path: Path) -> Rule | None:
        """The rule for the field at `path`, with the full paths of the fields that it looks at."""
        if self.rule is None:
            return None
        placed = _placed(self.rule, dotted(path[: self.depth]))
        return placed if self.wanted else {"not": placed}


# One way of being true is a tuple of guards that all hold; no guard at all is always true.
Ways: TypeAlias = tuple[tuple[Guard, ...], ...]


def guard(schema: Any, wanted: bool, depth: int, validator: Validator) -> Guard:
    """The guard for an `if` schema that sits `depth` steps from the top."""
    names = tuple(schema.get("properties", {})) + tuple(schema.get("required", ())) if isinstance(schema, dict) else ()
    return Guard(
        depth=depth,
        key=json.dumps(schema, sort_keys=True),
        wanted=wanted,
        test=validator.evolve(schema=schema),
        rule=rule(schema),
        names=names,
    )


def dotted(path: Sequence[str | int]) -> str:
    """A path as it is written in names of fields and keys of errors."""
    return ".".join(map(str, path))


def text_of(value: Any) -> str:
    """A choice's value as the page sends it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def rule(schema: Any, path: str = "") -> Rule | None:
    """What `schema` says about the field at `path`, as a rule; None when the page has no word for it."""
    if schema is True:
        return {"all": []}
    if schema is False:
        return {"any": []}
    parts: list[Rule | None] = []
    required = set(schema.get("required", ()))
    for keyword, value in schema.items():
        if keyword == "properties":
            parts.extend(_property(_join(path, name), sub, name in required) for name, sub in value.items())
        elif keyword == "required":
            parts.extend({"path": _join(path, name), "given": True} for name in value)
        elif keyword in _SILENT or keyword.startswith("x-"):
            continue
        else:
            parts.append(_keyword(keyword, value, path))
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    known = _without_implied(known)
    return known[0] if len(known) == 1 else {"all": known}


def _property(path: str, schema: Any, required: bool) -> Rule | None:
    inner = rule(schema, path)
    if inner is None or required:
        return inner
    # JSON Schema looks at a property only when it is there.
    return {"any": [{"not": {"path": path, "given": True}}, inner]}


def _keyword(keyword: str, value: Any, path: str) -> Rule | None:
    if keyword in ("const", "enum"):
        return {"path": path, "in": [text_of(one) for one in ([value] if keyword == "const" else value)]}
    if keyword == "contains" and isinstance(value, dict) and set(value) & {"const", "enum"}:
        return rule(value, path)
    if keyword in _NUMBERS:
        return {"path": path, _NUMBERS[keyword]: value}
    if keyword in ("minItems", "maxItems"):
        return {"path": path, "least" if keyword == "minItems" else "most": value}
    if keyword == "minLength" and value <= 1:
        return {"path": path, "given": True}
    if keyword == "pattern":
        return {"path": path, "match": value}
    if keyword == "not":
        inner = rule(value, path)
        return None if inner is None else {"not": inner}
    if keyword in ("allOf", "anyOf"):
        inners = [rule(sub, path) for sub in value]
        return None if None in inners else {"all" if keyword == "allOf" else "any": inners}
    return None


def _without_implied(rules: list[Rule]) -> list[Rule]:
    """The rules but for «given» where another statement on the same field, or inside it, already needs an answer."""
    answered = [one["path"] for one in rules if "path" in one and "given" not in one and "most" not in one]
    return [
        one
        for one in rules
        if not ("given" in one and any(f"{path}.".startswith(f"{one['path']}.") for path in answered))
    ]


def _placed(found: Rule, prefix: str) -> Rule:
    placed = dict(found)
    for word in ("all", "any"):
        if word in placed:
            placed[word] = [_placed(one, prefix) for one in placed[word]]
    if "not" in placed:
        placed["not"] = _placed(placed["not"], prefix)
    if "path" in placed:
        placed["path"] = _join(prefix, placed["path"])
    return placed


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix and name else prefix or name


def either(ways: Ways, path: Path) -> Rule | None:
    """The rule for «one of these ways holds» at `path`; None when it always holds or can't be said."""
    if () in ways:
        return None
    options: list[Rule] = []
    for way in ways:
        rules = [one.rule_at(path) for one in way]
        if None in rules:
            return None
        known = [one for one in rules if one is not None]
        options.append(known[0] if len(known) == 1 else {"all": known})
    return options[0] if len(options) == 1 else {"any": options}


@dataclass(slots=True)
class State:
    """Answers against which conditions are tested, each once."""

    answers: Mapping[str, Any]
    _known: dict[tuple[Guard, Path], bool] = field(default_factory=dict)

    def any_of(self, ways: Ways, path: Path) -> bool:
        """Whether one of the ways holds for the field at `path`."""
        # Most questions are always asked: their only way has no condition.
        return any(not way or all(self._holds(one, path[: one.depth]) for one in way) for way in ways)

    @property
    def looked_at(self) -> bool:
        """Whether a condition was tested: what was found depends on the answers only then."""
        return bool(self._known)

    def _holds(self, one: Guard, scope: Path) -> bool:
        known = self._known.get((one, scope))
        if known is None:
            known = one.test.is_valid(self._at(scope)) == one.wanted
            self._known[(one, scope)] = known
        return known

    def _at(self, path: Path) -> Any:
        value: Any = self.answers
        for part in path:
            if isinstance(value, Mapping):
                value = value.get(str(part))
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return {}
        # An empty block isn't in the answers: its conditions see it as empty.
        return {} if value is None else value
