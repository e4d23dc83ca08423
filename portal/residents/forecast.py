"""What happens next to a request, and when, in words for the resident (A18)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.core import clock
from engine.procedures.forecast import Forecast, Span
from engine.procedures.history import Entry
from engine.procedures.tasks import RESIDENT, HumanTask
from portal.words import NBSP, count, day


@dataclass(frozen=True)
class Told:
    """What is going on, the sentences on when, and where they come from."""

    now: tuple[str, ...]
    when: tuple[str, ...]
    source: str


def told(
    forecast: Forecast, open_tasks: Sequence[HumanTask], questions: Sequence[str] = (), *, answered: bool = False
) -> Told:
    """The forecast of a running request, with what it waits for: tasks, and questions that wait for an answer in an exchange.

    `answered` says that a service has done its part already.
    """
    if forecast.end is None or forecast.next_step is None:
        due = awaited(open_tasks, questions, answered=answered)
        return Told(_waits(open_tasks, questions, answered=answered), _usual(forecast) if due else (), "")
    when = []
    # The next step is the end when nothing else is left.
    if forecast.next_step != forecast.end:
        when.append(_expected("La prochaine étape", forecast.next_step))
    when.append(_expected("La fin de la demande", forecast.end))
    source = (
        f"Estimation d’après {count(forecast.requests, 'demande terminée', 'demandes terminées')} "
        "qui ont suivi le même chemin que la vôtre."
    )
    return Told(_waits(open_tasks, questions, answered=answered), tuple(when), source)


def awaited(open_tasks: Sequence[HumanTask], questions: Sequence[str] = (), *, answered: bool = False) -> bool:
    """Whether an answer of the service is to come: nobody waits for one that was given, nor for one that waits for themselves."""
    if answered:
        return any(task.group != RESIDENT for task in open_tasks)
    return not questions and not any(task.group == RESIDENT for task in open_tasks)


def answered(entries: Sequence[Entry]) -> bool:
    """Whether a service has done its part once already."""
    return any(entry.kind in ("task_completed", "exchange_sent") for entry in entries)


def _waits(open_tasks: Sequence[HumanTask], questions: Sequence[str], *, answered: bool) -> tuple[str, ...]:
    if not open_tasks and not questions and answered:
        return ("Le service a fait sa part\u00a0: vous n’avez rien à faire.",)
    if not open_tasks and not questions:
        return ("Votre demande suit son cours\u00a0: vous n’avez rien à faire.",)
    asked = tuple(f"Nous attendons votre réponse\u00a0: «{NBSP}{subject}{NBSP}»." for subject in questions)
    return asked + tuple(
        f"Nous attendons votre réponse\u00a0: «{NBSP}{task.title}{NBSP}»."
        if task.group == RESIDENT
        else f"Le service «{NBSP}{task.group}{NBSP}» s’occupe de cette étape\u00a0: «{NBSP}{task.title}{NBSP}»."
        for task in open_tasks
    )


def _expected(what: str, span: Span) -> str:
    if span.overdue:
        return f"{what} prend plus de temps que d’habitude\u00a0: neuf demandes sur dix y étaient le {day(span.late)}."
    if span.median < clock.now():
        return f"{what} est attendue d’un jour à l’autre\u00a0; neuf demandes sur dix y sont avant le {day(span.late)}."
    if day(span.median) == day(span.late):
        return f"{what} est attendue vers le {day(span.median)}."
    return (
        f"{what} est attendue vers le {day(span.median)}\u00a0; neuf demandes sur dix y sont avant le {day(span.late)}."
    )


def _usual(forecast: Forecast) -> tuple[str, ...]:
    if forecast.usual is None:
        return ()
    if forecast.usual < clock.now():
        return (f"Le délai habituel s’est terminé le {day(forecast.usual)}\u00a0: votre demande prend plus de temps.",)
    return (f"D’après le délai habituel de la démarche, une réponse est attendue avant le {day(forecast.usual)}.",)
