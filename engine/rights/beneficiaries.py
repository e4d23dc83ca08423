"""The account of a beneficiary: tied to their file by what the city's letter says (B18).

Whoever types the file's reference, the names and the date of birth right has the letter before them. All four must be right, the
file must have no account yet, and which of these failed is never said: the page is the same, and only the mailbox that was
typed reads that no file was found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import update

from engine.core import audit
from engine.core.audit import Who
from engine.core.db import Session
from engine.people import registration, throttle
from engine.people.accounts import plain
from engine.people.registration import Begun, Wanted
from engine.rights import care_plans
from engine.rights.care_plans import CarePlan

# Four facts to guess: a few tries an hour for a file from one place, some more from all places together.
BY_PLACE = throttle.Limit("care-file-place", burst=6, every=timedelta(minutes=10))
BY_FILE = throttle.Limit("care-file", burst=20, every=timedelta(minutes=10))


@dataclass(frozen=True)
class Claim:
    """What somebody copies from the city's letter."""

    reference: str
    first_names: str
    name: str
    birth_date: str


def begin(session: Session, claim: Claim, wanted: Wanted, *, terms_read: dict[str, str], address: str) -> Begun:
    """Begin an account for the file; whether one was found, the answer doesn't tell. `Throttled` after too many tries."""
    _count(claim, address)
    found = _match(session, claim)
    return registration.begin(session, wanted, terms_read=terms_read, beneficiary=True, file_reference=found)


def attach(session: Session, account_id: UUID, reference: str, who: Who) -> bool:
    """Give the plans of a file to the account; False when somebody else has them meanwhile."""
    taken = session.scalars(
        update(CarePlan)
        .where(CarePlan.file_reference == reference, CarePlan.account_id.is_(None))
        .values(account_id=account_id)
        .returning(CarePlan.id)
    ).all()
    if taken:
        audit.record(session, who, "care_file.attached", "account", account_id, plans=len(taken))
    return bool(taken)


def join(session: Session, account_id: UUID, claim: Claim, who: Who, *, address: str) -> bool:
    """Tie a file to an account that exists; False, whatever was wrong. `Throttled` after too many tries."""
    _count(claim, address)
    found = _match(session, claim)
    return found is not None and attach(session, account_id, found, who)


def canonical(reference: str) -> str:
    """A reference as it is stored, however it was copied: `pa 2026 00417` is PA-2026-00417."""
    parts = re.findall(r"[A-Z]+|[0-9]+", plain(reference).upper())
    return "-".join(parts)


def _count(claim: Claim, address: str) -> None:
    reference = canonical(claim.reference)[:50]
    throttle.take(BY_PLACE, f"{reference} {throttle.network(address)}")
    throttle.take(BY_FILE, reference)


def _match(session: Session, claim: Claim) -> str | None:
    """The reference of the file that all four facts agree on and nobody has yet."""
    reference = canonical(claim.reference)
    plans = care_plans.of_file(session, reference)
    if not plans or any(plan.account_id is not None for plan in plans):
        return None
    return reference if all(_agrees(plan, claim) for plan in plans) else None


def _agrees(plan: CarePlan, claim: Claim) -> bool:
    typed = _words(claim.first_names)
    return (
        plan.birth_date is not None
        and plan.birth_date == claim.birth_date
        and _words(plan.beneficiary_name) == _words(claim.name)
        # The first of the first names, or all of them: people copy either.
        and typed in (_words(plan.beneficiary_first_names), _words(plan.beneficiary_first_names)[:1])
    )


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", plain(text))
