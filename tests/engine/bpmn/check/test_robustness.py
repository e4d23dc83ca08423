"""Whatever a file holds, the checker answers: it is what an analyst turns to when a drawing is half done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from lxml import etree

from engine.bpmn.check import SENTENCES, Declarations, check
from engine.bpmn.model import BPMN, Source

PROCESSES = sorted((Path(__file__).parents[4] / "processes").glob("*.bpmn"))
TEXTS = [
    "",
    "x",
    "f_1",
    "usager",
    "1 +",
    "{",
    "defined(",
    "PT",
    "'",
    "\N{LATIN SMALL LETTER E WITH ACUTE}",
    "[[[[",
    "a" * 5000,
]


def _mangle(root: etree._Element, random: Random) -> None:
    """Break the drawing in one of the ways that hands and merge tools break them."""
    elements = [element for element in root.iter(f"{{{BPMN}}}*") if element.getparent() is not None]
    one, other = random.choice(elements), random.choice(elements)
    kind = random.randrange(6)
    parent = one.getparent()
    if kind == 0 and parent is not None:
        parent.remove(one)
    elif kind == 1 and one.attrib:
        del one.attrib[random.choice(list(one.attrib))]
    elif kind == 2 and one.attrib:
        one.set(random.choice(list(one.attrib)), random.choice([*TEXTS, other.get("id", "")]))
    elif kind == 3 and not any(ancestor is one for ancestor in other.iterancestors()) and one is not other:
        other.append(one)
    elif kind == 4:
        one.tag = other.tag
    else:
        one.text = random.choice(TEXTS)


@pytest.mark.parametrize("path", PROCESSES, ids=lambda path: path.stem)
def test_a_mangled_procedure_gets_an_answer(path: Path) -> None:
    random = Random(path.stem)
    silent = 0
    for _ in range(40):
        root = etree.fromstring(path.read_bytes())
        for _ in range(random.randint(1, 6)):
            _mangle(root, random)
        problems = check(Source(path.name, etree.tostring(root)), forms={}, dmn=[], declarations=Declarations())
        assert all(problem.message and problem.line >= 0 for problem in problems)
        silent += not problems
    assert silent == 0  # without forms nor operations there is always something to say


def test_a_wide_choice_and_a_long_chain_take_no_time(checked: Callable[..., Any]) -> None:
    nodes = "".join(f'<bpmn:task id="t{n}"/>' for n in range(400))
    ways = "".join(f'<bpmn:sequenceFlow id="w{n}" sourceRef="t{n}" targetRef="t{n + 1}"/>' for n in range(399))
    found = checked(
        ('<bpmn:endEvent id="accordee"', nodes + '<bpmn:endEvent id="accordee"'),
        ('sourceRef="prevenir" targetRef="accordee"/>', 'sourceRef="prevenir" targetRef="t0"/>' + ways),
        ("</bpmn:process>", '<bpmn:sequenceFlow id="last" sourceRef="t399" targetRef="accordee"/></bpmn:process>'),
    )
    assert found.problems == []


def test_every_code_of_the_checker_is_its_own() -> None:
    """Forms and tables have codes of their own, which may not be taken for ours."""
    assert not {code for code in SENTENCES if code.startswith(("dmn", "form-"))}
