"""What people read when an answer isn't accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.procedures.forms.layout import Spot
from engine.procedures.forms.wording import long_date, number

NBSP = "\u00a0"
UNKNOWN = "Une réponse n’est pas valide."

# When a field breaks several rules, the most telling sentence comes first.
_RANKS = (
    "required",
    "type",
    "enum",
    "oneOf",
    "const",
    "format",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "pattern",
)

_FORMATS = {
    "date": f"doit être une date réelle, par exemple 27{NBSP}3{NBSP}1985",
    "email": "doit être une adresse électronique, comme nom@exemple.fr",
    "phone": f"doit être un numéro de téléphone à 10{NBSP}chiffres, comme 01{NBSP}23{NBSP}45{NBSP}67{NBSP}89",
    "plate": "doit être une immatriculation, comme AB-123-CD ou 1234-AB-75",
    "postcode": f"doit être un code postal à 5{NBSP}chiffres",
}
_PHONES = {
    "fr-mobile": f"doit être un numéro de mobile, qui commence par 06 ou 07, comme 06{NBSP}39{NBSP}98{NBSP}12{NBSP}07",
    "fr-landline": "doit être un numéro de téléphone fixe, qui ne commence ni par 06 ni par 07",
}
_TYPES = {
    "integer": "doit être un nombre entier",
    "number": "doit être un nombre",
    "yesno": f"doit être «{NBSP}Oui{NBSP}» ou «{NBSP}Non{NBSP}»",
}


def rank(keyword: str) -> int:
    """The place of a keyword when several speak of one field."""
    return _RANKS.index(keyword) if keyword in _RANKS else len(_RANKS)


def own(schema: Any, keyword: str) -> str | None:
    """The analyst's sentence beside a keyword, if there is one."""
    texts = schema.get("x-messages") if isinstance(schema, dict) else None
    text = texts.get(keyword) if isinstance(texts, dict) else None
    return text if isinstance(text, str) else None


def said(spot: Spot, keyword: str, limit: Any = None, value: Any = None) -> str:
    """The sentence for a field that breaks `keyword`: the analyst's (`x-messages`) or ours."""
    analyst = own(spot.schema, keyword)
    if analyst is not None:
        return analyst
    label = f"«{NBSP}{spot.label}{NBSP}»"
    if keyword == "required" or (keyword == "const" and spot.kind == "consent"):
        return _missing(spot, label)
    if keyword == "format":
        if spot.kind == "date":
            return _date(label, value)
        return f"{label} {_PHONES.get(limit) or _FORMATS.get(spot.kind, 'n’a pas la forme attendue')}."
    if keyword == "type" and spot.kind in _TYPES:
        return f"{label} {_TYPES[spot.kind]}."
    if keyword in ("type", "pattern") and spot.kind in _FORMATS:
        return f"{label} {_FORMATS[spot.kind]}."
    sentence = _SENTENCES.get(keyword)
    return f"{label} {sentence(limit) if sentence else 'n’est pas valide'}."


def _missing(spot: Spot, label: str) -> str:
    if spot.kind in ("radios", "yesno", "select"):
        return f"Choisissez une réponse à {label}."
    if spot.kind == "checkboxes":
        return f"Choisissez au moins une réponse à {label}."
    if spot.kind == "consent":
        return f"Cochez {label} pour continuer."
    if spot.kind == "files":
        return f"Joignez au moins un fichier à {label}."
    if spot.kind == "blocks":
        return f"Ajoutez au moins un élément à {label}."
    return f"Renseignez {label}."


def _date(label: str, value: Any) -> str:
    """A date typed in three boxes, one of which may be empty: say which."""
    boxes = value.split("/") if isinstance(value, str) else []
    if len(boxes) == 3 and not all(boxes):
        missing = [name for name, box in zip(("le jour", "le mois", "l’année"), boxes, strict=True) if not box]
        return f"{label}{NBSP}: il manque {' et '.join(missing)}."
    return f"{label} {_FORMATS['date']}."


def _plural(count: Any, word: str) -> str:
    return f"{number(count)}{NBSP}{word}{'s' if count > 1 else ''}"


_SENTENCES: dict[str, Callable[[Any], str]] = {
    "characters": lambda limit: "contient des caractères qui ne peuvent pas être enregistrés",
    "minLength": lambda limit: f"doit comporter au moins {_plural(limit, 'caractère')}",
    "maxLength": lambda limit: f"doit comporter au plus {_plural(limit, 'caractère')}",
    "minimum": lambda limit: f"doit être supérieur ou égal à {number(limit)}",
    "maximum": lambda limit: f"doit être inférieur ou égal à {number(limit)}",
    "exclusiveMinimum": lambda limit: f"doit être supérieur à {number(limit)}",
    "exclusiveMaximum": lambda limit: f"doit être inférieur à {number(limit)}",
    "multipleOf": lambda limit: f"doit être un multiple de {number(limit)}",
    "minItems": lambda limit: f"doit comporter au moins {_plural(limit, 'élément')}",
    "maxItems": lambda limit: f"doit comporter au plus {_plural(limit, 'élément')}",
    "uniqueItems": lambda limit: "comporte deux fois le même élément",
    "contains": lambda limit: "ne comporte pas la réponse attendue",
    "enum": lambda limit: "n’admet que les réponses de la liste",
    "oneOf": lambda limit: "n’admet que les réponses de la liste",
    "const": lambda limit: "n’a pas la valeur attendue",
    "pattern": lambda limit: "n’a pas la forme attendue",
    "files": lambda limit: "contient un fichier qui n’est plus disponible",
    "x-other-than": lambda limit: "est la même que celle d’aujourd’hui",
    "x-min": lambda limit: f"ne peut pas être avant le {long_date(limit)}",
    "x-max": lambda limit: f"ne peut pas être après le {long_date(limit)}",
}
