"""What an operation is, which there are, and how a process calls one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from engine.bpmn.check.declarations import Declarations, OperationSignature, ParameterSignature
from engine.core.db import Session
from engine.core.errors import DefinitionError, OperationFailed
from engine.people import accounts
from engine.people.actors import Actor
from engine.procedures import forms

if TYPE_CHECKING:
    from engine.procedures.cases import Case
    from engine.procedures.catalogue import Definition


class Note(Protocol):
    """How an operation writes in the history of its request."""

    def __call__(self, kind: str, element_id: str | None = None, **data: Any) -> None: ...


@dataclass(frozen=True)
class OperationContext:
    """Where an operation runs: the transaction, the request, the element of its process, and who moved it."""

    session: Session
    case: Case
    definition: Definition
    element_id: str
    actor: Actor
    names: Mapping[str, Any]
    note: Note
    # The address at which the person follows the request (or one tab of it), made when it is asked for: it may be a new
    # private link.
    tracking: Callable[..., str]

    def account(self) -> accounts.Account:
        """The resident's account, or `OperationFailed` when the request was made without one."""
        if self.case.account_id is None:
            raise OperationFailed("This operation needs a request made with an account.")
        return accounts.find(self.session, self.case.account_id)


@dataclass(frozen=True)
class Parameter:
    """A parameter: its kind (text, template, message, answer, number, flag, date, list, record, any), and its meaning."""

    kind: str
    meaning: str
    required: bool = True
    choices: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Operation:
    """A declared operation. An idempotent one may run before filing, where going back runs it again."""

    name: str
    meaning: str
    function: Callable[..., Any]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    returns: Mapping[str, str] = field(default_factory=dict)
    idempotent: bool = False
    account: bool = False


REGISTRY: dict[str, Operation] = {}


def operation(
    name: str,
    meaning: str,
    *,
    returns: Mapping[str, str] | None = None,
    idempotent: bool = False,
    account: bool = False,
    **parameters: Parameter,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the function as operation `name`. `account` says that it needs a request made with an account."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        REGISTRY[name] = Operation(name, meaning, function, parameters, returns or {}, idempotent, account)
        return function

    return declare


def listing() -> list[Operation]:
    """Every operation, by name."""
    return [REGISTRY[name] for name in sorted(REGISTRY)]


def declarations(files: Mapping[str, bytes], messages: Mapping[str, Sequence[str]] | None = None) -> Declarations:
    """What the checker has to know of the platform to judge a procedure whose forms are `files`.

    `messages` are the texts of those that it may send by name (None: not known, so not checked).
    """

    def fields(name: str) -> Set[str] | None:
        try:
            return forms.field_paths(forms.load(name, files))
        except DefinitionError:
            return None  # the form's own problems are reported; what it would have asked isn't known

    def choices(name: str) -> Mapping[str, Set[str]]:
        try:
            return forms.closed_choices(forms.load(name, files))
        except DefinitionError:
            return {}

    return Declarations(
        operations={one.name: _signature(one) for one in REGISTRY.values()},
        form_problems=lambda name: forms.problems(name, files),
        form_fields=fields,
        form_choices=choices,
        messages=messages,
    )


def _signature(one: Operation) -> OperationSignature:
    return OperationSignature(
        name=one.name,
        parameters={
            key: ParameterSignature(parameter.required, parameter.kind, parameter.choices)
            for key, parameter in one.parameters.items()
        },
        returns=frozenset(one.returns) or None,
        idempotent=one.idempotent,
        account=one.account,
    )


def call(context: OperationContext, name: str, parameters: Mapping[str, Any]) -> Any:
    """Run an operation for a process, its parameters checked; what it returns is JSON."""
    found = REGISTRY.get(name)
    if found is None:
        raise OperationFailed(f"There is no operation {name}.")
    missing = [key for key, one in found.parameters.items() if one.required and key not in parameters]
    unknown = [key for key in parameters if key not in found.parameters]
    if missing or unknown:
        raise OperationFailed(f"{name}: parameters missing {missing}, unknown {unknown}.")
    return found.function(
        context, **{key: _accepted(name, key, found.parameters[key], parameters[key]) for key in parameters}
    )


def _accepted(name: str, key: str, parameter: Parameter, value: Any) -> Any:
    expected: dict[str, tuple[type, ...]] = {
        "text": (str,),
        "template": (str,),
        "message": (str,),
        "answer": (str,),
        "number": (int, float),
        "flag": (bool,),
        "date": (str,),
        "list": (list,),
        "record": (dict,),
    }
    kinds = expected.get(parameter.kind)
    if value is None and not parameter.required:
        return None
    if kinds and (not isinstance(value, kinds) or (parameter.kind == "number" and isinstance(value, bool))):
        # The kind and never the value: this ends in an operator's log.
        raise OperationFailed(f"{name}: parameter {key} should be a {parameter.kind}, not {type(value).__name__}.")
    if parameter.choices and value not in parameter.choices:
        raise OperationFailed(f"{name}: parameter {key} should be one of {sorted(parameter.choices)}.")
    return value
