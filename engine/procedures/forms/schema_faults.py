"""What is wrong with a schema by the standard's own schema, in French: the library says it in English."""

from __future__ import annotations

import json
from typing import Any, cast

from jsonschema.exceptions import SchemaError, ValidationError

_EXPECTED = {
    "object": "un objet, entre accolades",
    "array": "une liste, entre crochets",
    "string": "un texte, entre guillemets",
    "integer": "un nombre entier",
    "number": "un nombre",
    "boolean": "« true » ou « false »",
}
_LONGEST = 60


def said(error: ValidationError | SchemaError) -> str:
    """The fault in a sentence without its first capital."""
    path = [part for part in error.absolute_path if isinstance(part, str)]
    if not path:
        return f"un formulaire est {_EXPECTED['object']}, et non {_shown(error.instance)}."
    word, wanted = path[-1], cast("Any", error.validator_value)
    if error.validator == "type":
        # What is a schema itself may be `true` or `false`, which no form needs.
        kind = wanted if isinstance(wanted, str) else "object"
        return f"« {word} » attend {_EXPECTED.get(kind, kind)}, et non {_shown(error.instance)}."
    if error.validator == "enum":
        return f"« {word} » vaut {_shown(error.instance)}, mais doit être l’un de {', '.join(map(str, wanted))}."
    if error.validator == "uniqueItems":
        return f"« {word} » nomme deux fois la même chose : {_shown(error.instance)}."
    if error.validator in ("minItems", "minProperties"):
        return f"« {word} » est vide : écrivez-y quelque chose, ou retirez-le."
    if error.validator in ("minimum", "exclusiveMinimum"):
        more = "plus grand que" if error.validator == "exclusiveMinimum" else "au moins"
        return f"« {word} » vaut {_shown(error.instance)}, mais doit être {more} {wanted}."
    return f"{_shown(error.instance)} n’est pas une valeur possible de « {word} »."


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
