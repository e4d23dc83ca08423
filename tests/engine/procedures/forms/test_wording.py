"""Values as people read them in French."""

from __future__ import annotations

from datetime import date, timedelta

from babel.dates import format_date

from engine.procedures.forms import wording


def test_a_day_is_written_as_babel_writes_it_but_for_the_first_of_a_month() -> None:
    for number in range(366):
        on = date(2028, 1, 1) + timedelta(days=number)
        written = format_date(on, "d MMMM y", locale="fr")
        assert wording.day(on) == (written.replace("1 ", "1er\u00a0", 1) if on.day == 1 else written)
