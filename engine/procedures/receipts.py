"""The acknowledgement of receipt of a request filed electronically (A10).

Its contents are those of articles R112-5 and R112-11-1 of the Code des relations entre le public et l'administration:
the date of receipt; the service in charge with its address, e-mail and phone; whether silence means acceptance or
refusal, and from when; and what can be done then. Silence is a property of the procedure, with its legal reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from engine.contact import letters
from engine.core import config, mail
from engine.core.clock import PARIS
from engine.core.db import Session
from engine.procedures import durations
from engine.procedures.catalogue import Definition
from engine.procedures.forms import wording

if TYPE_CHECKING:
    from engine.procedures.cases import Case

NAME = "accuse-reception"


@dataclass(frozen=True)
class Receipt:
    """What an acknowledgement says, in words for the resident."""

    title: str
    reference: str
    received: str
    department: str
    contact: tuple[str, ...]
    silence: str
    remedies: str
    expected: str
    appointment: str
    documents: tuple[str, ...]


def receipt(case: Case, definition: Definition, *, awaited: bool = True) -> Receipt:
    """The acknowledgement of a filed request; `awaited` says that the service has still to answer."""
    assert case.filed_at is not None  # only filed requests are acknowledged
    city = config.current().city
    filed = case.filed_at.astimezone(PARIS)
    properties = definition.properties
    # Who has their answer expects none any more.
    awaited = awaited and case.running
    silence, remedies = _silence(case.filed_at, properties) if awaited else ("", "")
    delay = properties.get("expectedDelay") if awaited else None
    appointment = _appointment(case, definition)
    return Receipt(
        title=definition.title,
        reference=case.reference,
        received=f"{wording.day(filed)} à {filed:%H}\N{NO-BREAK SPACE}h\N{NO-BREAK SPACE}{filed:%M}",
        department=properties.get("department", city.name),
        contact=(
            f"{city.name}, {city.address}, {city.postcode} {city.town}",
            f"Téléphone\N{NO-BREAK SPACE}: {city.phone}",
            f"Courriel\N{NO-BREAK SPACE}: {city.email}",
        ),
        silence=silence,
        remedies=remedies,
        expected=f"Délai habituel de traitement\N{NO-BREAK SPACE}: {durations.say(delay)}." if delay else "",
        appointment=appointment,
        documents=listed(properties.get("documents", "")) if appointment else (),
    )


def _appointment(case: Case, definition: Definition) -> str:
    """The appointment that the request has, as its process knows it: day, hour and place."""
    step = next((node.id for node in definition.steps if node.step == "appointment"), "")
    said = case.document.get(step)
    if not isinstance(said, dict) or not said.get("jour"):
        return ""
    return f"{said['jour']} à {said['heure']}, {said['lieu']}, {said['adresse']}"


def listed(text: str) -> tuple[str, ...]:
    """The items of a property that is a list, written one a line or parted by semicolons."""
    return tuple(item.strip() for item in re.split(r"[;\n]", text) if item.strip())


def _silence(filed_at: datetime, properties: object) -> tuple[str, str]:
    assert hasattr(properties, "get")
    rule, after = properties.get("silence"), properties.get("silenceAfter")
    if not rule or not after:
        return "", ""
    day = wording.day(durations.after(filed_at, after).astimezone(PARIS))
    reference = properties.get("silenceReference")
    source = f" ({reference})" if reference else ""
    if rule == "accept":
        return (
            f"Sans réponse de notre part le {day}, votre demande sera acceptée{source}.",
            "Vous pourrez alors demander une attestation de cette acceptation.",
        )
    return (
        f"Sans réponse de notre part le {day}, votre demande sera considérée comme refusée{source}.",
        "Vous pourrez alors, dans les deux mois, contester ce refus auprès du service par un recours gracieux, "
        "ou devant le tribunal administratif.",
    )


def acknowledge(session: Session, case: Case, definition: Definition, follow: Callable[[], str]) -> None:
    """Promise the acknowledgement e-mail, if an address was given. `follow` gives the address of the tracking."""
    to = case.usager.get("courriel")
    if not to:
        return
    said = receipt(case, definition)
    city = config.current().city
    link = follow()
    subject = f"Accusé de réception de votre demande {said.reference}"
    # Who has an account signs in: their link is nobody's key.
    warning = "" if case.account_id else "\nCe lien est personnel\N{NO-BREAK SPACE}: ne le transmettez pas."
    way = f"Suivre votre demande\N{NO-BREAK SPACE}:\n{link}{warning}"
    paragraphs = [
        "Bonjour,",
        f"Nous avons bien reçu votre demande «\N{NO-BREAK SPACE}{said.title}\N{NO-BREAK SPACE}» le {said.received}. "
        f"Sa référence est {said.reference}.",
        way,
        "\n".join((f"Service chargé de votre demande\N{NO-BREAK SPACE}: {said.department}", *said.contact)),
        f"Votre rendez-vous\N{NO-BREAK SPACE}: {said.appointment}." if said.appointment else "",
        "\n".join(("À apporter\N{NO-BREAK SPACE}:", *(f"- {one}" for one in said.documents))) if said.documents else "",
        said.expected,
        " ".join(part for part in (said.silence, said.remedies) if part),
        city.name,
    ]
    # In HTML a button leads to the request, and the sheet says who writes.
    body = "\n\n".join(paragraph for paragraph in paragraphs[:-1] if paragraph and paragraph is not way)
    mail.write(
        session,
        to=to,
        subject=subject,
        text="\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n",
        html=letters.html(subject, [("", body)], reference=said.reference, link=link),
        case_id=case.id,
        name=NAME,
    )
