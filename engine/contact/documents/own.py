"""«Mes pièces»: the documents that a person keeps in their space, each of up to four files, to be used in requests (B14).

A request takes a copy: changing or deleting a document changes nothing of what was filed. A document is `finished` once its
form was validated; files that came with errors are kept by one that isn't.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import Boolean, Date, ForeignKey, Index, Text, func, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.contact.documents import files, scanning
from engine.contact.documents.files import FILES_MAX, Content
from engine.contact.documents.receiving import Received
from engine.core import clock, config, jobs, mail
from engine.core.clock import PARIS
from engine.core.config import Settings
from engine.core.db import Base, Session, UtcDateTime, new_id
from engine.core.errors import NotFound, RefusedFile
from engine.people import accounts
from engine.people.accounts import Account

KINDS = {
    "identite": "Pièce d’identité",
    "domicile": "Justificatif de domicile",
    "ressources": "Justificatif de ressources",
    "impots": "Avis d’imposition",
    "vehicule": "Certificat d’immatriculation",
    "famille": "Livret de famille ou acte d’état civil",
    "sante": "Attestation de sécurité sociale ou de mutuelle",
    "autre": "Autre pièce",
}
"""The kinds of documents, as people read them."""

DOCUMENTS_MAX = 100
SOON = timedelta(days=30)
"""How long before a document expires its owner is told."""
_UNKNOWN = "Cette pièce n’existe pas ou n’est plus dans votre espace."


class Document(Base):
    """A document of a person's space."""

    __tablename__ = "document"
    __table_args__ = (Index("ix_document_account_id", "account_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    kind: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    dated_on: Mapped[date | None] = mapped_column(Date)
    expires_on: Mapped[date | None] = mapped_column(Date)
    finished: Mapped[bool] = mapped_column(Boolean)
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def label(self) -> str:
        """What the document is called in lists."""
        return self.title or KINDS.get(self.kind, KINDS["autre"])

    @property
    def expired(self) -> bool:
        return self.expires_on is not None and self.expires_on < clock.today()

    @property
    def expires_soon(self) -> bool:
        return self.expires_on is not None and not self.expired and self.expires_on <= clock.today() + SOON


class DocumentFile(Content):
    """A file of a document. `taken_away`: its owner took it off the form, and hasn't validated yet."""

    __tablename__ = "document_file"
    __table_args__ = (
        Index("ix_document_file_document_id", "document_id"),
        Index("uq_document_file_path", "path", unique=True),
    )

    document_id: Mapped[UUID] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"))
    taken_away: Mapped[bool] = mapped_column(Boolean, default=False)

    @property
    def owner(self) -> UUID:
        return self.document_id


@dataclass(frozen=True)
class Space:
    """How much a person keeps, and how much they may, in bytes."""

    used: int
    most: int


# --- reading ---------------------------------------------------------------------------------------------------------------


def of_account(session: Session, account_id: UUID) -> list[Document]:
    """The documents of a person, the unfinished first, then by title."""
    return list(
        session.scalars(
            select(Document)
            .where(Document.account_id == account_id)
            .order_by(Document.finished, func.lower(Document.title), Document.id)
        )
    )


def count(session: Session, account_id: UUID) -> int:
    """How many documents a person has."""
    return session.scalar(select(func.count(Document.id)).where(Document.account_id == account_id)) or 0


def find_own(session: Session, account_id: UUID, document_id: UUID) -> Document:
    """A document of that person, or `NotFound`."""
    document = session.get(Document, document_id)
    if document is None or document.account_id != account_id:
        raise NotFound(_UNKNOWN, document_id=str(document_id))
    return document


def files_of(session: Session, document_ids: Collection[UUID]) -> dict[UUID, list[DocumentFile]]:
    """The files of documents, by document, in the order in which they came."""
    found: dict[UUID, list[DocumentFile]] = {one: [] for one in document_ids}
    if document_ids:
        query = select(DocumentFile).where(DocumentFile.document_id.in_(document_ids))
        for file in session.scalars(query.order_by(DocumentFile.added_at, DocumentFile.id)):
            found[file.document_id].append(file)
    return found


def find_own_file(session: Session, account_id: UUID, document_id: UUID, file_id: UUID) -> DocumentFile:
    """A file of a document of that person, or `NotFound`."""
    find_own(session, account_id, document_id)
    file = session.get(DocumentFile, file_id)
    if file is None or file.document_id != document_id:
        raise NotFound(files.GONE, file_id=str(file_id))
    return file


def own_file(session: Session, account_id: UUID, file_id: UUID) -> DocumentFile:
    """A file of any document of that person that a request may take, or `NotFound`."""
    file = session.scalar(
        select(DocumentFile)
        .join(Document)
        .where(DocumentFile.id == file_id, Document.account_id == account_id, Document.finished)
    )
    if file is None or file.taken_away or file.scan == scanning.INFECTED:
        raise NotFound(files.GONE, file_id=str(file_id))
    return file


def usable(session: Session, account_id: UUID) -> list[tuple[Document, list[DocumentFile]]]:
    """The documents that a request may take, each with its files that may be copied."""
    found = [one for one in of_account(session, account_id) if one.finished]
    held = files_of(session, [one.id for one in found])
    shown = [
        (one, [file for file in held[one.id] if file.scan != scanning.INFECTED and not file.taken_away])
        for one in found
    ]
    return [(one, kept) for one, kept in shown if kept]


def space(session: Session, settings: Settings, account_id: UUID) -> Space:
    """How much of their space a person has used."""
    used = session.scalar(select(func.sum(DocumentFile.size)).join(Document).where(Document.account_id == account_id))
    return Space(int(used or 0), settings.space_megabytes * 1_000_000)


# --- adding and changing ---------------------------------------------------------------------------------------------------


def begun(session: Session, account_id: UUID, document_id: UUID) -> Document:
    """The document, or a new one of that id: a form that is sent twice makes one document.

    `NotFound` when it is somebody else's, `RefusedFile` when the person has as many as they may.
    """
    # Two forms of one person are counted one after the other.
    session.execute(select(Account.id).where(Account.id == account_id).with_for_update())
    document = session.get(Document, document_id)
    if document is not None:
        return find_own(session, account_id, document_id)
    if count(session, account_id) >= DOCUMENTS_MAX:
        raise RefusedFile(
            f"Votre espace contient déjà {DOCUMENTS_MAX} pièces\u00a0: supprimez-en une.", reason="documents"
        )
    now = clock.now()
    document = Document(
        id=document_id, account_id=account_id, kind="autre", title="", finished=False, added_at=now, changed_at=now
    )
    session.add(document)
    session.flush()
    return document


def add_file(session: Session, settings: Settings, document: Document, received: Received) -> DocumentFile:
    """Give a received file to a document, or raise `RefusedFile` when it is full, or its owner's space is."""
    held = files_of(session, [document.id])[document.id]
    if sum(not file.taken_away for file in held) >= FILES_MAX:
        raise RefusedFile(
            f"Une pièce contient {FILES_MAX} fichiers au plus. Retirez-en un pour en ajouter un autre.", reason="count"
        )
    taken = space(session, settings, document.account_id)
    if taken.used + received.size > taken.most:
        raise RefusedFile(
            f"Votre espace de stockage ({settings.space_megabytes}\u00a0Mo) est plein\u00a0: supprimez une pièce dont vous "
            "n’avez plus besoin.",
            reason="space",
        )
    file = DocumentFile(**files.facts(received), document_id=document.id)
    session.add(file)
    session.flush()
    files.promise_for(session, file)
    return file


def take_away(session: Session, settings: Settings, document: Document, file_id: str) -> None:
    """Take a file off a document's form: at once when the form was never validated, otherwise once it is validated."""
    for file in files_of(session, [document.id])[document.id]:
        if str(file.id) == file_id:
            if document.finished:
                file.taken_away = True
            else:
                files.remove(session, settings, file)


def finish(
    session: Session,
    settings: Settings,
    document: Document,
    *,
    kind: str,
    title: str,
    dated_on: date | None,
    expires_on: date | None,
    file_ids: Collection[str],
) -> bool:
    """Take what the form says, and those of its files that it names; whether files of a finished document changed."""
    changed, was_finished = False, document.finished
    for file in files_of(session, [document.id])[document.id]:
        if str(file.id) not in file_ids:
            files.remove(session, settings, file)
            changed = True
            continue
        changed = changed or file.added_at > document.changed_at
        file.taken_away = False
    document.kind, document.title = kind, title
    document.dated_on, document.expires_on = dated_on, expires_on
    document.finished = True
    document.changed_at = clock.now()
    session.flush()
    _promise_reminder(session, document)
    return changed and was_finished


def delete(session: Session, settings: Settings, document: Document) -> None:
    """Delete a document with its files; copies that requests hold stay with them."""
    for file in files_of(session, [document.id])[document.id]:
        files.remove(session, settings, file)
    jobs.forget(session, [_reminder(document.id)])
    session.delete(document)
    session.flush()


def delete_all(session: Session, settings: Settings, account_id: UUID) -> int:
    """Delete every document of a person; how many there were."""
    found: Sequence[Document] = of_account(session, account_id)
    for document in found:
        delete(session, settings, document)
    return len(found)


# --- expiry ----------------------------------------------------------------------------------------------------------------


def _reminder(document_id: UUID) -> str:
    return f"document_expiry:{document_id}"


def _promise_reminder(session: Session, document: Document) -> None:
    key = _reminder(document.id)
    if document.expires_on is None or document.expires_on - SOON <= clock.today():
        # None, or its owner was just told on the page.
        jobs.forget(session, [key])
        return
    due = datetime.combine(document.expires_on - SOON, time(9), PARIS)
    jobs.promise(session, "remind_expiry", key=key, due_at=due, document_id=str(document.id))


def remind(session: Session, document_id: UUID) -> None:
    """Tell the owner of a document that it expires; one that was deleted, or given a later date, says nothing."""
    document = session.get(Document, document_id)
    if document is None or document.expires_on is None or document.expires_on - SOON > clock.today():
        return
    account = accounts.find(session, document.account_id)
    to = accounts.usager(account).get("courriel")
    if not to:
        return
    settings = config.current()
    day = document.expires_on.strftime("%d/%m/%Y")
    when = f"a expiré le {day}" if document.expired else f"expire le {day}"
    mail.write(
        session,
        to=to,
        name="expiration-piece",
        # Which document isn't said: a mailbox is read by others too.
        subject=f"Une pièce de votre espace {when}",
        text=(
            f"Bonjour,\n\nUne des pièces que vous gardez dans {settings.city.space_name} {when}. Pour vos prochaines demandes, "
            f"remplacez-la par une plus récente\u00a0:\n{settings.public_url}/mon-espace/pieces\n\n{settings.city.name}\n"
        ),
    )
