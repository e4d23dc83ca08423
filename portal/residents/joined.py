"""The tab «Pièces jointes» of the tracking: the request's documents, and how to add some where its process allows it (A12)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flask import url_for

from engine.contact import documents
from engine.contact.documents import StoredFile
from engine.core.db import Session
from engine.procedures import attachments as joining
from engine.procedures import forms
from engine.procedures.cases import Case
from engine.procedures.catalogue import Definition
from engine.procedures.tasks import HumanTask
from portal import attachments, rendering

FIELD = "ajout"
FORM = forms.load(
    "ajout",
    {
        "ajout": json.dumps(
            {
                "type": "object",
                "properties": {
                    "ajout": {
                        "title": "Ajouter des fichiers à la demande",
                        "type": "array",
                        "x-widget": "files",
                        "items": {"type": "string", "format": "uuid"},
                        "maxItems": documents.FILES_MAX,
                        "x-accept": "pdf,jpg,png",
                    }
                },
            }
        ).encode()
    },
)


def tab(
    session: Session,
    case: Case,
    definition: Definition,
    open_tasks: Sequence[HumanTask],
    stored: Sequence[StoredFile],
    errors: Mapping[str, str],
) -> dict[str, Any]:
    """What the tab shows."""
    allowed = joining.allowed(case, definition, open_tasks)
    fields = forms.fields(FORM, {}) if allowed else ()
    return {
        "stored": [
            (one, attachments.told(one, url_for("residents.download", reference=case.reference, file_id=one.id)))
            for one in stored
        ],
        "fields": fields,
        "errors": errors,
        "error_list": rendering.error_list(fields, errors),
        "own": attachments.own(session) if allowed else [],
    }
