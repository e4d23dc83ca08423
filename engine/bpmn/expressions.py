"""The small expression language of processes, decision tables and messages.

It looks like Python's expressions and never reaches `eval` or `exec`: the text is parsed to a tree, every node of
which is allowed by `grammar` or refused, and compiled once to closures.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from engine.bpmn.functions import FUNCTIONS, bounded
from engine.bpmn.grammar import Budget, Code, Names, compiled, dotted, refuse, run
from engine.core.errors import ExpressionError

__all__ = [
    "FUNCTIONS",
    "RESERVED",
    "check",
    "check_script",
    "check_template",
    "evaluate",
    "execute",
    "names_assigned",
    "names_read",
    "template",
    "template_names",
]

RESERVED = frozenset({"usager", "demande", "aujourdhui"})
"""Names that the platform lends: scripts read them and may not assign them."""

_MAX_LENGTH = 4_000

_MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
_ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")


# --- Promised to the other rooms -------------------------------------------------------------------------------------


def evaluate(text: str, names: Names) -> Any:
    """The value of the expression `text`, a plain JSON value of its own (never a part of `names`).

    Raises `ExpressionError` when the text is wrong, a name is unknown or a value isn't of the right kind.
    """
    return Budget().copy(run(_expression(text), names))


def execute(script: str, names: Names) -> dict[str, Any]:
    """Run a script (lines `name = expression`) and return what it assigns; `names` isn't touched."""
    assigned: dict[str, Any] = {}
    seen = {**names}
    budget = Budget()
    for name, code in _script(script):
        seen[name] = assigned[name] = budget.copy(run(code, seen))
    return assigned


def check(text: str) -> str | None:
    """Why `text` isn't an expression, in a French sentence; None when it is one."""
    return _why_not(_expression, text)


def check_script(script: str) -> str | None:
    """Why `script` isn't a script, in a French sentence; None when it is one."""
    return _why_not(_script, script)


def check_template(text: str) -> str | None:
    """Why a message with `{expression}` placeholders is wrong, in a French sentence; None when it is right."""
    return _why_not(_template, text)


def names_read(text: str) -> set[str]:
    """The dotted paths that an expression (or a script) needs: `ma_demande.immatriculation`, `total`.

    What is read under `defined(…)`, or only once `defined(…)` has said yes, isn't needed. A script's own names, once
    assigned, aren't either.
    """
    try:
        return set(_read(_parse(text), frozenset()))
    except ExpressionError:
        needed: set[str] = set()
        own: frozenset[str] = frozenset()
        for name, value in _statements(text):
            needed |= {path for path in _read(value, frozenset()) if path.split(".")[0] not in own}
            own |= {name}
        return needed


def names_assigned(script: str) -> set[str]:
    """The names that a script assigns."""
    return {name for name, _ in _statements(script)}


def template(text: str, names: Names) -> str:
    """`text` with every `{expression}` replaced by its value as people read it (`{{` and `}}` for braces).

    Dates become « 3 mars 2026 », booleans « oui » or « non », lists are joined by commas, missing values leave nothing.
    """
    shown = "".join(part if isinstance(part, str) else _shown(run(part, names)) for part in _template(text))
    bounded(shown)
    return shown


def template_names(text: str) -> set[str]:
    """The dotted paths that a message's placeholders need."""
    return {path for literal, code in _placeholders(text) if code is not None for path in names_read(code)}


# --- Reading ---------------------------------------------------------------------------------------------------------


def _why_not(compiler: Callable[[str], Any], text: str) -> str | None:
    try:
        compiler(text)
    except ExpressionError as error:
        return error.message
    return None


def _tree(text: str, mode: str) -> Any:
    if len(text) > _MAX_LENGTH:
        refuse(f"L’expression dépasse {_MAX_LENGTH} caractères.")
    try:
        return ast.parse(text, mode=mode)
    except SyntaxError as error:
        where = (error.text or "").strip()[:60]
        refuse(f"Erreur d’écriture dans l’expression, près de « {where} »." if where else "Expression incomplète.")
    except (ValueError, RecursionError, MemoryError):
        refuse("L’expression ne peut pas être lue.")


def _parse(text: str) -> ast.expr:
    if not text.strip():
        refuse("L’expression est vide.")
    # Brackets let an expression go over several lines, as BPMN editors write them. A node that starts where our own
    # bracket stands means that the text closed it.
    node: ast.expr = _tree(f"({text.strip()}\n)", "eval").body
    if node.col_offset == 0 and not isinstance(node, ast.Tuple):
        refuse("Les parenthèses de l’expression ne sont pas équilibrées.")
    if isinstance(node, ast.Tuple):
        refuse("Une seule expression est attendue.")
    return node


def _statements(script: str) -> list[tuple[str, ast.expr]]:
    found = []
    for statement in _tree(inspect.cleandoc(script), "exec").body:
        if not (
            isinstance(statement, ast.Assign)
            and len(statement.targets) == 1
            and isinstance(target := statement.targets[0], ast.Name)
        ):
            refuse("Un script est fait de lignes « nom = expression ».")
        if target.id in RESERVED:
            refuse(f"« {target.id} » est fourni par la plateforme et ne peut pas être modifié.")
        if target.id in FUNCTIONS or target.id.startswith("_"):
            refuse(f"« {target.id} » ne peut pas être le nom d’une variable.")
        found.append((target.id, statement.value))
    if not found:
        refuse("Le script est vide.")
    return found


def _placeholders(text: str) -> Iterator[tuple[str, str | None]]:
    """Literal text, then the expression that follows it (None at the end)."""
    literal, at = "", 0
    while at < len(text):
        if text[at : at + 2] in ("{{", "}}"):
            literal, at = literal + text[at], at + 2
        elif text[at] == "}":
            refuse("Accolade fermante sans accolade ouvrante dans le texte ; « }} » écrit une accolade.")
        elif text[at] == "{":
            end = _closing(text, at)
            yield literal, text[at + 1 : end]
            literal, at = "", end + 1
        else:
            literal, at = literal + text[at], at + 1
    yield literal, None


def _closing(text: str, start: int) -> int:
    depth, quote = 0, ""
    for at in range(start, len(text)):
        character = text[at]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += (character == "{") - (character == "}")
            if depth == 0:
                return at
    raise ExpressionError("Accolade ouvrante sans accolade fermante dans le texte ; « {{ » écrit une accolade.")


@lru_cache(maxsize=4096)
def _expression(text: str) -> Code:
    return compiled(_parse(text))


@lru_cache(maxsize=1024)
def _script(script: str) -> list[tuple[str, Code]]:
    return [(name, compiled(value)) for name, value in _statements(script)]


@lru_cache(maxsize=1024)
def _template(text: str) -> list[str | Code]:
    parts: list[str | Code] = []
    for literal, code in _placeholders(text):
        parts.append(literal)
        if code is not None:
            parts.append(_expression(code))
    return parts


# --- Names -----------------------------------------------------------------------------------------------------------


def _is_defined(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "defined"


def _guards(node: ast.AST) -> frozenset[str]:
    """The paths that have a value wherever `node` is true."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        return frozenset().union(*map(_guards, node.values))
    if isinstance(node, ast.Call) and _is_defined(node) and len(node.args) == 1:
        path = dotted(node.args[0])
        return frozenset([path]) if path else frozenset()
    return frozenset()


def _read(node: ast.AST, known: frozenset[str]) -> Iterator[str]:
    path = dotted(node)
    if path is not None:
        steps = path.split(".")
        if not any(".".join(steps[: end + 1]) in known for end in range(len(steps))):
            yield path
    elif isinstance(node, ast.Call):
        if not _is_defined(node):
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                yield from _read(argument, known)
    elif isinstance(node, ast.IfExp):
        yield from _read(node.test, known)
        yield from _read(node.body, known | _guards(node.test))
        yield from _read(node.orelse, known)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _read(value, known)
            if isinstance(node.op, ast.And):
                known |= _guards(value)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _read(child, known)


# --- Showing ---------------------------------------------------------------------------------------------------------


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value).replace(".", ",")
    if isinstance(value, str) and (found := _ISO_DATE.fullmatch(value)) and 1 <= int(found[2]) <= 12:
        day = int(found[3])
        return f"{'1er' if day == 1 else day} {_MONTHS[int(found[2]) - 1]} {found[1]}"
    return FUNCTIONS["str"](value)  # type: ignore[no-any-return]
