"""Formats: what is accepted and how it is written down."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.procedures.forms import formats


@pytest.mark.parametrize(
    "text", ["marie@ville.fr", "m.o'neil+x@sous.domaine.example", "a@b.co", "x" * 64 + "@ville.fr"]
)
def test_addresses_that_mail_reaches(text: str) -> None:
    assert formats.is_email(text)


@pytest.mark.parametrize(
    "text",
    [
        "a@",
        "@b.fr",
        "a@b",
        "a b@c.fr",
        "a@b..fr",
        ".a@b.fr",
        "a.@b.fr",
        "a@-b.fr",
        "a@b.f1-",
        "é@b.fr",
        "a@b.fr\n",
        "a@@b.fr",
        "x" * 65 + "@ville.fr",
        "a@" + "b" * 64 + ".fr",
        "a@b.1",
        "a,b@c.fr",
        "a@[127.0.0.1]",
        "",
    ],
)
def test_addresses_that_are_refused(text: str) -> None:
    assert not formats.is_email(text)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ab 123 cd", "AB-123-CD"),
        ("AB123CD", "AB-123-CD"),
        ("ww-001-zz", "WW-001-ZZ"),
        ("1234 ab 75", "1234-AB-75"),
        ("12ABC2A", "12-ABC-2A"),
        ("1 AA 971", "1-AA-971"),
    ],
)
def test_plates_have_one_writing(typed: str, kept: str) -> None:
    assert formats.is_plate(typed)
    assert formats.plate(typed) == kept


@pytest.mark.parametrize(
    "text", ["AB-000-CD", "SS-123-AB", "IO-123-AB", "AB-12-CD", "12345-AB-75", "1-AB-99", "", "0-AB-75"]
)
def test_plates_that_do_not_exist(text: str) -> None:
    assert not formats.is_plate(text)


@pytest.mark.parametrize(
    "typed", ["06 12 34 56 78", "06.12.34.56.78", "+33 6 12 34 56 78", "+33 (0)6 12 34 56 78", "0033612345678"]
)
def test_phones_have_one_writing(typed: str) -> None:
    assert formats.is_phone(typed)
    assert formats.phone(typed) == "0612345678"


@pytest.mark.parametrize("text", ["061234567", "00 12 34 56 78", "06123456789", "abc", "+32 2 123 45 67", "٠٦١٢٣٤٥٦٧٨"])
def test_phones_that_are_refused(text: str) -> None:
    assert not formats.is_phone(text)


@pytest.mark.parametrize(
    ("typed", "kept", "mobile"),
    [
        ("06 39 98 12 07", "0639981207", True),
        ("+33 7 56 78 90 12", "0756789012", True),
        ("01 12 34 56 78", "0112345678", False),
        ("09.70.12.34.56", "0970123456", False),
        ("+262 692 12 34 56", "0692123456", True),
        ("00 590 690 12 34 56", "0690123456", True),
        ("+596 596 12 34 56", "0596123456", False),
    ],
)
def test_a_mobile_is_no_landline(typed: str, kept: str, mobile: bool) -> None:
    assert formats.phone(typed) == kept
    assert (formats.is_mobile(typed), formats.is_landline(typed)) == (mobile, not mobile)


@pytest.mark.parametrize("text", ["2024-02-29", "1900-01-01"])
def test_days(text: str) -> None:
    assert formats.is_date(text)


@pytest.mark.parametrize(
    "text", ["2023-02-29", "20240229", "2024-W01-1", "2024-2-9", "29/02/2024", "٢٠٢٤-٠١-٠١", "1950-00-00"]
)
def test_what_is_no_day(text: str) -> None:
    assert not formats.is_date(text)


@pytest.mark.parametrize(
    ("text", "right"), [("75001", True), ("97400", True), ("00123", False), ("7500", False), ("99123", False)]
)
def test_postcodes(text: str, right: bool) -> None:
    assert formats.is_postcode(text) is right


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    for normalise in (formats.line, formats.lines, formats.phone, formats.plate, formats.postcode, formats.email):
        once = normalise(text)
        assert normalise(once) == once


def test_text_is_trimmed_composed_and_without_controls() -> None:
    assert formats.line("  e\u0301te\u0301\u0007\u202e \r\n suite ") == "été   suite"
    assert formats.lines("un\r\ndeux\u2028trois\n") == "un\ndeux\ntrois"
