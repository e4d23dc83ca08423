"""Regular expressions that could block the server (notes on input: Python's engine backtracks without limit)."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.procedures.forms import patterns


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$",
        "(a*)*b",
        "^(a|a)*$",
        r"^(\d+)*$",
        r"^(\w+\s?)*$",
        "(.*)*x",
        "^(a?b?)*$",
        ".*.*.*x",
        r"(\w*\d*\w*)y",
        r"(a)\1",
        "^((a{1,30}){1,30}){1,30}$",
        "(?:a|b|ab)+c",
        "(x+x+)+y",
        r"(\s*\n?)*z",
        "^(([a-z])+.)+[A-Z]$",
    ],
)
def test_dangerous_ones_are_refused(pattern: str) -> None:
    assert "bloquer le serveur" in str(patterns.fault(pattern))


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\d{5}$",
        r"^[A-Z]{2}-\d{3}-[A-Z]{2}$",
        r"^[a-z]+(-[a-z]+)*$",
        r"^(\d{2} ){4}\d{2}$",
        r"^[^@]+@[^@]+\.[^@]+$",
        "^(oui|non)$",
        r"^(?=.*\d).{8,}$",
        r"^0[1-9]( ?\d{2}){4}$",
        r"^\S+$",
        r"^[A-Z][a-zé' -]*$",
        r"^(?:[0-9]{1,3}\.){3}[0-9]{1,3}$",
        "a{2,5}",
        "^$",
        r"^(rue|avenue|boulevard) .+$",
        r"^\d+(,\d+)?$",
        r"^([A-Z]\d)+$",
        "^(a|ab)*c$",
        "^([a-z]|[a-f])+$",
    ],
)
def test_usual_ones_are_accepted(pattern: str) -> None:
    assert patterns.fault(pattern) is None


@pytest.mark.parametrize("pattern", ["(a", "[z-a]", "a{2,1}", "(?P<1>a)", "*"])
def test_wrong_ones_are_named(pattern: str) -> None:
    assert "n’est pas valide" in str(patterns.fault(pattern))


ATOMS = st.sampled_from(["a", "b", "[ab]", r"\d", ".", "(a|b)", "(ab|a)", "(a|ba)"])


def _repeat(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}"])).map(lambda two: f"(?:{two[0]}){two[1]}"),
        st.lists(inner, min_size=2, max_size=3).map("".join),
    )


@settings(max_examples=300, deadline=None)
@given(pattern=st.recursive(ATOMS, _repeat, max_leaves=6), text=st.text("ab1", min_size=1, max_size=3))
def test_what_is_accepted_ends_quickly(pattern: str, text: str) -> None:
    if patterns.fault(pattern) is None:
        start = time.process_time()
        re.search(f"^{pattern}$", (text * 40)[:60] + "!")
        assert time.process_time() - start < 0.5
