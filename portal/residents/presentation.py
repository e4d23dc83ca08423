"""A procedure in words for residents: what its properties say, written out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup, escape

from engine.bpmn.model import Node
from engine.procedures import durations, receipts
from engine.procedures.cases import Case, Listed
from engine.procedures.catalogue import Definition
from engine.procedures.forms.wording import long_date, phone

KINDS = {
    "appointment": "Mon rendez-vous",
    "information": "Mes informations",
    "persons": "Choix des personnes",
    "details": "Ma demande",
    "summary": "Le récapitulatif",
}
"""What the steps of the wizard are called, whatever the procedure (A2)."""

_LINK = re.compile(r"\[([^\[\]]{1,200})\]\((/demarches/[a-z0-9-]+)\)")

RIGHT_STATES = {
    "actif": ("En cours de validité", "green"),
    "a_venir": ("À venir", "blue"),
    "expire": ("Expiré", "grey"),
    "resilie": ("Résilié", "grey"),
}
"""What the state of a right is called, and the colour of its tag."""

_OUTCOMES = {"accepted": "green", "refused": "red", "abandoned": "grey", "done": "green"}
_SEXES = {"F": "Madame", "M": "Monsieur"}
_MEANS = {"courriel": "Courriel", "telephone": "Téléphone", "courrier": "Courrier postal"}


@dataclass(frozen=True)
class Presentation:
    """What «La démarche» shows."""

    title: str
    paragraphs: tuple[str, ...]
    documents: tuple[str, ...]
    input_help: str
    max_duration: str
    expected_delay: str
    silence: str
    department: str
    steps: tuple[str, ...]


def presented(definition: Definition) -> Presentation:
    """The procedure as its page shows it."""
    return _presented(
        definition.title,
        definition.process.documentation or "",
        tuple(definition.properties.items()),
        tuple(map(step_title, definition.steps)),
    )


# What it says depends on nothing but what the version says: a city has some hundreds of them.
@lru_cache(maxsize=256)
def _presented(
    title: str, documentation: str, properties: tuple[tuple[str, str], ...], steps: tuple[str, ...]
) -> Presentation:
    said = dict(properties)
    return Presentation(
        title=title,
        paragraphs=paragraphs(documentation),
        documents=receipts.listed(said.get("documents", "")),
        input_help=said.get("inputHelp", ""),
        max_duration=durations.say(said["maxDuration"]) if said.get("maxDuration") else "",
        expected_delay=durations.say(said["expectedDelay"]) if said.get("expectedDelay") else "",
        silence=_silence(said.get("silence", ""), said.get("silenceAfter", ""), said.get("silenceReference", "")),
        department=said.get("department", ""),
        steps=("La démarche", *steps),
    )


def step_title(node: Node) -> str:
    """What a step is called in the indicator and in the title of its page."""
    return (
        node.properties.get("title")
        or (KINDS[node.step] if node.step == "summary" else node.name)
        or KINDS[node.step or ""]
    )


def standing(case: Case | Listed, definition: Definition, *, waiting: bool) -> tuple[str, str]:
    """Where a request stands, in two words, and the colour of its tag. `waiting`: the resident has something to do."""
    if case.draft:
        return "Brouillon", "grey"
    if case.status == "cancelled":
        return "Annulée", "grey"
    if case.status == "closed":
        node = definition.process.elements.get(case.end_element or "")
        outcome = node.properties.get("outcome", "done") if node is not None else "done"
        return (node.name if node is not None else "") or "Terminée", _OUTCOMES.get(outcome, "green")
    return ("À compléter", "yellow") if waiting else ("En cours", "blue")


def applicant(case: Case) -> list[tuple[str, list[tuple[str, str]]]]:
    """Who asks, for the tab «Le demandeur»: identity, address and means of contact, each with what was given."""
    who = case.usager
    place = who.get("adresse") or {}
    town = " ".join(part for part in (place.get("code_postal"), place.get("commune")) if part)
    born = who.get("date_naissance") or ""
    parts = [
        (
            "Identité",
            [
                ("Civilité", _SEXES.get(who.get("sexe") or "", "")),
                ("Prénoms", who.get("prenoms")),
                ("Nom de naissance", who.get("nom_naissance")),
                ("Nom d’usage", who.get("nom_usage")),
                ("Date de naissance", long_date(born) if born else ""),
            ],
        ),
        (
            "Adresse",
            [("Voie", place.get("voie")), ("Complément", place.get("complement")), ("Commune", town)],
        ),
        (
            "Moyens de contact",
            [
                ("Courriel", who.get("courriel")),
                ("Téléphone mobile", phone(who.get("telephone_mobile") or "")),
                ("Téléphone fixe", phone(who.get("telephone_fixe") or "")),
                ("Moyen de contact préféré", _means(who.get("contact_prefere") or "", who.get("telephone_mobile"))),
            ],
        ),
    ]
    return [(title, [(label, str(value)) for label, value in lines if value]) for title, lines in parts]


def _means(preferred: str, mobile: str | None) -> str:
    """A means of contact; who prefers the telephone and has a mobile is written text messages."""
    return "Téléphone (SMS)" if preferred == "telephone" and mobile else _MEANS.get(preferred, "")


def paragraphs(text: str) -> tuple[Markup, ...]:
    """The paragraphs of a text: a blank line parts two of them, and `[its title](/demarches/slug)` leads to a procedure."""
    return tuple(_linked(" ".join(part.split())) for part in re.split(r"\n\s*\n", text.strip()) if part.strip())


def _linked(text: str) -> Markup:
    # To procedures only: what people typed may stand in the text, and leads nowhere else.
    link = r'<a class="govuk-link" href="\2">\1</a>'
    return Markup(_LINK.sub(link, str(escape(text))))  # noqa: S704 - escaped before


def _silence(rule: str, after: str, reference: str) -> str:
    if not rule or not after:
        return ""
    outcome = "acceptée" if rule == "accept" else "considérée comme refusée"
    source = f" ({reference})" if reference else ""
    return f"Sans réponse de notre part dans un délai de {durations.say(after)}, votre demande est {outcome}{source}."
