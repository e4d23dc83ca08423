"""Who may do what: the whole table, and the proof that it notices any rule that changes (G5, E7, B13)."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from engine.people import access
from engine.people.access import NOTHING, RULES, Condition, Thing, can
from engine.people.actors import ANONYMOUS, SYSTEM, Actor

ROADS, HOUSING = frozenset({"Voirie"}), frozenset({"Logement"})
OWNER = UUID(int=1)

PEOPLE = {
    "anonymous": ANONYMOUS,
    "the bearer of its link": ANONYMOUS.holding(frozenset({"its link"})),
    "the bearer of another link": ANONYMOUS.holding(frozenset({"another link"})),
    "its owner": Actor("resident", OWNER),
    "another resident": Actor("resident", UUID(int=2)),
    "another resident with its link": Actor("resident", UUID(int=2), links=frozenset({"its link"})),
    "an agent of its group": Actor("agent", UUID(int=3), groups=ROADS, roles=frozenset({"agent"})),
    "an agent of another group": Actor("agent", UUID(int=4), groups=HOUSING, roles=frozenset({"agent"})),
    "the supervisor of its group": Actor(
        "agent", UUID(int=5), groups=ROADS, roles=frozenset({"agent", "supervisor"}), supervises=ROADS
    ),
    "the supervisor of another group": Actor(
        "agent", UUID(int=6), groups=ROADS | HOUSING, roles=frozenset({"agent", "supervisor"}), supervises=HOUSING
    ),
    "a supervisor who has left the group": Actor(
        "agent", UUID(int=7), groups=HOUSING, roles=frozenset({"agent", "supervisor"}), supervises=ROADS
    ),
    "an analyst": Actor("agent", UUID(int=8), roles=frozenset({"analyst"})),
    "an administrator": Actor("agent", UUID(int=9), roles=frozenset({"administrator"})),
    "an administrator put in its group": Actor("agent", UUID(int=10), groups=ROADS, roles=frozenset({"administrator"})),
    "an agent of a group named as the residents' lane": Actor("agent", UUID(int=11), groups=frozenset({"Usager"})),
    # What no sign-in makes: rules must not rest on it.
    "a resident with every group and role": Actor(
        "resident",
        UUID(int=12),
        groups=ROADS,
        roles=frozenset({"agent", "supervisor", "analyst", "administrator"}),
        supervises=ROADS,
    ),
    "an agent without an account": Actor(
        "agent",
        None,
        groups=ROADS,
        roles=frozenset({"agent", "supervisor", "analyst", "administrator"}),
        supervises=ROADS,
    ),
    "a resident without an account": Actor("resident", None),
    "the platform": SYSTEM,
}
STAFF = {name for name, actor in PEOPLE.items() if name.startswith(("an ag", "the sup", "a sup", "an ana", "an admin"))}
STAFF -= {"an agent without an account"}
WORKING = STAFF - {"an analyst", "an administrator", "an administrator put in its group"}
SUPERVISORS = {"the supervisor of its group", "the supervisor of another group", "a supervisor who has left the group"}
IN_ITS_GROUP = {"an agent of its group", "the supervisor of its group", "the supervisor of another group"}
DECIDING = {"the supervisor of its group"}
RESIDENTS = {"its owner", "another resident", "another resident with its link", "a resident with every group and role"}
BEARERS = {"the bearer of its link", "another resident with its link"}

DRAFT = Thing(owner=OWNER, links=frozenset({"its link"}), groups=ROADS)
FILED = Thing(owner=OWNER, links=frozenset({"its link"}), groups=ROADS, filed=True)
WITHOUT_ACCOUNT = Thing(links=frozenset({"its link"}), groups=ROADS, filed=True)
TASK = Thing(groups=ROADS)
RESIDENTS_TASK = Thing(groups=frozenset({"Usager"}))

EXPECTED: list[tuple[str, Thing, set[str]]] = [
    ("public.read", NOTHING, set(PEOPLE)),
    ("space.use", NOTHING, RESIDENTS),
    ("space.use", Thing(owner=UUID(int=3)), RESIDENTS),
    # The links to what belongs to an account open nothing any more.
    ("case.hold", DRAFT, {"its owner"}),
    ("case.hold", FILED, {"its owner"}),
    ("case.hold", WITHOUT_ACCOUNT, BEARERS),
    ("case.hold", NOTHING, set()),
    ("staff.enter", NOTHING, STAFF),
    ("queues.use", NOTHING, WORKING),
    ("case.work", FILED, IN_ITS_GROUP),
    ("case.work", DRAFT, set()),
    ("case.work", NOTHING, set()),
    ("task.do", TASK, IN_ITS_GROUP),
    ("task.do", FILED, IN_ITS_GROUP),
    ("task.do", RESIDENTS_TASK, set()),
    ("task.do", NOTHING, set()),
    ("task.assign", TASK, DECIDING),
    ("task.assign", FILED, DECIDING),
    ("task.assign", RESIDENTS_TASK, set()),
    ("task.assign", NOTHING, set()),
    ("capacity.see", TASK, IN_ITS_GROUP),
    ("capacity.see", FILED, IN_ITS_GROUP),
    ("capacity.see", NOTHING, set()),
    ("capacity.decide", TASK, DECIDING),
    ("capacity.decide", FILED, DECIDING),
    ("capacity.decide", NOTHING, set()),
    ("services.oversee", NOTHING, SUPERVISORS),
    ("procedures.author", NOTHING, {"an analyst"}),
    (
        "accounts.administer",
        NOTHING,
        {"an administrator", "an administrator put in its group"},
    ),
    ("platform.watch", NOTHING, set()),
    ("an act without a rule", FILED, set()),
]
# What is asked of nothing in particular is no more open to whom something belongs.
EXPECTED += [
    (action, FILED, people)
    for action, thing, people in EXPECTED
    if thing is NOTHING and not action.startswith(("case.", "task.", "capacity."))
]


def wrong() -> Iterator[str]:
    """The cells of the table that the rules contradict."""
    for action, thing, people in EXPECTED:
        for name, actor in PEOPLE.items():
            if can(actor, action, thing) != (name in people):
                yield f"{name} {'may not' if name in people else 'may'} {action} on {thing}"


def test_each_may_what_the_table_says_and_nothing_else() -> None:
    assert list(wrong()) == []


def test_every_rule_is_in_the_table() -> None:
    assert {action for action, _, _ in EXPECTED} - {"an act without a rule"} == set(RULES)


def test_a_rule_with_a_group_or_an_owner_denies_what_has_none() -> None:
    """A view that forgets to say what it is about opens nothing."""
    about_something = {access.owner, access.bearer, access.of_its_groups, access.of_its_supervisors, access.filed}
    for action, ways in RULES.items():
        if ways and all(about_something & set(way) for way in ways):
            assert not any(can(actor, action) for actor in PEOPLE.values()), action


def negated(condition: Condition) -> Condition:
    return lambda actor, thing: not condition(actor, thing)


def mutants() -> Iterator[tuple[str, str, tuple[tuple[Condition, ...], ...]]]:
    """Every rule changed in each of these ways: open to all, closed, a way more or less, a condition dropped or turned round."""
    for action, ways in RULES.items():
        if ways != ((),):
            yield action, "open to all", ((),)
        if ways:
            yield action, "closed", ()
        for place, way in enumerate(ways):
            others = ways[:place] + ways[place + 1 :]
            if others:
                yield action, f"without way {place}", others
            for index, condition in enumerate(way):
                rest = way[:index] + way[index + 1 :]
                yield action, f"without {condition.__name__}", (*others, rest)
                yield action, f"not {condition.__name__}", (*others, (*rest, negated(condition)))
        for condition in CONDITIONS:
            if not any({*way} <= {condition} for way in ways):
                yield action, f"or {condition.__name__}", (*ways, (condition,))


CONDITIONS: tuple[Condition, ...] = (
    access.resident,
    access.staff,
    access.working,
    access.supervisor,
    access.analyst,
    access.administrator,
    access.owner,
    access.bearer,
    access.of_its_groups,
    access.of_its_supervisors,
    access.filed,
)
# Ways in that let nobody in who isn't already.
SAME = {
    ("staff.enter", "or working"),
    ("staff.enter", "or supervisor"),
    ("staff.enter", "or analyst"),
    ("staff.enter", "or administrator"),
    ("queues.use", "or supervisor"),
}


def test_the_table_notices_any_change_of_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    survivors, tried = [], 0
    for action, change, ways in mutants():
        tried += 1
        with monkeypatch.context() as patch:
            patch.setitem(RULES, action, ways)
            if next(wrong(), None) is None:
                survivors.append((action, change))
    assert tried > 100
    assert set(survivors) == SAME


@pytest.mark.parametrize(
    ("name", "weaker"),
    [
        ("resident", lambda actor, _: actor.kind == "resident"),
        ("resident", lambda actor, _: actor.signed_in),
        ("staff", lambda actor, _: actor.kind == "agent"),
        ("staff", lambda actor, _: actor.signed_in),
        ("working", lambda actor, _: actor.signed_in and actor.kind == "agent"),
        ("working", lambda actor, _: actor.kind == "agent" and "agent" in actor.roles),
        ("analyst", lambda actor, _: "analyst" in actor.roles),
        ("administrator", lambda actor, _: "administrator" in actor.roles),
        ("supervisor", lambda actor, _: "supervisor" in actor.roles),
        ("owner", lambda actor, thing: actor.account_id == thing.owner),
        ("owner", lambda actor, _: actor.signed_in),
        ("bearer", lambda actor, _: bool(actor.links)),
        ("of_its_groups", lambda actor, thing: bool(actor.groups & thing.groups)),
        ("of_its_groups", lambda actor, _: bool(actor.groups)),
        ("filed", lambda _actor, _thing: True),
    ],
)
def test_the_table_notices_a_weaker_condition(monkeypatch: pytest.MonkeyPatch, name: str, weaker: Condition) -> None:
    sound = getattr(access, name)
    for action, ways in RULES.items():
        changed = tuple(tuple(weaker if condition is sound else condition for condition in way) for way in ways)
        monkeypatch.setitem(RULES, action, changed)
    assert next(wrong(), None) is not None
