"""The audit: what was done is told for good, and tampering shows (G5)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert, text, update
from sqlalchemy.exc import DBAPIError

from engine.core import audit, config, logs
from engine.core.audit import AuditEntry, AuditLink, UnreadableHead
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.people.actors import ANONYMOUS, SYSTEM, Actor

AGENT = Actor("agent", UUID(int=7), "Jeanne Durand")


def act(session: Session, number: int = 0) -> None:
    audit.record(session, AGENT, "case.read", "case", UUID(int=number))


def flaws(database: Database, *heads: audit.Head) -> list[str]:
    with database.reading() as session:
        return audit.verify(session, heads).flaws


def test_an_act_says_who_what_when_on_what_and_from_where(
    database: Database, clock_at: Callable[[str], datetime]
) -> None:
    now = clock_at("2027-03-01 10:00")
    group = uuid4()
    with (
        logs.during(logs.Doing(request="ab" * 8, address="198.51.100.77")),
        database.transaction() as one,
    ):
        audit.record(one, AGENT, "account.role_given", "account", UUID(int=3), on_behalf_of=UUID(int=4), group=group)
    with database.reading() as session:
        [entry] = audit.listing(session)
    assert (entry.at, entry.action, entry.actor_kind, entry.actor_id) == (
        now,
        "account.role_given",
        "agent",
        UUID(int=7),
    )
    assert (entry.object_kind, entry.object_id, entry.on_behalf_of) == ("account", str(UUID(int=3)), UUID(int=4))
    assert (entry.facts, entry.origin, entry.request) == ({"group": str(group)}, "198.51.100.0/24", "ab" * 8)


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("203.0.113.200", "203.0.113.0/24"),
        ("::ffff:203.0.113.200", "203.0.113.0/24"),
        ("2001:db8:1234:5678::9", "2001:db8:1234::/48"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_address_is_kept_as_its_network_only(address: str | None, kept: str) -> None:
    assert audit.network(address) == kept


@pytest.mark.parametrize("words", ["Jeanne Durand", "jeanne@exemple.fr", "Né le 3 mai", "x" * 101, ""])
def test_neither_names_nor_answers_enter(session: Session, words: str) -> None:
    with pytest.raises(ValueError, match="free text"):
        audit.record(session, AGENT, "case.read", "case", 1, told=words)
    with pytest.raises(ValueError, match="free text"):
        audit.record(session, AGENT, "case.read", "case", words)


def test_every_act_that_is_declared_is_recorded_somewhere() -> None:
    """What operators read in `./parvis audit actions` is what they will find."""
    root = Path(__file__).parents[3]
    rooms = [path for room in ("engine", "portal", "commands") for path in (root / room).rglob("*.py")]
    told = "".join(path.read_text() for path in rooms if path != root / "engine/core/audit.py")
    assert [action for action in audit.ACTIONS if f'"{action}"' not in told] == []


def test_an_act_that_is_not_known_is_refused(session: Session) -> None:
    with pytest.raises(ValueError, match="ACTIONS"):
        audit.record(session, AGENT, "case.smelled")


def test_jobs_and_the_terminal_are_told_apart(database: Database) -> None:
    with logs.during(logs.Doing(job="1")), database.transaction() as session:
        audit.record(session, SYSTEM, "account.deleted", "account", uuid4(), why="inactive")

    def type_a_command(session: Session) -> None:
        audit.record(session, audit.OPERATOR, "catalogue.published", "procedure", "signalement", number=2)

    # A context of its own: the tests before this one were busy with requests.
    Context().run(database.run, type_a_command)
    with database.reading() as session:
        assert [(one.origin, one.actor_kind) for one in audit.listing(session)] == [
            ("terminal", "operator"),
            ("job", "system"),
        ]


def test_an_act_that_is_undone_leaves_nothing_and_breaks_nothing(database: Database) -> None:
    database.run(act)
    with contextlib.suppress(RuntimeError), database.transaction() as session:
        act(session)
        raise RuntimeError
    with database.transaction() as session:
        with contextlib.suppress(RuntimeError), session.begin_nested():
            act(session, 2)
            raise RuntimeError
        with session.begin_nested():
            act(session, 3)
        act(session, 4)
    with database.reading() as session:
        assert [one.object_id for one in audit.listing(session)] == [str(UUID(int=n)) for n in (4, 3, 0)]
        assert audit.verify(session) == audit.Verdict(3, [])


def test_a_transaction_that_is_run_again_records_once(database: Database) -> None:
    """As after a deadlock: the whole of it is run again (G4)."""
    tries = []

    def once(session: Session) -> None:
        act(session)
        tries.append(1)
        if len(tries) < 3:
            raise DBAPIError("", None, _Deadlock(), connection_invalidated=True)

    database.run(once)
    with database.reading() as session:
        assert len(audit.listing(session)) == 1
        assert audit.verify(session) == audit.Verdict(1, [])


class _Deadlock(Exception):
    sqlstate = "40P01"


def test_writers_at_once_make_one_chain(database: Database) -> None:
    """Whichever way round they lock what they work on, the chain's own lock comes last."""

    def write(number: int) -> None:
        for turn in range(5):
            database.run(act, number * 100 + turn)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    with database.reading() as session:
        assert audit.verify(session) == audit.Verdict(40, [])


def test_recording_costs_a_handful_of_statements_however_many_acts(database: Database) -> None:
    """One an act, then the lock, the end of the chain, the entries and their links; nothing where nothing is recorded."""
    lock = database.engine.dialect.name == "postgresql"

    def statements(acts: int) -> int:
        with logs.during(logs.Doing()) as doing, database.transaction() as session:
            session.execute(text("SELECT 1"))
            for number in range(acts):
                act(session, number)
        return doing.statements

    nothing = statements(0)
    assert statements(4) - nothing == 4 + lock + 3


@pytest.mark.parametrize("table", [AuditEntry, AuditLink])
def test_the_database_itself_refuses_changes(database: Database, table: Any) -> None:
    database.run(act)
    for change in (update(table).values({table.__table__.primary_key.columns.values()[0].name: 9}), delete(table)):
        with pytest.raises(DBAPIError, match="append-only"), database.transaction() as session:
            session.execute(change)


# --- tampering, by somebody who has every right on the database ---------------------------------------------------------


@pytest.fixture
def chain(database: Database) -> Database:
    """Ten acts, and a database whose triggers somebody has dropped."""
    for number in range(1, 11):
        database.run(act, number)
    assert flaws(database) == []
    with database.transaction() as session:
        for table in ("audit_entry", "audit_link"):
            if database.engine.dialect.name == "postgresql":
                session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
            else:
                for verb in ("update", "delete"):
                    session.execute(text(f"DROP TRIGGER {table}_no_{verb}"))
    return database


def entry(**other: Any) -> dict[str, Any]:
    plain = {
        "action": "case.read",
        "actor_kind": "agent",
        "facts": {},
        "origin": "job",
        "at": datetime.fromisoformat(AT),
    }
    return {**plain, **other}


AT = "2027-01-01T00:00:00+00:00"
TAMPERING: dict[str, tuple[list[Any], str]] = {
    "another actor": ([update(AuditEntry).where(AuditEntry.id == 5).values(actor_id=UUID(int=8))], "place 5: it isn't"),
    "another time": (
        [update(AuditEntry).where(AuditEntry.id == 5).values(at=datetime.fromisoformat(AT))],
        "place 5: it",
    ),
    "other facts": ([update(AuditEntry).where(AuditEntry.id == 5).values(facts={"a": 1})], "place 5: it isn't"),
    "an entry removed": ([delete(AuditEntry).where(AuditEntry.id == 5)], "place 5: its entry 5 is gone"),
    "a whole place removed": (
        [delete(AuditEntry).where(AuditEntry.id == 5), delete(AuditLink).where(AuditLink.seq == 5)],
        "places 5 to 5 are missing",
    ),
    "the beginning removed": (
        [delete(AuditEntry).where(AuditEntry.id <= 5), delete(AuditLink).where(AuditLink.seq <= 5)],
        "places 1 to 5 are missing",
    ),
    "an entry inserted": ([insert(AuditEntry).values(**entry())], "entry 11 has no place"),
    "an entry inserted with a place": (
        [insert(AuditEntry).values(**entry()), insert(AuditLink).values(seq=11, entry_id=11, hash="0" * 64, tag="0")],
        "place 11: it isn't what was written",
    ),
    "two places swapped": (
        [
            update(AuditLink).where(AuditLink.seq == 5).values(entry_id=-1),
            update(AuditLink).where(AuditLink.seq == 6).values(entry_id=5),
            update(AuditLink).where(AuditLink.seq == 5).values(entry_id=6),
        ],
        "place 5: it isn't what was written",
    ),
}


@pytest.mark.parametrize("way", list(TAMPERING))
def test_tampering_shows(chain: Database, way: str) -> None:
    statements, said = TAMPERING[way]
    with chain.transaction() as session:
        for statement in statements:
            session.execute(statement)
    found = flaws(chain)
    assert found
    assert found[0].startswith(said)


def test_a_cut_off_end_shows_with_a_head(chain: Database) -> None:
    with chain.reading() as session:
        head = audit.head(session)
    assert flaws(chain, head) == []
    cut(chain, 8)
    assert flaws(chain) == [], "the chain alone can't tell: this is what heads are for"
    [flaw] = flaws(chain, head)
    assert "the chain had 10 places" in flaw
    assert flaw.endswith("it has 7")
    # Written on since, as if nothing had happened.
    for number in range(20, 30):
        chain.run(act, number)
    [flaw] = flaws(chain, head)
    assert "tells of another chain" in flaw


def cut(chain: Database, seq: int) -> None:
    with chain.transaction() as session:
        session.execute(delete(AuditEntry).where(AuditEntry.id >= seq))
        session.execute(delete(AuditLink).where(AuditLink.seq >= seq))


def test_a_chain_made_anew_without_the_key_shows(chain: Database, settings: Settings) -> None:
    """Who has the database and not the key may compute every hash again, and can't make the tags."""
    cut(chain, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "_current", replace(settings, secret_key="guessed"))
        for number in range(1, 11):
            chain.run(act, number)
    [flaw] = flaws(chain)
    assert "was not made with a key of this installation" in flaw


def test_a_former_key_may_be_dropped_once_the_new_one_has_written(database: Database, settings: Settings) -> None:
    """The last tag covers everything that came before it."""
    database.run(act)
    config.use(replace(settings, secret_key="the next", former_secret_keys=(settings.secret_key,)))
    assert flaws(database) == []
    config.use(replace(settings, secret_key="the next"))
    assert len(flaws(database)) == 1
    database.run(act)
    assert flaws(database) == []


# --- heads ---------------------------------------------------------------------------------------------------------------


def test_a_head_is_signed_and_read_back(database: Database, settings: Settings) -> None:
    database.run(act)
    with database.reading() as session:
        head = audit.head(session)
    assert audit.read_head(head.line()) == head
    config.use(replace(settings, secret_key="the next", former_secret_keys=(settings.secret_key,)))
    assert audit.read_head(head.line()) == head
    config.use(replace(settings, secret_key="the next"))
    with pytest.raises(UnreadableHead, match="does not have"):
        audit.read_head(head.line())


@pytest.mark.parametrize("line", ["", "{}", "[]", '{"seq": 1}'])
def test_what_is_no_head_is_refused(line: str) -> None:
    with pytest.raises(UnreadableHead):
        audit.read_head(line)


def test_a_head_that_was_changed_is_refused(database: Database) -> None:
    database.run(act)
    with database.reading() as session:
        head = audit.head(session)
    with pytest.raises(UnreadableHead, match="signature"):
        audit.read_head(replace(head, seq=0).line())


def test_a_head_is_kept_a_day_and_said_in_the_log(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture, clock_at: Callable[[str], datetime]
) -> None:
    caplog.set_level("INFO", "engine.core.audit")
    heads = []
    for day in ("2027-03-01 03:00", "2027-03-01 04:00", "2027-03-02 03:00"):
        clock_at(day)
        database.run(act)
        with database.reading() as session:
            heads.append(audit.export_head(session, tmp_path / "heads"))
    assert audit.kept_heads(tmp_path / "heads") == heads[1:]
    assert [head.line() for head in heads] == [record.args[0] for record in caplog.records if record.args]


def test_entries_are_found_by_what_they_tell(database: Database, clock_at: Callable[[str], datetime]) -> None:
    first = clock_at("2027-03-01 10:00")
    with database.transaction() as session:
        audit.record(session, AGENT, "account.role_given", "account", UUID(int=1), on_behalf_of=UUID(int=2))
    second = clock_at("2027-03-02 10:00")
    with database.transaction() as session:
        audit.record(session, ANONYMOUS, "document.read", "document", 12)
    with database.reading() as session:

        def found(**filters: Any) -> list[str]:
            return [one.action for one in audit.listing(session, **filters)]

        assert found() == ["document.read", "account.role_given"]
        assert found(limit=1) == found(action="document.") == found(since=second) == ["document.read"]
        assert found(object_kind="document", object_id="12") == ["document.read"]
        assert (
            found(actor_id=UUID(int=7)) == found(actor_id=UUID(int=2)) == found(until=second) == ["account.role_given"]
        )
        assert found(since=first, until=first) == found(action="account%") == []
