"""What the checker has to be told about the rest of the platform: operations, groups of agents, forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Protocol

#: What `usager`, `demande` and `aujourdhui` hold; None for a value without fields.
RESERVED_FIELDS: Mapping[str, frozenset[str]] = {
    "usager": frozenset(
        {
            "identifiant",
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
            "adresse.voie",
            "adresse.complement",
            "adresse.code_postal",
            "adresse.commune",
            "certifie",
            "compte",
        }
    ),
    "demande": frozenset({"reference", "procedure", "ouverte_le", "deposee_le", "canal"}),
    "aujourdhui": frozenset(),
}

#: What the step of the appointment gives; an appointment that wasn't taken gives nothing.
APPOINTMENT_FIELDS = frozenset({"creneau", "date", "jour", "heure", "lieu", "adresse"})


@dataclass(frozen=True)
class ParameterSignature:
    """A parameter of an operation.

    `kind` is `any`, `text`, `template` (a text with `{expression}` placeholders), `message` (the name of one), `number`,
    `flag`, `date`, `list` or `record`. `choices`, when there are any, are the only texts accepted.
    """

    required: bool = True
    kind: str = "any"
    choices: frozenset[str] = frozenset()


@dataclass(frozen=True)
class OperationSignature:
    """An operation as service tasks may call it.

    `returns` names the fields of what it gives back; None when that isn't a group of fields. `account` says that it
    needs a request made with an account.
    """

    name: str
    parameters: Mapping[str, ParameterSignature] = field(default_factory=dict)
    returns: frozenset[str] | None = None
    idempotent: bool = False
    account: bool = False


class FormProblem(Protocol):
    """Something wrong inside a form: in which file, where in it, and what, in French."""

    @property
    def file(self) -> str: ...

    @property
    def pointer(self) -> str: ...

    @property
    def line(self) -> int: ...

    @property
    def code(self) -> str: ...

    @property
    def message(self) -> str: ...


def _no_problem(name: str) -> Sequence[FormProblem]:
    return ()


def _unknown_fields(name: str) -> Set[str] | None:
    return None


def _unknown_choices(name: str) -> Mapping[str, Set[str]]:
    return {}


@dataclass(frozen=True)
class Declarations:
    """What a process may use.

    `groups` are the agents' groups (None: not known, so not checked). `form_problems` gives what is wrong inside a form
    file. `form_fields` gives the paths of a form's answers (`adresse.voie`, `enfants.*.prenom`), None when unknown.
    `form_choices` gives the choices of those of its questions that are answered by one text among several, by path.
    `messages` are the texts of the messages that have been written, by name (None: not known, so not checked).
    """

    operations: Mapping[str, OperationSignature] = field(default_factory=dict)
    groups: frozenset[str] | None = None
    form_problems: Callable[[str], Sequence[FormProblem]] = _no_problem
    form_fields: Callable[[str], Set[str] | None] = _unknown_fields
    form_choices: Callable[[str], Mapping[str, Set[str]]] = _unknown_choices
    messages: Mapping[str, Sequence[str]] | None = None
