"""The page's script and the server agree on which questions are asked."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.procedures.forms.conditions import rule, text_of
from engine.procedures.forms.schema import validator

ASSETS = Path(__file__).parents[3] / "portal" / "assets"
NODE = Path(sysconfig.get_path("scripts")) / "node"
SCRIPT = """
import { readFileSync } from "node:fs";
const { holds } = await import(process.argv[1]);
for (const [rule, answers] of JSON.parse(readFileSync(0, "utf8"))) {
  console.log(holds(rule, new Map(answers)));
}
"""

KEYS = st.sampled_from(["a", "b", "n"])
LEAVES = st.one_of(
    st.sampled_from(["x", "y", True, False, 3]).map(lambda value: {"const": value}),
    st.lists(st.sampled_from(["x", "y", 3]), min_size=1, max_size=2, unique=True).map(lambda values: {"enum": values}),
    st.sampled_from([{"type": "number", "minimum": 3}, {"type": "number", "exclusiveMaximum": 4}, {"minLength": 1}]),
    st.sampled_from([{"contains": {"const": "x"}}, {"minItems": 2}, {"maxItems": 1}]),
)
GROUPS = st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from(["u", "v"]), LEAVES, min_size=1)})
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "properties": st.dictionaries(KEYS, LEAVES, max_size=2)
        | st.dictionaries(
            st.just("g"), GROUPS | GROUPS.map(lambda one: one | {"required": sorted(one["properties"])}), max_size=1
        ),
        "required": st.lists(st.sampled_from(["a", "b", "g"]), max_size=2, unique=True),
    },
)
CONDITIONS = st.recursive(
    OBJECTS,
    lambda inner: st.one_of(
        inner.map(lambda one: {"not": one}),
        st.lists(inner, min_size=1, max_size=2).map(lambda some: {"anyOf": some}),
        st.lists(inner, min_size=1, max_size=2).map(lambda some: {"allOf": some}),
    ),
    max_leaves=4,
)
SINGLE = st.sampled_from(["x", "y", True, False, 3, 4.5])
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "a": SINGLE,
        "b": st.lists(st.sampled_from(["x", "y"]), min_size=1, max_size=2, unique=True),
        "n": st.integers(1, 6),
        "g": st.fixed_dictionaries({"u": SINGLE}, optional={"v": SINGLE}),
    },
)


def on_the_page(answers: dict[str, Any], prefix: str = "") -> list[tuple[str, list[str]]]:
    """The answers as the script finds them: each path with its texts."""
    found: list[tuple[str, list[str]]] = []
    for key, value in answers.items():
        if isinstance(value, dict):
            found += on_the_page(value, f"{prefix}{key}.")
        else:
            found.append((prefix + key, [text_of(one) for one in (value if isinstance(value, list) else [value])]))
    return found


def fitting(condition: Any, answers: Any) -> bool:
    """Whether the condition asks of each answer what its field can say: no count of a text, no bound on a word."""
    if not isinstance(condition, dict):
        return True
    for word, value in condition.items():
        if word in ("allOf", "anyOf") and not all(fitting(one, answers) for one in value):
            return False
        if word == "not" and not fitting(value, answers):
            return False
        if word == "properties" and not all(_of_kind(sub, answers.get(key)) for key, sub in value.items()):
            return False
    return True


def _of_kind(said: dict[str, Any], value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, dict):
        return fitting(said, value)
    if isinstance(value, list):
        return bool(set(said) & {"contains", "minItems", "maxItems"})
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return bool(set(said) & {"const", "enum", "minimum", "exclusiveMaximum"})
    return bool(set(said) & {"const", "enum"}) or (isinstance(value, str) and "minLength" in said)


def test_script_and_server_agree() -> None:
    asked: list[tuple[Any, Any]] = []
    expected: list[bool] = []

    # Collected first: one start of Node for all the cases.
    @settings(max_examples=1500, phases=[Phase.generate], suppress_health_check=list(HealthCheck), deadline=None)
    @given(condition=CONDITIONS, answers=ANSWERS)
    def collect(condition: dict[str, Any], answers: dict[str, Any]) -> None:
        found = rule(condition)
        assert found is not None
        if fitting(condition, answers):
            asked.append((found, on_the_page(answers)))
            expected.append(validator(condition).is_valid(answers))

    collect()
    program = [str(NODE), "--input-type=module", "-e", SCRIPT, (ASSETS / "conditions.js").as_uri()]
    done = subprocess.run(program, input=json.dumps(asked), capture_output=True, text=True, check=True)
    said = [line == "true" for line in done.stdout.split()]
    assert len(said) > 300
    assert {True, False} == set(expected)
    wrong = [(case, mine) for case, mine, theirs in zip(asked, expected, said, strict=True) if mine != theirs]
    assert wrong == []
