"""A form with every kind of field, and pages read as a browser reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from lxml import html
from werkzeug.datastructures import MultiDict

from engine.procedures import forms

_WHEN = {"required": ["marie"], "properties": {"marie": {"const": True}}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["nom", "marie", "enfants", "certifie"],
    "properties": {
        "nom": {"title": "Nom <b>", "description": "Le & vôtre", "type": "string", "x-autocomplete": "family-name"},
        "recit": {"title": "Récit", "type": "string", "x-widget": "textarea", "maxLength": 400},
        "note": {"title": "Note", "type": "string", "x-widget": "textarea"},
        "age": {"title": "Âge", "type": "integer"},
        "surface": {"title": "Surface", "type": "number"},
        "jour": {"title": "Jour", "type": "string", "format": "date"},
        "courriel": {"title": "Courriel", "type": "string", "format": "email", "x-group": "Vous joindre"},
        "tel": {"title": "Téléphone", "type": "string", "format": "fr-phone", "x-group": "Vous joindre"},
        "plaque": {"title": "Plaque", "type": "string", "format": "fr-plate"},
        "couleur": {"title": "Couleur", "enum": ["rouge", "vert", 3], "x-widget": "select"},
        "taille": {
            "title": "Taille",
            "type": "integer",
            "oneOf": [{"const": 1, "title": "Petite"}, {"const": 2, "title": "Grande"}],
        },
        "jours": {"title": "Jours", "type": "array", "items": {"enum": ["lundi", "mardi"]}},
        "marie": {"title": "Marié", "type": "boolean"},
        "adresse": {
            "title": "Adresse",
            "type": "object",
            "x-widget": "address",
            "required": ["voie"],
            "properties": {
                "voie": {"title": "Voie", "type": "string"},
                "commune": {"title": "Commune", "type": "string"},
            },
        },
        "enfants": {
            "title": "Enfants",
            "type": "array",
            "minItems": 1,
            "maxItems": 3,
            "x-itemTitle": "Enfant",
            "items": {
                "type": "object",
                "required": ["prenom"],
                "properties": {
                    "prenom": {"title": "Prénom", "type": "string"},
                    "ecole": {"title": "École", "type": "boolean"},
                    "jouets": {
                        "title": "Jouets",
                        "type": "array",
                        "items": {"type": "object", "properties": {"quoi": {"title": "Quoi", "type": "string"}}},
                    },
                },
                "if": {"required": ["ecole"], "properties": {"ecole": {"const": True}}},
                "then": {"properties": {"classe": {"title": "Classe", "type": "string"}}, "required": ["classe"]},
            },
        },
        "pieces": {
            "title": "Pièces",
            "type": "array",
            "x-widget": "files",
            "maxItems": 2,
            "items": {"type": "string", "format": "uuid"},
        },
        "certifie": {"title": "Je certifie", "type": "boolean", "const": True},
    },
    "allOf": [
        {
            "if": _WHEN,
            "then": {"properties": {"conjoint": {"title": "Conjoint", "type": "string"}}, "required": ["conjoint"]},
        },
        {
            "if": _WHEN,
            "then": {"properties": {"lien": {"title": "Lien", "enum": ["a", "b"]}}},
            "else": {"properties": {"lien": {"title": "Lien", "enum": ["c", "d"]}}},
        },
    ],
    "dependentRequired": {"tel": ["courriel"]},
}


@pytest.fixture(scope="session")
def form() -> forms.Form:
    return forms.load("tout.json", {"tout.json": json.dumps(SCHEMA).encode()})


Posted = MultiDict[str, str]


def post(page: str) -> Posted:
    """What a browser without JavaScript sends for the form of this page."""
    sent: list[tuple[str, str]] = []
    for control in html.fromstring(f"<form>{page}</form>").iter("input", "select", "textarea"):
        name, kind = control.get("name"), control.get("type")
        if not name or kind == "file" or (kind in ("radio", "checkbox") and control.get("checked") is None):
            continue
        if control.tag == "textarea":
            # The line break after the opening tag isn't part of the text.
            sent.append((name, (control.text or "").removeprefix("\n")))
        elif control.tag == "select":
            chosen = [one for one in control.iter("option") if one.get("selected") is not None]
            sent.append((name, (chosen or list(control.iter("option")))[0].get("value", "")))
        else:
            sent.append((name, control.get("value", "")))
    return MultiDict(sent)


@pytest.fixture
def posted() -> Callable[..., Posted]:
    return post
