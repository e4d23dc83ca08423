"""Human tasks and the queues over them (E1, E2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import sql
from sqlalchemy import event, select, text

from engine.core import clock
from engine.core.db import Session
from engine.core.errors import AlreadyClaimed, NotFound
from engine.people import accounts
from engine.people.actors import ANONYMOUS, Actor
from engine.procedures import history, tasks
from engine.procedures.cases import Case
from engine.procedures.tasks import HumanTask
from tests.engine.procedures.conftest import file

Clock = Callable[[str], datetime]
Open = Callable[..., HumanTask]


@pytest.fixture
def colleague(session: Session) -> Actor:
    account = accounts.create(session, login="paul@exemple.fr", first_names="Paul", birth_name="Aussi", kind="agent")
    return Actor("agent", account.id, account.display_name, frozenset({"Instruction"}))


@pytest.fixture
def open_task(session: Session, draft: Case) -> Open:
    """Open a task of the group «Instruction», with whatever is said otherwise."""

    def make(**changes: Any) -> HumanTask:
        row = {
            "id": uuid4(),
            "case_id": draft.id,
            "element_id": "instruction",
            "group": "Instruction",
            "title": "Instruire la demande",
            "opened_at": clock.now(),
            "due_at": None,
            "claimed_by": None,
            "claimed_name": None,
            "claimed_at": None,
            "reference": draft.reference,
            "procedure": "essai",
            "procedure_title": "Démarche d’essai",
            "applicant": "LOVELACE Ada",
            "search_name": "lovelace ada",
            "filed_at": clock.now(),
            **changes,
        }
        tasks.open_all(session, [row])
        return session.get_one(HumanTask, row["id"])

    return make


def ids(page: tasks.Page) -> list[UUID]:
    return [task.id for task in page.tasks]


# --- queues ------------------------------------------------


def test_the_most_urgent_first_and_undated_last(session: Session, open_task: Open, agent: Actor) -> None:
    now = clock.now()
    undated, later, late = (
        open_task(),
        open_task(due_at=now + timedelta(days=1)),
        open_task(due_at=now - timedelta(days=1)),
    )
    assert ids(tasks.queue(session, agent)) == [late.id, later.id, undated.id]


def test_the_other_orders(session: Session, open_task: Open, agent: Actor) -> None:
    now = clock.now()
    zoe = open_task(applicant="ZOÉ", search_name="zoe", filed_at=now - timedelta(days=2), procedure_title="Bêta")
    ada = open_task(applicant="ADA", search_name="ada", filed_at=now - timedelta(days=1), procedure_title="Gamma")
    bob = open_task(applicant="BOB", search_name="bob", filed_at=now, procedure_title="Alpha")
    assert ids(tasks.queue(session, agent, sort="filed")) == [zoe.id, ada.id, bob.id]
    assert ids(tasks.queue(session, agent, sort="applicant")) == [ada.id, bob.id, zoe.id]
    assert ids(tasks.queue(session, agent, sort="procedure")) == [bob.id, zoe.id, ada.id]
    assert ids(tasks.queue(session, agent, sort="filed", down=True)) == [bob.id, ada.id, zoe.id]
    due = open_task(due_at=now)
    undated = ids(tasks.queue(session, agent, down=True))[:3]
    assert due.id not in undated, "the other way round from one end to the other"
    assert ids(tasks.queue(session, agent, down=True)) == ids(tasks.queue(session, agent))[::-1]


def test_several_groups_make_one_queue(session: Session, open_task: Open) -> None:
    now = clock.now()
    second = open_task(group="B", due_at=now + timedelta(hours=2))
    first = open_task(group="A", due_at=now + timedelta(hours=1))
    third = open_task(group="A", due_at=now + timedelta(hours=3))
    open_task(group="C", due_at=now)
    agent = Actor("agent", uuid4(), "Jeanne", frozenset({"A", "B"}))
    assert ids(tasks.queue(session, agent)) == [first.id, second.id, third.id]
    assert ids(tasks.queue(session, agent, group="B")) == [second.id]
    assert ids(tasks.queue(session, agent, group="C")) == []


def test_who_has_no_group_sees_nothing(session: Session, open_task: Open) -> None:
    open_task()
    for nobody in (ANONYMOUS, Actor("agent", uuid4())):
        assert ids(tasks.queue(session, nobody)) == []
        assert tasks.counts(session, nobody) == tasks.Counts({}, 0)


def test_the_residents_lane_is_no_group_of_agents(session: Session, open_task: Open) -> None:
    asked = open_task(group=tasks.RESIDENT)
    agent = Actor("agent", uuid4(), "Jeanne", frozenset({tasks.RESIDENT}))
    assert ids(tasks.queue(session, agent)) == []
    with pytest.raises(NotFound):
        tasks.find(session, asked.id, agent)
    with pytest.raises(NotFound):
        tasks.claim(session, asked.id, agent)


@pytest.mark.parametrize("typed", ["Élodie", "le goff", "GOFF elodie", "kermarrec", "o’hara", "ohara le", "  goff  "])
def test_names_are_found_by_their_beginnings_in_any_order(
    session: Session, open_task: Open, agent: Actor, typed: str
) -> None:
    name = "LE GOFF-KERMARREC O’HARA OHARA Élodie"
    found = open_task(applicant=name, search_name=tasks.searchable(name))
    open_task()
    assert ids(tasks.queue(session, agent, words=typed)) == [found.id]


@pytest.mark.parametrize("typed", ["lodie", "off", "%", "_____", "\\", "'", "\u0301", "🙂"])
def test_what_no_name_begins_with_finds_nothing(session: Session, open_task: Open, agent: Actor, typed: str) -> None:
    open_task(applicant="LE GOFF Élodie", search_name="le goff elodie")
    assert ids(tasks.queue(session, agent, words=typed)) == []


def test_a_reference_is_found_however_it_is_written(
    session: Session, open_task: Open, agent: Actor, draft: Case
) -> None:
    found = open_task()
    other = open_task(reference="2222-2222")
    compact = draft.reference.replace("-", "")
    for typed in (draft.reference, draft.reference.lower(), compact, " ".join(compact)):
        assert ids(tasks.queue(session, agent, words=typed)) == [found.id], typed
    assert other.id not in ids(tasks.queue(session, agent, words=draft.reference))


def test_a_reference_is_found_by_its_beginning(session: Session, open_task: Open, agent: Actor) -> None:
    found = open_task(reference="K7QM-4WXT")
    open_task(reference="K7QN-4WXT")
    for typed in ("k7qm", "K7QM-", "k7qm-4w", "K7 QM 4"):
        assert ids(tasks.queue(session, agent, words=typed)) == [found.id], typed
    for typed in ("k7q", "4wxt", "k7qm-4x", "K7QM-4WXT-2"):
        assert ids(tasks.queue(session, agent, words=typed)) == [], typed


def test_mine_and_late(session: Session, open_task: Open, agent: Actor, clock_at: Clock) -> None:
    now = clock_at("2027-03-01 10:00")
    late = open_task(due_at=now - timedelta(seconds=1))
    mine = open_task(due_at=now, claimed_by=agent.account_id)
    assert ids(tasks.queue(session, agent, late=True)) == [late.id]
    assert ids(tasks.queue(session, agent, mine=True)) == [mine.id]
    assert ids(tasks.queue(session, agent, mine=True, late=True)) == []
    assert late.late
    assert not mine.late  # due at this very instant is not late


def test_pages_follow_each_other(
    session: Session, open_task: Open, agent: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "PAGE", 2)
    now = clock.now()
    wanted = [open_task(due_at=now + timedelta(days=day), group="Instruction").id for day in range(5)]
    pages = [tasks.queue(session, agent, page=number) for number in (1, 2, 3, 4)]
    assert [one for page in pages for one in ids(page)] == wanted
    assert [page.more for page in pages] == [True, True, False, False]
    assert ids(tasks.queue(session, agent, page=0)) == wanted[:2]
    assert ids(tasks.queue(session, agent, page=10**30)) == []


def test_counts(session: Session, open_task: Open, agent: Actor) -> None:
    now = clock.now()
    open_task(due_at=now - timedelta(days=1), claimed_by=agent.account_id)
    open_task(due_at=now + timedelta(days=1))
    open_task(group="Ailleurs")
    several = Actor("agent", agent.account_id, agent.name, agent.groups | {"Vide"})
    counts = tasks.counts(session, several)
    assert counts.groups == {"Instruction": (2, 1), "Vide": (0, 0)}
    assert (counts.open, counts.late, counts.mine) == (2, 1, 1)


def test_a_task_that_opens_takes_the_place_of_one_that_closes(
    session: Session, open_task: Open, agent: Actor, statements: Callable[[], list[str]]
) -> None:
    kept, first, second = open_task(), open_task(claimed_by=agent.account_id), open_task()
    template = {column.name: getattr(first, column.name) for column in HumanTask.__table__.columns}
    new = [{**template, "id": uuid4(), "claimed_by": None, "element_id": name} for name in ("a", "b", "c")]

    def is_open() -> dict[UUID, str]:
        rows = select(HumanTask.id, HumanTask.element_id).where(HumanTask.group == "Instruction")
        return dict(session.execute(rows).all())

    before = len(statements())
    tasks.replace_all(session, [first.id], new[:1])
    assert len(statements()) == before + 1
    assert is_open() == {kept.id: "instruction", second.id: "instruction", new[0]["id"]: "a"}
    assert session.scalar(select(HumanTask.claimed_by).where(HumanTask.id == new[0]["id"])) is None
    tasks.replace_all(session, [second.id], new[1:])
    assert is_open() == {kept.id: "instruction", **{row["id"]: row["element_id"] for row in new}}
    tasks.replace_all(session, [row["id"] for row in new], [])
    assert is_open() == {kept.id: "instruction"}


def test_counts_stop_where_nobody_reads_on(
    session: Session, open_task: Open, agent: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the queue: what is counted is what is shown."""
    monkeypatch.setattr(tasks, "COUNTED", 2)
    for _ in range(4):
        open_task(due_at=clock.now() - timedelta(days=1), claimed_by=agent.account_id)
    counts = tasks.counts(session, agent)
    assert counts.groups == {"Instruction": (3, 3)}
    assert (counts.open, counts.late, counts.mine) == (3, 3, 3)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize(
    ("sort", "index"),
    [
        ("due", "queue_due_at"),
        ("filed", "queue_filed_at"),
        ("applicant", "queue_search_name"),
        ("procedure", "queue_procedure_title"),
    ],
)
def test_a_queue_is_read_in_the_order_of_an_index(
    session: Session, agent: Actor, statements: Callable[[], list[str]], sort: tasks.Sort, index: str, down: bool
) -> None:
    """However long the queue: the first page of each group comes from the index, without sorting the rest."""
    several = Actor("agent", agent.account_id, agent.name, frozenset({"A", "B"}))
    before = len(statements())
    tasks.queue(session, several, sort=sort, down=down)
    [sent] = statements()[before:]
    plan = [row[3] for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sent}", _parameters(sent))]
    searches = [
        line for line in plan if line.startswith("SEARCH human_task USING") and "group=?" in line.replace('"', "")
    ]
    assert len(searches) == 2, plan
    assert all(f"ix_human_task_{index}" in line for line in searches), plan
    # Two sorts are left, of the first ones of both groups and of the page.
    assert sum("USE TEMP B-TREE FOR ORDER BY" in line for line in plan) <= 2, plan


def _parameters(statement: str) -> tuple[object, ...]:
    # The plan doesn't depend on the values, which only have to be there.
    return tuple(1 for _ in range(statement.count("?")))


def test_a_search_reads_an_index(session: Session, draft: Case, agent: Actor) -> None:
    """On PostgreSQL: a name that few bear is looked up, one that many bear is met on the way in the queue's order."""
    if session.get_bind().dialect.name != "postgresql":
        pytest.skip("SQLite has no index of the words in names")
    names = ["zylberberg ada", *["martin paul", "durand jeanne", "petit louise"] * 500]
    template = {column.name: None for column in HumanTask.__table__.columns} | {
        "case_id": draft.id,
        "element_id": "instruction",
        "group": "Instruction",
        "title": "Instruire",
        "opened_at": clock.now(),
        "reference": draft.reference,
        "procedure": "essai",
        "procedure_title": "Essai",
    }
    due = [clock.now() + timedelta(minutes=number) for number in range(len(names))]
    rows = [
        {**template, "id": uuid4(), "applicant": name, "search_name": name, "due_at": at}
        for name, at in zip(names, due, strict=True)
    ]
    tasks.open_all(session, rows)
    others = ", ".join(f'"{column.name}"' for column in HumanTask.__table__.columns if column.name != "id")
    session.execute(
        text(
            f"INSERT INTO human_task (id, {others}) SELECT gen_random_uuid(), {others} "  # noqa: S608 - our own columns
            "FROM human_task, generate_series(1, 20) WHERE search_name NOT LIKE 'zylb%'"
        )
    )
    # What autovacuum does.
    session.execute(text("SELECT gin_clean_pending_list('ix_human_task_queue_words')"))
    session.execute(text("ANALYZE human_task"))
    assert "ix_human_task_queue_words" in _plan(session, lambda: tasks.queue(session, agent, words="zylb"))
    for common in (lambda: tasks.queue(session, agent, words="martin"), lambda: tasks.queue(session, agent)):
        plan = _plan(session, common)
        assert "ix_human_task_queue_due_at" in plan
        assert "ix_human_task_queue_words" not in plan


@pytest.mark.parametrize("words", ["zylb", "ABCD", "l'été 100 %"])
def test_a_search_leaves_nothing_open(session: Session, agent: Actor, words: str) -> None:
    """Issue 3, point 8: beside a value left open, PostgreSQL would after some runs plan once for all names, rare or common."""
    sent: list[Any] = []
    engine = session.get_bind().engine
    several = replace(agent, groups=frozenset({*agent.groups, "L’accueil d'été 100 %"}))

    def note(_connection: object, _cursor: object, _statement: str, values: Any, *_: object) -> None:
        sent.append(values)

    event.listen(engine, "before_cursor_execute", note)
    try:
        tasks.queue(session, several, words=words)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    # SQLite plans each time; what it has open is that nothing is left out.
    assert [set(values) for values in sent] == [{0} if engine.dialect.name == "sqlite" else set()]


@pytest.mark.parametrize(
    "asked",
    [
        tasks.counts,
        lambda session, agent: tasks.queue(session, agent),
        lambda session, agent: tasks.queue(session, agent, late=True, sort="filed"),
        lambda session, agent: tasks.queue(session, agent, sort="applicant", page=3),
        lambda session, agent: tasks.queue(session, agent, sort="procedure"),
        lambda session, agent: tasks.queue(session, agent, sort="filed", down=True),
        lambda session, agent: list(tasks.listing(session, agent)),
    ],
    ids=["counts", "due", "filed", "applicant", "procedure", "filed, down", "listing"],
)
def test_the_indexes_of_the_queues_serve_whatever_the_group(
    session: Session, agent: Actor, asked: Callable[[Session, Actor], object]
) -> None:
    """Issue 3, point 9: they leave residents' tasks out, and a plan for any group at all still knows that it may read them."""
    if session.get_bind().dialect.name != "postgresql":
        pytest.skip("SQLite plans for the values each time")
    for setting in ("plan_cache_mode = force_generic_plan", "enable_seqscan = off"):
        session.execute(text(f"SET LOCAL {setting}"))
    plan = _plan(session, lambda: asked(session, agent), prepared=True)
    assert "$1" in plan, "nothing was left open"
    assert "ix_human_task_queue_" in plan
    assert "Seq Scan on human_task" not in plan


def test_what_an_agent_holds_is_read_from_an_index(session: Session, agent: Actor) -> None:
    if session.get_bind().dialect.name != "postgresql":
        pytest.skip("SQLite plans for the values each time")
    for setting in ("plan_cache_mode = force_generic_plan", "enable_seqscan = off"):
        session.execute(text(f"SET LOCAL {setting}"))
    assert "ix_human_task_holder" in _plan(session, lambda: tasks.counts(session, agent), prepared=True)
    released = _plan(session, lambda: tasks.release_all(session, agent.account_id or uuid4(), agent), prepared=True)
    assert "ix_human_task_holder" in released


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_resident_s_task_stands_in_one_index_beside_its_key(dialect: str) -> None:
    there = [index for index in HumanTask.__table__.indexes if index.info.get("dialect", dialect) == dialect]
    conditions = {str(index.name): index.dialect_options[dialect]["where"] for index in there}
    assert [name for name, condition in conditions.items() if condition is None] == ["ix_human_task_case_id"]


def _plan(session: Session, act: Callable[[], object], *, prepared: bool = False) -> str:
    """How PostgreSQL answers the one statement that `act` sends; `prepared`, with its values left open."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        sent.append((statement, values))

    engine = session.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)
    act()
    event.remove(engine, "before_cursor_execute", note)
    statement, values = sent[0]
    connection = session.connection()
    if prepared:
        names = list(values)
        opened = statement % {name: f"${place}" for place, name in enumerate(names, 1)}
        connection.exec_driver_sql(f"PREPARE asked AS {opened}".replace("%", "%%"))
        given = ", ".join(sql.Literal(values[name]).as_string() for name in names).replace("%", "%%")
        statement, values = f"EXECUTE asked ({given})", None
    plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", values))
    if prepared:
        connection.exec_driver_sql("DEALLOCATE asked")
    return plan


# --- one task ----------------------------------------------


def test_an_open_task_is_found_by_its_group_only(session: Session, open_task: Open, agent: Actor) -> None:
    task = open_task()
    assert tasks.find(session, task.id, agent) is task
    for who, which in (
        (Actor("agent", uuid4(), groups=frozenset({"B"})), task.id),
        (ANONYMOUS, task.id),
        (agent, uuid4()),
    ):
        with pytest.raises(NotFound):
            tasks.find(session, which, who)


def test_claiming_says_who_since_when_and_is_told_once(
    session: Session, open_task: Open, agent: Actor, draft: Case
) -> None:
    task = open_task()
    tasks.claim(session, task.id, agent)
    tasks.claim(session, task.id, agent)
    session.refresh(task)
    assert (task.claimed_by, task.claimed_name) == (agent.account_id, "Jeanne Instruit")
    assert task.claimed_at is not None
    claimed = [entry for entry in history.of_case(session, draft.id) if entry.kind == "claimed"]
    assert [(entry.element_id, entry.actor_id) for entry in claimed] == [("instruction", agent.account_id)]


def test_the_second_to_claim_is_told_who_was_first(
    session: Session, open_task: Open, agent: Actor, colleague: Actor
) -> None:
    task = open_task()
    tasks.claim(session, task.id, agent)
    with pytest.raises(AlreadyClaimed, match="Jeanne Instruit"):
        tasks.claim(session, task.id, colleague)
    session.refresh(task)
    assert task.claimed_by == agent.account_id


def test_a_task_of_another_group_can_t_be_claimed(session: Session, open_task: Open) -> None:
    task = open_task()
    with pytest.raises(NotFound):
        tasks.claim(session, task.id, Actor("agent", uuid4(), "Zoé", frozenset({"B"})))
    session.refresh(task)
    assert task.claimed_by is None


def test_only_the_holder_gives_a_task_back(session: Session, open_task: Open, agent: Actor, colleague: Actor) -> None:
    task = open_task()
    tasks.claim(session, task.id, agent)
    with pytest.raises(AlreadyClaimed, match="Jeanne Instruit"):
        tasks.release(session, task.id, colleague)
    tasks.release(session, task.id, agent)
    tasks.release(session, task.id, agent)
    session.refresh(task)
    assert (task.claimed_by, task.claimed_name, task.claimed_at) == (None, None, None)
    tasks.claim(session, task.id, colleague)


def test_a_closed_task_can_t_be_claimed_nor_given_back(session: Session, open_task: Open, agent: Actor) -> None:
    task = open_task()
    tasks.replace_all(session, [task.id], [])
    for verb in (tasks.claim, tasks.release):
        with pytest.raises(NotFound):
            verb(session, task.id, agent)


def test_opening_and_closing_nothing_asks_nothing(session: Session, statements: Callable[[], list[str]]) -> None:
    tasks.open_all(session, [])
    tasks.replace_all(session, [], [])
    assert statements() == []


def test_the_tasks_of_a_request_in_the_order_of_their_opening(
    session: Session, draft: Case, resident: Actor, open_task: Open
) -> None:
    file(session, draft, resident)
    later = open_task(opened_at=clock.now() + timedelta(minutes=1))
    assert [task.element_id for task in tasks.of_case(session, draft.id)] == ["instruction", "instruction"]
    assert tasks.of_case(session, draft.id)[-1].id == later.id


@pytest.mark.parametrize(
    ("name", "searchable"),
    [("Le Goff-Kermarrec", "le goff kermarrec"), ("O’Hara", "o hara"), ("ŒUVRARD Zoë", "oeuvrard zoe"), ("  ", "")],
)
def test_names_as_they_are_searched(name: str, searchable: str) -> None:
    assert tasks.searchable(name) == searchable
