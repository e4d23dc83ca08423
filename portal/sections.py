"""The sections of an account as forms: identity, address, means of contact; read and drawn. Creating an account and its
profile share them (B1, B11).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict

from engine.core.errors import InvalidAnswers
from engine.procedures import forms
from engine.procedures.forms import Field, Form
from portal import rendering


def _form(name: str, order: list[str], required: list[str], properties: dict[str, Any], **more: Any) -> Form:
    schema = {"type": "object", "x-order": order, "required": required, "properties": properties, **more}
    return forms.load(name, {name: json.dumps(schema).encode()})


def _text(title: str, known: str, autocomplete: str, longest: int, hint: str = "", **more: Any) -> dict[str, Any]:
    made = {"title": title, "type": "string", "maxLength": longest, "x-autocomplete": autocomplete}
    return {**made, **({"x-prefill": known} if known else {}), **({"description": hint} if hint else {}), **more}


IDENTITY = _form(
    "identite",
    ["sexe", "prenoms", "nom_naissance", "nom_usage", "date_naissance"],
    ["sexe", "prenoms", "nom_naissance"],
    {
        "sexe": {
            "title": "Sexe",
            "description": "Tel qu’indiqué sur vos papiers d’identité.",
            "type": "string",
            "x-widget": "radios",
            "oneOf": [{"const": "F", "title": "Féminin"}, {"const": "M", "title": "Masculin"}],
            "x-prefill": "usager.sexe",
            "x-certified": True,
            "x-messages": {"required": "Choisissez le sexe indiqué sur vos papiers d’identité."},
        },
        "prenoms": _text(
            "Prénom",
            "usager.prenoms",
            "given-name",
            150,
            "Votre ou vos prénoms, dans l’ordre de vos papiers d’identité.",
            **{"x-certified": True, "x-messages": {"required": "Saisissez votre ou vos prénoms."}},
        ),
        "nom_naissance": _text(
            "Nom",
            "usager.nom_naissance",
            "family-name",
            100,
            "Votre nom de naissance, tel qu’il figure sur vos papiers d’identité.",
            **{"x-certified": True, "x-messages": {"required": "Saisissez votre nom de naissance."}},
        ),
        "nom_usage": _text(
            "Nom d’usage",
            "usager.nom_usage",
            "off",
            100,
            "S’il est différent du nom de naissance, par exemple le nom de votre conjoint.",
        ),
        "date_naissance": {
            "title": "Date de naissance",
            "type": "string",
            "format": "date",
            "x-min": "1900-01-01",
            "x-max": "aujourdhui",
            "x-prefill": "usager.date_naissance",
            "x-certified": True,
            "x-autocomplete": "bday",
        },
    },
)

ADDRESS = _form(
    "adresse",
    ["voie", "complement", "code_postal", "commune"],
    [],
    {
        "voie": _text("Numéro et voie", "usager.adresse.voie", "address-line1", 150, minLength=3),
        "complement": _text(
            "Complément d’adresse",
            "usager.adresse.complement",
            "address-line2",
            150,
            "Bâtiment, escalier, étage, appartement.",
        ),
        "code_postal": {
            "title": "Code postal",
            "type": "string",
            "format": "fr-postcode",
            "x-prefill": "usager.adresse.code_postal",
            "x-autocomplete": "postal-code",
        },
        "commune": _text("Commune", "usager.adresse.commune", "address-level2", 100),
    },
    # An address is whole or isn't given.
    dependentRequired={
        "voie": ["code_postal", "commune"],
        "complement": ["voie", "code_postal", "commune"],
        "code_postal": ["voie", "commune"],
        "commune": ["voie", "code_postal"],
    },
)

_PHONES = {
    "telephone_mobile": {
        "title": "Téléphone mobile",
        "description": "Facultatif\u00a0: il sert par exemple à confirmer vos rendez-vous.",
        "type": "string",
        "format": "fr-mobile",
        "x-prefill": "usager.telephone_mobile",
        "x-autocomplete": "tel",
    },
    "telephone_fixe": {
        "title": "Téléphone fixe",
        "type": "string",
        "format": "fr-landline",
        "x-prefill": "usager.telephone_fixe",
        "x-autocomplete": "off",
    },
}
_PREFERRED = {
    "title": "Moyen de contact préféré",
    "description": "Il vous sera proposé à chaque nouvelle demande.",
    "type": "string",
    "x-widget": "radios",
    "oneOf": [
        {"const": "courriel", "title": "Courriel"},
        {"const": "telephone", "title": "Téléphone"},
        {"const": "courrier", "title": "Courrier postal"},
    ],
    "default": "courriel",
    "x-prefill": "usager.contact_prefere",
}

CONTACT = _form(
    "contact",
    ["courriel", "telephone_mobile", "telephone_fixe", "contact_prefere"],
    ["courriel", "contact_prefere"],
    {
        "courriel": _text(
            "Courriel",
            "usager.courriel",
            "email",
            254,
            "Un code de validation y sera envoyé. C’est avec cette adresse que vous vous connecterez.",
            format="email",
            **{"x-messages": {"required": "Saisissez votre adresse de courriel, par exemple nom@exemple.fr."}},
        ),
        **_PHONES,
        "contact_prefere": _PREFERRED,
    },
)

# What a beneficiary copies from the city's letter (B18).
FILE = _form(
    "dossier",
    ["dossier", "nom", "prenom", "date_naissance"],
    ["dossier", "nom", "prenom", "date_naissance"],
    {
        "dossier": {
            "title": "Référence du dossier",
            "description": "Elle figure sur le courrier que la ville vous a envoyé, par exemple PA-2026-00123.",
            "type": "string",
            "maxLength": 40,
            "x-autocomplete": "off",
            "x-messages": {"required": "Saisissez la référence qui figure sur le courrier de la ville."},
        },
        "nom": _text(
            "Nom",
            "",
            "family-name",
            100,
            "Celui du bénéficiaire, comme sur le courrier.",
            **{"x-messages": {"required": "Saisissez le nom du bénéficiaire."}},
        ),
        "prenom": _text(
            "Prénom",
            "",
            "given-name",
            150,
            "",
            **{"x-messages": {"required": "Saisissez le prénom du bénéficiaire."}},
        ),
        "date_naissance": {
            "title": "Date de naissance",
            "type": "string",
            "format": "date",
            "x-min": "1900-01-01",
            "x-max": "aujourdhui",
            "x-autocomplete": "bday",
            "x-messages": {"required": "Saisissez la date de naissance du bénéficiaire."},
        },
    },
)
MAILBOX = _form(
    "messagerie",
    ["courriel"],
    ["courriel"],
    {
        "courriel": _text(
            "Adresse de messagerie",
            "",
            "email",
            254,
            "Elle sera votre identifiant. Un code de validation y sera envoyé.",
            format="email",
            **{"x-messages": {"required": "Saisissez votre adresse de courriel, par exemple nom@exemple.fr."}},
        )
    },
)

# In the profile: an e-mail changes on a page of its own, by a code.
MEANS = _form(
    "moyens",
    ["telephone_mobile", "telephone_fixe", "contact_prefere"],
    ["contact_prefere"],
    {**_PHONES, "contact_prefere": _PREFERRED},
)


Drawn = list[tuple[Sequence[Field], dict[str, str]]]
"""The fields of each section, with what is wrong with them by path."""


def read(parts: Sequence[Form], usager: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, str]]:
    """What was typed in these sections, and what is wrong with it by field; what is certified of `usager` stays as it is."""
    answers: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for form in parts:
        given, locked = rendering.read(form, request.form), forms.locks(form, usager or {})
        try:
            answers |= forms.validate(form, given, locked=locked)
        except InvalidAnswers as error:
            answers |= forms.clean(form, given, locked=locked)
            errors |= error.errors
    return answers, errors


def drawn(
    parts: Sequence[Form],
    posted: MultiDict[str, str] | None,
    errors: Mapping[str, str],
    usager: Mapping[str, Any] | None = None,
) -> tuple[Drawn, list[dict[str, str]]]:
    """The sections as they were typed, or else as `usager` fills them in; and their errors, listed for the top of the page."""
    known = usager or {}
    found: Drawn = []
    listed: list[dict[str, str]] = []
    for form in parts:
        answers = forms.prefill(form, known) if posted is None else rendering.read(form, posted)
        fields = forms.fields(form, answers, locked=forms.locks(form, known))
        own = {field.path: errors[field.path] for field in forms.every_field(fields) if field.path in errors}
        found.append((fields, own))
        listed += rendering.error_list(fields, own)
    return found, listed


def unreachable(answers: Mapping[str, Any]) -> dict[str, str]:
    """What is missing for the preferred means of contact to work, by field."""
    means = answers.get("contact_prefere")
    if means == "telephone" and not (answers.get("telephone_mobile") or answers.get("telephone_fixe")):
        return {
            "telephone_mobile": "Indiquez un numéro de téléphone, puisque c’est le moyen de contact que vous préférez."
        }
    if means == "courrier" and not answers.get("voie"):
        return {"voie": "Indiquez votre adresse, puisque vous préférez être contacté par courrier."}
    return {}
