"""Where the platform holds something of a person, table by table: what their export tells, what their deletion does (B16).

Every table and every column is declared here or in `IMPERSONAL` and `PASSING`; a test fails when one isn't. The export and the
deletion are read from these declarations (`rows`), so that neither can forget a table that the other knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.procedures.cases.typed import of_resident

Fate = Literal["deleted", "detached", "cleared", "kept"]


@dataclass(frozen=True)
class Of:
    """Rows whose `column` holds the account's id."""

    column: str = "account_id"


@dataclass(frozen=True)
class Under:
    """Rows that belong to a row of another table that is the person's: a request's messages."""

    column: str
    parent: str


@dataclass(frozen=True)
class WrittenTo:
    """Letters to the address that signs the account in, and those about its requests."""

    column: str


@dataclass(frozen=True)
class Part:
    """What the export tells of a column that isn't told whole, and why not the rest."""

    only: Callable[[Any], Any]
    why: str


@dataclass(frozen=True)
class Holding:
    """How a table holds something of a person.

    `told` names the columns that the export tells, with their labels; `withheld` those that it doesn't, with the reason, which
    the export tells too; of those in `partly` some is told. `fate` is what the deletion of the account does: rows are deleted,
    detached (they no longer say whose they are), or kept as `why` says. Rows of requests follow their request: deleted with a
    draft, and otherwise once the time for which the city keeps requests is over (`retention`); `cleared` are the columns that
    are then emptied.
    """

    title: str
    owner: Of | Under | WrittenTo
    told: Mapping[str, str]
    withheld: Mapping[str, str] = field(default_factory=dict)
    partly: Mapping[str, Part] = field(default_factory=dict)
    fate: Fate = "deleted"
    why: str = ""
    cleared: Mapping[str, Any] = field(default_factory=dict)
    order: str | None = None


_ID = "Identifiant interne"
_LINK = "Renvoi interne, sans information de plus"
_HASH = "Empreinte qui protège votre compte\u00a0: elle ne peut pas être relue"
_AGENT = "Il désigne un agent, ou redit ce qui est déjà dans l’export"
_ACTOR = {"actor_kind": "Sorte d’auteur"}
_APPEND_ONLY = (
    "Trace sans nom ni réponse, que la base refuse de changer\u00a0: elle ne désigne plus personne une fois le compte "
    "supprimé."
)

HOLDINGS: Mapping[str, Holding] = {
    # --- the account -------------------------------------------------------------------------------------------------------
    "account": Holding(
        "Votre compte",
        Of("id"),
        told={
            "id": "Identifiant du compte",
            "login": "Courriel de connexion",
            "username": "Nom d’utilisateur",
            "contact_email": "Courriel de contact",
            "mobile_phone": "Téléphone mobile",
            "landline": "Téléphone fixe",
            "preferred_contact": "Moyen de contact préféré",
            "sex": "Sexe",
            "first_names": "Prénoms",
            "birth_name": "Nom de naissance",
            "usage_name": "Nom d’usage",
            "birth_date": "Date de naissance",
            "street": "Numéro et voie",
            "address_more": "Complément d’adresse",
            "postcode": "Code postal",
            "town": "Commune",
            "certified": "Identité certifiée",
            "active": "Compte ouvert",
            "created_at": "Créé le",
            "updated_at": "Modifié le",
            "active_at": "Dernier signe d’activité",
        },
        withheld={
            "kind": "Sorte de compte, la même pour tous les usagers",
            "password_hash": _HASH,
            "search_name": "Vos noms, écrits pour la recherche",
        },
    ),
    "account_session": Holding(
        "Appareils connectés",
        Of(),
        told={
            "user_agent": "Navigateur",
            "opened_at": "Connecté le",
            "seen_at": "Vu le",
            "expires_at": "Déconnecté sans activité le",
            "proved_at": "Identité prouvée le",
        },
        withheld={"id": _ID, "account_id": _LINK, "token_hash": _HASH, "ends_at": "Fin au plus tard de la connexion"},
        order="opened_at",
    ),
    "identity": Holding(
        "Identités certifiées",
        Of(),
        told={
            "provider": "Certifiée par",
            "given_names": "Prénoms",
            "family_name": "Nom de naissance",
            "birthdate": "Date de naissance",
            "gender": "Sexe",
            "birthplace": "Lieu de naissance (code Insee)",
            "birthcountry": "Pays de naissance (code Insee)",
            "linked_at": "Liée le",
            "seen_at": "Dernière connexion",
        },
        withheld={
            "id": _ID,
            "account_id": _LINK,
            "subject": "Nom de code que le fournisseur d’identité vous donne pour ce site, et pour lui seul",
        },
        order="linked_at",
    ),
    "password_link": Holding(
        "Liens pour choisir un mot de passe",
        Of(),
        told={"issued_at": "Envoyé le", "expires_at": "Valable jusqu’au"},
        withheld={"token_hash": _HASH, "account_id": _LINK},
    ),
    "second_factor": Holding(
        "Seconds facteurs",
        Of(),
        told={
            "kind": "Sorte",
            "name": "Nom",
            "created_at": "Ajouté le",
            "confirmed_at": "Confirmé le",
            "used_at": "Dernière utilisation",
        },
        withheld={
            "id": _ID,
            "account_id": _LINK,
            "secret": "Clé de l’application, que nul ne doit pouvoir copier",
            "last_step": "Moment du dernier code accepté",
            "credential_id": "Numéro technique de la clé d’accès",
            "public_key": "Partie publique de la clé d’accès",
            "sign_count": "Compteur de la clé d’accès",
        },
        order="created_at",
    ),
    "recovery_code": Holding(
        "Codes de secours",
        Of(),
        told={"created_at": "Créé le", "used_at": "Utilisé le"},
        withheld={"id": _ID, "account_id": _LINK, "digest": _HASH},
    ),
    "role_grant": Holding(
        "Rôles",
        Of(),
        told={"role": "Rôle", "granted_at": "Donné le"},
        withheld={"account_id": _LINK},
    ),
    "invitation": Holding(
        "Invitation à créer le compte",
        WrittenTo("email"),
        told={"sent_at": "Envoyée le", "accepted_at": "Acceptée le"},
        withheld={
            "id": _ID,
            "token_hash": _HASH,
            "email": "Courriel de connexion, déjà dans l’export",
            "groups": _AGENT,
            "supervises": _AGENT,
            "roles": _AGENT,
            "invited_by": _AGENT,
            "expires_at": "Fin de validité de l’invitation",
            "cancelled_at": "Annulation de l’invitation",
        },
    ),
    "account_warning": Holding(
        "Avertissements reçus",
        Of(),
        told={"reason": "Texte", "sent_at": "Envoyé le"},
        withheld={"id": _ID, "account_id": _LINK, "sent_by": _AGENT},
        order="sent_at",
    ),
    "erasure_request": Holding(
        "Demande de suppression du compte", Of(), told={"asked_at": "Demandée le"}, withheld={"account_id": _LINK}
    ),
    "dormancy": Holding(
        "Compte sans activité",
        Of(),
        told={
            "inactive_since": "Sans activité depuis",
            "warnings": "Avertissements envoyés",
            "erased_on": "Suppression prévue le",
        },
        withheld={"account_id": _LINK, "next_at": "Date de la prochaine vérification"},
    ),
    "consent": Holding(
        "Consentements",
        Of(),
        told={"purpose": "Finalité", "version": "Version du texte", "granted": "Accordé", "at": "Le"},
        withheld={"id": _ID, "account_id": _LINK, "case_id": _LINK},
        fate="kept",
        why="Preuve du choix, sous le seul identifiant du compte. " + _APPEND_ONLY,
    ),
    "terms_acceptance": Holding(
        "Textes acceptés",
        Of(),
        told={"text": "Texte", "version": "Version", "accepted_at": "Accepté le"},
        withheld={"id": _ID, "account_id": _LINK, "digest": "Empreinte du texte accepté"},
        fate="kept",
        why="Preuve de l’acceptation, sous le seul identifiant du compte. " + _APPEND_ONLY,
    ),
    "audit_entry": Holding(
        "Actions enregistrées",
        Of("actor_id"),
        told={"at": "Le", "action": "Action", "origin": "Depuis le réseau"},
        withheld={
            "id": _ID,
            "actor_kind": "Usager, pour toutes ces actions",
            "actor_id": _LINK,
            "on_behalf_of": _LINK,
            "object_kind": _LINK,
            "object_id": _LINK,
            "facts": "Précisions par identifiants",
            "request": "Numéro technique de la page demandée",
        },
        fate="kept",
        why=_APPEND_ONLY,
    ),
    "membership": Holding(
        "Groupes (agents)",
        Of(),
        told={"supervisor": "Responsable du groupe"},
        withheld={"account_id": _LINK, "group_id": "Ne concerne que les agents"},
    ),
    "favourite": Holding(
        "Services favoris", Of(), told={"slug": "Démarche", "place": "Rang"}, withheld={"account_id": _LINK}
    ),
    "hidden_sector": Holding("Rubriques masquées", Of(), told={"sector": "Rubrique"}, withheld={"account_id": _LINK}),
    "quota_waiting": Holding(
        "Listes d’attente",
        Of(),
        told={
            "number": "Rang",
            "email": "Courriel",
            "status": "État",
            "joined_at": "Inscrit le",
            "offered_until": "Place proposée jusqu’au",
        },
        withheld={"id": _ID, "quota_id": _LINK, "account_id": _LINK, "token_hash": _HASH},
    ),
    "undeliverable_address": Holding(
        "Adresse qui refuse nos courriels",
        WrittenTo("address"),
        told={"address": "Adresse", "since": "Depuis le", "why": "Réponse de la messagerie"},
    ),
    # --- rights ------------------------------------------------------------------------------------------------------------
    "entitlement": Holding(
        "Droits",
        Of(),
        told={
            "kind": "Sorte de droit",
            "numero": "Numéro",
            "zone": "Zone",
            "plate": "Immatriculation",
            "starts_on": "Début",
            "ends_on": "Fin",
            "status": "État",
            "updated_at": "Modifié le",
        },
        withheld={"id": _ID, "account_id": _LINK, "revision": "Compteur interne"},
    ),
    "entitlement_change": Holding(
        "Changements de vos droits",
        Under("entitlement_id", "entitlement"),
        told={"verb": "Changement", "at": "Le", "after": "Droit après le changement"},
        withheld={"id": _ID, "entitlement_id": _LINK, "case_id": _LINK, "element_id": "Étape interne de la démarche"},
    ),
    "care_plan": Holding(
        "Plans d’aide",
        Of(),
        told={
            "file_reference": "Référence du dossier",
            "beneficiary_first_names": "Prénoms du bénéficiaire",
            "beneficiary_name": "Nom du bénéficiaire",
            "birth_date": "Date de naissance du bénéficiaire",
            "hours_per_month": "Heures par mois",
            "starts_on": "Début",
            "ends_on": "Fin",
            "benefits": "Aides accordées",
            "opened_at": "Ouvert le",
        },
        withheld={"id": _ID, "account_id": _LINK, "case_id": _LINK},
        fate="detached",
        why="Le plan d’aide est le dossier du service qui l’a accordé et qui le paie\u00a0: il n’est plus lié à votre compte.",
    ),
    # --- documents ---------------------------------------------------------------------------------------------------------
    "document": Holding(
        "Mes pièces",
        Of(),
        told={
            "kind": "Type",
            "title": "Titre",
            "dated_on": "Date de la pièce",
            "expires_on": "Date d’expiration",
            "finished": "Validée",
            "added_at": "Ajoutée le",
            "changed_at": "Modifiée le",
        },
        withheld={"id": _ID, "account_id": _LINK},
        order="added_at",
    ),
    "document_file": Holding(
        "Fichiers de Mes pièces",
        Under("document_id", "document"),
        told={
            "name": "Nom",
            "media_type": "Type",
            "size": "Taille en octets",
            "added_at": "Ajouté le",
            "scan": "Analyse antivirus",
        },
        withheld={
            "id": _ID,
            "document_id": _LINK,
            "taken_away": "Retiré du formulaire, en attente de validation",
            "sha256": "Empreinte du fichier",
            "sealed_sha256": "Empreinte du fichier chiffré",
            "path": "Emplacement interne",
        },
    ),
    # --- requests ----------------------------------------------------------------------------------------------------------
    "case": Holding(
        "Demandes",
        Of(),
        told={
            "reference": "Référence",
            "procedure": "Démarche",
            "status": "État",
            "channel": "Canal",
            "applicant": "Demandeur",
            "document": "Réponses et suite donnée",
            "typed": "Saisies non validées",
            "opened_at": "Commencée le",
            "changed_at": "Modifiée le",
            "filed_at": "Déposée le",
            "closed_at": "Terminée le",
        },
        withheld={
            "id": _ID,
            "version_id": "Version de la démarche",
            "account_id": _LINK,
            "state": "Position dans la démarche, dite par l’historique",
            "made_from": "La demande qui a servi de modèle",
            "warned_at": "Date du rappel d’un brouillon",
            "end_element": "Étape interne de la démarche",
            "erased_at": "Date d’effacement, une fois la demande effacée",
            "search_name": "Vos noms, écrits pour la recherche",
        },
        partly={
            "typed": Part(
                of_resident, "Ce qu’un agent a saisi sans le valider\u00a0: une décision encore en préparation"
            )
        },
        fate="detached",
        why="Le service garde une demande déposée pour le temps de sa durée de conservation, sans votre compte, puis l’efface.",
        cleared={"applicant": {}, "document": {}, "typed": None, "state": b"", "search_name": None},
        order="opened_at",
    ),
    "history": Holding(
        "Historique de vos demandes",
        Under("case_id", "case"),
        told={"at": "Le", "kind": "Événement", "element_id": "Étape", **_ACTOR},
        withheld={
            "id": _ID,
            "case_id": _LINK,
            "actor_id": _AGENT,
            "data": "Précisions internes, sans réponse ni nom",
            "path": "Chemin suivi dans la démarche",
        },
        fate="kept",
        why=_APPEND_ONLY,
    ),
    "notification": Holding(
        "Messages reçus",
        Under("case_id", "case"),
        told={
            "name": "Nom",
            "subject": "Objet",
            "text": "Texte",
            "short": "Texte court",
            "channel": "Envoyé par",
            "postal": "Adresse postale",
            "state": "État",
            "sent_at": "Écrit le",
            "left_at": "Parti le",
            "posted_at": "Posté le",
        },
        withheld={
            "id": _ID,
            "case_id": _LINK,
            "mail_id": _LINK,
            "sms_id": _LINK,
            "element_id": _LINK,
            "occurrence": _LINK,
            "key": _LINK,
            "reference": _LINK,
            "group": "Le service qui poste",
            "posted_by": _AGENT,
        },
    ),
    "sms": Holding(
        "SMS envoyés",
        Under("case_id", "case"),
        told={"recipient": "À", "text": "Texte", "written_at": "Écrit le", "sent_at": "Envoyé le"},
        withheld={
            "id": _ID,
            "name": _ID,
            "segments": "Nombre de SMS que prend le texte",
            "case_id": _LINK,
            "refused_at": "Date d’un refus par l’opérateur",
        },
    ),
    "exchange": Holding(
        "Échanges",
        Under("case_id", "case"),
        told={"subject": "Objet", "group": "Service", "opened_at": "Ouvert le", "changed_at": "Dernier message le"},
        withheld={
            "id": _ID,
            "case_id": _LINK,
            "thread": _LINK,
            "awaits": _LINK,
            "asked": "Si une réponse est attendue",
            "last_side": "Qui a écrit en dernier",
            "unread_by_resident": "Compteur",
            "unread_by_service": "Compteur",
        },
    ),
    "exchange_message": Holding(
        "Messages échangés",
        Under("exchange_id", "exchange"),
        told={"side": "De", "text": "Texte", "written_at": "Écrit le", "read_at": "Lu le"},
        withheld={
            "id": _ID,
            "exchange_id": _LINK,
            "case_id": _LINK,
            "author_kind": _LINK,
            "author_id": _AGENT,
            "files": "Les fichiers, que l’export cite parmi ceux de la demande",
            "sending": _LINK,
            "read_by": _AGENT,
        },
    ),
    "appointment": Holding(
        "Rendez-vous",
        Under("case_id", "case"),
        told={
            "procedure": "Démarche",
            "status": "État",
            "starts_at": "Début",
            "ends_at": "Fin",
            "made_at": "Pris le",
            "changed_at": "Modifié le",
        },
        withheld={
            "id": _ID,
            "agenda_id": _LINK,
            "case_id": _LINK,
            "day": "Le jour du début",
            "unit": "Place dans l’agenda",
            "units": "Place dans l’agenda",
            "desk": "Place dans l’agenda",
            "held_until": "Fin de la réservation pendant la saisie",
            "prolonged": "Compteur",
            "sequence": "Compteur",
        },
    ),
    "stored_file": Holding(
        "Fichiers joints à vos demandes",
        Under("case_id", "case"),
        told={
            "name": "Nom",
            "media_type": "Type",
            "size": "Taille en octets",
            "field": "Pièce",
            "added_at": "Ajouté le",
            "added_by_kind": "Ajouté par",
            "scan": "Analyse antivirus",
        },
        withheld={
            "id": _ID,
            "case_id": _LINK,
            "document_id": _LINK,
            "origin_id": _LINK,
            "sha256": "Empreinte du fichier",
            "sealed_sha256": "Empreinte du fichier chiffré",
            "path": "Emplacement interne",
            "added_by": _AGENT,
        },
    ),
    "human_task": Holding(
        "Tâches en cours sur vos demandes",
        Under("case_id", "case"),
        told={"title": "Tâche", "opened_at": "Ouverte le", "due_at": "Échéance", "group": "Confiée à"},
        withheld={
            "id": _ID,
            "case_id": _LINK,
            "element_id": _LINK,
            "claimed_by": _AGENT,
            "claimed_name": _AGENT,
            "claimed_at": _AGENT,
            "reference": _LINK,
            "procedure": _LINK,
            "procedure_title": _LINK,
            "applicant": "Votre nom",
            "search_name": "Vos noms, écrits pour la recherche",
            "filed_at": "La date de dépôt de la demande",
        },
    ),
    "incident": Holding(
        "Étapes qui n’ont pas abouti",
        Under("case_id", "case"),
        told={"at": "Le", "answers": "Réponses gardées pour un nouvel essai", "solved_at": "Résolu le"},
        withheld={
            "id": _ID,
            "case_id": _LINK,
            "element_id": _LINK,
            "reason": "Cause technique",
            "verb": _LINK,
            "target": _LINK,
            "actor": _AGENT,
        },
    ),
    "case_link": Holding(
        "Liens privés vers vos demandes",
        Under("case_id", "case"),
        told={"made_at": "Fait le", "expires_at": "Valable jusqu’au"},
        withheld={"token_hash": _HASH, "case_id": _LINK},
    ),
    "mail": Holding(
        "Courriels envoyés",
        WrittenTo("recipient"),
        told={"recipient": "À", "subject": "Objet", "text": "Texte", "written_at": "Écrit le", "sent_at": "Envoyé le"},
        withheld={
            "id": _ID,
            "name": _ID,
            "html": "Le même texte, mis en forme",
            "case_id": _LINK,
            "reply_to": "Adresse de réponse, propre à chaque message",
            "refused_at": "Date d’un refus par la messagerie",
        },
    ),
}

# What forgets by itself within hours or days, and belongs to no account: who made it has nothing but a browser or a mailbox.
PASSING: Mapping[str, str] = {
    "kept_form": "what was typed in a session that is over: an hour",
    "pending_registration": "an account that waits for its code: an hour",
    "identity_visit": "a browser that was sent to FranceConnect or ProConnect: half an hour",
    "pending_identity": "a certified identity that opens no account yet: an hour",
    "session_id_token": "what ends the provider's session: as long as the session that it is tied to",
    "verification_code": "a code and its address: a day",
    "pending_sign_in": "a sign-in between the password and the second factor: an hour at most",
    "passkey_challenge": "random bits that a passkey signs: minutes",
    "spent_captcha": "a captcha that was used: no person",
    "job": "what is promised: ids, and for minutes the address that a forgotten password was asked for",
}

# No person, or agents only and by ids.
IMPERSONAL: Mapping[str, str] = {
    "agent_group": "groups of agents",
    "audit_link": "the chain of the audit",
    "agenda": "opening hours and places of a service",
    "agenda_day": "how many places of a day are taken",
    "measured_delay": "how long requests took, counted together",
    "procedure": "the catalogue",
    "quota": "how many requests a procedure takes",
    "quota_place": "a place of a quota, by the id of its request: without the account it names nobody",
    "version": "the catalogue",
}
