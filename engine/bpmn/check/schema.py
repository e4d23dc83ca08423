"""Is the file written as the BPMN 2.0 schema says? The schema is the one that the engine ships."""

from __future__ import annotations

import re
import threading
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

import SpiffWorkflow.bpmn.parser
from lxml import etree

from engine.bpmn.check.report import Report
from engine.bpmn.model import Source, parse_xml

_XSD: Final = Path(SpiffWorkflow.bpmn.parser.__file__).parent / "schema" / "BPMN20.xsd"
# A compiled schema keeps the errors of its last validation.
_lock = threading.Lock()

_ELEMENT: Final = re.compile(r"Element '(?:\{[^}]*\})?([^']+)'")
_SAYINGS: Final = (
    (re.compile(r"This element is not expected"), "l’élément « {element} » n’est pas prévu à cet endroit."),
    (re.compile(r"Missing child element"), "il manque un élément dans « {element} »."),
    (re.compile(r"The attribute '([^']+)' is required"), "il manque l’attribut « {detail} » à « {element} »."),
    (re.compile(r"The attribute '([^']+)' is not allowed"), "« {element} » n’a pas d’attribut « {detail} »."),
    (re.compile(r"No matching global declaration"), "l’élément « {element} » n’existe pas."),
    (re.compile(r"Character content .*not allowed"), "« {element} » ne peut pas contenir de texte."),
    (re.compile(r"'([^']*)' is not a valid value"), "« {detail} » n’est pas une valeur permise dans « {element} »."),
)


@lru_cache(maxsize=1)
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(_XSD)))


def check_schema(source: Source, report: Report) -> None:
    """Report where the file departs from the schema (code `schema`)."""
    root = parse_xml(source)
    ids = Counter(element.get("id") for element in root.iter())
    lines = {element.sourceline: element.get("id", "") for element in root.iter() if element.get("id")}
    with _lock:
        schema = _schema()
        schema.validate(root)
        errors = [(error.line, error.message) for error in cast("list[Any]", schema.error_log)]
    for line, message in errors:
        if _is_duplicate(message, ids):
            continue  # `duplicate-id` says it better
        report.add("schema", lines.get(line, ""), line, why=_say(message))


def _is_duplicate(message: str, ids: Counter[str | None]) -> bool:
    found = re.search(r"'([^']*)' is not a valid value of the atomic type 'xs:ID'", message)
    return found is not None and ids[found[1]] > 1


def _say(message: str) -> str:
    found = _ELEMENT.search(message)
    element = found[1] if found else "definitions"
    for pattern, saying in _SAYINGS:
        if match := pattern.search(message):
            detail = re.sub(r"\{[^}]*\}", "", match[1]) if match.groups() else ""
            return saying.format(element=element, detail=detail)
    return f"l’élément « {element} » est mal écrit."
