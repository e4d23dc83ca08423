"""What is wrong with a form, all at once: for analysts, in plain French, with the line."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from engine.core import patterns
from engine.core.errors import DefinitionError
from engine.procedures.forms import positions, schema, schema_faults
from engine.procedures.forms.conditions import Guard
from engine.procedures.forms.form import Form, load, references, walk
from engine.procedures.forms.formats import CHECKS
from engine.procedures.forms.layout import Layout, Spot
from engine.procedures.forms.positions import Pointer

NAME = re.compile(r"[a-z][a-z0-9_]*")
RESERVED = {"csrf_token"}

USAGER = {
    "identifiant", "sexe", "prenoms", "nom_naissance", "nom_usage", "date_naissance", "courriel", "telephone_mobile",
    "telephone_fixe", "contact_prefere", "adresse", "adresse.voie", "adresse.complement", "adresse.code_postal",
    "adresse.commune", "certifie", "compte",
}  # fmt: skip
WIDGETS = {
    "textarea": {"string"}, "radios": {"string", "integer", "number", "boolean"}, "select": {"string", "integer", "number"},
    "checkboxes": {"array"}, "files": {"array"}, "address": {"object"}, "consent": {"boolean"}, "yesno": {"boolean"},
    "plate": {"string"}, "phone": {"string"},
}  # fmt: skip
OURS: dict[str, type] = {
    "x-widget": str, "x-prefill": str, "x-readonly": bool, "x-certified": bool, "x-messages": dict, "x-autocomplete": str,
    "x-width": int, "x-itemTitle": str, "x-add": str, "x-order": list, "x-options": str, "x-summary": str, "x-group": str,
    "x-accept": str, "x-min": str, "x-max": str, "x-other-than": str,
}  # fmt: skip
STANDARD = {
    "$schema", "$ref", "$defs", "$comment", "title", "description", "default", "examples", "type", "enum",
    "const", "properties", "required", "items", "contains", "minContains", "maxContains", "minItems",
    "maxItems", "uniqueItems", "minLength", "maxLength", "pattern", "format", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minProperties", "maxProperties",
    "additionalProperties", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentRequired",
    "dependentSchemas",
}  # fmt: skip
# Where, under which code, and what to say.
Found = tuple[Pointer, str, str]

_DAY = re.compile(r"aujourdhui(\+P([1-9][0-9]?[YMWD])+)?")
_OTHER_THAN = re.compile(r"emails\.[a-z][a-z0-9_]*")
_METASCHEMA = Draft202012Validator(Draft202012Validator.META_SCHEMA)


@dataclass(frozen=True, slots=True)
class FormProblem:
    """One thing to put right in a form."""

    file: str
    pointer: str
    line: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} : {self.message}"


def problems(name: str, files: Mapping[str, bytes]) -> list[FormProblem]:
    """Every problem of form `name` and of the files that it refers to; none when it can be deployed."""
    if name not in files:
        return [FormProblem(name, "", 0, "missing-form", f"le formulaire « {name} » est introuvable.")]
    found: list[FormProblem] = []
    seen, todo = {name}, [name]
    first: _File | None = None
    for one in todo:
        try:
            document = schema.read(one, files[one])
        except DefinitionError as error:
            found.append(FormProblem(one, "", _line_of(error), "invalid-json", str(error).removeprefix(f"{one} : ")))
            continue
        file = _File(one, files[one].decode("utf-8-sig", "replace"), document)
        first = first or file
        found += file.problems(files)
        for reference in references(document):
            target = reference.partition("#")[0]
            if target in files and target not in seen:
                seen.add(target)
                todo.append(target)
    if first is not None and not any(one.code in _FATAL for one in found):
        found += _whole(first, name, files)
    return sorted(found, key=lambda one: (one.file != name, one.file, one.line, one.code))


_FATAL = {"invalid-json", "invalid-schema", "remote-ref", "missing-ref", "bad-pattern"}


def _line_of(error: DefinitionError) -> int:
    found = re.search(r"arrêtée ligne (\d+)", str(error))
    return int(found[1]) if found else 1


def _whole(file: _File, name: str, files: Mapping[str, bytes]) -> list[FormProblem]:
    """What can be seen only once references are followed and fields laid out."""
    try:
        form = load(name, files)
    except DefinitionError as error:
        return [file.problem((), "recursive-ref", str(error).removeprefix(f"{name} : "))]
    if not form.spots:
        return [
            file.problem((), "not-a-form", "le formulaire ne pose aucune question (« properties » est vide ou absent).")
        ]
    layout = Layout(form.validator)
    layout.group([(form.schema, ())], 0, frozenset())
    found = [
        file.problem(file.field(key), "required-unknown", f"« {key} » est obligatoire mais n’est demandé nulle part.")
        for key in layout.required_unknown
    ]
    found += [
        file.problem(
            file.field(key), "order-unknown", f"« {key} » figure dans « x-order » mais n’est demandé nulle part."
        )
        for key in layout.order_unknown
    ]
    for path, spot in walk(form.spots):
        found += [file.problem(file.field(spot.key), code, message) for code, message in _of_spot(form, path, spot)]
    found += [file.problem(file.field(spot.key), code, message) for code, message, spot in _conditions(form)]
    return list(dict.fromkeys(found))


def _of_spot(form: Form, path: str, spot: Spot) -> Iterator[tuple[str, str]]:
    said = spot.schema
    if "title" not in said:
        yield "missing-title", f"le champ « {path} » n’a pas de « title » : c’est la question que lisent les usagers."
    if said.get("x-readonly") is True and "x-prefill" not in said and "default" not in said:
        yield "readonly-empty", f"le champ « {path} » n’est pas modifiable et n’a ni « x-prefill » ni « default »."
    if said.get("x-certified") is True and "x-prefill" not in said:
        yield "certified-empty", f"le champ « {path} » est certifié (« x-certified ») sans « x-prefill »."
    if "default" in said and not form.validator.evolve(schema=said).is_valid(said["default"]):
        yield "bad-default", f"la valeur par défaut de « {path} » n’est pas une réponse acceptée."
    for low, high in (("minLength", "maxLength"), ("minItems", "maxItems"), ("minimum", "maximum")):
        if low in said and high in said and said[low] > said[high]:
            yield "no-answer", f"aucune réponse à « {path} » n’est possible : « {low} » dépasse « {high} »."
    if spot.kind in ("radios", "select", "checkboxes") and not spot.choices and not _options(said):
        yield "no-choice", f"le champ « {path} » ne propose aucun choix."
    if spot.kind in ("group", "address", "blocks") and not spot.spots:
        yield "no-field", f"le groupe « {path} » ne pose aucune question."


def _options(said: Mapping[str, Any]) -> Any:
    return said.get("x-options") or (said.get("items") or {}).get("x-options")


def _conditions(form: Form) -> Iterator[tuple[str, str, Spot]]:
    """Fields that can never be shown, and conditions on answers that nobody gives."""
    asked: dict[tuple[int, str], list[Spot]] = {}
    for depth, path, spot in _seen_from_above(form.spots, 0):
        asked.setdefault((depth, path), []).append(spot)
    for path, spot in walk(form.spots):
        unknown = {
            name
            for way in (*spot.shown, *spot.hidden, *spot.needed)
            for one in way
            for name in one.names
            if (one.depth, name) not in asked
        }
        for name in sorted(unknown):
            yield (
                "unknown-condition",
                f"la condition de « {path} » porte sur « {name} », qui n’est demandé nulle part.",
                spot,
            )
        if not unknown and all(_impossible(way, asked) for way in spot.shown):
            yield (
                "never-shown",
                f"le champ « {path} » n’est jamais affiché : sa condition ne peut pas être vraie.",
                spot,
            )
        elif () in spot.hidden:
            yield "never-shown", f"le champ « {path} » n’est jamais affiché : il est toujours exclu.", spot


def _seen_from_above(spots: Iterable[Spot], depth: int) -> Iterator[tuple[int, str, Spot]]:
    """Each spot as seen from the group it is in, and from the groups above that one: depth of that group, path from it."""
    for spot in spots:
        yield depth, spot.key, spot
        step = 2 if spot.kind == "blocks" else 1
        for inner, path, found in _seen_from_above(spot.spots, depth + step):
            yield inner, path, found
            if spot.kind != "blocks" and inner == depth + 1:
                yield depth, f"{spot.key}.{path}", found


def _impossible(way: tuple[Guard, ...], asked: Mapping[tuple[int, str], list[Spot]]) -> bool:
    """Whether these conditions contradict one another, or ask for a choice that isn't offered."""
    allowed: dict[tuple[int, str], set[str]] = {}
    for one in way:
        rule = one.rule
        if rule is None:
            continue
        if rule == {"any": []} and one.wanted:
            return True
        if set(rule) != {"path", "in"}:
            continue
        place = (one.depth, str(rule["path"]))
        spots = asked.get(place, [])
        # Several choices at once can hold both of two answers.
        if any(spot.kind == "checkboxes" or not spot.choices for spot in spots) or not spots:
            continue
        offered = {_text(choice.value) for spot in spots for choice in spot.choices}
        current = allowed.setdefault(place, offered)
        allowed[place] = current & set(rule["in"]) if one.wanted else current - set(rule["in"])
        # An unwanted answer leaves also the absence of any answer.
        if one.wanted and not allowed[place]:
            return True
    return False


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


class _File:
    """One file: its document, and the line of each of its parts."""

    def __init__(self, name: str, text: str, document: Any) -> None:
        self.name = name
        self.document = document
        self.lines, self.twice = positions.lines(text)

    def problem(self, pointer: Pointer, code: str, message: str) -> FormProblem:
        while pointer and pointer not in self.lines:
            pointer = pointer[:-1]
        return FormProblem(self.name, "/" + "/".join(map(str, pointer)), self.lines.get(pointer, 1), code, message)

    def field(self, key: str) -> Pointer:
        """Where the field `key` is defined in this file."""
        return next((one for one in self.lines if one[-2:] == ("properties", key)), ())

    def problems(self, files: Mapping[str, bytes]) -> list[FormProblem]:
        """What is wrong with the file by itself."""
        found = [
            self.problem((*pointer, key), "duplicate-key", f"la clé « {key} » figure deux fois dans le même objet.")
            for pointer, key in self.twice
        ]
        for error in json_schema_errors(self.document):
            pointer = tuple(error.absolute_path)
            told = f"ce n’est pas du JSON Schema valide : {schema_faults.said(error)}"
            found.append(self.problem(pointer, "invalid-schema", told))
        if not found or all(one.code != "invalid-schema" for one in found):
            found += [self.problem(*one) for one in self.inside(self.document, (), files)]
        return found

    def inside(self, said: Any, pointer: Pointer, files: Mapping[str, bytes]) -> Iterator[Found]:
        if not isinstance(said, dict):
            return
        for word, value in said.items():
            yield from self.word(word, value, said, (*pointer, word), files)
        if "if" in said:
            yield from self.unanswered(said["if"], (*pointer, "if"))
        if "if" not in said and ("then" in said or "else" in said):
            yield pointer, "then-without-if", "« then » ou « else » sans « if » est sans effet."

    def word(
        self, word: str, value: Any, said: Mapping[str, Any], pointer: Pointer, files: Mapping[str, bytes]
    ) -> Iterator[Found]:
        if word.startswith("x-"):
            yield from _our_word(word, value, said, pointer)
        elif word not in STANDARD:
            yield (
                pointer,
                "unknown-keyword",
                f"le mot-clé « {word} » n’existe pas ou n’est pas pris en charge par les formulaires.",
            )
        elif word == "$ref":
            yield from self.reference(str(value), pointer, files)
        elif word == "pattern":
            fault = patterns.problem(value)
            if fault:
                code = "bad-pattern" if "mal écrite" in fault else "dangerous-pattern"
                yield pointer, code, fault[0].lower() + fault[1:]
        elif word == "format" and value not in CHECKS:
            known = ", ".join(sorted(CHECKS))
            yield pointer, "unknown-format", f"le format « {value} » n’existe pas ; les formats connus sont {known}."
        elif word == "oneOf" and not all(isinstance(one, dict) and "const" in one for one in value):
            yield (
                pointer,
                "unsupported-oneof",
                "« oneOf » ne sert qu’à énumérer des choix (« const » et « title ») ; employez « if », « then », « else ».",
            )
        elif word in ("properties", "dependentSchemas", "$defs"):
            for key, one in value.items():
                if word == "properties":
                    yield from _name(key, (*pointer, key))
                yield from self.inside(one, (*pointer, key), files)
        elif word in ("allOf", "anyOf", "oneOf"):
            for index, one in enumerate(value):
                yield from self.inside(one, (*pointer, index), files)
        elif word in ("items", "contains", "not", "if", "then", "else"):
            yield from self.inside(value, pointer, files)

    def reference(self, target: str, pointer: Pointer, files: Mapping[str, bytes]) -> Iterator[Found]:
        file, _, fragment = target.partition("#")
        if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//", target):
            yield pointer, "remote-ref", f"la référence « {target} » sort de la démarche : rien n’est téléchargé."
        elif file and file not in files:
            yield pointer, "missing-ref", f"la référence « {target} » mène à un fichier absent de la version."
        elif not file and not _leads(self.document, fragment):
            yield pointer, "missing-ref", f"la référence « {target} » ne mène à rien dans ce fichier."

    def unanswered(self, condition: Any, pointer: Pointer) -> Iterator[Found]:
        """JSON Schema holds a condition on a missing answer for true: the branch would show before anything is answered."""
        if not isinstance(condition, dict):
            return
        required = condition.get("required", [])
        for key, one in condition.get("properties", {}).items():
            if (
                isinstance(one, dict)
                and set(one) & {"const", "enum", "contains", "minimum", "maximum"}
                and key not in required
            ):
                advice = f'ajoutez « "required": ["{key}"] » à ce « if »'
                message = f"la condition sur « {key} » est vraie aussi quand il n’y a pas encore de réponse : {advice}."
                yield (*pointer, "properties", key), "condition-without-required", message


def json_schema_errors(document: Any) -> list[Any]:
    """How a document breaks the standard's own schema: the deepest reason of each error."""
    if not isinstance(document, (dict, bool)):
        return list(_METASCHEMA.iter_errors(document))[:1]
    best: dict[tuple[Any, ...], Any] = {}
    for error in _METASCHEMA.iter_errors(document):
        while error.context:
            error = max(error.context, key=lambda one: len(one.absolute_path))
        best.setdefault(tuple(error.absolute_path), error)
    return list(best.values())


def _leads(document: Any, fragment: str) -> bool:
    for part in fragment.strip("/").split("/") if fragment else ():
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and key.isdigit() and int(key) < len(document):
            document = document[int(key)]
        else:
            return False
    return True


def _name(key: str, pointer: Pointer) -> Iterator[Found]:
    if not NAME.fullmatch(key):
        yield (
            pointer,
            "bad-name",
            f"« {key} » n’est pas un nom de champ : lettres minuscules sans accent, chiffres et « _ ».",
        )
    elif key in RESERVED or keyword.iskeyword(key):
        yield pointer, "reserved-name", f"« {key} » est un nom réservé : choisissez-en un autre."


def _our_word(word: str, value: Any, said: Mapping[str, Any], pointer: Pointer) -> Iterator[Found]:
    expected = OURS.get(word)
    if expected is None:
        known = ", ".join(sorted(OURS))
        yield pointer, "unknown-keyword", f"le mot-clé « {word} » n’existe pas ; ceux de la plateforme sont {known}."
    elif type(value) is not expected:
        shown = json.dumps(value, ensure_ascii=False)[:60]
        yield pointer, "bad-keyword", f"la valeur de « {word} » n’est pas du bon type ({shown})."
    elif word == "x-widget":
        kind = said.get("type")
        if value not in WIDGETS:
            yield (
                pointer,
                "unknown-widget",
                f"la présentation « {value} » n’existe pas ; celles connues sont {', '.join(sorted(WIDGETS))}.",
            )
        elif isinstance(kind, str) and kind not in WIDGETS[value]:
            yield pointer, "bad-widget", f"la présentation « {value} » ne convient pas à un champ de type « {kind} »."
    elif word == "x-prefill" and str(value).removeprefix("usager.") not in USAGER:
        known = ", ".join(f"usager.{one}" for one in sorted(USAGER))
        yield pointer, "unknown-prefill", f"« {value} » n’est pas une donnée de l’usager ; celles connues sont {known}."
    elif isinstance(value, dict) and not all(isinstance(one, str) for one in value.values()):
        yield pointer, "bad-keyword", "les messages de « x-messages » sont des textes."
    elif word in ("x-min", "x-max") and not _DAY.fullmatch(str(value)) and not CHECKS["date"](str(value)):
        yield pointer, "bad-keyword", f"« {word} » est une date AAAA-MM-JJ, « aujourdhui » ou « aujourdhui+P1Y »."
    elif word == "x-other-than" and not _OTHER_THAN.fullmatch(str(value)):
        said_so = "« x-other-than » est « emails. » suivi du nom de la question qui dit quel courriel change."
        yield pointer, "bad-keyword", said_so
