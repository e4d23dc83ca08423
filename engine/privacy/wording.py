"""What is held of a person, in words: codes, names of elements and answers as the pages say them (B16).

For the document that people read; the file for machines tells what the tables hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from engine.contact import documents
from engine.core import texts
from engine.core.clock import PARIS
from engine.core.db import Session
from engine.people import consents, terms
from engine.people.accounts import Account
from engine.procedures import catalogue, forms
from engine.procedures.cases import Case
from engine.procedures.catalogue import Definition
from engine.procedures.forms.form import walk
from engine.procedures.forms.wording import NBSP

NOTHING = "Non renseigné"
# A document that people read shows the beginning of a long text.
_SHOWN = 1_500
# In what is kept as JSON, days are texts.
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_SEXES = {"F": "Féminin", "M": "Masculin"}
_MEANS = {"courriel": "Courriel", "telephone": "Téléphone", "courrier": "Courrier postal"}
_WHO = {
    "resident": "Vous",
    "bearer": "Vous, sans compte",
    "agent": "Un agent",
    "system": "La plateforme",
    "operator": "La plateforme",
}
_SCANS = {"unscanned": "Non analysé", "waiting": "En attente", "clean": "Rien à signaler", "infected": "Refusé"}
_NAMES = {
    "identifiant": "Identifiant du compte",
    "sexe": "Sexe",
    "prenoms": "Prénoms",
    "nom_naissance": "Nom de naissance",
    "nom_usage": "Nom d’usage",
    "date_naissance": "Date de naissance",
    "courriel": "Courriel",
    "telephone_mobile": "Téléphone mobile",
    "telephone_fixe": "Téléphone fixe",
    "contact_prefere": "Moyen de contact préféré",
    "adresse": "Adresse",
    "voie": "Numéro et voie",
    "complement": "Complément d’adresse",
    "code_postal": "Code postal",
    "commune": "Commune",
    "certifie": "Identité certifiée",
    "compte": "Faite avec un compte",
    "numero": "Numéro",
    "zone": "Zone",
    "immatriculation": "Immatriculation",
    "debut": "Début",
    "fin": "Fin",
    "statut": "État",
}
"""What the names of a person's data are called, whatever table or document they stand in."""

_STATES = {"actif": "En cours de validité", "a_venir": "À venir", "expire": "Expiré", "resilie": "Résilié"}
# The codes of these names' values.
_VALUES: Mapping[str, Mapping[str, str]] = {"sexe": _SEXES, "contact_prefere": _MEANS, "statut": _STATES}

CODES: dict[tuple[str, str], Mapping[str, str]] = {
    ("account", "preferred_contact"): _MEANS,
    ("account", "sex"): _SEXES,
    ("audit_entry", "action"): {
        "account.created": "Compte créé",
        "account.signed_in": "Connexion",
        "account.sign_in_refused": "Connexion refusée",
        "account.signed_out": "Déconnexion",
        "account.sessions_closed": "Tous les appareils déconnectés",
        "account.password_changed": "Mot de passe changé",
        "account.password_link_sent": "Lien demandé pour choisir un mot de passe",
        "account.email_changed": "Courriel de connexion changé",
        "account.exported": "Copie des données",
        "account.deletion_asked": "Suppression du compte demandée",
        "account.deletion_withdrawn": "Suppression du compte retirée",
        "identity.linked": "Compte lié à FranceConnect",
        "identity.unlinked": "Compte délié de FranceConnect",
        "identity.changed": "Identité certifiée mise à jour",
        "care_file.attached": "Dossier d’aide rattaché au compte",
        "case.attached": "Demande rattachée au compte",
        "case.links_ended": "Liens vers une demande supprimés",
        "document.deleted": "Pièce supprimée",
    },
    ("appointment", "status"): {"held": "Gardé", "planned": "Pris", "cancelled": "Annulé"},
    ("case", "channel"): {"portail": "Ce site"},
    ("case", "status"): {"draft": "Brouillon", "filed": "En cours", "closed": "Terminée", "cancelled": "Annulée"},
    ("consent", "purpose"): {name: purpose.title for name, purpose in consents.PURPOSES.items()},
    ("document", "kind"): documents.KINDS,
    ("document_file", "scan"): _SCANS,
    ("entitlement", "kind"): {"stationnement-residentiel": "Stationnement résidentiel"},
    ("entitlement", "status"): {"actif": "Accordé", "resilie": "Résilié"},
    ("entitlement_change", "verb"): {
        "grant": "Droit accordé",
        "renew": "Droit renouvelé",
        "change_vehicle": "Véhicule changé",
        "end": "Droit résilié",
    },
    ("exchange_message", "side"): {"resident": "Vous", "service": "Le service"},
    ("history", "actor_kind"): _WHO,
    ("history", "kind"): {
        "opened": "Demande commencée",
        "step_completed": "Étape remplie",
        "step_revised": "Étape corrigée",
        "discarded": "Brouillon supprimé",
        "filed": "Demande déposée",
        "task_opened": "Étape confiée à un service",
        "task_completed": "Étape terminée par un service",
        "claimed": "Étape prise en charge",
        "released": "Étape rendue au service",
        "assigned": "Étape confiée à un agent",
        "taken_back": "Étape rendue au service",
        "resident_asked": "Réponse demandée",
        "resident_answered": "Réponse donnée",
        "notified": "Message envoyé",
        "letter_posted": "Courrier posté",
        "exchange_sent": "Message du service",
        "exchange_received": "Message au service",
        "documents_required": "Pièces demandées",
        "document_added": "Pièce ajoutée",
        "document_replaced": "Pièce remplacée",
        "document_refused": "Fichier refusé",
        "timer_fired": "Délai écoulé",
        "message_received": "Information reçue",
        "decided": "Règle appliquée",
        "moved": "Traitement automatique",
        "incident": "Incident technique",
        "incident_solved": "Incident technique résolu",
        "appointment_planned": "Rendez-vous pris",
        "appointment_moved": "Rendez-vous déplacé",
        "appointment_cancelled": "Rendez-vous annulé",
        "attached": "Demande rattachée au compte",
        "cancelled": "Demande annulée",
        "closed": "Demande terminée",
    },
    ("human_task", "group"): {"Usager": "Vous"},
    ("identity", "gender"): {"female": "Féminin", "male": "Masculin"},
    ("identity", "provider"): {"franceconnect": "FranceConnect", "proconnect": "ProConnect"},
    ("notification", "channel"): {"courriel": "Courriel", "sms": "SMS", "courrier": "Courrier", "espace": "Mon espace"},
    ("notification", "state"): {
        "held": "Part avec d’autres",
        "sent": "Envoyé",
        "shown": "Affiché",
        "to_post": "À poster",
        "posted": "Posté",
    },
    ("quota_waiting", "status"): {
        "waiting": "En attente",
        "offered": "Place proposée",
        "taken": "Place prise",
        "expired": "Place non prise à temps",
        "left": "Place laissée",
    },
    ("stored_file", "added_by_kind"): _WHO,
    ("stored_file", "scan"): _SCANS,
}
"""The codes of a table's column, in words. One that isn't named stays as it is."""


class Words:
    """The words for one person: their procedures give titles, and their forms the questions."""

    def __init__(self, session: Session, account: Account) -> None:
        self._titles = {one.slug: one.title for one in catalogue.everything(session)}
        versions = session.execute(
            select(Case.procedure, Case.version_id).where(Case.account_id == account.id).order_by(Case.opened_at)
        )
        self._definitions: dict[str, Definition] = {
            slug: catalogue.definition(session, version_id) for slug, version_id in versions
        }
        self._texts = {name: texts.in_force(name).title for name in (terms.TERMS, terms.PRIVACY)}

    def say(self, table: str, row: Mapping[str, Any], column: str) -> str:
        """A column of a row, for people."""
        value = row[column]
        if value is None or value in ("", [], {}):
            return NOTHING
        if (table, column) in (("case", "procedure"), ("favourite", "slug"), ("appointment", "procedure")):
            return str(self._titles.get(value, value))
        if (table, column) == ("terms_acceptance", "text"):
            return str(self._texts.get(value, value))
        if (table, column) == ("history", "element_id"):
            return self._element(value)
        if (table, column) == ("stored_file", "field"):
            return self._field(value)
        if table == "case" and column in ("document", "typed"):
            return "\n".join(self._answers(self._definitions.get(row["procedure"]), value))
        if isinstance(value, str):
            value = CODES.get((table, column), {}).get(value, value)
        return text(value)

    def _element(self, element_id: str) -> str:
        """What the diagrams of this person's requests call an element, where they call it alike."""
        nodes = [one.process.elements.get(element_id) for one in self._definitions.values()]
        names = {node.name for node in nodes if node is not None and node.name}
        return names.pop() if len(names) == 1 else _named(element_id)

    def _field(self, field: str) -> str:
        element_id, _, path = field.partition(".")
        for definition in self._definitions.values():
            form = definition.form_of(element_id) if element_id in definition.process.elements else None
            for where, spot in walk(form.spots) if form is not None else ():
                if where == path:
                    return spot.label
        return _named(path or element_id)

    def _answers(self, definition: Definition | None, document: Mapping[str, Any]) -> Iterator[str]:
        """What was answered at each step, question by question; then what the process worked out."""
        for key, value in document.items():
            known = definition is not None and key in definition.process.elements
            form = definition.form_of(key) if definition is not None and known else None
            name = self._element(key) if known else _named(key)
            if form is not None and isinstance(value, Mapping):
                yield from _said(name, forms.summary(form, value))
            elif isinstance(value, (Mapping, list)) and value:
                yield from _lines(value, name)
            else:
                yield f"{name}{NBSP}: {text(value, key)}"


def text(value: Any, name: str = "") -> str:
    """A value as people read it, by the name that it bears."""
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "Oui" if value else "Non"
    if isinstance(value, datetime):
        return value.astimezone(PARIS).strftime("%d/%m/%Y à %H:%M")
    if isinstance(value, date):
        return value.strftime("%d/%m/%Y")
    if isinstance(value, (Mapping, list)):
        return "\n".join(_lines(value))
    said = str(value)
    said = _VALUES.get(name, {}).get(said, said)
    if _DAY.fullmatch(said):
        return "/".join(reversed(said.split("-")))
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}… (la suite est dans le fichier JSON)"


def _said(before: str, lines: list[forms.Line | forms.Section]) -> Iterator[str]:
    for line in lines:
        if isinstance(line, forms.Section):
            yield from _said(f"{before} › {line.title}", list(line.lines))
        elif line.given:
            yield f"{before} › {line.label}{NBSP}: {line.text}"


def _lines(value: Any, before: str = "") -> Iterator[str]:
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value, 1)
    for key, inner in pairs:
        name = f"{before} › {_named(str(key))}" if before else _named(str(key))
        if isinstance(inner, (Mapping, list)) and inner:
            yield from _lines(inner, name)
        else:
            yield f"{name}{NBSP}: {text(inner, str(key))}"


def _named(key: str) -> str:
    """What a name of the data is called; one that isn't known, as words."""
    plain = key.replace("_", " ").replace(".", " › ")
    return _NAMES.get(key) or plain[:1].upper() + plain[1:]
