"""References are short, unique, and safe to read over the phone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.procedures import references

bodies = st.text(references.ALPHABET, min_size=7, max_size=7)


def complete(body: str) -> str:
    """The one reference that begins with `body`."""
    (found,) = [read for sign in references.ALPHABET if (read := references.read(body + sign))]
    return found


def test_a_minted_reference_reads_back() -> None:
    for _ in range(200):
        minted = references.mint()
        assert re.fullmatch(r"[2-9A-HJKMNP-Z]{4}-[2-9A-HJKMNP-Z]{4}", minted)
        assert references.read(minted) == minted


def test_no_two_draws_meet() -> None:
    assert len({references.mint() for _ in range(2000)}) == 2000


def test_no_sign_is_mistaken_for_another() -> None:
    assert not set(references.ALPHABET) & set("01OIL")
    assert len(set(references.ALPHABET)) == 31


@given(bodies)
def test_however_it_is_written(body: str) -> None:
    reference = complete(body)
    for written in (
        reference.lower(),
        f"  {reference} ",
        reference.replace("-", ""),
        " ".join(reference),
        reference.replace("-", " "),
    ):
        assert references.read(written) == reference


@given(bodies, st.integers(0, 7), st.sampled_from(references.ALPHABET))
def test_one_wrong_sign_is_noticed(body: str, place: int, sign: str) -> None:
    compact = complete(body).replace("-", "")
    wrong = compact[:place] + sign + compact[place + 1 :]
    assert (references.read(wrong) is None) == (wrong != compact)


@given(bodies, st.integers(0, 7), st.integers(0, 7))
def test_two_swapped_signs_are_noticed(body: str, one: int, other: int) -> None:
    compact = complete(body).replace("-", "")
    signs = list(compact)
    signs[one], signs[other] = signs[other], signs[one]
    swapped = "".join(signs)
    assert (references.read(swapped) is None) == (swapped != compact)


@pytest.mark.parametrize(
    "text", ["", "K7QM", "K7QM-4WX0", "K7QM-4WXT-2", "DUPONT Marie", "\0" * 8, "ééééßßßß", "１２３４５６７８"]
)
def test_what_is_no_reference_is_none(text: str) -> None:
    assert references.read(text) is None
