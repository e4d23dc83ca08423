"""Scenarios: how a procedure is meant to go, written beside it in `<slug>.scenarios.yaml` (F3).

A file holds `scenarios` and, under `steps`, named series of steps that several of them share (`use: nom`). Reading checks
the shape of the file; walking it is for `rehearsal`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import yaml

from engine.core.clock import PARIS
from engine.core.errors import DefinitionError

SUFFIX = ".scenarios.yaml"
ANONYMOUS = "anonymous"

# What a step does, and the other keys that it takes.
VERBS: Mapping[str, frozenset[str]] = {
    "resident": frozenset({"answers"}),
    "agent": frozenset({"answers"}),
    "advance": frozenset(),
    "message": frozenset({"payload"}),
    "appointment": frozenset(),
    "cancel": frozenset(),
    "use": frozenset({"change"}),
}
EXPECTATIONS = frozenset({"end", "status", "open", "notified", "data", "account", "rights", "plans", "consents"})


@dataclass(frozen=True)
class Step:
    """One thing that happens: a `verb` of `VERBS`, on a task, a duration or a message, with answers or a payload."""

    verb: str
    target: str
    answers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """A walk through a procedure and what must be true at its end. `person` is somebody of the demonstration."""

    name: str
    person: str
    at: datetime
    steps: tuple[Step, ...]
    expect: Mapping[str, Any]


def path_of(folder: Path, slug: str) -> Path:
    """Where the scenarios of a procedure are, beside its BPMN file."""
    return folder / f"{slug}{SUFFIX}"


def read(name: str, content: bytes) -> tuple[Scenario, ...]:
    """The scenarios of a file, or `DefinitionError` with everything that is wrong with its shape."""
    try:
        found = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", ligne {where.line + 1}" if where else ""
        raise DefinitionError([f"{name}{line} : ce n’est pas du YAML correct."]) from error
    return _Reading(name).file(found)


class _Reading:
    """One file being read; problems are gathered so that they are said all at once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[str] = []
        self.shared: Mapping[str, Any] = {}

    def file(self, found: Any) -> tuple[Scenario, ...]:
        if not isinstance(found, dict) or not isinstance(found.get("scenarios"), list) or not found["scenarios"]:
            raise DefinitionError([f"{self.name} : une liste « scenarios » est attendue."])
        self.only(found, {"scenarios", "steps"}, "le fichier")
        shared = found.get("steps") or {}
        if isinstance(shared, dict):
            self.shared = shared
        else:
            self.problem("« steps » doit donner un nom à chaque série d’étapes.")
        scenarios = [self.scenario(one, number) for number, one in enumerate(found["scenarios"], 1)]
        names = [scenario.name for scenario in scenarios if scenario]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.problem(f"deux scénarios s’appellent « {name} ».")
        if self.problems:
            raise DefinitionError(self.problems)
        return tuple(scenario for scenario in scenarios if scenario)

    def scenario(self, found: Any, number: int) -> Scenario | None:
        place = f"scénario {number}"
        if not isinstance(found, dict) or not isinstance(found.get("name"), str):
            self.problem(f"{place} : il lui faut un nom (« name »).")
            return None
        place = f"« {found['name']} »"
        self.only(found, {"name", "as", "at", "steps", "expect"}, place)
        expect = found.get("expect")
        if not isinstance(expect, dict) or not {"end", "status", "open"} & set(expect):
            self.problem(f"{place} : « expect » doit dire comment il finit (« end », « status » ou « open »).")
            expect = {}
        self.only(expect, EXPECTATIONS, f"{place}, « expect »")
        at = _instant(found.get("at"))
        if at is None:
            self.problem(f"{place} : « at » doit être une date, comme 2026-03-02 ou 2026-03-02 14:30.")
            at = datetime.now(PARIS)
        steps = tuple(self.steps(found.get("steps"), place, frozenset()))
        return Scenario(found["name"], str(found.get("as", ANONYMOUS)), at, steps, _plain(expect))

    def steps(self, found: Any, place: str, within: frozenset[str]) -> Iterator[Step]:
        if not isinstance(found, list):
            self.problem(f"{place} : une liste d’étapes (« steps ») est attendue.")
            return
        for number, one in enumerate(found, 1):
            here = f"{place}, étape {number}"
            verbs = [verb for verb in VERBS if isinstance(one, dict) and verb in one]
            if len(verbs) != 1:
                self.problem(f"{here} : une étape dit une seule chose, parmi {', '.join(VERBS)}.")
                continue
            verb = verbs[0]
            self.only(one, {verb, *VERBS[verb]}, here)
            target = str(one[verb])
            said = one.get("answers") or one.get("payload") or one.get("change") or {}
            if not isinstance(said, dict):
                self.problem(f"{here} : un nom et une valeur sont attendus pour chaque réponse.")
                said = {}
            if verb == "use":
                yield from self.used(target, _plain(said), here, within)
            else:
                yield Step(verb, target, _plain(said))

    def used(self, name: str, changes: Mapping[str, Any], place: str, within: frozenset[str]) -> Iterator[Step]:
        """The steps of a shared series, some of their answers changed."""
        if name not in self.shared or name in within:
            self.problem(f"{place} : la série d’étapes « {name} » n’existe pas ou s’emploie elle-même.")
            return
        steps = list(self.steps(self.shared[name], f"série « {name} »", within | {name}))
        for target in sorted(set(changes) - {step.target for step in steps}):
            self.problem(f"{place} : la série « {name} » ne passe pas par « {target} ».")
        for step in steps:
            yield Step(step.verb, step.target, {**step.answers, **(changes.get(step.target) or {})})

    def only(self, found: Mapping[str, Any], known: set[str] | frozenset[str], place: str) -> None:
        for key in found:
            if key not in known:
                self.problem(f"{place} : « {key} » n’a pas de sens ici ; on attend {', '.join(sorted(known))}.")

    def problem(self, sentence: str) -> None:
        text = f"{self.name} : {sentence}"
        if text not in self.problems:
            self.problems.append(text)


def _instant(value: Any) -> datetime | None:
    """A moment in Paris; a day alone is that day at ten, when offices are open."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=PARIS)
    return datetime.combine(value, time(10), PARIS) if isinstance(value, date) else None


def _plain(value: Any) -> Any:
    """YAML's dates as the text that answers hold."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value
