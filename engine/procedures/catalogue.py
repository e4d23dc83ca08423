"""The catalogue: procedures, their immutable versions, deploying and publishing them (A1, A4, F1).

A version is the BPMN file with the decision tables and forms that it uses, identified by their content: the same
content is the same version. Publishing moves a pointer; requests that are under way keep the version they were opened
with.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, Text, func, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.bpmn import check as checking
from engine.bpmn import dmn, model, parser
from engine.bpmn.model import Node, Problem, Source
from engine.core import clock, reads
from engine.core.db import Base, Json, Session, UtcDateTime, append_only, new_id
from engine.core.errors import DefinitionError, NotFound
from engine.people import groups
from engine.people.favourites import Favourite
from engine.procedures import durations, forms, messages, operations, words
from engine.procedures.forms import Form
from engine.procedures.forms.form import walk
from engine.procedures.messages import Template


class Version(Base):
    """One deployed content of a procedure. Never changes; `number` counts from 1 within the procedure."""

    __tablename__ = "version"
    __table_args__ = (
        Index("uq_version_slug_number", "slug", "number", unique=True),
        Index("uq_version_slug_content_hash", "slug", "content_hash", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(Text)
    number: Mapped[int] = mapped_column(Integer)
    content_hash: Mapped[str] = mapped_column(Text)
    files: Mapped[dict[str, str]] = mapped_column(Json)
    deployed_at: Mapped[datetime] = mapped_column(UtcDateTime)


append_only(Version.__table__)  # type: ignore[arg-type]


class Procedure(Base):
    """A procedure as the catalogue lists it: its published version, and that version's properties."""

    __tablename__ = "procedure"

    slug: Mapped[str] = mapped_column(Text, primary_key=True)
    version_id: Mapped[UUID | None] = mapped_column(ForeignKey("version.id"))
    number: Mapped[int | None] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(Text)
    properties: Mapped[dict[str, str]] = mapped_column(Json)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def description(self) -> str:
        return self.properties.get("description", "")

    @property
    def trade(self) -> str:
        return self.properties.get("trade", "Autres démarches")

    @property
    def sector(self) -> str:
        return self.properties.get("sector", "")

    @property
    def locked(self) -> bool:
        """Whether it asks for an account (the padlock of A5)."""
        return self.properties.get("audience") == "locked"


# --- sources ----------------------------------------


@dataclass(frozen=True)
class SourceSet:
    """What one version is made of."""

    bpmn: Source
    dmn: tuple[Source, ...] = ()
    forms: Mapping[str, bytes] = field(default_factory=dict)
    messages: Source | None = None

    @property
    def slug(self) -> str:
        return self.bpmn.stem

    @property
    def files(self) -> dict[str, bytes]:
        """Every file by name, the BPMN first."""
        tables = {source.name: source.content for source in self.dmn}
        words = {self.messages.name: self.messages.content} if self.messages else {}
        return {self.bpmn.name: self.bpmn.content, **tables, **words, **dict(sorted(self.forms.items()))}

    @property
    def content_hash(self) -> str:
        """SHA-256 over the names and contents of the files."""
        digest = hashlib.sha256()
        for name, content in sorted(self.files.items()):
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()


def read_folder(root: Path, only: Iterable[Path] = ()) -> list[SourceSet]:
    """The procedures of `root/processes` with the tables of the same folder and the forms of `root/forms` that they
    use.

    `only` limits it to some BPMN files. A BPMN file that can't be read is given without tables and forms, so that the
    checker can say what is wrong with it.
    """
    files = sorted(only) or sorted((root / "processes").glob("*.bpmn"))
    all_forms = {path.name: path.read_bytes() for path in sorted((root / "forms").glob("*.json"))}
    return [_source_set(path, all_forms) for path in files]


def _source_set(path: Path, all_forms: Mapping[str, bytes]) -> SourceSet:
    beside = {table.name: table.read_bytes() for table in sorted(path.parent.glob("*.dmn"))}
    written = path.with_name(f"{path.stem}{messages.SUFFIX}")
    if written.exists():
        beside[written.name] = written.read_bytes()
    return assemble(Source(path.name, path.read_bytes()), {**beside, **all_forms})


def assemble(bpmn: Source, files: Mapping[str, bytes]) -> SourceSet:
    """The procedure of a BPMN file with what it uses of the other files, given by name.

    A BPMN file that can't be read is given alone, so that the checker can say what is wrong with it.
    """
    try:
        document = model.read(bpmn)
    except DefinitionError:
        return SourceSet(bpmn)
    wanted = {node.decision for node in document.nodes if node.decision}
    tables = [Source(name, content) for name, content in files.items() if name.endswith(".dmn")]
    form_files = {name: content for name, content in files.items() if name.endswith(".json")}
    used: dict[str, bytes] = {}
    pending = [node.form for node in document.nodes if node.form]
    while pending:
        name = pending.pop()
        if name in used or name not in form_files:
            continue
        used[name] = form_files[name]
        pending.extend(_included(form_files[name]))
    written = f"{bpmn.stem}{messages.SUFFIX}"
    return SourceSet(
        bpmn,
        tuple(table for table in tables if _may_hold(table, wanted)),
        used,
        Source(written, files[written]) if written in files else None,
    )


def _included(content: bytes) -> list[str]:
    """The files that a form refers to.

    A form that isn't JSON refers to none: the checker says what is wrong with it.
    """
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return []
    return [file for reference in forms.references(parsed) if (file := reference.partition("#")[0])]


def _may_hold(source: Source, wanted: Set[str]) -> bool:
    """Whether the table is one of the decisions wanted; a broken one that names it is, so that the checker can say why."""
    try:
        return dmn.read(source).id in wanted
    except DefinitionError:
        return any(f'"{name}"'.encode() in source.content for name in wanted)


def problems_of(sources: SourceSet) -> list[Problem]:
    """Everything that is wrong with a procedure, as the checker says it; empty when it can be deployed."""
    words = sources.messages
    wrong = messages.problems(words) if words else []
    own = messages.read(words) if words and not wrong else {}
    known = {**messages.defaults(), **own}
    declarations = operations.declarations(
        sources.forms, None if wrong else {name: template.texts for name, template in known.items()}
    )
    found = [
        *(_misencoded(source) for source in (sources.bpmn, *sources.dmn) if not _is_utf_8(source.content)),
        *checking.check(sources.bpmn, forms=sources.forms, dmn=sources.dmn, declarations=declarations),
        *wrong,
    ]
    return [replace(one, message=checking.typeset(one.message)) for one in found]


def _is_utf_8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _misencoded(source: Source) -> Problem:
    """XML may be written in any encoding; what is kept of a version, and handed to browsers, is text."""
    told = "Le fichier n’est pas écrit en UTF-8 : enregistrez-le ainsi depuis votre éditeur."
    return Problem(source.name, "", 1, "encoding", told)


# --- definitions ----------------------------------------


@dataclass(frozen=True)
class Definition:
    """A version parsed: what running requests share. Never changes and is never saved with a request."""

    version_id: UUID
    slug: str
    number: int
    process: parser.Process
    forms: Mapping[str, Form]
    files: Mapping[str, str]

    @property
    def title(self) -> str:
        return self.process.title

    @property
    def properties(self) -> Mapping[str, str]:
        return self.process.properties

    @property
    def bpmn(self) -> str:
        """The text of the BPMN file."""
        return self.files[f"{self.slug}.bpmn"]

    def node(self, element_id: str) -> Node:
        return self.process.elements[element_id]

    def form_of(self, element_id: str) -> Form | None:
        """The form of a human task, if it has one."""
        name = self.process.elements[element_id].form
        return self.forms[name] if name else None

    @cached_property
    def messages(self) -> Mapping[str, Template]:
        """The messages that the procedure has words of its own for."""
        name = f"{self.slug}{messages.SUFFIX}"
        text = self.files.get(name)
        return messages.read(Source(name, text.encode())) if text else {}

    @cached_property
    def asks(self) -> bool:
        """Whether its process may wait for what residents answer in an exchange."""
        nodes = self.process.document.nodes
        return any(node.operator is not None and node.operator.name.startswith("exchanges/") for node in nodes)

    @cached_property
    def takes_files(self) -> bool:
        """Whether any of its forms asks for files."""
        return any(form.takes_files for form in self.forms.values())

    @cached_property
    def about_a_right(self) -> bool:
        """Whether one of its steps has the resident choose among the rights that they hold."""
        return any(
            spot.schema.get("x-options") == "entitlements"
            for form in self.forms.values()
            for _, spot in walk(form.spots)
        )

    @cached_property
    def groups(self) -> frozenset[str]:
        """The agents' groups that it gives work to."""
        lanes = {node.lane for node in self.process.elements.values() if node.is_human and not node.is_resident}
        return frozenset(lane for lane in lanes if lane)

    @cached_property
    def sources(self) -> SourceSet:
        """The files that it was made of."""
        return _kept_sources(self.slug, self.files)

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """What the checker of today says of it: it may have learned something since the version was deployed."""
        return tuple(dict.fromkeys(problems_of(self.sources)))

    @cached_property
    def steps(self) -> tuple[Node, ...]:
        """The steps of the wizard, in the order of the process."""
        return tuple(self.process.steps)

    def duration(self, name: str) -> timedelta | None:
        """A property that is a duration, if it is set; months and years count from today."""
        text = self.properties.get(name)
        return durations.length(text, clock.today()) if text else None

    def is_yes(self, name: str, default: bool) -> bool:
        text = self.properties.get(name)
        return default if text is None else text == "yes"


_KEPT = 256
_DEPLOYING = 0x9A4715
_definitions: OrderedDict[UUID, Definition] = OrderedDict()
_definitions_lock = threading.Lock()


def definition(session: Session, version_id: UUID) -> Definition:
    """The version, parsed once per process and shared by its requests."""
    with _definitions_lock:
        kept = _definitions.get(version_id)
        if kept is not None:
            _definitions.move_to_end(version_id)
            return kept
    version = session.get(Version, version_id)
    if version is None:
        raise NotFound(version_id=str(version_id))
    return _keep(_parse(version))


def definitions(session: Session, version_ids: Collection[UUID]) -> dict[UUID, Definition]:
    """Several versions, parsed: those that this process doesn't know yet are read in one statement."""
    with _definitions_lock:
        found = {one: _definitions[one] for one in set(version_ids) if one in _definitions}
    unknown = set(version_ids) - set(found)
    if unknown:
        read = session.scalars(select(Version).where(Version.id.in_(unknown)))
        found |= {version.id: _keep(_parse(version)) for version in read}
    return found


def _keep(made: Definition) -> Definition:
    with _definitions_lock:
        _definitions[made.version_id] = made
        while len(_definitions) > _KEPT:
            _definitions.popitem(last=False)
    return made


def _parse(version: Version) -> Definition:
    sources = _kept_sources(version.slug, version.files)
    process = parser.parse(sources.bpmn, sources.dmn)
    used = {node.form for node in process.elements.values() if node.form}
    return Definition(
        version_id=version.id,
        slug=version.slug,
        number=version.number,
        process=process,
        forms={name: forms.load(name, sources.forms) for name in sorted(used)},
        files=version.files,
    )


def _kept_sources(slug: str, files: Mapping[str, str]) -> SourceSet:
    texts = {name: text.encode() for name, text in files.items()}
    written = f"{slug}{messages.SUFFIX}"
    return SourceSet(
        bpmn=Source(f"{slug}.bpmn", texts[f"{slug}.bpmn"]),
        dmn=tuple(Source(name, content) for name, content in texts.items() if name.endswith(".dmn")),
        forms={name: content for name, content in texts.items() if name.endswith(".json")},
        messages=Source(written, texts[written]) if written in texts else None,
    )


# --- deploying ----------------------------------------


def deploy(session: Session, sources: SourceSet, *, publish: bool = True) -> Version:
    """Check the procedure, keep it as a version and, unless told otherwise, publish it.

    The same content gives the same version. Raises `DefinitionError` with every problem, and keeps nothing, when there
    is one.
    """
    wait_for_others(session)
    content_hash = sources.content_hash
    version = session.scalar(select(Version).where(Version.slug == sources.slug, Version.content_hash == content_hash))
    if version is None:
        # Content that is known was checked when it came.
        problems = problems_of(sources)
        if problems:
            raise DefinitionError(problems)
        last = session.scalar(select(func.max(Version.number)).where(Version.slug == sources.slug)) or 0
        version = Version(
            id=new_id(),
            slug=sources.slug,
            number=last + 1,
            content_hash=content_hash,
            files={name: content.decode() for name, content in sources.files.items()},
            deployed_at=clock.now(),
        )
        session.add(version)
        session.flush()
    if publish:
        _point(session, version)
    return version


def publish(session: Session, slug: str, number: int) -> Version:
    """Make version `number` the one that new requests use: forwards or back.

    `NotFound` when there is no such version.
    """
    wait_for_others(session)
    version = session.scalar(select(Version).where(Version.slug == slug, Version.number == number))
    if version is None:
        raise NotFound("Cette version n’existe pas.", english=f"the procedure {slug} has no version {number}")
    _point(session, version)
    return version


def withdraw(session: Session, slug: str) -> None:
    """Take a procedure out of the catalogue; requests under way go on."""
    wait_for_others(session)
    procedure = session.get(Procedure, slug)
    if procedure is None:
        raise NotFound("Cette démarche n’existe pas.", english=f"there is no procedure {slug}")
    procedure.version_id = procedure.number = procedure.published_at = None


def wait_for_others(session: Session) -> None:
    """One deployment at a time: two machines that start together deploy the same files. SQLite's writers queue anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_DEPLOYING)))


def _point(session: Session, version: Version) -> None:
    parsed = definition(session, version.id)
    procedure = session.get(Procedure, version.slug)
    if procedure is None:
        procedure = Procedure(slug=version.slug)
        session.add(procedure)
    elif procedure.version_id == version.id:
        return
    procedure.version_id = version.id
    procedure.number = version.number
    procedure.title = parsed.title
    procedure.properties = dict(parsed.properties)
    procedure.published_at = clock.now()
    # A lane names a group: operators find it there, ready to be given agents.
    for name in sorted(parsed.groups):
        groups.ensure(session, name)
    session.flush()


def versions(session: Session, slug: str | None = None) -> list[tuple[Version, bool]]:
    """Every version, with whether it is the published one; newest first within each procedure."""
    query = (
        select(Version, Procedure.version_id)
        .outerjoin(Procedure, Procedure.slug == Version.slug)
        .order_by(Version.slug, Version.number.desc())
    )
    if slug:
        query = query.where(Version.slug == slug)
    return [(version, version.id == published) for version, published in session.execute(query)]


# --- looking up ----------------------------------------


def find(session: Session, slug: str) -> Procedure:
    """The published procedure, or `NotFound`."""
    procedure = reads.get(session, Procedure, slug)
    if procedure is None or procedure.version_id is None:
        raise NotFound("Cette démarche n’existe pas ou n’est plus proposée.", slug=slug)
    return procedure


def published(session: Session) -> list[Procedure]:
    """Every procedure that can be started, by title."""
    return [procedure for procedure in everything(session) if procedure.version_id is not None]


def everything(session: Session) -> list[Procedure]:
    """Every procedure, those that were withdrawn too, by title."""
    return sorted(session.scalars(select(Procedure)), key=lambda procedure: words.plain(procedure.title))


def favoured(session: Session, account_id: UUID) -> list[Procedure]:
    """The procedures that a resident keeps at hand, in their order; those that were withdrawn are left out (B10)."""
    return list(
        session.scalars(
            select(Procedure)
            .join(Favourite, Favourite.slug == Procedure.slug)
            .where(Favourite.account_id == account_id, Procedure.version_id.is_not(None))
            .order_by(Favourite.place, Favourite.slug)
        )
    )


def by_trade(
    procedures: Sequence[Procedure], key: Callable[[Procedure], str] | None = None
) -> dict[str, list[Procedure]]:
    """The procedures grouped by trade, trades in alphabetical order."""
    groups: dict[str, list[Procedure]] = {}
    for procedure in procedures:
        groups.setdefault(key(procedure) if key else procedure.trade, []).append(procedure)
    return dict(sorted(groups.items(), key=lambda pair: words.plain(pair[0])))
