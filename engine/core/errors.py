"""The one tree of errors.

Every error carries a sentence for people (`message`, in French), one for the terminal (`for_operators`, in English) and facts
for the logs. `portal.errors` maps each class to an HTTP status; an architecture test refuses a class without one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class ParvisError(Exception):
    """The root: something that the platform understood and can say in plain words."""

    default: ClassVar[str] = "Une erreur est survenue."
    default_english: ClassVar[str] = "something went wrong"

    def __init__(self, message: str | None = None, *, english: str | None = None, **facts: Any) -> None:
        self.message = message or self.default
        self.english = english
        self.facts = facts
        super().__init__(self.message)

    @property
    def for_operators(self) -> str:
        """The same as the terminal says it: the English sentence given, else that of the kind of error, with the facts."""
        if self.english:
            return self.english
        said = self.message if self.message != self.default else self.default_english
        facts = ", ".join(
            f"{value}" if name == "reason" else f"{name.replace('_', ' ')} {value}"
            for name, value in self.facts.items()
        )
        return f"{said} ({facts})" if facts else said

    def __str__(self) -> str:
        if not self.facts:
            return self.message
        return f"{self.message} ({', '.join(f'{name}={value!r}' for name, value in self.facts.items())})"


class BadRequest(ParvisError):
    """What was sent can't be understood at all."""

    default = "La demande envoyée au serveur n’a pas pu être comprise."


class TooLarge(BadRequest):
    """More bytes, fields or depth than is accepted."""

    default = "L’envoi est trop volumineux."


class Throttled(ParvisError):
    """Too many tries; `retry_after` seconds say when to come back."""

    default = "Trop d’essais rapprochés. Patientez un moment avant de recommencer."

    def __init__(self, message: str | None = None, *, retry_after: int = 60, **facts: Any) -> None:
        self.retry_after = retry_after
        super().__init__(message, **facts)


class SignInRequired(ParvisError):
    """The page is for people who are signed in."""

    default = "Connectez-vous pour continuer."


class Forbidden(ParvisError):
    """The person is known and may not do this."""

    default = "Vous n’avez pas accès à cette page."


class NotFound(ParvisError):
    """There is no such thing, or this person may not know that there is."""

    default = "Cette page n’existe pas ou n’est plus disponible."
    default_english = "there is no such thing"


class Conflict(ParvisError):
    """The state has moved on since the page was shown."""

    default = "La situation a changé depuis l’affichage de la page."
    default_english = "the state of things has moved on"


class AlreadyClaimed(Conflict):
    """Another agent has taken the task."""

    default = "Un autre agent vient de prendre cette tâche."


class StaleStep(Conflict):
    """The step isn't open any more: it was completed elsewhere, or the process went another way."""

    default = "Cette étape n’est plus ouverte."


class CaseClosed(Conflict):
    """The request is finished or cancelled."""

    default = "Cette demande est terminée."


class NotCancellable(Conflict):
    """The process doesn't allow the request to be cancelled now."""

    default = "Cette demande ne peut plus être annulée."


class QuotaExhausted(Conflict):
    """No place is left."""

    default = "Le nombre de demandes prévu est atteint."


class AlreadyRequested(Conflict):
    """This person has a request already, where the procedure takes one from each."""

    default = "Vous avez déjà fait cette démarche, qui ne se fait qu’une fois par personne."


class SlotTaken(Conflict):
    """The slot isn't free any more, or was never offered."""

    default = "Ce créneau n’est plus libre. Choisissez-en un autre."


class Quarantined(Conflict):
    """A file's virus scan is pending: nobody opens it before."""

    default = "Ce fichier est en cours d’analyse. Il pourra être ouvert dès qu’elle sera terminée."


class Invalid(ParvisError):
    """What was sent is understood but can't be accepted."""

    default = "Les informations envoyées ne peuvent pas être acceptées."
    default_english = "what was given can’t be accepted"


class InvalidAnswers(Invalid):
    """A form's answers have errors: `errors` maps a field's path (`adresse.voie`, `enfants.0.prenom`) to a sentence."""

    default = "Le formulaire contient des erreurs."

    def __init__(self, errors: Mapping[str, str], message: str | None = None, **facts: Any) -> None:
        self.errors = dict(errors)
        super().__init__(message, paths=sorted(self.errors), **facts)


class RefusedFile(Invalid):
    """An uploaded file is of the wrong kind, too large, or one too many."""

    default = "Ce fichier ne peut pas être accepté."


class DefinitionError(Invalid):
    """A procedure can't be read or deployed; `problems` lists why, one sentence each (objects with a readable str)."""

    default = "La démarche contient des erreurs."

    def __init__(self, problems: Sequence[object] = (), message: str | None = None, **facts: Any) -> None:
        self.problems = list(problems)
        super().__init__(message or "\n".join(str(problem) for problem in problems) or None, **facts)


class ExpressionError(Invalid):
    """An expression of a process is wrong or can't be evaluated on this data."""

    default = "Une expression de la démarche ne peut pas être évaluée."


class ProcessStuck(ParvisError):
    """A running process can't go on at `element_id`; the step is rolled back and an incident is recorded.

    `attempt` says what was being done, answers included: it is for the incident, never for a log.
    """

    default = "Cette étape ne peut pas aboutir pour le moment."
    default_english = "the process can’t go on"
    attempt: object | None = None

    def __init__(self, element_id: str, reason: str, **facts: Any) -> None:
        self.element_id = element_id
        self.reason = reason
        super().__init__(None, element_id=element_id, reason=reason, **facts)


class OperationFailed(ParvisError):
    """An operation of a process failed for good."""

    default = "Une opération de la démarche a échoué."
    default_english = "an operation of the procedure failed"


class Unavailable(ParvisError):
    """A part that the platform needs doesn't answer."""

    default = "Le service est momentanément indisponible. Réessayez dans quelques minutes."
    default_english = "something needed doesn’t answer"


class ConfigurationError(ParvisError):
    """A setting is missing or wrong; for operators, in English."""

    default = default_english = "The configuration is wrong."
