"""A form: its files read, its references followed, its fields laid out. Immutable, so one serves every request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jsonschema.exceptions import SchemaError
from jsonschema.protocols import Validator

from engine.core.errors import DefinitionError
from engine.procedures.forms import schema as schemas
from engine.procedures.forms import schema_faults
from engine.procedures.forms.layout import Spot, lay_out, options_of


@dataclass(frozen=True, slots=True)
class Form:
    """The form of one step, as a version of a procedure carries it."""

    name: str
    schema: dict[str, Any] = field(repr=False)
    validator: Validator = field(repr=False, compare=False)
    spots: tuple[Spot, ...] = field(repr=False, compare=False)

    @property
    def title(self) -> str:
        """The title of the form, or nothing."""
        return str(self.schema.get("title", ""))

    @property
    def description(self) -> str:
        """What is said above the questions, or nothing."""
        return str(self.schema.get("description", ""))

    @property
    def takes_files(self) -> bool:
        """Whether it asks for files somewhere."""
        return any(spot.kind == "files" for _, spot in walk(self.spots))


def load(name: str, files: Mapping[str, bytes]) -> Form:
    """Read form `name` among the files of its version. DefinitionError when it can't be used."""
    if name not in files:
        raise DefinitionError([f"Le formulaire « {name} » est introuvable."])
    documents = {one: schemas.read(one, files[one]) for one in _reached(name, files)}
    expanded = schemas.expand(name, documents)
    validator = schemas.validator(expanded)
    try:
        type(validator).check_schema(expanded)
    except SchemaError as error:
        raise DefinitionError([f"{name} : le schéma n’est pas valide : {schema_faults.said(error)}"]) from None
    return Form(name, expanded, validator, lay_out(expanded, validator))


def _reached(name: str, files: Mapping[str, bytes]) -> list[str]:
    """The form's file and those that it refers to, near or far: a broken file that nobody uses breaks nothing."""
    reached = [name]
    for one in reached:
        for reference in references(schemas.read(one, files[one])):
            file = reference.partition("#")[0]
            if file in files and file not in reached:
                reached.append(file)
    return reached


def references(value: Any) -> Iterator[str]:
    """Every `$ref` of a document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def field_paths(form: Form) -> set[str]:
    """The paths of all the answers that the form can give, those in repeated blocks as `enfants.*.prenom`."""
    return {path for path, _ in walk(form.spots)}


def walk(spots: tuple[Spot, ...], prefix: str = "") -> Iterator[tuple[str, Spot]]:
    """Every spot with its path, in the order of the page."""
    for spot in spots:
        path = f"{prefix}{spot.key}"
        yield path, spot
        yield from walk(spot.spots, f"{path}.*." if spot.kind == "blocks" else f"{path}.")


def closed_choices(form: Form) -> dict[str, frozenset[str]]:
    """The texts among which a question is answered, by path: of those that are answered by one of what their schema lists."""
    found: dict[str, frozenset[str]] = {}
    opened = set()
    for path, spot in walk(form.spots):
        values = frozenset(choice.value for choice in spot.choices if isinstance(choice.value, str))
        # Two branches may ask one question in two ways.
        found[path] = found.get(path, frozenset()) | values
        if spot.kind not in ("radios", "select") or options_of(spot) or len(values) != len(spot.choices) or not values:
            opened.add(path)
    return {path: values for path, values in found.items() if path not in opened and "*" not in path}


def spot_at(form: Form, path: tuple[str | int, ...]) -> Spot | None:
    """The spot at this path of the answers; the choices of a list, or the items of a block, are at their list's."""
    spots, found = form.spots, None
    for part in path:
        if isinstance(part, int) or part.isdigit():
            continue
        found = next((spot for spot in spots if spot.key == part), None)
        if found is None:
            return None
        spots = found.spots
    return found
