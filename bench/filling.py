"""Fills a PostgreSQL database with as many requests as one likes, each as a person would have left it.

Three requests of a procedure of its own are walked, to an agent’s task and to a question that the resident has to answer, ten
days ago: their timers are due. Every row that they left anywhere is then copied under new ids, references, names and dates,
with COPY. The saved state of each copy holds the ids of its own tasks, so that it can be claimed, answered and fired
like any other.
"""

from __future__ import annotations

import base64
import random
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import BigInteger, Integer, delete

from engine.core import clock, jobs
from engine.core.db import Base, Database, Session, migrate, new_id
from engine.migrations import tables  # noqa: F401 - every table has to be declared
from engine.people import accounts, groups
from engine.people.actors import ANONYMOUS, Actor
from engine.procedures import cases, catalogue, references, tasks
from engine.procedures.tasks import RESIDENT

# A procedure of the bench’s own, so that figures of two releases tell of the same work.
REPORT = Path(__file__).parent / "report"
GROUP = "Propreté et espace public"
# The queues of a city: the procedure has one group of agents, its copies are shared out.
GROUPS = (GROUP, "Voirie", "Éclairage", "Espaces verts")
DUE = 10_000
CASES_AN_ACCOUNT = 4
AGENTS = 50
CLAIMED = 0.1
# One case in five waits for its resident: it has two timers and the others one, or none before they are qualified.
ASKED = 0.2
UNQUALIFIED = 0.2
COMMON_NAME = "Martin"
COMMON_SHARE = 0.01
RARE_NAME = "Zylberberg"
RARE = 20
_CHUNK = 20_000
_SYLLABLES = (
    "ba bel bou cal cha dan del du fer fou gal gou hen lam lau le mar mon mou no par per pi ri rou sal ta val vi"
)
_FIRST = (
    "Ada Alain Brice Claire Djamila Élise Farid Hugo Inès Jeanne Karim Léa Louis Marie Nadia Omar Paul Rose Yann Zoé"
)


@dataclass(frozen=True)
class Block:
    """The rows that a walked case left in one table, with names in the places that differ from copy to copy."""

    table: str
    columns: tuple[str, ...]
    lines: bytes


@dataclass(frozen=True)
class Template:
    """A walked case: its rows, its state, and the names of the ids in them."""

    blocks: tuple[Block, ...]
    state: bytes
    ids: tuple[str, ...]
    tokens: tuple[str, ...]
    waits_for: str


def fill(url: str, cases_wanted: int, *, seed: int = 1, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Fill the empty database at `url`: `cases_wanted` requests with timers to come, and `DUE` more whose timers are due.

    Returns what the measures need: an agent, and how many requests there are.
    """
    migrate(url)
    database = Database(url)
    try:
        with database.transaction() as session:
            for sources in catalogue.read_folder(REPORT):
                catalogue.deploy(session, sources)
            agent = accounts.create(
                session, login="agent@exemple.fr", first_names="Jeanne", birth_name="Instruit", kind="agent"
            )
            groups.assign(session, agent, list(GROUPS[:2]))
            agent_id = agent.id
        with clock.frozen(clock.now() - timedelta(days=10)), database.transaction() as session:
            walked = [_walk(session, until) for until in ("qualification", "intervention", "precision")]
        with psycopg.connect(_plain(url)) as connection:
            connection.execute("SET session_replication_role = replica")  # keys are right by construction
            templates = [_template(connection, case_id, until) for case_id, until in walked]
            _empty(connection)
            with _without_indexes(connection):
                _copy(connection, templates, cases_wanted, agent_id, random.Random(seed), say)
            connection.commit()
            connection.autocommit = True
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
    finally:
        database.close()
    return {"agent": Actor("agent", agent_id, "Jeanne Instruit", frozenset(GROUPS[:2])), "cases": cases_wanted}


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


# --- walking -----------------------------------------------------------------------------------------------------------


def _walk(session: Session, until: str) -> tuple[UUID, str]:
    """A request of somebody called `Prenomici Nomici`, as far as the task `until`."""
    agent = Actor("agent", None, "Agent", frozenset({GROUP}))
    case, token = cases.open_draft(session, "signalement", ANONYMOUS)
    holder = ANONYMOUS.holding(frozenset({cases.link_hash(token or "")}))
    who = {"prenoms": "Prenomici", "nom_naissance": "Nomici", "courriel": "nomici@exemple.fr"}
    where = {"voie": "30 rue des Écoles", "code_postal": "95999", "commune": "Valmont-sur-Seine"}
    what = {
        "nature": "depot",
        "lieu": where,
        "description": "Un canapé et deux matelas sur le trottoir, devant la porte du 30. " * 4,
        "danger": False,
    }
    cases.submit_step(session, case, "mes_informations", who, holder)
    cases.submit_step(session, case, "ma_demande", what, holder)
    cases.submit_step(session, case, "recapitulatif", {"certification": True}, holder)
    answers = {
        "qualification": None,
        "intervention": {"suite": "intervenir", "equipe": "proprete"},
        "precision": {"suite": "preciser", "question": "Est-ce devant le numéro 30 ou en face ?"},
    }[until]
    if answers is not None:
        [task] = tasks.of_case(session, case.id)
        cases.complete_task(session, case, task.id, answers, agent)
    # Its letters have left.
    session.execute(delete(jobs.Job).where(jobs.Job.kind == "send_mail"))
    session.flush()
    return case.id, until


def _template(connection: psycopg.Connection[Any], case_id: UUID, until: str) -> Template:
    names: dict[str, str] = {str(case_id): "case"}
    raw: list[tuple[str, tuple[str, ...], list[list[str]]]] = []
    for table in Base.metadata.sorted_tables:
        key = "id" if table.name == "case" else "case_id" if "case_id" in table.c else None
        if key is None:
            continue
        # Numbers come from their sequences.
        columns = tuple(c.name for c in table.c if not (c.primary_key and isinstance(c.type, Integer | BigInteger)))
        query = sql.SQL("COPY (SELECT {} FROM {} WHERE {} = {} ORDER BY {}) TO STDOUT").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Identifier(table.name),
            sql.Identifier(key),
            sql.Literal(str(case_id)),
            sql.SQL(", ").join(map(sql.Identifier, [c.name for c in table.primary_key.columns])),
        )
        with connection.cursor().copy(query) as copy:
            text = b"".join(bytes(part) for part in copy).decode()
        rows = [line.split("\t") for line in text.splitlines()]
        if rows:
            raw.append((table.name, columns, rows))
            if "id" in columns and table.name != "case":
                names |= {row[columns.index("id")]: f"{table.name}{place}" for place, row in enumerate(rows)}
    state = b""
    blocks = []
    reference = next(rows[0][columns.index("reference")] for name, columns, rows in raw if name == "case")
    tokens = []
    for name, columns, rows in raw:
        for place, row in enumerate(rows):
            if name == "case":
                state = zlib.decompress(bytes.fromhex(row[columns.index("state")].removeprefix("\\\\x")))
            if name == "case_link":
                tokens.append(f"link{place}")
            for column, marker in _CHANGING.get(name, {}).items():
                row[columns.index(column)] = f"\x00{marker.format(place)}\x01"
        lines = "".join("\t".join(row) + "\n" for row in rows).replace("%", "%%")
        for value, marker in {
            **names,
            reference: "reference",
            "Prenomici": "first",
            "Nomici": "last",
            "NOMICI": "upper",
            "prenomici": "plain_first",
            "nomici": "plain_last",
        }.items():
            lines = lines.replace(value, f"\x00{marker}\x01")
        blocks.append(Block(name, columns, lines.replace("\x00", "%(").replace("\x01", ")b").encode()))
    state = state.replace(b"%", b"%%")
    for value, marker in names.items():
        # As the room of the processes writes the ids of its tokens.
        state = state.replace(base64.b85encode(UUID(value).bytes).replace(b"%", b"%%"), f"%(packed_{marker})b".encode())
        state = state.replace(value.encode(), f"%({marker})b".encode())
    if b"%(packed_human_task0)b" not in state:
        raise RuntimeError("the state of a case names its tasks otherwise than this bench knows")
    return Template(tuple(blocks), state, tuple(names.values()), tuple(tokens), until)


_CHANGING: Mapping[str, Mapping[str, str]] = {
    "case": {"account_id": "account", "state": "state", "filed_at": "filed", "opened_at": "filed"},
    "case_link": {"token_hash": "link{}"},
    "human_task": {
        "group": "group",
        "due_at": "due",
        "claimed_by": "claimed_by",
        "claimed_name": "claimed_name",
        "claimed_at": "claimed_at",
        "filed_at": "filed",
    },
    "job": {"due_at": "timer"},
}


# --- copying -----------------------------------------------------------------------------------------------------------


def _empty(connection: psycopg.Connection[Any]) -> None:
    """Take the walked requests away again."""
    for table in ("history", "human_task", "job", "case_link", "notification", "mail", "case"):
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


@contextmanager
def _without_indexes(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Indexes are made again in one go at the end: many times quicker than keeping them on the way."""
    found = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(%s) "
        "AND indexname NOT LIKE 'pk%%'",
        [["history", "human_task", "job", "case_link", "notification", "mail", "case", "account"]],
    ).fetchall()
    for name, _ in found:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    connection.execute("SET LOCAL maintenance_work_mem = '512MB'")
    for _, definition in found:
        connection.execute(definition)


def _copy(
    connection: psycopg.Connection[Any],
    templates: list[Template],
    cases_wanted: int,
    agent_id: UUID,
    draw: random.Random,
    say: Callable[[str], None],
) -> None:
    now = clock.now()
    unqualified, answered, asked = templates
    syllables, first_names = _SYLLABLES.split(), _FIRST.split()
    agents = [new_id() for _ in range(AGENTS)]
    account = b"\\N"
    total = cases_wanted + DUE
    for start in range(0, total, _CHUNK):
        buffers: dict[str, tuple[tuple[str, ...], list[bytes]]] = {}
        people: list[bytes] = []
        for number in range(start, min(start + _CHUNK, total)):
            overdue = number >= cases_wanted
            luck = draw.random()
            template = answered
            if not overdue and luck < ASKED + UNQUALIFIED:
                template = asked if luck < ASKED else unqualified
            if number % (2 * CASES_AN_ACCOUNT) == 0:
                account = str(UUID(int=draw.getrandbits(128), version=4)).encode()
                people.append(_account(account, number, now))
            last = "".join(draw.choices(syllables, k=3)).title()
            if draw.random() < COMMON_SHARE:
                last = COMMON_NAME
            if number % max(1, cases_wanted // RARE) == 0 and not overdue:
                last = RARE_NAME
            values = _values(template, number, last, draw.choice(first_names), now, draw, overdue=overdue)
            values[b"account"] = account if number % (2 * CASES_AN_ACCOUNT) < CASES_AN_ACCOUNT else b"\\N"
            if template.waits_for == "precision":
                values[b"group"] = RESIDENT.encode()
            elif draw.random() < CLAIMED:
                values[b"claimed_by"] = str(draw.choice(agents)).encode()
                values[b"claimed_name"] = b"Un Agent"
                values[b"claimed_at"] = values[b"filed"]
            if number % max(1, cases_wanted // 20) == 1 and template is not asked and not overdue:
                values |= {
                    b"claimed_by": str(agent_id).encode(),
                    b"claimed_name": b"Jeanne",
                    b"claimed_at": values[b"filed"],
                }
                values[b"group"] = GROUP.encode()
            for block in template.blocks:
                buffers.setdefault(block.table, (block.columns, []))[1].append(block.lines % values)
        _send(connection, "account", _ACCOUNT, people)
        for table, (columns, lines) in buffers.items():
            _send(connection, table, columns, lines)
        say(f"{min(start + _CHUNK, total):,} requests".replace(",", "\u202f"))


def _send(connection: psycopg.Connection[Any], table: str, columns: tuple[str, ...], lines: list[bytes]) -> None:
    query = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor().copy(query) as copy:
        copy.write(b"".join(lines))


def _values(
    template: Template, number: int, last: str, first: str, now: datetime, draw: random.Random, *, overdue: bool
) -> dict[bytes, bytes]:
    values: dict[bytes, bytes] = {}
    for name in template.ids:
        made = UUID(int=draw.getrandbits(128), version=4)
        values[name.encode()] = str(made).encode()
        values[f"packed_{name}".encode()] = base64.b85encode(made.bytes)
    filed = now - timedelta(seconds=draw.randrange(86_400 * 300))
    due = now + timedelta(seconds=draw.randrange(-86_400 * 2, 86_400 * 30))
    timer = now - timedelta(seconds=draw.randrange(3_600)) if overdue else now + timedelta(1 + draw.random() * 60)
    values |= {
        b"reference": _reference(number),
        b"first": first.encode(),
        b"last": last.encode(),
        b"upper": last.upper().encode(),
        b"plain_first": tasks.searchable(first).encode(),
        b"plain_last": last.lower().encode(),
        b"filed": filed.isoformat().encode(),
        b"due": due.isoformat().encode(),
        b"timer": timer.isoformat().encode(),
        b"group": draw.choice(GROUPS).encode(),
        b"claimed_by": b"\\N",
        b"claimed_name": b"\\N",
        b"claimed_at": b"\\N",
    }
    for name in template.tokens:
        values[name.encode()] = f"{draw.getrandbits(256):064x}".encode()
    values[b"state"] = b"\\\\x" + zlib.compress(template.state % values, 1).hex().encode()
    return values


def _reference(number: int) -> bytes:
    """A valid reference for each number."""
    body = ""
    # Spread out, as drawn ones are: the multiplier has no factor in common with the number of references.
    number = number * 1_000_003 % 31**7
    for _ in range(7):
        number, digit = divmod(number, 31)
        body += references.ALPHABET[digit]
    return references.complete(body).encode()


_ACCOUNT = (
    "id", "kind", "login", "contact_email", "preferred_contact", "first_names", "birth_name", "certified", "active",
    "search_name", "created_at", "updated_at",
)  # fmt: skip


def _account(account: bytes, number: int, now: datetime) -> bytes:
    address = f"usager{number}@exemple.fr".encode()
    at = now.isoformat().encode()
    return b"\t".join(
        [account, b"resident", address, address, b"courriel", b"Ada", b"Lovelace", b"f", b"t", b"lovelace ada", at, at]
    ) + b"\n"  # fmt: skip
