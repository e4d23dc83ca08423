"""The detector of regular expressions that hang the server (A5: what analysts write is checked when it is deployed)."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import patterns


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        r"^[A-Z]{2}-\d{3}-[A-Z]{2}$",
        r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
        r"^(0|\+33)[1-9](\d{2}){4}$",
        r"^\d{5}$",
        r"^[a-z]+(-[a-z]+)*$",
        r"^\s*\S+\s*$",
        r"^(?=.*\d)(?=.*[A-Z]).{8,}$",
        r"^(?:[01]\d|2[0-3]):[0-5]\d$",
        r"^.{1,100}$",
        r"^[A-Za-zÀ-ÿ' -]+$",
        r"^(\d+(,\d{1,2})?)?$",
        r"(foo|bar)+",
        r"^([A-Za-z]+[ ])*[A-Za-z]+$",
        r"^(a|b|a)*$",
        r"^(\d|[0-9])+$",
        r"^(a{2}){4,}$",
        r"^(\d{2} ){4}\d{2}$",
        r"^0[1-9]( ?\d{2}){4}$",
        r"^(rue|avenue|boulevard) .+$",
        r"^(a|ab)*c$",
        r"^([a-z]|[a-f])+$",
    ],
)
def test_patterns_that_forms_need_are_accepted(pattern: str) -> None:
    assert patterns.problem(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(a+)+$",
        r"^(a|a)*$",
        r"^(a|aa)+$",
        r"(.*)*x",
        r"^(\w+\s?)*$",
        r"^([a-zA-Z0-9]+)*$",
        r"(x+x+)+y",
        r"((ab)*)*c",
        r"^(([a-z])+.)+[A-Z]([a-z])+$",
        r"(?=(a+)+b)",
        r"^(a*b*)*$",
        r"^((a?)?b)*$",
        r"^((|)b)*$",
        r"^(a{2,3}){4,}$",
        r"(?:a|b|ab)+c",
        r"(\s*\n?)*z",
    ],
)
def test_patterns_that_hang_are_refused(pattern: str) -> None:
    assert "bloquer le serveur" in (patterns.problem(pattern) or "")


@pytest.mark.parametrize("pattern", [r".*.*.*=", r"(\w*\d*\w*)y", r"^\w+\d+[a-z0-9]+$", r"(a?){25}a{25}"])
def test_patterns_that_crawl_are_refused(pattern: str) -> None:
    assert "ralentir le serveur" in (patterns.problem(pattern) or "")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[", "mal écrite"),
        ("a**", "mal écrite"),
        (r"(a)\1", "déjà lu"),
        ("a{1,400}", "trop longue à étudier"),
        ("^((a{1,30}){1,30}){1,30}$", "trop longue à étudier"),
        ("a" * 501, "dépasse 500 caractères"),
    ],
)
def test_what_cannot_be_studied_is_refused_in_french(pattern: str, reason: str) -> None:
    assert reason in (patterns.problem(pattern) or "")


def _grown(smaller: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = smaller.map(lambda inner: f"(?:{inner})")
    return st.one_of(
        st.tuples(smaller, smaller).map("".join),
        st.tuples(group, group).map("|".join),
        st.tuples(group, st.sampled_from(["*", "+", "?", "{2}", "{1,3}"])).map("".join),
    )


random_patterns = st.recursive(st.sampled_from(["a", "b", "[ab]", ".", r"\w", "(?:a|ba)"]), _grown, max_leaves=6)


@settings(max_examples=200, deadline=None)
@given(random_patterns)
def test_an_accepted_pattern_fails_fast_on_the_texts_that_hang_others(pattern: str) -> None:
    if patterns.problem(pattern) is not None:
        return
    compiled = re.compile(f"^(?:{pattern})$")
    started = time.process_time()
    for text in ("a" * 28 + "!", "ab" * 14 + "!", "b" * 28 + "!", "aab" * 10 + "!"):
        compiled.match(text)
    assert time.process_time() - started < 0.5, pattern
