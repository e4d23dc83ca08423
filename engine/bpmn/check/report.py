"""Gathering what is wrong with one file, each with its code and its sentence."""

from __future__ import annotations

import re
import unicodedata

from engine.bpmn.check.sentences import SENTENCES
from engine.bpmn.model import Document, Node, Problem


class Report:
    """The problems found so far in one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def add(self, code: str, element_id: str, line: int, **facts: object) -> None:
        """Note a problem; `facts` fill the sentence of its code. Said twice in one place, it is noted once."""
        self.keep(Problem(self.file, element_id, line, code, SENTENCES[code].format(**facts)))

    def keep(self, problem: Problem) -> None:
        """Note a problem that another reader found."""
        if problem not in self.problems:
            self.problems.append(problem)

    def on(self, code: str, node: Node, **facts: object) -> None:
        """Note a problem of a node; its sentence may speak of `{node}`."""
        self.add(code, node.id, node.line, node=called(node), **facts)


def called(node: Node) -> str:
    """How a sentence speaks of a node: its name when it has one."""
    return node.name or node.id


def name_of(document: Document, element_id: str) -> str:
    """How a sentence speaks of the element with that id."""
    node = document.node_by_id.get(element_id)
    return called(node) if node else element_id


def listed(names: object) -> str:
    """« a », « b », « c » in alphabetical order, for a sentence."""
    return ", ".join(f"«\N{NO-BREAK SPACE}{name}\N{NO-BREAK SPACE}»" for name in sorted(map(str, names)))  # type: ignore[call-overload]


def as_identifier(text: str) -> str:
    """The identifier nearest to what was written, to propose it: `Avis-final` gives `avis_final`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return words if words[:1].isalpha() else f"etape_{words}".rstrip("_")
