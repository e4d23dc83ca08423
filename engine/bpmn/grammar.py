"""From the tree of an expression to a closure that computes it: what is allowed is listed here, all else is refused.

What an expression may cost is bounded by the length of its text and the size of the data: no loop, no method call, no
attribute but the keys of the document, bounded numbers, texts and lists.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import operator
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from engine.bpmn.functions import FUNCTIONS, bounded, is_number
from engine.core.errors import ExpressionError

Names = Mapping[str, Any]
Code = Callable[[Names], Any]

_MAX_DEPTH = 40
_MAX_COPIED = 50_000


def refuse(message: str) -> NoReturn:
    raise ExpressionError(message)


def dotted(node: ast.AST) -> str | None:
    """The dotted path that a node reads (`ma_demande.immatriculation`), None when it is anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        parent = dotted(node.value)
        return parent and f"{parent}.{node.attr}"
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        parent = dotted(node.value)
        return parent and f"{parent}.{node.slice.value}"
    return None


def compiled(node: ast.AST, depth: int = 0) -> Code:
    """The closure that computes `node`, or `ExpressionError` when it uses anything that isn't allowed."""
    if depth > _MAX_DEPTH:
        refuse("L’expression est trop imbriquée.")
    build = _BUILDERS.get(type(node))
    if build is None:
        refuse("L’expression utilise une écriture qui n’est pas permise.")
    return build(node, depth + 1)


def _constant(node: ast.Constant, depth: int) -> Code:
    value = node.value
    if not isinstance(value, (str, int, float, bool, type(None))):
        refuse("Seuls les textes, les nombres, True, False et None sont permis.")
    bounded(value)
    return lambda names: value


def _name(node: ast.Name, depth: int) -> Code:
    name = node.id
    if name.startswith("_"):
        refuse("Un nom ne peut pas commencer par un tiret bas.")
    if name in FUNCTIONS:
        refuse(f"« {name} » est une fonction : elle s’écrit avec des parenthèses.")

    def read(names: Names) -> Any:
        try:
            return names[name]
        except KeyError:
            raise ExpressionError(f"La variable « {name} » n’a pas encore de valeur.", name=name) from None

    return read


def _attribute(node: ast.Attribute, depth: int) -> Code:
    if node.attr.startswith("_"):
        refuse("Un nom ne peut pas commencer par un tiret bas.")
    key, whole = node.attr, compiled(node.value, depth)

    def read(names: Names) -> Any:
        group = whole(names)
        if isinstance(group, Mapping):
            return group.get(key)
        if group is None:
            return None  # an optional answer that wasn't given
        raise ExpressionError(f"« .{key} » ne peut être lu que dans un groupe de réponses.")

    return read


def _subscript(node: ast.Subscript, depth: int) -> Code:
    whole = compiled(node.value, depth)
    if isinstance(node.slice, ast.Slice):
        if node.slice.step is not None:
            refuse("Un extrait s’écrit [début:fin].")
        first, last = (compiled(part, depth) if part else None for part in (node.slice.lower, node.slice.upper))

        def cut(names: Names) -> Any:
            return whole(names)[first(names) if first else None : last(names) if last else None]

        return cut
    index = compiled(node.slice, depth)

    def read(names: Names) -> Any:
        value = whole(names)
        if not isinstance(value, (Mapping, list, str)):
            raise ExpressionError("Les crochets ne lisent que les listes, les textes et les groupes de réponses.")
        return value[index(names)]

    return read


def _add(left: Any, right: Any) -> Any:
    kinds = (isinstance(left, str) and isinstance(right, str)) or (isinstance(left, list) and isinstance(right, list))
    if not kinds and not (is_number(left) and is_number(right)):
        raise ExpressionError("« + » réunit deux nombres, deux textes ou deux listes ; voir aussi « concat ».")
    return bounded(left + right)


def _power(left: Any, right: Any) -> Any:
    if abs(right) > 64 or abs(left) > 10**6:
        raise ExpressionError("La puissance est trop grande.")
    result = left**right
    if isinstance(result, complex):
        raise ExpressionError("Cette puissance n’a pas de valeur.")
    return result


_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}


def _operation(node: ast.BinOp, depth: int) -> Code:
    left, right = compiled(node.left, depth), compiled(node.right, depth)
    if isinstance(node.op, ast.Add):
        return lambda names: _add(left(names), right(names))
    compute = _ARITHMETIC.get(type(node.op))
    if compute is None:
        refuse("Cet opérateur n’est pas permis.")

    def run(names: Names) -> Any:
        a, b = left(names), right(names)
        # Only numbers: multiplying or formatting a text is how an expression takes all the memory.
        if not (is_number(a) and is_number(b)):
            raise ExpressionError("Un calcul ne porte que sur des nombres ; pour les dates, voir « days_between ».")
        return bounded(compute(a, b))

    return run


def _unary(node: ast.UnaryOp, depth: int) -> Code:
    value = compiled(node.operand, depth)
    if isinstance(node.op, ast.Not):
        return lambda names: not value(names)
    if isinstance(node.op, ast.USub):
        return lambda names: -value(names)
    if isinstance(node.op, ast.UAdd):
        return lambda names: +value(names)
    refuse("Cet opérateur n’est pas permis.")


def _logic(node: ast.BoolOp, depth: int) -> Code:
    values = [compiled(value, depth) for value in node.values]
    stops_when = isinstance(node.op, ast.Or)

    def run(names: Names) -> Any:
        result = None
        for value in values:
            result = value(names)
            if bool(result) is stops_when:
                break
        return result

    return run


def _member(item: Any, whole: Any) -> bool:
    return False if whole is None else item in whole


_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: _member,
    ast.NotIn: lambda item, whole: not _member(item, whole),
}


def _comparison(node: ast.Compare, depth: int) -> Code:
    first = compiled(node.left, depth)
    steps = []
    for kind, right in zip(node.ops, node.comparators, strict=True):
        compare = _COMPARISONS.get(type(kind))
        if compare is None:
            refuse("« is » n’est pas permis : utilisez « == » ou « != ».")
        steps.append((compare, compiled(right, depth)))

    def run(names: Names) -> bool:
        left = first(names)
        for compare, code in steps:
            right = code(names)
            if not compare(left, right):
                return False
            left = right
        return True

    return run


def _choice(node: ast.IfExp, depth: int) -> Code:
    test, yes, no = (compiled(part, depth) for part in (node.test, node.body, node.orelse))
    return lambda names: yes(names) if test(names) else no(names)


def _sequence(node: ast.List | ast.Tuple, depth: int) -> Code:
    items = [compiled(item, depth) for item in node.elts]
    return lambda names: [item(names) for item in items]


def _group(node: ast.Dict, depth: int) -> Code:
    pairs = []
    for key, value in zip(node.keys, node.values, strict=True):
        if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
            refuse("Les clés d’un groupe sont des textes.")
        pairs.append((key.value, compiled(value, depth)))
    return lambda names: {key: value(names) for key, value in pairs}


def _call(node: ast.Call, depth: int) -> Code:
    if not isinstance(node.func, ast.Name):
        refuse("Seules les fonctions prévues peuvent être appelées.")
    name = node.func.id
    function = FUNCTIONS.get(name)
    if function is None:
        near = difflib.get_close_matches(name, FUNCTIONS, 1)
        refuse(f"La fonction « {name} » n’existe pas" + (f" ; voulez-vous dire « {near[0]} » ?" if near else "."))
    keywords = {keyword.arg or "**": compiled(keyword.value, depth) for keyword in node.keywords}
    arguments = [compiled(argument, depth) for argument in node.args]
    try:
        inspect.signature(function).bind(*arguments, **keywords)
    except TypeError:
        refuse(f"La fonction « {name} » n’accepte pas ces paramètres.")
    if name == "defined":
        return _defined(node.args[0] if node.args else node.keywords[0].value, depth)
    if not keywords:
        return lambda names: bounded(function(*[argument(names) for argument in arguments]))
    return lambda names: bounded(
        function(*[code(names) for code in arguments], **{key: code(names) for key, code in keywords.items()})
    )


def _defined(node: ast.expr, depth: int) -> Code:
    if dotted(node) is None:
        refuse("« defined » attend le nom d’une variable ou d’une réponse.")
    root: ast.expr = node
    while isinstance(root, (ast.Attribute, ast.Subscript)):
        root = root.value
    value, name = compiled(node, depth), root.id if isinstance(root, ast.Name) else ""

    def run(names: Names) -> bool:
        if name not in names:
            return False
        try:
            return value(names) is not None
        except (KeyError, ExpressionError):
            return False

    return run


_BUILDERS: Mapping[type[ast.AST], Callable[[Any, int], Code]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.BinOp: _operation,
    ast.UnaryOp: _unary,
    ast.BoolOp: _logic,
    ast.Compare: _comparison,
    ast.IfExp: _choice,
    ast.List: _sequence,
    ast.Tuple: _sequence,
    ast.Dict: _group,
    ast.Call: _call,
}


_REASONS: Mapping[type[Exception], str] = {
    ZeroDivisionError: "Division par zéro.",
    OverflowError: "Le résultat est un nombre trop grand.",
    KeyError: "Une réponse lue entre crochets n’existe pas.",
    IndexError: "La liste n’a pas autant d’éléments.",
    TypeError: "Une valeur manque ou n’est pas du type attendu.",
    ValueError: "Une valeur ne peut pas être lue comme un nombre ou une date.",
    RecursionError: "Les données sont trop imbriquées.",
}


def run(code: Code, names: Names) -> Any:
    """Compute `code`; whatever goes wrong becomes an `ExpressionError` without any value in it."""
    try:
        return code(names)
    except tuple(_REASONS) as error:
        # Never the value itself: it is somebody's answer, and errors go to logs.
        reason = next(text for kind, text in _REASONS.items() if isinstance(error, kind))
        raise ExpressionError(reason) from None


class Budget:
    """Copies plain values, up to so many in all: a script that doubles a list at every line stops early."""

    def __init__(self) -> None:
        self.left = _MAX_COPIED

    def copy(self, value: Any, depth: int = 0) -> Any:
        self.left -= 1
        if self.left < 0 or depth > _MAX_DEPTH:
            refuse("Le résultat est trop volumineux.")
        if value is None or isinstance(value, (str, int, float)):
            return value
        if isinstance(value, list):
            return [self.copy(item, depth + 1) for item in value]
        if isinstance(value, Mapping):
            return {key: self.copy(item, depth + 1) for key, item in value.items()}
        refuse("Le résultat n’est ni un texte, ni un nombre, ni une liste, ni un groupe.")
