"""The request as it is stored, who asks, and the names that its process reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, Table, Text, bindparam, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock
from engine.core.clock import PARIS
from engine.core.db import Base, Json, Session, UtcDateTime, new_id
from engine.core.indexes import know_words, of_words, partial
from engine.core.statements import Prepared

# Answers that say who the resident is, under whichever step they are asked.
_WHO = (
    "sexe",
    "prenoms",
    "nom_naissance",
    "nom_usage",
    "date_naissance",
    "courriel",
    "telephone_mobile",
    "telephone_fixe",
    "contact_prefere",
    "adresse",
)


# What a person whose identity is certified may still give anew for one request.
_CHANGEABLE = ("courriel", "telephone_mobile", "telephone_fixe", "contact_prefere", "adresse")

_DRAFT, _FILED = "status = 'draft'", "filed_at IS NOT NULL"


@dataclass(frozen=True)
class Way:
    """The steps of the wizard on the way that a draft took, by their elements: those passed, in their order, which can be
    corrected; and those that wait to be filled in."""

    passed: list[str]
    waiting: set[str]


class Case(Base):
    """A request. `status`: draft, filed, closed, cancelled.

    `document` holds the answers and the process's variables. `typed` holds, by step of a draft, what was typed there and not
    validated: shown again, and never read by the process.
    """

    __tablename__ = "case"
    __table_args__ = (
        Index("uq_case_reference", "reference", unique=True),
        Index("ix_case_account_id_opened_at", "account_id", "opened_at"),
        # One draft a person and procedure: opening it again offers the existing one (A9).
        partial("uq_case_draft", "account_id", "procedure", where=_DRAFT, unique=True),
        # Not by `changed_at`, though drafts end by it: were it in an index, each step would write all the indexes of the table.
        partial("ix_case_draft_opened_at", "opened_at", where=_DRAFT),
        partial("ix_case_closed", "version_id", "closed_at", where="status = 'closed'"),
        # What agents search by name: in order of time, and by the beginnings of words.
        partial("ix_case_filed_search_name", "procedure", "filed_at", "id", "search_name", where=_FILED),
        of_words("ix_case_filed_words", "search_name", where=_FILED),
        # Those that were filed before there was such a column: `naming` finds them here, and none is added any more.
        partial("ix_case_without_names", "filed_at", where=f"{_FILED} AND search_name IS NULL AND erased_at IS NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    reference: Mapped[str] = mapped_column(Text)
    procedure: Mapped[str] = mapped_column(Text)
    version_id: Mapped[UUID] = mapped_column(ForeignKey("version.id"))
    status: Mapped[str] = mapped_column(Text)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    channel: Mapped[str] = mapped_column(Text, default="portail")
    applicant: Mapped[dict[str, Any]] = mapped_column(Json)
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    typed: Mapped[dict[str, Any] | None] = mapped_column(Json)
    state: Mapped[bytes] = mapped_column(LargeBinary)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    filed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    end_element: Mapped[str | None] = mapped_column(Text)
    # When what it said of a person was emptied: the row stays for its history, which names nobody.
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The request whose answers this one began with.
    made_from: Mapped[UUID | None]
    # When the person was told that their draft would be deleted.
    warned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The names that agents find a filed request by, as `tasks.searchable` writes them; a draft has none.
    search_name: Mapped[str | None] = mapped_column(Text)

    # No column: the way of a draft, with the state that it was read from. Who has just opened one is led on without its
    # process being read again.
    if TYPE_CHECKING:
        known_way: tuple[bytes, Way] | None
    else:
        known_way = None

    @property
    def draft(self) -> bool:
        return self.status == "draft"

    @property
    def running(self) -> bool:
        """Whether its process can still move."""
        return self.status in ("draft", "filed")

    @property
    def usager(self) -> dict[str, Any]:
        """Who asks, as processes and forms read it: the account's identity, and what the request's own steps say."""
        said: dict[str, Any] = {}
        for answers in self.document.values():
            if isinstance(answers, dict) and "nom_naissance" in answers:
                said.update({name: answers[name] for name in _WHO if answers.get(name) not in (None, "", {})})
        if self.applicant.get("certifie"):
            said = {name: value for name, value in said.items() if name in _CHANGEABLE}
        return {**self.applicant, **said}

    @property
    def applicant_name(self) -> str:
        """The name that agents read in their queues."""
        who = self.usager
        first = (who.get("prenoms") or "").replace(",", " ").split(" ")[0]
        last = who.get("nom_usage") or who.get("nom_naissance") or ""
        return " ".join(part for part in (last.upper(), first) if part) or "Anonyme"

    @property
    def known_names(self) -> str:
        """The names by which agents look for the request: the one they read, then the name at birth when it is another."""
        who = self.usager
        birth = who.get("nom_naissance") if who.get("nom_usage") else None
        return f"{self.applicant_name} {birth}" if birth and birth != who["nom_usage"] else self.applicant_name


_TABLE: Table = Case.__table__  # type: ignore[assignment]
know_words(_TABLE)
_SAVE = update(_TABLE).where(_TABLE.c.id == bindparam("case_id"))


def save(session: Session, case: Case, changes: Mapping[str, Any]) -> None:
    """Write what was changed of a request: the moves of its process change few sets of columns."""
    _saving(*sorted(changes)).send(session, {"case_id": case.id, **changes})


@cache
def _saving(*names: str) -> Prepared:
    return Prepared(_SAVE, *names)


def reserved(case: Case) -> dict[str, Any]:
    """What the platform lends to the expressions of a request: `usager`, `demande` and `aujourdhui`."""
    return {
        "usager": case.usager,
        "demande": {
            "reference": case.reference,
            "procedure": case.procedure,
            "ouverte_le": _day(case.opened_at),
            "deposee_le": _day(case.filed_at),
            "canal": case.channel,
        },
        "aujourdhui": clock.today().isoformat(),
    }


def _day(at: datetime | None) -> str | None:
    return at.astimezone(PARIS).date().isoformat() if at else None
