"""The documents say what is there: links lead somewhere, and every word of the contract has its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from commands.__main__ import build_parser
from engine.bpmn.check import PROCESS_PROPERTIES
from engine.bpmn.expressions import FUNCTIONS
from engine.procedures.forms.formats import CHECKER
from engine.procedures.forms.problems import OURS, WIDGETS
from engine.procedures.scenarios import EXPECTATIONS, VERBS

LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]+)")
SETTING = re.compile(r"PARVIS_[A-Z_]*[A-Z]")
PREFIXED = re.compile(r'env\.\w+\(\s*"([A-Z_]+)"')
# Told by the beginnings of their names.
FAMILIES = ("PARVIS_CITY", "PARVIS_FRANCECONNECT", "PARVIS_PROCONNECT")


@pytest.fixture(scope="module")
def documents(tracked: list[Path]) -> dict[Path, str]:
    # The city's texts are pages of the portal, and link to its pages (tests/portal/test_legal.py).
    return {path: path.read_text() for path in tracked if path.suffix == ".md" and "texts" not in path.parts}


@pytest.fixture(scope="module")
def for_analysts(root: Path) -> str:
    return (root / "docs" / "for-analysts.md").read_text()


def test_links_lead_somewhere(documents: dict[Path, str]) -> None:
    broken = [
        f"{path.name}: {link}"
        for path, text in documents.items()
        for link in LINK.findall(text)
        if not (path.parent / link).exists()
    ]
    assert broken == []


def test_commands_that_are_named_exist(documents: dict[Path, str]) -> None:
    subparsers = next(action for action in build_parser()._actions if action.dest == "command")
    named = {name for text in documents.values() for name in re.findall(r"\./parvis ([a-z]+)", text)}
    assert named <= set(subparsers.choices or ())


def test_every_setting_is_told_to_operators(root: Path) -> None:
    told = (root / "docs" / "operations.md").read_text()
    read = {f"PARVIS_{name}" for name in PREFIXED.findall((root / "engine/core/config.py").read_text())}
    written = {name for name in read if name in told or f"`{name.removeprefix('PARVIS_CITY')}`" in told}
    assert read - written == set()
    assert {name for name in SETTING.findall(told) if not name.startswith(FAMILIES)} <= read


@pytest.mark.parametrize(
    "words",
    [PROCESS_PROPERTIES, FUNCTIONS, OURS, WIDGETS, CHECKER.checkers, {*VERBS} - {"use"}, EXPECTATIONS],
    ids=["properties", "functions", "keywords", "widgets", "formats", "steps", "expectations"],
)
def test_every_word_is_told_to_analysts(words: object, for_analysts: str) -> None:
    assert isinstance(words, (dict, set, frozenset)) or hasattr(words, "keys")
    assert [word for word in sorted(words) if not re.search(rf"\b{word}\b", for_analysts)] == []  # type: ignore[call-overload]


def test_every_test_that_holds_our_security_exists(root: Path) -> None:
    """`docs/security.md` names a test for each promise: a promise whose test is gone is no promise."""
    told = (root / "docs" / "security.md").read_text()
    for line in told.splitlines():
        path = ""
        for file, name in re.findall(
            r"`((?:portal|engine|workers|commands|browser)/[\w/]+test_\w+\.py)?(?:::(\w+))?`", line
        ):
            path = file or path
            if not path:
                continue
            source = root / "tests" / path
            assert source.exists(), path
            assert not name or f"def test_{name}(" in source.read_text(), f"{path}::{name}"
    rules = (root / "tools" / "scanning" / "semgrep.yaml").read_text()
    for line in told.splitlines():
        for name in re.findall(r"`([a-z-]+)`", line.partition("semgrep")[2]):
            assert f"id: {name}\n" in rules or "-" not in name, name
