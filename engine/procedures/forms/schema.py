"""A form's JSON Schema as the platform reads it: files of one version, references followed, nothing fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from jsonschema_specifications import REGISTRY as SPECIFICATIONS  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource, Unresolvable
from referencing.jsonschema import DRAFT202012

from engine.core.errors import DefinitionError
from engine.procedures.forms.formats import CHECKER

MAX_DEPTH = 40
# The largest form of the house has some sixty; each takes a third of a millisecond to check.
MAX_NODES = 3_000

# Words about fields that the schema doesn't name: answers carry none, since cleaning drops what no field asks for.
_IGNORED = {"$schema", "$id", "$comment", "$defs", "additionalProperties", "unevaluatedProperties"}
# Under these words stand schemas, lists of schemas, or schemas by name; anywhere else is plain data, never followed.
_ONE = {"items", "contains", "not", "if", "then", "else", "propertyNames", "unevaluatedItems"}
_MANY = {"allOf", "anyOf", "oneOf", "prefixItems"}
_NAMED = {"properties", "patternProperties", "dependentSchemas"}


def registry(files: Mapping[str, Any] | None = None) -> Registry[Any]:
    """Where references lead: these files under their names, the standard's own schemas, and nowhere else."""
    found: Registry[Any] = SPECIFICATIONS.combine(Registry(retrieve=_refuse))  # type: ignore[call-arg]
    return found.with_resources((name, DRAFT202012.create_resource(content)) for name, content in (files or {}).items())


def _refuse(uri: str) -> Resource[Any]:
    raise NoSuchResource(ref=uri)  # type: ignore[call-arg]


def validator(schema: Any, files: Mapping[str, Any] | None = None) -> Validator:
    """The validator of every form: draft 2020-12, our formats asserted, references only to `files`."""
    return Draft202012Validator(schema, registry=registry(files), format_checker=CHECKER)


def read(name: str, content: bytes) -> Any:
    """The JSON of a form's file; DefinitionError when it can't be read."""
    try:
        found = json.loads(content, parse_constant=_no_constant)
    except RecursionError:
        raise DefinitionError([f"{name} : les éléments sont imbriqués trop profondément."]) from None
    except ValueError as error:
        raise DefinitionError([f"{name} : ce n’est pas du JSON valide ({_unreadable(error)})."]) from None
    if depth(found) > MAX_DEPTH:
        raise DefinitionError([f"{name} : les éléments sont imbriqués trop profondément."])
    return found


def _unreadable(error: ValueError) -> str:
    # The parser speaks English, and names what it expected rather than what was forgotten.
    if isinstance(error, json.JSONDecodeError):
        place = f"lecture arrêtée ligne {error.lineno}, colonne {error.colno}"
        return f"{place}\N{NO-BREAK SPACE}: regardez les virgules, les guillemets et les accolades juste avant"
    if isinstance(error, UnicodeError):
        return "enregistrez-le en UTF-8"
    return str(error)


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} n’existe pas en JSON")


def depth(value: Any) -> int:
    """How many levels of lists and objects are inside one another."""
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return deepest


def expand(name: str, documents: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of form `name` with every reference replaced by what it leads to.

    What stands beside a reference counts first, then what is referred to. A reference to elsewhere, to nothing, or that
    comes back to itself raises DefinitionError.
    """
    schema = _Expansion(documents).of(documents[name], name, ())
    if not isinstance(schema, dict):
        raise DefinitionError([f"{name} : un formulaire est un objet JSON."])
    return schema


class _Expansion:
    def __init__(self, documents: Mapping[str, Any]) -> None:
        self.registry = registry(documents)
        self.nodes = 0

    def of(self, schema: Any, base: str, trail: tuple[str, ...]) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or len(trail) > MAX_DEPTH:
            raise DefinitionError([f"{base} : le formulaire est trop grand une fois ses références suivies."])
        if not isinstance(schema, dict):
            return schema
        if "$dynamicRef" in schema:
            raise DefinitionError([f"{base} : « $dynamicRef » n’est pas pris en charge."])
        found: dict[str, Any] = {}
        for keyword, value in schema.items():
            if keyword in _IGNORED or keyword == "$ref":
                continue
            if keyword in _ONE:
                found[keyword] = self.of(value, base, trail)
            elif keyword in _MANY and isinstance(value, list):
                found[keyword] = [self.of(one, base, trail) for one in value]
            elif keyword in _NAMED and isinstance(value, dict):
                found[keyword] = {key: self.of(one, base, trail) for key, one in value.items()}
            else:
                found[keyword] = value
        if "$ref" in schema:
            target = self.follow(schema["$ref"], base, trail)
            found["allOf"] = [target, *found.get("allOf", ())]
        return found

    def follow(self, reference: Any, base: str, trail: tuple[str, ...]) -> Any:
        try:
            resolved = self.registry.resolver(base).lookup(reference)
        except (Unresolvable, NoSuchResource, TypeError, ValueError, AttributeError):
            raise DefinitionError(
                [f"{base} : la référence « {reference} » ne mène à aucun fichier de la même version."]
            ) from None
        file, _, fragment = str(reference).partition("#")
        place = f"{file or base}#{fragment}"
        if place in trail:
            raise DefinitionError([f"{base} : la référence « {reference} » revient sur elle-même."])
        return self.of(resolved.contents, file or base, (*trail, place))
