"""Messages as analysts write them: subject, text and text message, by name, in `processes/<slug>.messages.yaml` (D3).

    relance-precision:
      subject: "Rappel : une précision sur votre signalement {demande.reference}"
      text: |
        Bonjour,

        Nous attendons toujours une précision : {qualification.question}
      short: "Votre signalement {demande.reference} attend une précision de votre part."
      urgent: true

A procedure's file comes before the platform's own (`messages.yaml` beside this file), which holds what the platform says by
itself: that a message waits, that an appointment comes near. Both may hold `{expression}` placeholders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from engine.bpmn import expressions
from engine.bpmn.model import Problem, Source

SUFFIX = ".messages.yaml"
SUBJECT_MAX = 200
TEXT_MAX = 10_000
SHORT_MAX = 300
_KEYS = {"subject": str, "text": str, "short": str, "urgent": bool}

# What the platform lends to the messages that it sends by itself, beside `usager`, `demande` and `aujourdhui`.
LENT: Mapping[str, frozenset[str]] = {
    "echange": frozenset(),
    "question": frozenset(),
    "rappel-question": frozenset(),
    "rendez-vous-confirme": frozenset({"rendez_vous"}),
    "rendez-vous-deplace": frozenset({"rendez_vous"}),
    "rendez-vous-annule": frozenset({"rendez_vous"}),
    "rappel-rendez-vous": frozenset({"rendez_vous"}),
    "place-proposee": frozenset({"place"}),
}


@dataclass(frozen=True)
class Template:
    """A message before its placeholders are filled in."""

    name: str
    subject: str
    text: str
    short: str | None = None
    urgent: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything that may hold placeholders."""
        return (self.subject, self.text, *((self.short,) if self.short else ()))


def read(source: Source) -> dict[str, Template]:
    """The messages of a file that `problems` finds nothing wrong with."""
    return _templates(yaml.safe_load(source.content))


@cache
def defaults() -> Mapping[str, Template]:
    """What the platform says where a procedure has no words of its own."""
    path = Path(__file__).with_name("messages.yaml")
    return read(Source(path.name, path.read_bytes()))


def _templates(found: Any) -> dict[str, Template]:
    return {name: Template(name, **{key: said[key] for key in _KEYS if key in said}) for name, said in found.items()}


def problems(source: Source) -> list[Problem]:
    """Everything that is wrong with a file of messages, by line."""
    return _Reading(source).problems()


class _Reading:
    """One file being judged. The tree of YAML's nodes knows the lines, which its values don't."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: list[Problem] = []

    def problems(self) -> list[Problem]:
        try:
            tree = yaml.compose(self.source.content, Loader=yaml.SafeLoader)
            values = yaml.safe_load(self.source.content)
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            self._tell("", mark.line + 1 if mark else 0, "Ce n’est pas du YAML correct.")
            return self.found
        if not isinstance(tree, yaml.MappingNode) or not isinstance(values, dict):
            self._tell("", 1, "Un nom de message, puis son objet et son texte, sont attendus.")
            return self.found
        for key, node in tree.value:
            name = key.value
            line = key.start_mark.line + 1
            said = values.get(name)
            if not isinstance(node, yaml.MappingNode) or not isinstance(said, dict):
                self._tell(
                    name, line, f"Le message «\u00a0{name}\u00a0» doit avoir un objet (subject) et un texte (text)."
                )
                continue
            self._message(name, line, said, {one.value: one.start_mark.line + 1 for one, _ in node.value})
        return self.found

    def _message(self, name: str, line: int, said: Mapping[Any, Any], lines: Mapping[str, int]) -> None:
        for key in ("subject", "text"):
            if not isinstance(said.get(key), str) or not said[key].strip():
                self._tell(
                    name, lines.get(key, line), f"Le message «\u00a0{name}\u00a0» n’a pas de «\u00a0{key}\u00a0»."
                )
        limits = {"subject": SUBJECT_MAX, "text": TEXT_MAX, "short": SHORT_MAX}
        for key, value in said.items():
            here = lines.get(str(key), line)
            expected = _KEYS.get(str(key))
            if expected is None:
                known = ", ".join(_KEYS)
                self._tell(name, here, f"«\u00a0{key}\u00a0» n’a pas de sens dans un message\u00a0: on attend {known}.")
            elif not isinstance(value, expected):
                what = "true ou false" if expected is bool else "un texte"
                self._tell(name, here, f"«\u00a0{key}\u00a0» du message «\u00a0{name}\u00a0» doit être {what}.")
            elif isinstance(value, str):
                if len(value) > limits[str(key)]:
                    self._tell(name, here, f"«\u00a0{key}\u00a0» dépasse {limits[str(key)]} caractères.")
                self._placeholders(name, here, str(key), value)

    def _placeholders(self, name: str, line: int, key: str, text: str) -> None:
        why = expressions.check_template(text)
        if why is not None:
            self._tell(
                name, line, f"«\u00a0{key}\u00a0» contient un emplacement «\u00a0{{…}}\u00a0» mal écrit\u00a0: {why}"
            )
            return
        # What the platform sends by itself may go out at any moment: no answer is sure to be there.
        if name in LENT:
            known = expressions.RESERVED | LENT[name]
            for path in sorted(expressions.template_names(text)):
                if path.split(".")[0] not in known:
                    lent = ", ".join(sorted(known))
                    self._tell(
                        name,
                        line,
                        f"«\u00a0{key}\u00a0» lit «\u00a0{path}\u00a0», mais ce message ne connaît que {lent}.",
                    )

    def _tell(self, name: str, line: int, sentence: str) -> None:
        self.found.append(Problem(self.source.name, name, line, "bad-message", sentence))
